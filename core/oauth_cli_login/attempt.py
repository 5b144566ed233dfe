"""What both sign-in flows share: how to sign in this time, the attempt itself, and what the server granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oauth_cli_login.adapters.browser import OpenBrowser
from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.model import Flow, JsonObject, ServerMetadata, Settings, TokenResponse
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.token import ClientAuthentication
from oauth_cli_login.provider import Provider


@dataclass(frozen=True, slots=True)
class Options:
    """How to sign in this time.

    ``flow`` is ``None`` for the provider's best. ``params`` are the user's own request parameters. ``port`` replaces
    the provider's. ``timeout`` is in seconds, ``None`` for the flow's own. ``open_browser`` is ``None`` where no
    browser may be started.
    """

    scopes: tuple[str, ...]
    flow: Flow | None = None
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None
    timeout: float | None = None
    open_browser: OpenBrowser | None = None
    refresh_token_stored: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """The tokens that a flow ended with.

    ``issued_at`` is seconds since the epoch. ``nonce`` is what the ID token must hold, ``None`` where none was sent;
    ``redirect_uri`` is ``None`` after a device flow.
    """

    token_response: TokenResponse
    issued_at: int
    nonce: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in: the values that all its steps share."""

    context: Context
    provider: Provider
    settings: Settings
    options: Options
    connection: Connection
    metadata: ServerMetadata
    client: ClientAuthentication

    @property
    def terminal(self) -> Terminal:
        """Where the attempt speaks."""
        return self.context.terminal

    def authorization_params(self, flow: Flow, protected: frozenset[str]) -> dict[str, str]:
        """Return the extra parameters of the authorization or device request."""
        hint = self.settings["login_hint"]
        plugin = self.provider.authorization_params(
            self.settings,
            self.metadata,
            scopes=self.options.scopes,
            flow=flow,
            refresh_token_stored=self.options.refresh_token_stored,
        )
        core = {"login_hint": hint} if hint else {}
        return params.merge(core, plugin, self.options.params, protected=protected, provider=self.provider.name)

    def token_params(self, grant_type: str, protected: frozenset[str], redirect: str | None) -> dict[str, str]:
        """Return the extra parameters of a token request."""
        plugin = self.provider.token_params(
            self.settings,
            self.metadata,
            grant_type=grant_type,
            scopes=self.options.scopes,
            redirect_uri=redirect,
        )
        return params.merge({}, plugin, {}, protected=protected, provider=self.provider.name)

    def token_fields(self, grant_type: str, status: int, fields: JsonObject) -> JsonObject:
        """Translate the token endpoint's answer into RFC 6749's terms."""
        return self.provider.token_fields(self.settings, grant_type=grant_type, status=status, fields=fields)
