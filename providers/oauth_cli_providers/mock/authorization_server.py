"""The authorization server that the endpoints share: what it is, what it issues, and what it accepts again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from oauth_cli_providers.mock import state
from oauth_cli_providers.mock.messages import OAuthError, required
from oauth_cli_providers.mock.signing import SigningKey, b64url
from oauth_cli_providers.mock.state import Grant, State
from oauth_cli_providers.mock.storage import Storage

CLIENT_ID = "cli-app"
SCOPES = ("openid", "profile", "email", "offline_access")
"""The scopes that mean something here; every other one is granted as it is asked for."""

CODE_LIFETIME = 60
ID_TOKEN_LIFETIME = 3600
REFRESH_TOKEN_LIFETIME = 30 * 24 * 3600

PROTOCOL_CLAIMS = frozenset(
    ["iss", "sub", "aud", "azp", "client_id", "scope", "exp", "iat", "nbf", "jti", "sid", "nonce", "auth_time"]
) | {"at_hash", "c_hash", "s_hash", "cnf"}
"""What the claims of a sign-in cannot set."""

_ACCESS_TOKEN = "at+jwt"  # noqa: S105 - the typ of RFC 9068 section 2.1
_ID_TOKEN = "JWT"  # noqa: S105 - a typ as well


@dataclass(frozen=True)
class AuthorizationServer:
    """One issuer with one public client, ``CLIENT_ID``.

    ``clock`` gives seconds since the epoch; ``access_token_lifetime`` and ``device_interval`` are seconds.
    """

    issuer: str
    key: SigningKey
    storage: Storage
    access_token_lifetime: int
    device_interval: int
    clock: Callable[[], float]

    def transaction(self) -> AbstractContextManager[State]:
        """Return the state as it is now, for a ``with`` block; what changed in it is kept."""
        return self.storage.transaction(self.clock())

    def new_grant(self, sub: str, claims: Mapping[str, object], scope: str, nonce: str | None = None) -> Grant:
        """Return what a person who signs in now allows; it ends with its code unless tokens are issued from it."""
        now = int(self.clock())
        own = {name: value for name, value in claims.items() if name not in PROTOCOL_CLAIMS}
        return Grant(self.issuer, sub, scope, own, now, now + CODE_LIFETIME, nonce)

    def renew(self, grant: Grant, refresh_token: str) -> str:
        """Make this the only refresh token of the grant that is good, and return it."""
        grant.refresh_token = state.digest(refresh_token)
        lifetime = max(REFRESH_TOKEN_LIFETIME, self.access_token_lifetime)
        grant.expires_at = int(self.clock()) + lifetime
        return refresh_token

    def token_response(
        self, grant: Grant, refresh_token: str, *, scope: str | None = None, nonce: str | None = None
    ) -> dict[str, object]:
        """Return the fields of RFC 6749 section 5.1, with an ID token where ``openid`` is in the scope."""
        scope = grant.scope if scope is None else scope
        now = int(self.clock())
        common = {
            "preferred_username": grant.sub,
            **grant.claims,
            "iss": self.issuer,
            "sub": grant.sub,
            "azp": CLIENT_ID,
            "iat": now,
            "nbf": now,
            "sid": state.grant_key(refresh_token),
        }
        access_token = self.key.encode(
            common
            | {
                "aud": self.issuer,
                "client_id": CLIENT_ID,
                "scope": scope,
                "exp": now + self.access_token_lifetime,
                "jti": secrets.token_urlsafe(16),
            },
            typ=_ACCESS_TOKEN,
        )
        response: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.access_token_lifetime,
            "refresh_token": refresh_token,
            "scope": scope,
        }
        if "openid" in scope.split(" "):
            response["id_token"] = self.key.encode(
                common
                | {
                    "aud": CLIENT_ID,
                    "exp": now + ID_TOKEN_LIFETIME,
                    "jti": secrets.token_urlsafe(16),
                    "auth_time": grant.auth_time,
                    "at_hash": at_hash(access_token),
                }
                | ({} if nonce is None else {"nonce": nonce}),
                typ=_ID_TOKEN,
            )
        return response

    def access_token_claims(self, access_token: str) -> dict[str, object] | None:
        """Return the claims of an access token that is good now, or ``None``."""
        claims = self.key.decode(access_token, typ=_ACCESS_TOKEN)
        if claims is None or claims["iss"] != self.issuer or float(str(claims["exp"])) <= self.clock():
            return None
        with self.transaction() as current:
            grant = current.grants.get(state.GrantKey(str(claims["sid"])))
            good = grant is not None and str(claims["jti"]) not in grant.revoked
        return claims if good else None

    def refresh_token_grant(self, refresh_token: str) -> Grant | None:
        """Return the grant of a refresh token that is good now, or ``None``."""
        with self.transaction() as current:
            grant = current.grants.get(state.grant_key(refresh_token))
        if grant is None or grant.iss != self.issuer or grant.refresh_token != state.digest(refresh_token):
            return None
        return grant


def at_hash(access_token: str) -> str:
    """Return what binds an ID token that RS256 signs to this access token (OpenID Connect Core section 3.1.3.6)."""
    return b64url(hashlib.sha256(access_token.encode()).digest()[:16])


def check_client(form: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Raise ``OAuthError`` unless the request names the one client, which is public: it has no secret to send."""
    if "authorization" in headers or "client_secret" in form:
        raise invalid_client(f"{CLIENT_ID} is a public client: send client_id in the body, and no secret.")
    if required(form, "client_id") != CLIENT_ID:
        raise invalid_client(f"The only client here is {CLIENT_ID}.")


def invalid_client(error_description: str) -> OAuthError:
    """Return the refusal of a client (RFC 6749 section 5.2)."""
    challenge = {"WWW-Authenticate": 'Basic realm="oauth-cli mock"'}
    return OAuthError("invalid_client", error_description, status=401, headers=challenge)


def check_scope(scope: str) -> str:
    """Return the scopes in their order, each once; raise ``OAuthError`` (RFC 6749 section 3.3)."""
    if not (scope.isascii() and scope.isprintable()) or set(scope) & set('"\\'):
        raise OAuthError("invalid_scope", "The scope holds characters that RFC 6749 does not allow.")
    return " ".join(dict.fromkeys(scope.split()))
