"""The mock's RS256 key: made, kept as a JWK, and used to sign, in pure Python.

It is a throwaway: nothing but this machine's mock trusts it. The code takes no care to hide the key from somebody who
measures time, and must never hold a key that anybody else relies on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

MODULUS_BITS = 2048
PUBLIC_EXPONENT = 65537

_SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 section 9.2, note 1
_MILLER_RABIN_ROUNDS = 8  # FIPS 186-5 table B.1 asks for 4 at this size


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Return what base64url without padding stands for; raise ValueError."""
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _uint(number: int) -> str:
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def compact_json(value: Mapping[str, object]) -> bytes:
    """Return JSON without spaces; raise ValueError for what JSON cannot say (NaN, infinity)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def compact_jws(header: Mapping[str, object], claims: Mapping[str, object], sign: Callable[[bytes], bytes]) -> str:
    """Return a JWT in the compact serialization of a JWS (RFC 7515 section 7.1)."""
    signing_input = f"{b64url(compact_json(header))}.{b64url(compact_json(claims))}"
    return f"{signing_input}.{b64url(sign(signing_input.encode('ascii')))}"


def emsa_pkcs1_v1_5(message: bytes, length: int) -> bytes:
    """Return the encoded message of RFC 8017 section 9.2 for SHA-256, ``length`` bytes long."""
    info = _SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
    return b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info


@dataclass(frozen=True)
class SigningKey:
    """An RSA private key: two primes, and what follows from them."""

    p: int = field(repr=False)
    q: int = field(repr=False)

    @cached_property
    def n(self) -> int:
        """The modulus."""
        return self.p * self.q

    @cached_property
    def size(self) -> int:
        """The length of the modulus, and of a signature, in bytes."""
        return (self.n.bit_length() + 7) // 8

    @cached_property
    def _d(self) -> int:
        return pow(PUBLIC_EXPONENT, -1, math.lcm(self.p - 1, self.q - 1))

    @cached_property
    def _crt(self) -> tuple[int, int, int]:
        return self._d % (self.p - 1), self._d % (self.q - 1), pow(self.q, -1, self.p)

    @cached_property
    def kid(self) -> str:
        """The key's thumbprint (RFC 7638)."""
        jwk: dict[str, object] = {"e": _uint(PUBLIC_EXPONENT), "kty": "RSA", "n": _uint(self.n)}
        return b64url(hashlib.sha256(compact_json(jwk)).digest())

    @property
    def public_jwk(self) -> dict[str, object]:
        """The public key for the JWKS (RFC 7517, RFC 7518 section 6.3.1)."""
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _uint(self.n),
            "e": _uint(PUBLIC_EXPONENT),
        }

    @property
    def private_jwk(self) -> dict[str, object]:
        """The whole key, for its file (RFC 7518 section 6.3.2)."""
        dp, dq, qi = self._crt
        numbers = {"d": self._d, "p": self.p, "q": self.q, "dp": dp, "dq": dq, "qi": qi}
        return self.public_jwk | {name: _uint(number) for name, number in numbers.items()}

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> SigningKey:
        """Return the key of a ``private_jwk``; raise ValueError where it is another thing, or too small to use."""
        try:
            p, q, n = (int.from_bytes(b64url_decode(str(jwk[name])), "big") for name in ("p", "q", "n"))
        except (KeyError, TypeError) as error:
            raise ValueError("it is not a key") from error
        if p * q != n or n.bit_length() != MODULUS_BITS:
            raise ValueError("its numbers do not make a key")
        return cls(p, q)

    def sign(self, message: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 section 8.2.1)."""
        dp, dq, qi = self._crt
        m = int.from_bytes(emsa_pkcs1_v1_5(message, self.size), "big")
        m1, m2 = pow(m, dp, self.p), pow(m, dq, self.q)
        s = m2 + self.q * (qi * (m1 - m2) % self.p)
        return s.to_bytes(self.size, "big")

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key signed that message (RFC 8017 section 8.2.2)."""
        s = int.from_bytes(signature, "big")
        if len(signature) != self.size or s >= self.n:
            return False
        em = pow(s, PUBLIC_EXPONENT, self.n).to_bytes(self.size, "big")
        return em == emsa_pkcs1_v1_5(message, self.size)

    def _header(self, typ: str) -> dict[str, object]:
        return {"alg": "RS256", "kid": self.kid, "typ": typ}

    def encode(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a signed JWT (RFC 7519) of this type."""
        return compact_jws(self._header(typ), claims, self.sign)

    def decode(self, token: str, *, typ: str) -> dict[str, object] | None:
        """Return the claims of a JWT that this key signed as this type, or ``None``.

        The header must be the very one that ``encode`` writes, so that nothing in it is a choice of the sender.
        """
        header, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        if header != b64url(compact_json(self._header(typ))):
            return None
        try:
            if not self.verify(f"{header}.{payload}".encode("ascii"), b64url_decode(signature)):
                return None
        except ValueError:
            return None
        claims: dict[str, object] = json.loads(b64url_decode(payload))
        return claims


def _is_prime(candidate: int) -> bool:
    """Tell whether an odd number is prime: Miller-Rabin (FIPS 186-5, B.3.1), so with a negligible chance to err."""
    exponent = candidate - 1
    twos = (exponent & -exponent).bit_length() - 1
    odd = exponent >> twos
    for _ in range(_MILLER_RABIN_ROUNDS):
        x = pow(2 + secrets.randbelow(candidate - 3), odd, candidate)
        if x in (1, exponent):
            continue
        for _ in range(twos - 1):
            x = x * x % candidate
            if x == exponent:
                break
        else:
            return False
    return True


def _small_primes(limit: int) -> list[int]:
    sieve = bytearray([1]) * limit
    for number in range(2, math.isqrt(limit) + 1):
        sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(3, limit) if sieve[number]]


def generate_key() -> SigningKey:
    """Return a new key; takes half a second or so."""
    # One greatest common divisor spares most candidates the exponentiations.
    primorial = math.prod(_small_primes(4000))
    bits = MODULUS_BITS // 2

    def prime() -> int:
        while True:
            # Both upper bits set: the product of two such primes has exactly MODULUS_BITS.
            candidate = secrets.randbits(bits) | 3 << (bits - 2) | 1
            if (
                math.gcd(candidate, primorial) == 1
                and math.gcd(candidate - 1, PUBLIC_EXPONENT) == 1
                and _is_prime(candidate)
            ):
                return candidate

    return SigningKey(prime(), prime())
