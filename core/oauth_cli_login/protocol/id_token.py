"""ID tokens: the claims that OpenID Connect Core 3.1.3.7 (and 12.2 for refreshes) says to check.

The signature is protocol/jws.py's affair, and comes first: ``validate`` takes a token that was verified.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.body import parse_json
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jws import Jws, parse_jws

WHAT = "ID token"
SKEW = 60
"""Seconds that the server's clock may differ from ours."""

Claims = Mapping[str, object]


def decode(id_token: str) -> tuple[Claims, Claims]:
    """Return (header, claims) of a signed JWT in compact form (RFC 7515 section 7.1), unverified; ProtocolError."""
    jws = parse_jws(id_token, WHAT)
    return jws.header, _claims(jws)


def validate(
    jws: Jws,
    *,
    issuers: Callable[[Claims], Sequence[str]],
    client_id: str,
    now: float,
    nonce: str | None,
    access_token: str,
) -> Claims:
    """Return the claims of an ID token, whose signature has been verified, if all of them are right.

    ``nonce`` is what the authorization request sent, or ``None`` where none was sent (device flow, refresh). Raises
    ProtocolError.
    """
    claims = _claims(jws)
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
    _check_at_hash(claims, jws.header.get("alg"), access_token)
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


def _check_at_hash(claims: Claims, alg: object, access_token: str) -> None:
    """Check at_hash where it is present (Core 3.1.3.6): the left half of the hash that ``alg`` names."""
    expected = claims.get("at_hash")
    if expected is None:
        return
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise ProtocolError(f"the ID token has an at_hash, and an alg that names no hash: {ascii(alg)[:40]}")
    digest = hashlib.new(ALGORITHMS[alg][1], access_token.encode("ascii")).digest()
    if not isinstance(expected, str) or not hmac.compare_digest(
        expected.encode(), base64url(digest[: len(digest) // 2]).encode()
    ):
        raise ProtocolError("the ID token belongs to another access token (at_hash)")


def _claims(jws: Jws) -> Claims:
    try:
        claims = parse_json(jws.payload)
    except ValueError:
        raise ProtocolError("the ID token cannot be read") from None
    if not isinstance(claims, dict):
        raise ProtocolError("the ID token cannot be read")
    return claims
