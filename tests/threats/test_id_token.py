"""Threats 47 to 57: ID tokens that somebody else made, or made for somebody else, and keys that prove nothing."""

from __future__ import annotations

import hashlib
import json

import pytest
from in_process import NOW

from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_providers.mock.faults.keys import STRANGER

LOGIN = ("login", "--provider", "mock", "--timeout", "10")


@pytest.fixture
def refused(cli, session_file):
    """Sign in, and see that it is refused for this reason, and that nothing is stored."""

    def run(*words: str, status: int = 8) -> bool:
        done = cli(*LOGIN)
        assert not session_file().exists()
        return done.failed(status, *words)

    return run


@pytest.fixture
def headed(server, signing_key):
    """Have the server's ID tokens signed with this header: ``kid`` and ``alg`` are right, ``None`` leaves one out."""

    def install(sign=signing_key.sign, **changes) -> None:
        members = {"alg": "RS256", "kid": signing_key.kid, **changes}
        header = base64url(json.dumps({k: v for k, v in members.items() if v is not None}).encode())

        def make(claims: str) -> str:
            text = f"{header}.{base64url(claims.encode())}"
            return f"{text}.{base64url(sign(text.encode()))}"

        server.sign = make

    return install


# ---- the signature


@pytest.mark.parametrize(
    "fault", ["alg-none", "alg-none-mixed-case", "alg-none-signed", "empty-alg", "no-alg", "no-signature"]
)
def test_threat_47_a_token_that_says_it_is_not_signed_is_refused(mock, refused, fault):
    """alg none, however it is spelled, or none at all: with a signature behind it or without, no key is asked for."""
    mock.faults = fault

    assert refused("is not signed")
    assert mock.received("jwks") == []


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("alg", ["None", "NONE", " none", 7, ["none"]], ids=str)
def test_threat_47_so_is_one_that_says_it_in_another_way(server, refused, headed, signing_key, alg, signed):
    """More spellings, and what is no name at all."""
    headed(signing_key.sign if signed else lambda _text: b"", alg=alg)

    assert refused("is not signed")
    assert server.received("/jwks") == []


@pytest.mark.parametrize("secret", ["public-key", "modulus", "jwk", "client-id"])
def test_threat_47_a_public_key_is_no_shared_secret(mock, refused, secret):
    """HS256 keyed by something that everybody knows: the server's public key, or the client id."""
    mock.faults = f"hs256-{secret}"

    assert refused("signed with 'HS256'")
    assert mock.received("jwks") == []


@pytest.mark.parametrize("fault", ["strangers-signature", "bad-signature"])
def test_threat_47_a_signature_of_somebody_elses_is_refused(mock, refused, fault):
    """It names the server's key, and was made with another, or changed on its way."""
    mock.faults = fault

    assert refused("the signature of the ID token is wrong")


@pytest.mark.parametrize(("fault", "alg"), [("rs256-not-announced", "RS256"), ("wrong-alg", "RS512")])
def test_threat_48_an_alg_that_the_server_does_not_announce_is_refused(mock, refused, fault, alg):
    """Of a kind that this server says it does not make, though the signature may be right."""
    mock.faults = fault

    assert refused(f"signed with {alg}, which the provider's metadata does not announce")


@pytest.mark.parametrize("kind", ["use-enc", "key-ops", "wrong-alg", "wrong-kty", "false-kty"])
def test_threat_48_a_key_for_something_else_verifies_nothing(mock, refused, kind):
    """The key that the token names is published for another use, algorithm or curve."""
    mock.faults = f"jwks-{kind}"

    assert refused("no key of the provider's fits the ID token")


@pytest.mark.parametrize("change", [{"alg": "ES256"}, {"kty": "EC", "crv": "P-256"}, {"kty": "OKP"}], ids=str)
def test_threat_48_nor_does_a_key_of_another_kind_of_algorithm(server, refused, change):
    """An RSA key that is called a key of a curve."""
    server.keys[0] = {**server.keys[0], **change}

    assert refused("no key of the provider's fits the ID token")


@pytest.mark.parametrize("fault", ["jwk-in-header", "jwk-with-right-kid", "jku-in-header", "x5u-in-header"])
def test_threat_49_a_key_that_the_token_brings_is_never_used(mock, refused, fault):
    """jwk, jku, x5u in the header: nothing of it is looked at, no address in it is asked."""
    mock.faults = fault

    assert refused("ID token")
    asked = [request.target for request in mock.requests]
    assert asked  # a whole word of it: what is random in a target may hold any three letters
    assert [target for target in asked if "strangers-keys" in target or target.endswith("/x5u")] == []


