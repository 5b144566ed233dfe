"""Sign-ins at the embedded server while it misbehaves as told: what each fault comes to, and that nothing is stored.

The faults are those of ``mock-server --fault``, so what people who write other clients test with is what this one is
held to.
"""

from __future__ import annotations

import pytest

from oauth_cli_providers.mock.faults import FAULTS

WORDS = {
    3: """
    discovery-issuer-case discovery-issuer-scheme discovery-issuer-slash discovery-other-issuer no-issuer
    """,
    5: """
    access-denied callback-escapes callback-invalid-request callback-invalid-scope callback-markup
    callback-markup-in-code callback-server-error callback-temporarily-unavailable callback-unauthorized-client
    callback-unsupported-response-type error-beside-tokens error-escapes error-with-200 http-401 invalid-grant
    """,
    6: """
    empty-state error-without-state error-wrong-state no-state repeated-state wrong-state
    """,
    7: """
    cut-short gzip-bomb gzip-garbage hang-up http-429 http-500 http-500-after http-503 huge-body jwks-huge
    jwks-many-keys retry-after-a-year retry-after-an-hour retry-after-negative retry-after-words
    """,
    8: """
    access-token-number alg-none alg-none-mixed-case alg-none-signed array at-jwt backslash-endpoint bad-signature bom
    boolean-expires-in code-and-error crit-b64 crit-header crlf-endpoint cut-json dash-endpoint deep-nesting
    deep-objects dpop-token-type duplicate-keys empty-access-token empty-alg empty-at-hash empty-aud empty-body
    empty-code empty-crit empty-iss empty-object empty-sub empty-token-type encrypted-id-token
    error-escapes-in-code expired-id-token exponent-one extra-aud file-endpoint future-iat future-nbf
    garbage-id-token hs256-client-id hs256-jwk hs256-modulus hs256-public-key html html-as-json http-400
    http-400-after http-401-empty http-403 http-404 http-405 http-418 http-endpoint huge-number id-token-crlf
    id-token-iss-cut id-token-iss-list id-token-iss-prefix id-token-iss-slash id-token-no-iss id-token-wrong-iss
    infinity javascript-endpoint jku-in-header jwk-in-header jwk-with-right-kid jwks-empty jwks-false-kty
    jwks-key-ops jwks-number jwks-other-key jwks-use-enc jwks-wrong-alg jwks-wrong-kty line-endpoint
    logout-jwt lone-surrogate long-fraction long-number minus-infinity nan negative-expires-in no-access-token no-alg
    no-aud no-code no-exp no-iat no-id-token no-iss no-jwks-uri no-nonce no-s256 no-signature no-sub
    no-token-endpoint no-token-type not-utf-8 null number-endpoint number-sub number-token-type
    padded-token-type percent-endpoint point-off-curve redirect-301 redirect-302 redirect-303 redirect-307
    redirect-308 refresh-token-crlf relative-endpoint repeated-code repeated-iss rs256-not-announced
    strangers-signature string string-exp token-control-characters token-crlf token-not-ascii trailing-json
    unknown-alg unknown-kid unknown-token-type userinfo-encrypted userinfo-no-sub userinfo-other-sub utf-16
    weak-key words-expires-in wrong-alg wrong-at-hash wrong-aud wrong-azp wrong-iss wrong-nonce x5u-in-header
    """,
    0: """
    absurd-expires-in authorization-pending callback-twice clock-ahead device-denied device-escapes
    device-expired device-expires-soon file-verification-uri float-dates form-encoded fraction-expires-in
    id-token-escapes iss-not-promised javascript-verification-uri jwks-two-keys lower-case-token-type
    narrower-scope no-at-hash no-expires-in no-interval no-kid no-pkce no-refresh-token no-rotation no-scope
    no-user-code null-expires-in other-sub plain-and-s256 rotation-race shell-endpoint slow-down
    string-expires-in upper-case-token-type userinfo-escapes wrong-content-type zero-expires-in
    """,
}
"""What a sign-in through the browser ends with. Behind 0 stand the faults that a client has to bear, and those of other
places: device codes, refreshes.
"""
STATUSES = {fault: status for status, words in WORDS.items() for fault in words.split()}
SLOW = {"silence", "slow-drip", "slow-headers"}
"""Two minutes long, each of them: the adapter's tests have the deadlines."""


def test_each_fault_has_its_outcome():
    assert STATUSES.keys() | SLOW == set(FAULTS)
    assert not STATUSES.keys() & SLOW
    assert len(STATUSES) == sum(len(words.split()) for words in WORDS.values())


@pytest.mark.parametrize("fault", STATUSES)
def test_a_sign_in_at_a_server_with_this_fault_ends_as_it_must(fault, cli, mock, world, store, robot):
    world(sleep=lambda _seconds: None)
    mock.faults = fault

    done = cli("login", "--provider", "mock", "--timeout", "0.3" if STATUSES[fault] == 6 else "20")

    assert done.status == STATUSES[fault], done.err
    assert (store.read("mock") is None) is (done.status != 0)
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    if done.status:
        assert done.error
    robot.problems.clear()  # what a browser meets at such a server is no matter of ours


@pytest.mark.parametrize("fault", ["weak-key", "exponent-one", "point-off-curve", "jwks-other-key"])
def test_a_fault_in_two_places_that_was_for_one_time_is_over(fault, mock, cli):
    """Where a token is signed by a key that another answer lists, both are right again at the next sign-in."""
    mock.faults = f"{fault}:1"

    statuses = [cli("login", "--provider", "mock", "--timeout", "20").status for _ in range(2)]
    assert statuses == [0 if fault == "jwks-other-key" else 8, 0]  # the keys are asked for anew where one is not there
