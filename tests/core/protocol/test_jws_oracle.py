"""Signatures made by joserfc, and what becomes of them: our verdict is its own, or a stricter one with a reason."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from answers import json_response, keys_of
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws as oracle
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol import ecdsa
from oauth_cli_login.protocol.base64url import base64url, from_base64url
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jws import parse_jws, verify

ROUNDS = 12


@cache
def key_of(kind: str, number: int):
    """Return the key of this number; the second of RSA's has 2049 bits, whose last one begins a byte."""
    if kind != "RSA":
        return ECKey.generate_key(kind)
    made = rsa.generate_private_key(65537, 2048 + number)
    return RSAKey.import_key(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def published(key, **members) -> dict[str, object]:
    return {**key.as_dict(private=False), **members}


def sign(key, alg: str, payload: bytes, **header) -> str:
    return oracle.serialize_compact({"alg": alg, **header}, payload, key, algorithms=[alg])


def is_taken(token: str, jwk) -> bool:
    try:
        verify(parse_jws(token, "token"), keys_of(json_response(keys=[jwk])), allowed=None)
    except ProtocolError:
        return False
    return True


def is_taken_by_joserfc(token: str, jwk) -> bool:
    try:
        oracle.deserialize_compact(token, KeySet.import_key_set({"keys": [jwk]}), algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_joserfc_has_signed_is_verified(alg, number):
    key = key_of(ALGORITHMS[alg][0], number)
    for length in (0, 1, 31, 64, 1000, 5000):
        payload = random.Random(length).randbytes(length)
        for jwk in (published(key), published(key, alg=alg, use="sig"), published(key, key_ops=["verify"])):
            token = sign(key, alg, payload)
            assert is_taken(token, jwk), (token, jwk)
            assert is_taken_by_joserfc(token, jwk), (token, jwk)
        assert parse_jws(token, "token").payload == payload


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_changed_token_or_key_is_judged_alike(alg):
    """Equal verdicts, both ways: neither takes what the other refuses."""
    judged = [
        (is_taken(token, jwk), is_taken_by_joserfc(token, jwk), token, jwk) for token, jwk in mutated_signatures(alg)
    ]
    assert [case for case in judged if case[0] is not case[1]] == []
    taken = sum(case[0] for case in judged)
    assert taken == (1 if alg.startswith("ES") else 0)  # n - s is as good as s
    assert len(judged) > 5 * ROUNDS


def mutated_signatures(alg: str) -> Iterator[tuple[str, dict]]:
    """Yield tokens of which one thing was changed, and the key that signed the original; or another key."""
    kind = ALGORITHMS[alg][0]
    key, other = key_of(kind, 0), key_of(kind, 1)
    jwk = published(key)
    chance = random.Random(alg)
    payload = json.dumps({"sub": "248289761001", "nonce": "n"}).encode()
    token = with_a_whole_signature(lambda: sign(key, alg, payload))
    header, encoded, signature = token.split(".")
    raw = from_base64url(signature)

    def signed(with_signature: bytes) -> tuple[str, dict]:
        return f"{header}.{encoded}.{base64url(with_signature)}", jwk

    for _ in range(ROUNDS):
        yield f"{header}.{base64url(flipped(payload, chance))}.{signature}", jwk
        yield signed(flipped(raw, chance))
        yield signed(flipped(flipped(raw, chance), chance))
        yield signed(chance.randbytes(len(raw)))
        yield f"{base64url(json.dumps({'alg': alg, 'kid': chance.random()}).encode())}.{encoded}.{signature}", jwk
    for wrong in (raw[1:], raw[:-1], raw + b"\0", b"\0" + raw, raw[::-1], raw * 2, bytes(len(raw)), b"\xff" * len(raw)):
        yield signed(wrong)
    for other_alg in ALGORITHMS:
        if other_alg != alg:
            yield f"{base64url(json.dumps({'alg': other_alg}).encode())}.{encoded}.{signature}", jwk
            yield token, {**jwk, "alg": other_alg}
    yield token, published(other)
    yield sign(other, alg, payload), jwk
    for wrong in other_numbers(kind, raw, jwk):
        yield signed(wrong)


def with_a_whole_signature(sign_anew: Callable[[], str]) -> str:
    """Return a token whose signature does not begin with a zero, if salt or nonce can make one.

    OpenSSL takes RSASSA-PSS without that zero; RFC 8017 section 8.1.2 step 1 does not, and neither do we.
    """
    for _ in range(20):
        token = sign_anew()
        if from_base64url(token.rpartition(".")[2])[0]:
            break
    return token


@pytest.mark.parametrize("alg", ["PS256", "PS384", "PS512"])
def test_a_signature_without_its_leading_zero_is_refused(alg):
    key = key_of("RSA", 0)
    tokens = (sign(key, alg, b"%d" % number) for number in range(10_000))
    token = next(token for token in tokens if from_base64url(token.rpartition(".")[2])[0] == 0)
    signed, _, signature = token.rpartition(".")

    assert is_taken(token, published(key))
    assert not is_taken(f"{signed}.{base64url(from_base64url(signature)[1:])}", published(key))


def other_numbers(kind: str, raw: bytes, jwk) -> Iterator[bytes]:
    """Yield signatures of other numbers than those in ``raw``, or of the same ones written otherwise."""
    if kind == "RSA":
        n, s = (int.from_bytes(data, "big") for data in (from_base64url(jwk["n"]), raw))
        for value in (n - s, s + n, n - 1, n, n + 1, 0, 1, 2):
            yield value.to_bytes(len(raw) + 1, "big").removeprefix(b"\0")
        return
    curve = ecdsa.CURVES[kind]
    for zeros in (b"\0", b"\0" * curve.size):
        yield raw[: curve.size] + zeros + raw[curve.size :]
    for pair in edges(curve.n, *(int.from_bytes(half, "big") for half in (raw[: curve.size], raw[curve.size :]))):
        if max(pair).bit_length() <= 8 * curve.size:
            yield b"".join(number.to_bytes(curve.size, "big") for number in pair)


def edges(n: int, r: int, s: int) -> Iterator[tuple[int, int]]:
    yield r, n - s  # another signature of the same message
    yield from ((s, r), (n - r, s), (r + n, s), (r, s + n), (0, s), (r, 0), (n, s), (r, n), (1, 1), (n - 1, n - 1))


def flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


STRICTER = {
    "a key for encryption, which joserfc notices as well": (lambda key: {"use": "enc"}, False),
    "key_ops without verify": (lambda key: {"key_ops": ["sign"]}, False),
    "a private key that is published": (lambda key: key.as_dict(private=True), True),
    "a use that is none": (lambda key: {"use": "signature"}, ...),
}


@pytest.mark.parametrize("change", STRICTER)
@pytest.mark.parametrize("alg", ["RS256", "PS512", "ES256"])
def test_a_key_that_is_not_for_this_is_refused_by_us_at_least(alg, change):
    """Where joserfc takes what we refuse, that stands in the table."""
    members, theirs = STRICTER[change]
    key = key_of(ALGORITHMS[alg][0], 0)
    token, jwk = sign(key, alg, b"{}"), published(key, **members(key))
    assert is_taken(token, published(key))
    assert not is_taken(token, jwk)
    assert theirs is ... or is_taken_by_joserfc(token, jwk) is theirs
