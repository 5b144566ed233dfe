"""Threats 47 to 57: ID tokens that somebody else made, or made for somebody else, and keys that prove nothing."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from in_process import NOW
from joserfc.jwk import RSAKey

from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_providers.mock.signing import SigningKey, emsa_pkcs1_v1_5, generate_key

LOGIN = ("login", "--provider", "mock", "--timeout", "10")

WEAK = SigningKey(
    112305677444347249853902490123917857734400339452784436092059851398350629520417,
    95998107273552805958885877941289718174665954093480738970558829684467302429601,
)
"""RSA of 512 bits."""


@pytest.fixture(scope="session")
def attacker():
    return generate_key()


@pytest.fixture
def refused(cli, server, session_file):
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


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, 7])
def test_threat_47_a_token_that_says_it_is_not_signed_is_refused(server, refused, headed, signing_key, alg, signed):
    """alg none, however it is spelled, or none at all: with a signature behind it or without, no key is asked for."""
    headed(signing_key.sign if signed else lambda _text: b"", alg=alg)

    assert refused("is not signed")
    assert server.received("/jwks") == []


@pytest.mark.parametrize("secret", ["PEM", "modulus", "JWK", "client id"])
def test_threat_47_a_public_key_is_no_shared_secret(server, refused, headed, signing_key, secret):
    """HS256 keyed by something that everybody knows: the server's public key, or the client id."""
    jwk = signing_key.public_jwk
    known = {
        "PEM": RSAKey.import_key(jwk).as_pem(private=False),
        "modulus": str(jwk["n"]).encode(),
        "JWK": json.dumps(jwk).encode(),
        "client id": b"cli-app",
    }
    headed(lambda text: hmac.digest(known[secret], text, "sha256"), alg="HS256")

    assert refused("signed with 'HS256'")
    assert server.received("/jwks") == []


def test_threat_47_a_signature_of_somebody_elses_is_refused(refused, headed, attacker):
    """It names the server's key, and was made with another."""
    headed(attacker.sign)

    assert refused("the signature of the ID token is wrong")


def test_threat_48_an_alg_that_the_server_does_not_announce_is_refused(server, refused):
    """The signature is right, and of a kind that this server says it does not make."""
    server.metadata = {"id_token_signing_alg_values_supported": ["ES256", "PS256"]}

    assert refused("signed with RS256, which the provider's metadata does not announce")


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"alg": "ES256"},
        {"kty": "EC"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-256"},
    ],
    ids=str,
)
def test_threat_48_a_key_for_something_else_verifies_nothing(server, refused, change):
    """The key that the token names is published for another use, algorithm or curve."""
    server.keys[0] = {**server.keys[0], **change}

    assert refused("no key of the provider's fits the ID token")


@pytest.mark.parametrize("kid", ["the server's", "the attacker's", "none"])
def test_threat_49_a_key_that_the_token_brings_is_never_used(server, refused, headed, attacker, signing_key, kid):
    """jwk, jku, x5u, x5c in the header: nothing of it is looked at, no address in it is asked."""
    jwk = {**attacker.public_jwk, **({"kid": signing_key.kid} if kid == "the server's" else {})}
    kids = {"the server's": signing_key.kid, "the attacker's": attacker.kid, "none": None}
    headed(
        attacker.sign,
        kid=kids[kid],
        jwk=jwk,
        jku=f"{server.issuer}/evil",
        x5u=f"{server.issuer}/evil",
        x5c=["MIIB"],
    )

    assert refused("ID token")
    assert server.received("/evil") == []


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["bork"], "bork": True},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": "alg"},
    ],
    ids=str,
)
def test_threat_50_what_is_critical_and_unknown_is_refused(refused, headed, header):
    """The signature is right; the token says that it means something else than what is read."""
    headed(**header)

    assert refused("critical header parameters")


# ---- the claims


@pytest.mark.parametrize(
    "other",
    [
        lambda _issuer: "https://another.example",
        lambda issuer: issuer[:-1],
        lambda issuer: issuer + "/",
        lambda issuer: issuer + ".evil.example",
        lambda issuer: issuer.upper(),
        lambda issuer: [issuer],
        lambda _issuer: None,
    ],
    ids=["another", "prefix", "slash", "longer", "case", "list", "none"],
)
def test_threat_51_a_token_of_another_issuer_is_refused(server, refused, other):
    """Every character of iss counts."""
    server.claims = {"iss": other(server.issuer)}

    assert refused("another issuer")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": None}, "another client"),
        ({"aud": "another-client"}, "another client"),
        ({"aud": "cli-app2"}, "another client"),
        ({"aud": []}, "another client"),
        ({"aud": {"cli-app": 1}}, "another client"),
        ({"aud": ["cli-app", "another-client"]}, "somebody else"),
        ({"aud": ["cli-app", 7]}, "somebody else"),
        ({"azp": "another-client"}, "azp"),
        ({"azp": ["cli-app"]}, "azp"),
    ],
    ids=str,
)
def test_threat_51_a_token_for_another_client_is_refused(server, refused, claims, words):
    """aud is this client and nobody else whom we do not know; azp, where it is there, is this client."""
    server.claims = claims

    assert refused(words)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": NOW - 61}, "expired"),
        ({"iat": NOW + 61}, "from the future"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"exp": None}, "no usable exp"),
        ({"iat": None}, "no usable iat"),
        ({"exp": "1900000000"}, "no usable exp"),
        ({"iat": True}, "no usable iat"),
        ({"sub": None}, "no sub"),
        ({"sub": ""}, "no sub"),
        ({"sub": 7}, "no sub"),
    ],
    ids=str,
)
def test_threat_52_a_token_out_of_its_time_or_about_nobody_is_refused(server, refused, claims, words):
    """exp, iat and sub are there and make sense; a clock may be a minute off, and no more."""
    server.claims = claims

    assert refused(words)


