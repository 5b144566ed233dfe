"""What both sign-in flows share: how to sign in this time, the attempt itself, and what the server granted."""

from __future__ import annotations

from collections.abc import Mapping

from oauth_cli_login.adapters.browser import OpenBrowser
from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.client import Client
from oauth_cli_login.context import Context
from oauth_cli_login.model import Flow, TokenResponse
from oauth_cli_login.protocol import params
from oauth_cli_login.values import dataclass, field


@dataclass(frozen=True)
class Options:
    """How to sign in this time.

    ``flow`` is ``None`` for the provider's best. ``params`` are the user's own request parameters. ``port`` replaces
    the provider's. ``timeout`` is in seconds, ``None`` for the flow's own. ``open_browser`` is ``None`` where no
    browser may be started. ``refresh_token_stored`` tells whether one is stored that seems to work, ``select_account``
    whether another profile has an account at this server, so that the person should say which one is meant.
    """

    scopes: tuple[str, ...]
    flow: Flow | None = None
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None
    timeout: float | None = None
    open_browser: OpenBrowser | None = None
    refresh_token_stored: bool = False
    select_account: bool = False


@dataclass(frozen=True)
class Granted:
    """The tokens that a flow ended with.

    ``issued_at`` is seconds since the epoch. ``nonce`` is what the ID token must hold, ``None`` where none was sent;
    ``redirect_uri`` is ``None`` after a device flow.
    """

    token_response: TokenResponse
    issued_at: int
    nonce: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One sign-in: the values that all its steps share."""

    context: Context
    client: Client
    options: Options

    @property
    def terminal(self) -> Terminal:
        """Where the attempt speaks."""
        return self.context.terminal

    def authorization_params(self, flow: Flow, protected: frozenset[str]) -> dict[str, str]:
        """Return the extra parameters of the authorization or device request: core's, the plugin's, the user's."""
        provider, settings, options = self.client.provider, self.client.settings, self.options
        plugin = provider.authorization_params(
            settings,
            self.client.metadata,
            scopes=options.scopes,
            flow=flow,
            refresh_token_stored=options.refresh_token_stored,
        )
        core = {}
        if hint := settings["login_hint"]:
            core["login_hint"] = hint
        if flow == "browser" and (prompt := self._prompt()):
            core["prompt"] = prompt
        return params.merge(core, plugin, options.params, protected=protected, provider=provider.name)

    def _prompt(self) -> str:
        """Return the prompt values that core asks for (OpenID Connect Core 3.1.2.1), separated by spaces."""
        options, known = self.options, self.client.metadata.document.get("prompt_values_supported")
        wanted = []
        if options.select_account and isinstance(known, list | tuple) and "select_account" in known:
            wanted.append("select_account")
        if "offline_access" in options.scopes and not options.refresh_token_stored:
            wanted.append("consent")  # Core 11: without it servers pass offline_access over
        return " ".join(wanted)

    def token_params(self, grant_type: str, protected: frozenset[str], redirect_uri: str | None) -> dict[str, str]:
        """Return the extra parameters of a token request."""
        return self.client.token_params(
            grant_type, scopes=self.options.scopes, redirect_uri=redirect_uri, protected=protected
        )
