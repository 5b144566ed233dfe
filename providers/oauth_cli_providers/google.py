"""Google, with a client of the type *Desktop app*.

Sources: developers.google.com/identity/protocols/oauth2/native-app, "…/identity/openid-connect/openid-connect", and
"…/identity/protocols/oauth2/limited-input-device".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

ISSUER = "https://accounts.google.com"
_REGISTER = "https://console.cloud.google.com/apis/credentials"
_SCOPE_ALIASES = {
    "https://www.googleapis.com/auth/userinfo.email": "email",
    "https://www.googleapis.com/auth/userinfo.profile": "profile",
}


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Ask for both: a Desktop client's secret is no secret to Google, but the token endpoint wants it."""
    return (
        {"name": "client_id", "help": f"the client id of a Desktop app: {_REGISTER}", "required": True},
        {"name": "client_secret", "help": "the client secret that belongs to it", "required": True, "secret": True},
    )


@hookimpl
def oauth_server_metadata() -> Mapping[str, object]:
    """Return the issuer; discovery knows the rest. The secret goes into the body, as all of Google's pages have it."""
    return {
        "issuer": ISSUER,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "prompt_values_supported": ["none", "consent", "select_account"],
    }


@hookimpl
def oauth_default_scopes() -> Sequence[str]:
    """Ask for who signed in. Google knows no ``offline_access``: see oauth_authorization_params."""
    return ("openid", "email", "profile")


@hookimpl
def oauth_redirect_policy() -> Mapping[str, object]:
    """Use the address literal; a Desktop client takes any port."""
    return {"host": "127.0.0.1", "any_port": True}


@hookimpl
def oauth_authorization_params(flow: str, refresh_token_stored: bool) -> Mapping[str, str | None]:
    """Ask for a refresh token, which Google sends on consent only: so ask for consent where none is stored."""
    if flow == "device":
        return {"login_hint": None}
    offline = {"access_type": "offline"}
    return offline if refresh_token_stored else {**offline, "prompt": "consent"}


@hookimpl
def oauth_token_fields(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Call the two identity scopes what they were asked for as; Google answers with their long names."""
    scope = fields.get("scope")
    if not isinstance(scope, str):
        return fields
    return {**fields, "scope": " ".join(_SCOPE_ALIASES.get(item, item) for item in scope.split())}


@hookimpl
def oauth_id_token_issuers() -> Sequence[str]:
    """Take both spellings: Google's ID tokens may leave out ``https://``."""
    return (ISSUER, ISSUER.removeprefix("https://"))


@hookimpl
def oauth_revocation_requests(metadata: Mapping[str, object], token: str) -> Sequence[Mapping[str, object]]:
    """Send the token and nothing else: Google asks for no client authentication here."""
    return ({"url": metadata["revocation_endpoint"], "form": {"token": token}, "auth": "none"},)


@hookimpl
def oauth_setup_guide() -> Sequence[str]:
    """Say what to create at Google."""
    return (
        f"Create an OAuth client id of the type Desktop app: {_REGISTER}",
        "  No redirect URI has to be entered: any port on 127.0.0.1 is allowed.",
        "  Copy the client id and the client secret. (While the app is in testing, sessions last 7 days.)",
    )


@hookimpl
def oauth_connected_apps_url() -> str:
    """Name the page of third-party connections."""
    return "https://myaccount.google.com/connections"


@hookimpl
def oauth_api_hosts() -> Sequence[str]:
    """Let the token go to the host that most of Google's APIs have in common."""
    return ("www.googleapis.com",)
