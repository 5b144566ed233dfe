"""JSON Web Signatures in compact serialization, read strictly and verified (RFC 7515 sections 5.2 and 7.1).

Verify only: nothing here signs. The algorithms are RS, PS and ES with 256 to 512 bits; ``none``, HMACs and all others
are refused by name. The header chooses among the keys that the caller trusts and brings none of its own: ``jwk``,
``jku``, ``x5u`` and ``x5c`` are never looked at. Nothing critical is understood: ``crit`` and ``b64`` are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from oauth_cli_login.errors import KeyMissing, ProtocolError
from oauth_cli_login.model import JsonObject
from oauth_cli_login.protocol.base64url import from_base64url
from oauth_cli_login.protocol.body import parse_json, reason_of
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jwks import KeySet
from oauth_cli_login.values import dataclass, field

_PARTS_SIGNED, _PARTS_ENCRYPTED = 3, 5
_MAX_KID = 1000
_SIGN_OTHERWISE = "At the provider, have this client's ID tokens signed with RS256 (id_token_signed_response_alg)."


@dataclass(frozen=True)
class Jws:
    """A token taken apart, of which nothing has been verified. ``what`` it is called in messages."""

    what: str
    header: JsonObject
    payload: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def kid(self) -> str | None:
        """Which key the token names, or ``None``; ProtocolError for what is no name."""
        kid = self.header.get("kid")
        if kid is not None and (not isinstance(kid, str) or len(kid) > _MAX_KID):
            raise ProtocolError(f"the {self.what} names its key by something that is no kid")
        return kid


def is_jwt(token: str) -> bool:
    """Tell a JWT from an opaque token by the number of its parts; that it can be read is not said."""
    return token.count(".") + 1 in (_PARTS_SIGNED, _PARTS_ENCRYPTED)


def parse_jws(token: str, what: str) -> Jws:
    """Return the parts of a token; raise ProtocolError, which says ``what`` it should have been."""
    parts = token.split(".", _PARTS_ENCRYPTED)
    if len(parts) == _PARTS_ENCRYPTED:
        raise ProtocolError(f"the {what} is encrypted, which is unsupported")
    if len(parts) != _PARTS_SIGNED:
        raise ProtocolError(f"the {what} is not a signed JWT")
    try:
        encoded, payload, signature = (from_base64url(part) for part in parts)
        header = parse_json(encoded)
    except ValueError as error:
        raise ProtocolError(f"the {what} cannot be read: {reason_of(error)}") from None
    if not isinstance(header, dict):
        raise ProtocolError(f"the {what} cannot be read: its header is no JSON object")
    return Jws(what, header, payload, token.rpartition(".")[0].encode("ascii"), signature)


def check_header(jws: Jws, *, allowed: Sequence[str] | None) -> str:
    """Return the token's ``alg`` if it is one that is verified here and, where ``allowed`` is given, one of those.

    Raises ProtocolError, also for a token that is not signed and for header parameters that change what it means.
    """
    alg = jws.header.get("alg")
    if not isinstance(alg, str) or alg.strip().lower() in ("", "none") or not jws.signature:
        raise ProtocolError(f"the {jws.what} is not signed", hint=_SIGN_OTHERWISE)
    if "crit" in jws.header or "b64" in jws.header:
        raise ProtocolError(f"the {jws.what} has critical header parameters that oauth-cli does not know")
    if alg not in ALGORITHMS:
        raise ProtocolError(
            f"the {jws.what} is signed with {ascii(alg)[:40]}, and oauth-cli takes {', '.join(ALGORITHMS)} only",
            hint=_SIGN_OTHERWISE,
        )
    if allowed is not None and alg not in allowed:
        raise ProtocolError(f"the {jws.what} is signed with {alg}, which the provider's metadata does not announce")
    return alg


def verify(jws: Jws, keys: KeySet, *, allowed: Sequence[str] | None) -> None:
    """Raise ProtocolError unless one of these keys has signed the token, KeyMissing where its own is not there.

    Its ``kid`` picks the key; without one, all are tried that fit its ``alg``. ``allowed`` is as for ``check_header``.
    """
    alg, kid = check_header(jws, allowed=allowed), jws.kid
    candidates = keys.fitting(alg, kid)
    if not candidates:
        kind = ProtocolError if keys.knows(kid) else KeyMissing
        raise kind(f"no key of the provider's fits the {jws.what} ({alg}, kid {ascii(kid)[:80]}){_why(keys, kid)}")
    if not any(key.verifies(alg, jws.signing_input, jws.signature) for key in candidates):
        raise ProtocolError(
            f"the signature of the {jws.what} is wrong", hint="Nothing was stored. Somebody may have tampered with it."
        )


def _why(keys: KeySet, kid: str | None) -> str:
    """Return what is wrong with the keys that were meant, for whoever runs the server."""
    reasons = [reason for other, reason in keys.unusable if kid in (None, other)]
    return f": {reasons[0]}" if reasons else ""
