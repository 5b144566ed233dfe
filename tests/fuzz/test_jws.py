"""Signed tokens, and what stands in ID tokens. Nothing but the token that was signed ever verifies."""

from __future__ import annotations

import json
from functools import cache

import pytest
from answers import ISSUER, json_response, keys_of, metadata
from hypothesis import given
from hypothesis import strategies as st
from outside import TEXTS, bodies, each, edited, encoded, neighbours, objects, only

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol import ecdsa
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.id_token import check_refreshed, decode, lifetime, validate
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jws import parse_jws, verify
from oauth_cli_providers.mock.signing import generate_key

NOW = 1_800_000_000
WHAT = "ID token"
CLAIMS = {
    "iss": ISSUER,
    "sub": "248289761001",
    "aud": "cli-app",
    "azp": "cli-app",
    "exp": NOW + 3600,
    "iat": NOW,
    "nbf": NOW,
    "nonce": "n-0S6_WzA2Mj",
    "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
}
HEADER = {"alg": "RS256", "kid": "r", "typ": "JWT"}


@cache
def signing_key():
    """One key for the whole run: making one takes half a second."""
    return generate_key()


@cache
def keys():
    curve = ecdsa.CURVES["P-256"]
    x, y = (base64url(number.to_bytes(curve.size, "big")) for number in curve.g)
    elliptic = {"kty": "EC", "crv": "P-256", "kid": "e", "x": x, "y": y}
    return keys_of(json_response(keys=[{**signing_key().public_jwk, "kid": "r", "alg": None}, elliptic]))


def signed(header: str, payload: bytes) -> str:
    text = f"{base64url(encoded(header))}.{base64url(payload)}"
    return f"{text}.{base64url(signing_key().sign(text.encode()))}"


@cache
def right() -> str:
    return signed(json.dumps(HEADER), json.dumps(CLAIMS).encode())


HEADERS = st.one_of(
    objects(HEADER),
    st.sampled_from(["RS256", "PS256", "ES256", "ES512", "HS256", "none", "NONE", "", None, 5, ["RS256"]]).flatmap(
        lambda alg: objects({"alg": alg, "kid": "r"})
    ),
)
SIGNATURES = st.sampled_from([0, 1, 64, 65, 256, 257]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
ENDS = st.sampled_from(["", "=", "==", ".", *"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"])
"""The last character of a signature has bits that mean nothing: another one would be the same to a lenient reader."""
FORGED = st.one_of(
    TEXTS,
    st.lists(st.binary(max_size=40).map(base64url), max_size=6).map(".".join),
    st.tuples(HEADERS.map(encoded), bodies(CLAIMS), SIGNATURES).map(lambda parts: ".".join(map(base64url, parts))),
    st.deferred(lambda: edited(right().encode())).map(lambda data: data.decode("latin-1")),
    ENDS.map(lambda end: right()[:-1] + end),
).filter(lambda token: token != right())


@given(FORGED)
def test_nothing_that_nobody_has_signed_verifies(token):
    with only(ProtocolError):
        verify(parse_jws(token, WHAT), keys(), allowed=None)
        pytest.fail("nobody has signed this")


@given(HEADERS, bodies(CLAIMS))
@each("header", [body.decode("utf-8", "surrogatepass") for body in neighbours(HEADER)], payload=b"{}")
@each("header", [json.dumps({**HEADER, "alg": alg}) for alg in ALGORITHMS], payload=b"{}")
def test_what_the_key_has_signed_is_refused_by_an_error_of_ours_or_not_at_all(header, payload):
    with only(ProtocolError):
        jws = parse_jws(signed(header, payload), WHAT)
        verify(jws, keys(), allowed=["RS256"])
        assert jws.header["alg"] == "RS256"
        assert jws.kid in ("r", None)
        verify(jws, keys(), allowed=["PS256", "ES256"])
        pytest.fail("that is none of the allowed")


@given(claims=bodies(CLAIMS), header=objects({"alg": "RS256"}), nonce=st.none() | st.just("n-0S6_WzA2Mj") | st.text())
@each("claims", neighbours(CLAIMS), header=json.dumps(HEADER), nonce=CLAIMS["nonce"])
def test_any_claims_are_right_or_a_protocol_error(reading, claims, header, nonce):
    token = ".".join(map(base64url, (encoded(header), claims, b"signature")))
    with only(ProtocolError):
        found = validate(
            parse_jws(token, WHAT),
            issuers=lambda claims: [*reading.issuers(metadata(), claims), ISSUER],
            client_id="cli-app",
            now=float(NOW),
            nonce=nonce,
            access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        )
        assert found["sub"]
        assert found["aud"] in ("cli-app", ["cli-app"])
        assert nonce is None or found["nonce"] == nonce


@given(bodies(CLAIMS), bodies(CLAIMS), st.text() | st.just("248289761001") | st.none())
@each("renewed", neighbours(CLAIMS), first=json.dumps(CLAIMS).encode(), sub=CLAIMS["sub"])
@each("first", neighbours(CLAIMS), renewed=json.dumps(CLAIMS).encode(), sub=CLAIMS["sub"])
def test_any_renewed_claims_are_the_sessions_or_a_protocol_error(first, renewed, sub):
    """The first token is from a session file: it has been right, and the file may have changed since."""
    before, after = (".".join(map(base64url, (b'{"alg":"RS256"}', claims, b"s"))) for claims in (first, renewed))
    with only(ProtocolError):
        issued, ends = lifetime(after)
        assert isinstance(issued, int)
        assert isinstance(ends, int)
    with only(ProtocolError):
        check_refreshed(decode(after)[1], first=before, sub=sub)
        assert decode(after)[1].get("sub") == sub
