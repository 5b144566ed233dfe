"""Okta, with a client of the type *Native application*.

Sources: developer.okta.com/docs/concepts/auth-servers, "…/reference/api/oidc" and "…/guides/refresh-tokens".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

Settings = Mapping[str, "str | None"]


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Ask for the org, and which of its authorization servers."""
    return (
        {"name": "domain", "help": "your Okta domain, for example dev-123456.okta.com", "required": True},
        {
            "name": "authorization_server",
            "help": "the id of a custom authorization server, often `default`; without it the org's own",
        },
    )


@hookimpl
def oauth_server_metadata(settings: Settings) -> Mapping[str, object]:
    """Return the issuer of the org's own server, or of a custom one."""
    host, pasted = _host(settings["domain"]), (settings["domain"] or "").partition("/oauth2/")[2].strip("/")
    server = settings["authorization_server"] or pasted
    return {"issuer": f"https://{host}/oauth2/{server}" if server else f"https://{host}"}


@hookimpl
def oauth_authorization_params() -> Mapping[str, str | None]:
    """Leave consent to the app's own settings: Okta grants offline_access without asking for it."""
    return {"prompt": None}


@hookimpl
def oauth_setup_guide(redirect_uri: str) -> Sequence[str]:
    """Say what to create in the Admin Console."""
    return (
        "In the Okta Admin Console: Applications, Create App Integration, OIDC, Native Application.",
        "  Grant types: Authorization Code, Refresh Token, and Device Authorization if you want it.",
        f"  Sign-in redirect URI, port included: {redirect_uri}",
        "  Assign yourself, and copy the client id.",
    )


@hookimpl
def oauth_connected_apps_url(settings: Settings) -> str:
    """Name the page of the user's own settings."""
    return f"https://{_host(settings['domain'])}/enduser/settings"


def _host(domain: str | None) -> str:
    """Return the bare host: people paste the address of their dashboard, or an issuer."""
    return (domain or "").removeprefix("https://").partition("/")[0].replace("-admin.okta", ".okta")
