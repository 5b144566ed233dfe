"""The mock's RS256 key."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random

import pytest

from oauth_cli_providers.mock.signing import SigningKey, _is_prime, b64url, b64url_decode, emsa_pkcs1_v1_5


def test_a_key_has_2048_bits_and_two_different_primes(signing_key: SigningKey) -> None:
    assert signing_key.n.bit_length() == 2048
    assert signing_key.p != signing_key.q
    assert all(pow(2, prime - 1, prime) == 1 for prime in (signing_key.p, signing_key.q))
    assert math.gcd(65537, math.lcm(signing_key.p - 1, signing_key.q - 1)) == 1


def test_emsa_pkcs1_v1_5_is_the_padding_of_rfc_8017_section_9_2() -> None:
    encoded = emsa_pkcs1_v1_5(b"message", 256)
    assert encoded == bytes.fromhex(
        "0001" + "ff" * 202 + "00" + "3031300d060960864801650304020105000420" + hashlib.sha256(b"message").hexdigest()
    )


def test_a_signature_opens_with_the_public_key_to_the_encoded_message(signing_key: SigningKey) -> None:
    signature = signing_key.sign(b"message")
    jwk = signing_key.public_jwk
    n, e = (int.from_bytes(b64url_decode(str(jwk[name])), "big") for name in ("n", "e"))
    assert pow(int.from_bytes(signature, "big"), e, n).to_bytes(256, "big") == emsa_pkcs1_v1_5(b"message", 256)


@pytest.mark.parametrize(
    "change",
    [
        lambda signature, n: signature[:-1] + bytes([signature[-1] ^ 1]),
        lambda signature, n: signature[1:],
        lambda signature, n: b"\x00" + signature,
        lambda signature, n: (int.from_bytes(signature, "big") + n).to_bytes(257, "big"),
        lambda signature, n: n.to_bytes(256, "big"),
        lambda signature, n: b"",
    ],
)
def test_another_signature_is_refused(signing_key: SigningKey, change) -> None:
    assert signing_key.verify(b"message", signing_key.sign(b"message"))
    assert not signing_key.verify(b"message", change(signing_key.sign(b"message"), signing_key.n))
    assert not signing_key.verify(b"massage", signing_key.sign(b"message"))


def test_a_jwt_comes_back_as_its_claims(signing_key: SigningKey) -> None:
    token = signing_key.encode({"sub": "å"}, typ="JWT")
    assert signing_key.decode(token, typ="JWT") == {"sub": "å"}
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"alg": "RS256", "kid": signing_key.kid, "typ": "JWT"}


def test_a_jwt_of_another_type_header_or_content_is_refused(signing_key: SigningKey) -> None:
    token = signing_key.encode({"sub": "a"}, typ="JWT")
    header, payload, signature = token.split(".")
    none = b64url(b'{"alg":"none"}')
    for bad in (
        "",
        "..",
        header,
        f"{header}.{payload}.",
        f"{header}.{payload}.!",
        f"{header}.{payload}.é",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}.{b64url(b'{}')}.{signature}",
        f"{none}.{payload}.{signature}",
        f"{none}.{payload}.",
    ):
        assert signing_key.decode(bad, typ="JWT") is None
    assert signing_key.decode(token, typ="at+jwt") is None


def test_the_kid_is_the_thumbprint_of_rfc_7638(signing_key: SigningKey) -> None:
    jwk = signing_key.public_jwk
    members = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    assert jwk["kid"] == b64url(hashlib.sha256(members.encode()).digest())


def test_the_private_jwk_makes_the_same_key_again_and_the_public_one_is_public(signing_key: SigningKey) -> None:
    assert SigningKey.from_jwk(signing_key.private_jwk) == signing_key
    assert set(signing_key.public_jwk) == {"kty", "use", "alg", "kid", "n", "e"}
    assert str(signing_key.p) not in repr(signing_key)


def test_what_is_no_key_is_refused(signing_key: SigningKey) -> None:
    jwk = signing_key.private_jwk
    for bad in (
        [],
        {},
        jwk | {"p": jwk["q"]},
        jwk | {"p": "!"},
        jwk | {"p": "AQ", "q": "AQ", "n": "AQ"},
    ):
        with pytest.raises(ValueError, match=r"key|Non-base64|padding|alphabet|base64"):
            SigningKey.from_jwk(bad)  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize("number", [7, 97, 7919, 2**61 - 1, 2**127 - 1])
def test_primes_are_seen(number: int) -> None:
    assert _is_prime(number)


@pytest.mark.parametrize("number", [9, 561, 7917, 2**61 + 1, 3215031751, (2**61 - 1) * (2**31 - 1)])
def test_composites_are_seen_carmichael_numbers_and_strong_pseudoprimes_too(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", random.Random(1).randrange)  # a test of chance errs by chance
    assert not _is_prime(number)
