"""Auth0, with a client of the type *Native*.

Sources: auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce,
"…/device-authorization-flow", "…/secure/tokens/refresh-tokens" and "…/revoke-refresh-tokens".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

Settings = Mapping[str, "str | None"]


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Ask for the tenant, and which API the token is for."""
    return (
        {"name": "domain", "help": "your tenant's domain, for example example.eu.auth0.com", "required": True},
        {"name": "audience", "help": "the API to get a token for; without it the token is good for userinfo only"},
        {"name": "connection", "help": "the connection to sign in with, for example google-oauth2"},
        {"name": "organization", "help": "the organization to sign in to"},
    )


@hookimpl
def oauth_server_metadata(settings: Settings) -> Mapping[str, object]:
    """Return the issuer, which ends in a slash."""
    return {"issuer": f"https://{_host(settings['domain'])}/"}


@hookimpl
def oauth_authorization_params(settings: Settings, flow: str) -> Mapping[str, str | None]:
    """Name the audience in both flows; connection and organization are the browser's."""
    names = ("audience",) if flow == "device" else ("audience", "connection", "organization")
    chosen = {name: settings[name] for name in names if settings[name]}
    return {"prompt": None, **chosen}  # Auth0 grants offline_access without prompt=consent


@hookimpl
def oauth_revocation_requests(token_type_hint: str) -> Sequence[Mapping[str, object]] | None:
    """Revoke refresh tokens as RFC 7009 says; Auth0 revokes no access token."""
    return None if token_type_hint == "refresh_token" else ()  # noqa: S105 - a token_type_hint


@hookimpl
def oauth_setup_guide(redirect_uri: str) -> Sequence[str]:
    """Say what to create in the dashboard."""
    return (
        "In the Auth0 Dashboard: Applications, Create Application, Native.",
        f"  Allowed Callback URLs, port included: {redirect_uri}",
        "  Advanced Settings, Grant Types: Authorization Code, Refresh Token, Device Code if you want it.",
        "  For a session that lasts, switch on *Allow Offline Access* at the API that the audience names.",
    )


def _host(domain: str | None) -> str:
    """Return the bare host: people paste addresses."""
    return (domain or "").removeprefix("https://").partition("/")[0]