@pytest.mark.parametrize("kid", ["the server's", "the attacker's", "none"])
def test_threat_49_nor_are_all_of_them_at_once(server, refused, headed, signing_key, kid):
    """With x5c beside them, and whatever key the token says it is about."""
    jwk = {**STRANGER.public_jwk, **({"kid": signing_key.kid} if kid == "the server's" else {})}
    kids = {"the server's": signing_key.kid, "the attacker's": STRANGER.kid, "none": None}
    address = f"{server.issuer}/evil"
    headed(STRANGER.sign, kid=kids[kid], jwk=jwk, jku=address, x5u=address, x5c=["MIIB"])

    assert refused("ID token")
    assert server.received("/evil") == []


@pytest.mark.parametrize("fault", ["crit-header", "crit-b64", "empty-crit"])
def test_threat_50_what_is_critical_and_unknown_is_refused(mock, refused, fault):
    """The signature is right; the token says that it means something else than what is read."""
    mock.faults = fault

    assert refused("critical header parameters")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}, {"crit": "alg"}], ids=str)
def test_threat_50_so_is_what_is_critical_and_makes_no_sense(server, refused, headed, header):
    """A known name, no list, or b64 that nobody called critical."""
    headed(**header)

    assert refused("critical header parameters")


@pytest.mark.parametrize("fault", ["at-jwt", "logout-jwt"])
def test_threat_50_nor_is_a_token_of_another_kind_an_id_token(mock, refused, fault):
    """It is signed, and all its claims are right; by its typ it was made for something else."""
    mock.faults = fault

    assert refused("another kind of token")


# ---- the claims


@pytest.mark.parametrize("kind", ["wrong-iss", "iss-prefix", "iss-cut", "iss-slash", "iss-list", "no-iss"])
def test_threat_51_a_token_of_another_issuer_is_refused(mock, refused, kind):
    """Every character of iss counts."""
    mock.faults = f"id-token-{kind}"

    assert refused("another issuer")


def test_threat_51_so_is_one_of_this_issuer_in_capitals(server, refused):
    """Nobody makes two spellings one."""
    server.claims = {"iss": server.issuer.upper()}

    assert refused("another issuer")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no-aud", "another client"),
        ("empty-aud", "another client"),
        ("wrong-aud", "another client"),
        ("extra-aud", "somebody else"),
        ("wrong-azp", "azp"),
    ],
)
def test_threat_51_a_token_for_another_client_is_refused(mock, refused, fault, words):
    """aud is this client and nobody else whom we do not know; azp, where it is there, is this client."""
    mock.faults = fault

    assert refused(words)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "cli-app2"}, "another client"),
        ({"aud": {"cli-app": 1}}, "another client"),
        ({"aud": ["cli-app", 7]}, "somebody else"),
        ({"azp": ["cli-app"]}, "azp"),
    ],
    ids=str,
)
def test_threat_51_so_is_one_whose_client_is_spelled_otherwise(server, refused, claims, words):
    """A longer name, a mapping, a list where none may be."""
    server.claims = claims

    assert refused(words)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("expired-id-token", "expired"),
        ("future-iat", "from the future"),
        ("future-nbf", "not valid yet"),
        ("no-exp", "no usable exp"),
        ("no-iat", "no usable iat"),
        ("string-exp", "no usable exp"),
        ("no-sub", "no sub"),
        ("empty-sub", "no sub"),
        ("number-sub", "no sub"),
    ],
)
def test_threat_52_a_token_out_of_its_time_or_about_nobody_is_refused(mock, refused, fault, words):
    """exp, iat and sub are there and make sense."""
    mock.faults = fault

    assert refused(words)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": NOW - 61}, "expired"),
        ({"iat": NOW + 61}, "from the future"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"iat": True}, "no usable iat"),
    ],
    ids=str,
)
def test_threat_52_a_clock_is_a_minute_off_and_no_more(server, refused, claims, words):
    """One second more is too much."""
    server.claims = claims

    assert refused(words)


@pytest.mark.parametrize("fault", ["clock-ahead", "float-dates"])
def test_threat_52_a_clock_may_be_a_minute_off_and_dates_have_fractions(cli, mock, fault):
    """What honest servers send is taken."""
    mock.faults = fault

    assert cli(*LOGIN).status == 0


def test_threat_52_a_clock_may_be_a_minute_behind(cli, server):
    """A token that has just ended is taken for that long."""
    server.claims = {"exp": NOW - 30}

    assert cli(*LOGIN).status == 0


