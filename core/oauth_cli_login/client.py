"""One client at one authorization server: who it is there, and what its token endpoint's answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from oauth_cli_login.context import Connection
from oauth_cli_login.keys import Keys
from oauth_cli_login.model import HttpResponse, JsonObject, ServerMetadata, Settings, TokenResponse
from oauth_cli_login.protocol import id_token, params
from oauth_cli_login.protocol.jws import parse_jws
from oauth_cli_login.protocol.token import (
    ClientAuthentication,
    TokenFields,
    client_authentication,
    parse_token_response,
)
from oauth_cli_login.provider import Provider
from oauth_cli_login.values import dataclass


@dataclass(frozen=True)
class Client:
    """What every request of a client needs; ``client_for`` makes one."""

    provider: Provider
    settings: Settings
    metadata: ServerMetadata
    authentication: ClientAuthentication
    connection: Connection
    keys: Keys

    def token_params(
        self, grant_type: str, *, scopes: Sequence[str], redirect_uri: str | None, protected: frozenset[str]
    ) -> dict[str, str]:
        """Return the plugin's extra parameters of a token request, none of them one of core's own ``protected``."""
        extra = self.provider.token_params(
            self.settings, self.metadata, grant_type=grant_type, scopes=scopes, redirect_uri=redirect_uri
        )
        return params.merge({}, extra, {}, protected=protected, provider=self.provider.name)

    def token_fields(self, grant_type: str) -> TokenFields:
        """Return what translates the token endpoint's answers into RFC 6749's terms."""
        return partial(self._token_fields, grant_type)

    def parse_token_response(self, response: HttpResponse, grant_type: str) -> TokenResponse:
        """Return the tokens of a response; raises as protocol/token.py does."""
        return parse_token_response(response, token_fields=self.token_fields(grant_type))

    def issuers(self, claims: JsonObject) -> Sequence[str]:
        """Return the ``iss`` values that an ID token with these claims may have."""
        return self.provider.id_token_issuers(self.settings, self.metadata, claims)

    def validate_id_token(self, tokens: TokenResponse, *, nonce: str | None, now: float) -> JsonObject | None:
        """Return the ID token's claims, or ``None`` where there is none; the signature and all claims are checked.

        OpenID Connect Core 3.1.3.7. ``nonce`` is what the authorization request sent, ``None`` where none was. Raises
        ProtocolError, and TransportError where the server's keys cannot be fetched.
        """
        if tokens.id_token is None:
            return None
        jws = parse_jws(tokens.id_token, id_token.WHAT)
        self.keys.verify(jws)
        return id_token.validate(
            jws,
            issuers=self.issuers,
            client_id=self.authentication.client_id,
            now=now,
            nonce=nonce,
            access_token=tokens.access_token,
        )

    def _token_fields(self, grant_type: str, status: int, fields: JsonObject) -> JsonObject:
        return self.provider.token_fields(self.settings, grant_type=grant_type, status=status, fields=fields)


def client_for(
    provider: Provider, settings: Settings, metadata: ServerMetadata, connection: Connection, *, client_id: str
) -> Client:
    """Return the client that these settings describe; ConfigError where its authentication cannot work."""
    authentication = client_authentication(
        client_id,
        settings["client_secret"],
        metadata=metadata,
        method=settings["token_endpoint_auth_method"],
    )
    return Client(provider, settings, metadata, authentication, connection, Keys(metadata, connection))