@pytest.mark.parametrize(
    "claims", [{"exp": NOW - 30}, {"iat": NOW + 30}, {"exp": NOW + 600.5, "iat": NOW - 0.25}], ids=str
)
def test_threat_52_a_clock_may_be_a_minute_off_and_dates_have_fractions(cli, server, claims):
    """What honest servers send is taken."""
    server.claims = claims

    assert cli(*LOGIN).status == 0


@pytest.mark.parametrize("nonce", ["another", "", None, 7])
def test_threat_53_a_token_without_this_logins_nonce_is_refused(server, refused, nonce):
    """A token that was stolen from another login does not sign anybody in here."""
    server.claims = {"nonce": nonce}

    assert refused("nonce")


def test_threat_53_a_refreshed_token_needs_no_nonce(cli, server, signed_in, clock, store):
    """OpenID Connect Core 12.2: it should have none; iss, sub and aud are those of the first one."""
    before = signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600).session
    server.claims = {"jti": "another token"}

    assert cli("token").status == 0
    assert store.read("mock").session.id_token != before.id_token


@pytest.mark.parametrize("at_hash", ["d3Jvbmc", "", 7, base64url(hashlib.sha256(b"access-token-1-secret").digest())])
def test_threat_54_a_token_of_another_access_token_is_refused(server, refused, at_hash):
    """at_hash ties it to the access token that came with it."""
    server.claims = {"at_hash": at_hash}

    assert refused("another access token (at_hash)")


def test_threat_54_the_right_at_hash_is_taken_and_so_is_none(cli, server):
    """The left half of the hash; many servers leave it out in the code flow."""
    assert cli(*LOGIN).status == 0
    server.claims = {"at_hash": base64url(hashlib.sha256(b"access-token-2-secret").digest()[:16])}
    assert cli(*LOGIN).status == 0


# ---- the keys


def test_threat_55_an_unknown_kid_costs_two_requests(server, refused, attacker):
    """The keys may have changed a moment ago, so they are asked for once more; and then no more."""
    server.keys[:] = [attacker.public_jwk]

    assert refused("no key of the provider's fits the ID token")
    assert len(server.received("/jwks")) == 2


def test_threat_55_without_a_kid_the_keys_that_fit_are_tried(cli, server, headed, attacker, signing_key):
    """The signature decides, whichever stands first."""
    headed(kid=None)
    server.keys[:] = [attacker.public_jwk, {"kty": "oct", "k": "AAAA"}, signing_key.public_jwk]

    assert cli(*LOGIN).status == 0
    assert len(server.received("/jwks")) == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("x" * (10 << 20), 7, "more than 1 MiB"),
        ({"keys": [{}] * 10_000}, 8, "10000 keys"),
        ({"keys": 7}, 8, "no JSON Web Key Set"),
        ("<h1>Keys</h1>", 8, "JSON Web Key Set"),
    ],
    ids=["10 MB", "10,000 keys", "no keys", "HTML"],
)
def test_threat_56_a_key_set_is_bounded(server, reply, refused, body, status, words):
    """In bytes and in keys; what is none is an error."""
    server.queue("/jwks", *[reply(200, body)] * 4)

    assert refused(words, status=status)


def test_threat_56_a_key_of_512_bits_proves_nothing(server, refused, headed):
    """Anybody can find its other half in an afternoon: the signature is right, and is refused."""
    headed(WEAK.sign, kid="weak")
    server.keys[:] = [{**WEAK.public_jwk, "kid": "weak"}]

    assert refused("512 bits")


def test_threat_56_an_exponent_of_one_proves_nothing(server, refused, headed, signing_key):
    """With e=1 the signature is the padded hash itself, which everybody can make."""
    headed(lambda text: emsa_pkcs1_v1_5(text, signing_key.size))
    server.keys[0] = {**server.keys[0], "e": "AQ"}

    assert refused("its exponent is 1")


def test_threat_56_a_point_off_the_curve_proves_nothing(server, refused, headed):
    """An elliptic key that is no point of its curve."""
    one = base64url((1).to_bytes(32, "big"))
    headed(lambda _text: bytes(31) + b"\1" + bytes(31) + b"\1", alg="ES256", kid="off")
    server.keys[:] = [{"kty": "EC", "crv": "P-256", "kid": "off", "x": one, "y": one}]

    assert refused("no key of the provider's fits the ID token", "off")


# ---- who it is


def test_threat_57_userinfo_about_somebody_else_is_refused(server, refused):
    """The ID token's sub and the userinfo's are one person, or nobody is signed in."""
    server.userinfo = {"sub": "mallory"}

    assert refused("two different people")


def test_threat_57_an_encrypted_token_is_said_to_be_unsupported(server, refused):
    """Five parts are no signed token that merely cannot be read."""
    server.tokens = {"id_token": "a.b.c.d.e"}

    assert refused("encrypted, which is unsupported")