@pytest.mark.parametrize("fault", ["wrong-nonce", "no-nonce"])
def test_threat_53_a_token_without_this_logins_nonce_is_refused(mock, refused, fault):
    """A token that was stolen from another login does not sign anybody in here."""
    mock.faults = fault

    assert refused("nonce")


@pytest.mark.parametrize("nonce", ["", 7])
def test_threat_53_a_nonce_that_is_none_is_refused(server, refused, nonce):
    """An empty one, and a number."""
    server.claims = {"nonce": nonce}

    assert refused("nonce")


def test_threat_53_a_refreshed_token_needs_no_nonce(cli, server, signed_in, clock, store):
    """OpenID Connect Core 12.2: it should have none; iss, sub and aud are those of the first one."""
    before = signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600).session
    server.claims = {"jti": "another token"}

    assert cli("token").status == 0
    assert store.read("mock").session.id_token != before.id_token


@pytest.mark.parametrize("fault", ["wrong-at-hash", "empty-at-hash"])
def test_threat_54_a_token_of_another_access_token_is_refused(mock, refused, fault):
    """at_hash ties it to the access token that came with it."""
    mock.faults = fault

    assert refused("another access token (at_hash)")


@pytest.mark.parametrize("at_hash", ["d3Jvbmc", 7, base64url(hashlib.sha256(b"access-token-1-secret").digest())])
def test_threat_54_so_is_one_whose_at_hash_has_another_length(server, refused, at_hash):
    """It is the left half of the hash, neither less nor all of it."""
    server.claims = {"at_hash": at_hash}

    assert refused("another access token (at_hash)")


@pytest.mark.parametrize("faults", [(), "no-at-hash"])
def test_threat_54_the_right_at_hash_is_taken_and_so_is_none(cli, mock, faults):
    """The left half of the hash; many servers leave it out in the code flow."""
    mock.faults = faults

    assert cli(*LOGIN).status == 0


# ---- the keys


@pytest.mark.parametrize("fault", ["unknown-kid", "jwks-other-key", "jwks-empty"])
def test_threat_55_an_unknown_kid_costs_two_requests(mock, refused, fault):
    """The keys may have changed a moment ago, so they are asked for once more; and then no more."""
    mock.faults = fault

    assert refused("no key of the provider's fits the ID token")
    assert len(mock.received("jwks")) == 2


def test_threat_55_a_key_that_was_changed_a_moment_ago_is_found(cli, mock):
    """That is what the second request is for."""
    mock.faults = "jwks-other-key:1"

    assert cli(*LOGIN).status == 0
    assert len(mock.received("jwks")) == 2


def test_threat_55_without_a_kid_the_keys_that_fit_are_tried(cli, mock):
    """The signature decides, whichever stands first."""
    mock.faults = "no-kid,jwks-two-keys"

    assert cli(*LOGIN).status == 0
    assert len(mock.received("jwks")) == 1


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("jwks-huge", 7, "more than 1 MiB"),
        ("jwks-many-keys", 7, "more than 1 MiB"),
        ("jwks-number", 8, "no JSON Web Key Set"),
        ("html@jwks", 8, "JSON Web Key Set"),
        ("null@jwks", 8, "JSON Web Key Set"),
    ],
)
def test_threat_56_a_key_set_is_bounded(mock, refused, fault, status, words):
    """In bytes; what is no key set is an error."""
    mock.faults = fault

    assert refused(words, status=status)


def test_threat_56_a_key_set_is_bounded_in_keys(server, refused):
    """Ten thousand small ones are too many as well."""
    server.keys[:] = [{}] * 10_000

    assert refused("10000 keys")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("weak-key", "512 bits"),
        ("exponent-one", "its exponent is 1"),
        ("point-off-curve", "no key of the provider's fits the ID token"),
    ],
)
def test_threat_56_a_key_that_anybody_can_sign_with_proves_nothing(mock, refused, fault, words):
    """Its other half is found in an afternoon, or the signature is the padded hash, or it is no point of its curve."""
    mock.faults = fault

    assert refused(words)


# ---- who it is


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("userinfo-other-sub", "two different people"),
        ("userinfo-no-sub", "does not say who signed in"),
        ("userinfo-encrypted", "a JWT, which is unsupported"),
    ],
)
def test_threat_57_userinfo_about_somebody_else_is_refused(mock, refused, fault, words):
    """The ID token's sub and the userinfo's are one person, or nobody is signed in."""
    mock.faults = fault

    assert refused(words)


def test_threat_57_an_encrypted_token_is_said_to_be_unsupported(mock, refused):
    """Five parts are no signed token that merely cannot be read."""
    mock.faults = "encrypted-id-token"

    assert refused("encrypted, which is unsupported")
