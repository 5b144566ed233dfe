"""ID tokens: the claims that OpenID Connect Core 3.1.3.7 (and 12.2 for refreshes) says to check.

The signature is protocol/jws.py's affair, and comes first: ``validate`` takes a token that was verified.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence

from oauth_cli_login.errors import ClockDiffers, ProtocolError
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.body import parse_json, reason_of
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jws import Jws, parse_jws
from oauth_cli_login.values import dataclass

WHAT = "ID token"
SKEW = 60
"""Seconds that the server's clock may differ from ours."""

Claims = Mapping[str, object]


def decode(id_token: str) -> tuple[Claims, Claims]:
    """Return (header, claims) of a signed JWT in compact form (RFC 7515 section 7.1), unverified; ProtocolError."""
    jws = parse_jws(id_token, WHAT)
    return jws.header, claims_of(jws)


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
    claims = claims_of(jws)
    for check in checks(jws.header, claims, issuers=issuers, client_id=client_id, now=now, access_token=access_token):
        check.run()
    if nonce is not None:
        found = claims.get("nonce")
        if not isinstance(found, str) or not hmac.compare_digest(found.encode(), nonce.encode()):
            raise ProtocolError("the ID token's nonce is not this login's")
    return claims


@dataclass(frozen=True)
class Check:
    """One check of a token, named after its claim or header; ``run`` raises ProtocolError where it fails."""

    name: str
    run: Callable[[], None]


def checks(
    header: Mapping[str, object],
    claims: Claims,
    *,
    issuers: Callable[[Claims], Sequence[str]],
    client_id: str,
    now: float,
    access_token: str,
) -> Iterator[Check]:
    """Yield all that can be checked of an ID token at any time after its sign-in, which alone knows the nonce."""
    if header.get("typ") is not None:
        yield Check("typ", lambda: _check_typ(header["typ"]))
    yield Check("iss", lambda: check_issuer(claims, issuers))
    yield Check("sub", lambda: _check_sub(claims))
    yield Check("aud", lambda: _check_audience(claims, client_id))
    yield from time_checks(claims, WHAT, now=now, required=("exp", "iat"))
    if claims.get("at_hash") is not None:
        yield Check("at_hash", lambda: _check_at_hash(claims, header.get("alg"), access_token))


def time_checks(claims: Claims, what: str, *, now: float, required: Sequence[str] = ()) -> Iterator[Check]:
    """Yield the checks of exp, iat and nbf (RFC 7519 section 4.1): of those that are there, and the ``required``."""

    def check(name: str, says: str, is_wrong: Callable[[float], bool]) -> Check:
        def run() -> None:
            if is_wrong(_time(claims, name, what)):
                raise ClockDiffers(f"the {what} {says} by this machine's clock")

        return Check(name, run)

    every = (
        check("exp", "expired", lambda exp: exp <= now - SKEW),
        check("iat", "is from the future", lambda iat: iat > now + SKEW),
        check("nbf", "is not valid yet", lambda nbf: nbf > now + SKEW),
    )
    yield from (one for one in every if one.name in claims or one.name in required)


def check_issuer(claims: Claims, issuers: Callable[[Claims], Sequence[str]], what: str = WHAT) -> None:
    """Raise ProtocolError unless the token's iss is one that ``issuers`` returns for these claims."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers(claims):
        raise ProtocolError(f"the {what} is from another issuer: {ascii(issuer)[:200]}")


def _check_typ(typ: object) -> None:
    """Refuse a JWT that is typed as something else: ``at+jwt``, ``logout+jwt`` … (RFC 8725 section 3.11)."""
    if not isinstance(typ, str) or typ.partition(";")[0].strip().lower().endswith("+jwt"):
        raise ProtocolError(f"the ID token is another kind of token (typ {ascii(typ)[:40]})")


def _check_sub(claims: Claims) -> None:
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise ProtocolError("the ID token has no sub")


def lifetime(id_token: str) -> tuple[int, int]:
    """Return (iat, exp) of an ID token, in whole seconds since the epoch; ProtocolError where it has none."""
    _, claims = decode(id_token)
    return int(_time(claims, "iat")), int(_time(claims, "exp"))


def check_refreshed(claims: Claims, *, first: str | None, sub: str | None) -> None:
    """Check a refreshed ID token against the session's ``sub`` and the ``first`` one's iss and aud (Core 12.2).

    Raises ProtocolError.
    """
    before = decode(first)[1] if first else claims
    if claims.get("sub") != sub or claims.get("iss") != before.get("iss") or _audiences(claims) != _audiences(before):
        raise ProtocolError("the refreshed ID token is about somebody else than the session")


def _audiences(claims: Claims) -> set[str]:
    """Return whom a token is for: one name, or a list of them in any order (RFC 7519 section 4.1.3)."""
    audience = claims.get("aud")
    return {str(name) for name in (audience if isinstance(audience, list) else [audience])}


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


def _time(claims: Claims, name: str, what: str = WHAT) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"the {what} has no usable {name}")
    return value


def _check_at_hash(claims: Claims, alg: object, access_token: str) -> None:
    """Check at_hash (Core 3.1.3.6): the left half of the hash that ``alg`` names."""
    expected = claims["at_hash"]
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise ProtocolError(f"the ID token has an at_hash, and an alg that names no hash: {ascii(alg)[:40]}")
    digest = hashlib.new(ALGORITHMS[alg][1], access_token.encode("ascii")).digest()
    if not isinstance(expected, str) or not hmac.compare_digest(
        expected.encode(), base64url(digest[: len(digest) // 2]).encode()
    ):
        raise ProtocolError("the ID token belongs to another access token (at_hash)")


def claims_of(jws: Jws) -> Claims:
    """Return the claims of a JWT (RFC 7519 section 7.2), unverified; ProtocolError where they are no JSON object."""
    try:
        claims = parse_json(jws.payload)
    except ValueError as error:
        raise ProtocolError(f"the {jws.what} cannot be read: {reason_of(error)}") from None
    if not isinstance(claims, dict):
        raise ProtocolError(f"the {jws.what} cannot be read: its claims are no JSON object")
    return claims
