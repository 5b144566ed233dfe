"""JSON Web Keys that verify signatures (RFC 7517, RFC 7518 sections 3 and 6).

A key is used for what it was published for and nothing else: its ``kty`` and ``crv`` decide which algorithms it fits,
and ``alg``, ``use`` and ``key_ops``, where they are present, must agree.
"""

from __future__ import annotations

from collections.abc import Mapping

from oauth_cli_login.protocol import ecdsa, rsa
from oauth_cli_login.protocol.base64url import from_base64url
from oauth_cli_login.values import dataclass

ALGORITHMS = {
    **{f"{family}{bits}": ("RSA", f"sha{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("P-256", "sha256"),
    "ES384": ("P-384", "sha384"),
    "ES512": ("P-521", "sha512"),
}
"""Each ``alg`` that is verified here (RFC 7518 section 3.1): the kind of key that it takes, and the hash."""

_MAX_ENCODED = 2000
"""Characters of a number: MAX_BITS of RSA are 1,366."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""The members that nobody but the signer may know (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1)."""


@dataclass(frozen=True)
class Jwk:
    """One usable key: ``kind`` is ``RSA`` or the curve's name, ``numbers`` are n and e, or x and y.

    ``kid`` and ``alg`` are ``None`` where the key does not say.
    """

    kid: str | None
    alg: str | None
    kind: str
    numbers: tuple[int, int]

    def fits(self, alg: str) -> bool:
        """Tell whether signatures of this algorithm may be verified with this key."""
        return alg in ALGORITHMS and ALGORITHMS[alg][0] == self.kind and self.alg in (None, alg)

    def verifies(self, alg: str, message: bytes, signature: bytes) -> bool:
        """Tell whether this key made that signature of the message; never, where it does not fit ``alg``."""
        if not self.fits(alg):
            return False
        hash_name = ALGORITHMS[alg][1]
        if self.kind in ecdsa.CURVES:
            return ecdsa.verify(ecdsa.CURVES[self.kind], self.numbers, hash_name, message, signature)
        verify = rsa.verify_pss if alg.startswith("PS") else rsa.verify_pkcs1_v1_5
        return verify(*self.numbers, hash_name, message, signature)


def parse_jwk(jwk: Mapping[str, object]) -> Jwk:
    """Return the key of a JWK; raise ValueError, with the reason, for one that no signature may be verified with."""
    kid, alg, kty = (_optional_text(jwk, name) for name in ("kid", "alg", "kty"))
    if jwk.get("use", "sig") != "sig":
        raise ValueError("its use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("its key_ops do not have verify")
    if kty == "RSA":
        kind, numbers = kty, (_number(jwk, "n"), _number(jwk, "e"))
        rsa.check_key(*numbers)
    elif kty == "EC":
        kind = _optional_text(jwk, "crv") or ""
        if kind not in ecdsa.CURVES:
            raise ValueError("its curve is none of P-256, P-384 and P-521")
        curve = ecdsa.CURVES[kind]
        numbers = (_number(jwk, "x", curve.size), _number(jwk, "y", curve.size))
        ecdsa.check_point(curve, numbers)
    else:
        raise ValueError("its kty is neither RSA nor EC")
    if _PRIVATE & jwk.keys():
        raise ValueError("its private half is published with it, so that anybody can sign")
    key = Jwk(kid, alg, kind, numbers)
    if alg is not None and not key.fits(alg):
        raise ValueError("its alg is none that its kind of key has here")
    return key


def _optional_text(jwk: Mapping[str, object], name: str) -> str | None:
    value = jwk.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"its {name} is not a string")
    return value


def _number(jwk: Mapping[str, object], name: str, size: int | None = None) -> int:
    """Return a Base64urlUInt (RFC 7518 section 2), ``size`` bytes long where that is given (section 6.2.1.2).

    RSA's may begin with zeros: section 6.3.1.1 forbids it, and knows that libraries do so.
    """
    value = jwk.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_ENCODED:
        raise ValueError(f"its {name} is missing, or is no number of reasonable size")
    try:
        data = from_base64url(value)
    except ValueError:
        raise ValueError(f"its {name} is not base64url") from None
    if size is not None and len(data) != size:
        raise ValueError(f"its {name} is not {size} bytes long")
    return int.from_bytes(data, "big")
