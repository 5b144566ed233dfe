"""Faults of the ID token's claims, rightly signed (OpenID Connect Core section 3.1.3.7)."""

from __future__ import annotations

import hashlib

from oauth_cli_providers.mock.authorization_server import CLIENT_ID
from oauth_cli_providers.mock.faults.fault import ESCAPES, Catalogue, IdToken
from oauth_cli_providers.mock.signing import b64url

faults = Catalogue()

_HOUR = 3600


def _now(token: IdToken) -> int:
    return int(token.server.clock())


@faults.id_token()
def wrong_nonce(token: IdToken) -> None:
    """The ID token's nonce is another one."""
    token.claims["nonce"] = "another-nonce"


@faults.id_token()
def no_nonce(token: IdToken) -> None:
    """The ID token has no nonce."""
    token.claims.pop("nonce", None)


@faults.id_token()
def id_token_wrong_iss(token: IdToken) -> None:
    """The ID token's iss is another server's."""
    token.claims["iss"] = "https://attacker.example"


@faults.id_token()
def id_token_iss_prefix(token: IdToken) -> None:
    """The ID token's iss begins with the issuer and goes on."""
    token.claims["iss"] = f"{token.server.issuer}.attacker.example"


@faults.id_token()
def id_token_iss_cut(token: IdToken) -> None:
    """The ID token's iss is the issuer without its last letter."""
    token.claims["iss"] = token.server.issuer[:-1]


@faults.id_token()
def id_token_iss_slash(token: IdToken) -> None:
    """The ID token's iss is the issuer and a slash."""
    token.claims["iss"] = f"{token.server.issuer}/"


@faults.id_token()
def id_token_iss_list(token: IdToken) -> None:
    """The ID token's iss is a list with the issuer in it."""
    token.claims["iss"] = [token.server.issuer]


@faults.id_token()
def id_token_no_iss(token: IdToken) -> None:
    """The ID token has no iss."""
    del token.claims["iss"]


@faults.id_token()
def wrong_aud(token: IdToken) -> None:
    """The ID token's aud is another client."""
    token.claims["aud"] = "another-client"


@faults.id_token()
def no_aud(token: IdToken) -> None:
    """The ID token has no aud."""
    del token.claims["aud"]


@faults.id_token()
def empty_aud(token: IdToken) -> None:
    """The ID token's aud is an empty list."""
    token.claims["aud"] = []


@faults.id_token()
def extra_aud(token: IdToken) -> None:
    """The ID token's aud holds the client and one more that nobody knows."""
    token.claims["aud"] = [CLIENT_ID, "another-client"]


@faults.id_token()
def wrong_azp(token: IdToken) -> None:
    """The ID token's azp is another client."""
    token.claims["azp"] = "another-client"


@faults.id_token()
def expired_id_token(token: IdToken) -> None:
    """The ID token's exp was an hour ago, its iat two hours ago."""
    now = _now(token)
    token.claims.update(iat=now - 2 * _HOUR, nbf=now - 2 * _HOUR, exp=now - _HOUR)


@faults.id_token()
def no_exp(token: IdToken) -> None:
    """The ID token has no exp."""
    del token.claims["exp"]


@faults.id_token()
def string_exp(token: IdToken) -> None:
    """The ID token's exp is a string of digits."""
    token.claims["exp"] = str(token.claims["exp"])


@faults.id_token()
def future_nbf(token: IdToken) -> None:
    """The ID token's nbf is in half an hour, before its exp."""
    token.claims["nbf"] = _now(token) + _HOUR // 2


@faults.id_token()
def clock_ahead(token: IdToken) -> None:
    """The ID token's dates are half a minute ahead (which is allowed: clocks differ)."""
    for name in ("iat", "nbf", "exp", "auth_time"):
        token.claims[name] = int(str(token.claims[name])) + 30


@faults.id_token()
def future_iat(token: IdToken) -> None:
    """The ID token's iat is in an hour, its exp in three."""
    now = _now(token)
    token.claims.update(iat=now + _HOUR, exp=now + 3 * _HOUR)


@faults.id_token()
def no_iat(token: IdToken) -> None:
    """The ID token has no iat."""
    del token.claims["iat"]


@faults.id_token()
def float_dates(token: IdToken) -> None:
    """The ID token's dates are numbers with a fraction (which is allowed)."""
    for name in ("iat", "nbf", "exp", "auth_time"):
        token.claims[name] = float(str(token.claims[name])) + 0.5


@faults.id_token()
def no_sub(token: IdToken) -> None:
    """The ID token has no sub."""
    del token.claims["sub"]


@faults.id_token()
def empty_sub(token: IdToken) -> None:
    """The ID token's sub is an empty string."""
    token.claims["sub"] = ""


@faults.id_token()
def number_sub(token: IdToken) -> None:
    """The ID token's sub is a number."""
    token.claims["sub"] = 7


@faults.id_token("refresh", "token", "code", "poll")
def other_sub(token: IdToken) -> None:
    """The ID token's sub is somebody else's; after a refresh, unless another place is named."""
    token.claims["sub"] = "somebody-else"


@faults.id_token()
def wrong_at_hash(token: IdToken) -> None:
    """The ID token's at_hash belongs to another access token."""
    token.claims["at_hash"] = b64url(hashlib.sha256(b"another access token").digest()[:16])


@faults.id_token()
def empty_at_hash(token: IdToken) -> None:
    """The ID token's at_hash is an empty string."""
    token.claims["at_hash"] = ""


@faults.id_token()
def no_at_hash(token: IdToken) -> None:
    """The ID token has no at_hash (which is allowed)."""
    del token.claims["at_hash"]


@faults.id_token()
def id_token_escapes(token: IdToken) -> None:
    """The ID token's name and preferred_username hold ESC, OSC and bidi sequences."""
    token.claims.update(name=ESCAPES, preferred_username=ESCAPES)
