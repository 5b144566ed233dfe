"""The JSON Web Key Set that an authorization server publishes at its ``jwks_uri`` (RFC 7517 section 5)."""

from __future__ import annotations

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse, JsonObject
from oauth_cli_login.protocol.body import check_available, parse_json_response
from oauth_cli_login.protocol.jwk import Jwk, parse_jwk
from oauth_cli_login.values import dataclass

WHAT = "JSON Web Key Set"
MAX_KEYS = 100
"""Servers publish two to ten; each one costs a look, and a verification where a token does not name its key."""


@dataclass(frozen=True)
class KeySet:
    """The keys of a server: ``unusable`` are those that cannot verify, each as (kid, reason)."""

    keys: tuple[Jwk, ...]
    unusable: tuple[tuple[object, str], ...] = ()

    def knows(self, kid: str | None) -> bool:
        """Tell whether the key that a token names is there; a token that names none (``None``) misses none."""
        return kid is None or kid in [key.kid for key in self.keys] or kid in [other for other, _ in self.unusable]

    def fitting(self, alg: str, kid: str | None) -> tuple[Jwk, ...]:
        """Return the keys that a signature may be of: those with the ``kid``, or all where it is ``None``, that fit."""
        return tuple(key for key in self.keys if kid in (None, key.kid) and key.fits(alg))


def jwks_request(jwks_uri: str) -> HttpRequest:
    """Build the request for the document (OpenID Connect Discovery 1.0 section 3, RFC 7517 section 8.5)."""
    return HttpRequest("GET", jwks_uri, {"Accept": "application/jwk-set+json, application/json"})


def parse_jwks_response(response: HttpResponse) -> JsonObject:
    """Return the document.

    Raises ProtocolError where there is none that can be read, TransportError where the server cannot answer now.
    """
    check_available(response, WHAT)
    if response.status != 200:  # noqa: PLR2004 - what RFC 9110 section 15.3.1 answers a GET with
        raise ProtocolError(f"the jwks_uri answered HTTP {response.status}: the provider's keys cannot be read")
    document = parse_json_response(response, WHAT)
    if not isinstance(document, dict):
        raise ProtocolError(f"the answer of the jwks_uri is no {WHAT}")
    return document


def key_set(document: JsonObject) -> KeySet:
    """Return the keys; those of unknown kinds, and those that no signature may be verified with, are set aside.

    Raises ProtocolError where the document is no key set or has more than 100 keys.
    """
    members = document.get("keys")
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise ProtocolError(f"the answer of the jwks_uri is no {WHAT}")
    if len(members) > MAX_KEYS:
        raise ProtocolError(f"the {WHAT} has {len(members)} keys, and more than {MAX_KEYS} are not looked at")
    keys: list[Jwk] = []
    unusable: list[tuple[object, str]] = []
    for member in members:
        try:
            keys.append(parse_jwk(member))
        except ValueError as error:
            unusable.append((member.get("kid"), str(error)))
    return KeySet(tuple(keys), tuple(unusable))
