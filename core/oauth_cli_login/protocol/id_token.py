"""ID tokens: the claims that OpenID Connect Core 3.1.3.7 (and 12.2 for refreshes) says to check.

The token came straight from the token endpoint over TLS, which is what 3.1.3.7 point 6 lets stand for the signature.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol.body import parse_json
from oauth_cli_login.protocol.pkce import base64url

SKEW = 60
"""Seconds that the server's clock may differ from ours."""

Claims = Mapping[str, object]
_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_PARTS_SIGNED, _PARTS_ENCRYPTED = 3, 5
_HASHES = {
    **{f"{family}{bits}": getattr(hashlib, f"sha{bits}") for family in ("RS", "PS", "ES") for bits in (256, 384, 512)},
    "ES256K": hashlib.sha256,
    "EdDSA": hashlib.sha512,
    "Ed25519": hashlib.sha512,
}
"""The hash that each alg names (RFC 7518 section 3.1, RFC 8812, RFC 8037)."""


def decode(id_token: str) -> tuple[Claims, Claims]:
    """Return (header, claims) of a signed JWT in compact form (RFC 7515 section 7.1), unverified; ProtocolError."""
    parts = id_token.split(".")
    if len(parts) == _PARTS_ENCRYPTED:
        raise ProtocolError("the ID token is encrypted, which is unsupported")
    if len(parts) != _PARTS_SIGNED:
        raise ProtocolError("the ID token is not a signed JWT")
    header, claims = (_json_part(part) for part in parts[:2])
    return header, claims


def validate(
    id_token: str,
    *,
    issuers: Callable[[Claims], Sequence[str]],
    client_id: str,
    now: float,
    nonce: str | None,
    access_token: str,
) -> Claims:
    """Return the claims of an ID token from the token endpoint if all of them are right; else raise ProtocolError.

    ``nonce`` is what the authorization request sent, or ``None`` where none was sent (device flow, refresh).
    """
    header, claims = decode(id_token)
    alg = header.get("alg")
    if not isinstance(alg, str) or alg.strip().lower() in ("", "none") or id_token.endswith("."):
        raise ProtocolError("the ID token is not signed")
    if "crit" in header:
        raise ProtocolError("the ID token has critical header parameters that oauth-cli does not know")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers(claims):
        raise ProtocolError(f"the ID token is from another issuer: {ascii(issuer)[:200]}")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise ProtocolError("the ID token has no sub")
    _check_audience(claims, client_id)
    _check_times(claims, now)
    if nonce is not None:
        found = claims.get("nonce")
        if not isinstance(found, str) or not hmac.compare_digest(found.encode(), nonce.encode()):
            raise ProtocolError("the ID token's nonce is not this login's")
    _check_at_hash(claims, alg, access_token)
    return claims


def lifetime(id_token: str) -> tuple[int, int]:
    """Return (iat, exp) of an ID token, in whole seconds since the epoch; ProtocolError where it has none."""
    _, claims = decode(id_token)
    return int(_time(claims, "iat")), int(_time(claims, "exp"))


def check_refreshed(claims: Claims, *, first: str | None, sub: str | None) -> None:
    """Check a refreshed ID token against the session's ``sub`` and the ``first`` one's iss and aud (Core 12.2).

    Raises ProtocolError.
    """
    before = decode(first)[1] if first else claims
    if claims.get("sub") != sub or any(claims.get(name) != before.get(name) for name in ("iss", "aud")):
        raise ProtocolError("the refreshed ID token is about somebody else than the session")


def _check_audience(claims: Claims, client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise ProtocolError("the ID token is meant for another client")
    if any(other != client_id for other in audiences):
        raise ProtocolError("the ID token is meant for somebody else as well, whom we do not know")
    azp = claims.get("azp")
    if azp is not None and azp != client_id:
        raise ProtocolError("the ID token was issued to another client (azp)")


def _check_times(claims: Claims, now: float) -> None:
    expires, issued = (_time(claims, name) for name in ("exp", "iat"))
    if expires <= now - SKEW:
        raise ProtocolError(_CLOCK.format("expired"), hint=_CLOCK_HINT)
    if issued > now + SKEW:
        raise ProtocolError(_CLOCK.format("is from the future"), hint=_CLOCK_HINT)
    if "nbf" in claims and _time(claims, "nbf") > now + SKEW:
        raise ProtocolError(_CLOCK.format("is not valid yet"), hint=_CLOCK_HINT)


_CLOCK = "the ID token {} by this machine's clock"
_CLOCK_HINT = "Is the clock right? More than a minute apart is too much."


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"the ID token has no usable {name}")
    return value


def _check_at_hash(claims: Claims, alg: str, access_token: str) -> None:
    """Check at_hash where it is present (Core 3.1.3.6): the left half of the hash that ``alg`` names."""
    expected = claims.get("at_hash")
    if expected is None:
        return
    algorithm = _HASHES.get(alg)
    if algorithm is None:
        raise ProtocolError(f"the ID token has an at_hash, and an alg that names no hash: {ascii(alg)[:40]}")
    digest = algorithm(access_token.encode("ascii")).digest()
    if not isinstance(expected, str) or not hmac.compare_digest(
        expected.encode(), base64url(digest[: len(digest) // 2]).encode()
    ):
        raise ProtocolError("the ID token belongs to another access token (at_hash)")


def _json_part(part: str) -> Claims:
    try:
        if not _BASE64URL.issuperset(part):
            raise ValueError("not base64url")  # noqa: TRY301 - the same answer as for every other fault below
        data = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
        if base64url(data) != part:
            raise ValueError("not canonical")  # noqa: TRY301 - as above
        value = parse_json(data)
    except ValueError:
        raise ProtocolError("the ID token cannot be read") from None
    if not isinstance(value, dict):
        raise ProtocolError("the ID token cannot be read")
    return value
