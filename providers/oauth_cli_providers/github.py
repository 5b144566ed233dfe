"""GitHub: OAuth apps and GitHub Apps on github.com.

GitHub is OAuth 2 without discovery and without ID tokens. Its browser flow needs the client secret, its device flow
does not; errors of its token endpoint come with status 200.

Sources: docs.github.com, "Authorizing OAuth apps", "Refreshing user access tokens", "REST API endpoints for users",
"for emails", "for OAuth authorizations" and "for revocation".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

SITE = "https://github.com"
API = "https://api.github.com"
API_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_REGISTER = f"{SITE}/settings/applications/new"
_ERRORS = {
    "bad_refresh_token": "invalid_grant",
    "bad_verification_code": "invalid_grant",
    "incorrect_client_credentials": "invalid_client",
    "incorrect_device_code": "invalid_grant",
    "token_expired": "expired_token",  # the documentation has both spellings
}
_DEVICE_FLOW_DISABLED = f"tick Enable Device Flow in the app's settings: {SITE}/settings/developers"

Settings = Mapping[str, "str | None"]


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Say where the two identifiers come from."""
    return (
        {"name": "client_id", "help": f"the client id of your OAuth app: {_REGISTER}", "required": True},
        {
            "name": "client_secret",
            "help": "its client secret, which GitHub wants for the browser flow (the device flow does without)",
            "secret": True,
        },
    )


@hookimpl
def oauth_server_metadata() -> Mapping[str, object]:
    """Return GitHub's endpoints: it has no discovery document."""
    return {
        "issuer": f"{SITE}/login/oauth",
        "authorization_endpoint": f"{SITE}/login/oauth/authorize",
        "token_endpoint": f"{SITE}/login/oauth/access_token",
        "device_authorization_endpoint": f"{SITE}/login/device/code",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["select_account"],
    }


@hookimpl
def oauth_default_scopes() -> Sequence[str]:
    """Ask for who signed in, with the e-mail addresses."""
    return ("read:user", "user:email")


@hookimpl
def oauth_redirect_policy() -> Mapping[str, object]:
    """Use 127.0.0.1, where GitHub takes any port and any path at or below the registered one."""
    return {"host": "127.0.0.1", "any_port": True}


@hookimpl
def oauth_flows(settings: Settings) -> Sequence[str]:
    """Prefer the browser with a client secret; without one only the device flow works."""
    return ("browser", "device") if settings["client_secret"] else ("device",)


@hookimpl
def oauth_authorization_params(settings: Settings, flow: str) -> Mapping[str, str | None]:
    """Spell the account to suggest as GitHub does: ``login``."""
    hint = settings["login_hint"]
    return {"login_hint": None, "login": hint} if hint and flow == "browser" else {"login_hint": None}


@hookimpl
def oauth_token_fields(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Translate GitHub's own error codes, and scopes separated by commas."""
    translated = dict(fields)
    error, scope = fields.get("error"), fields.get("scope")
    if isinstance(error, str):
        translated["error"] = _ERRORS.get(error, error)
        if error == "device_flow_disabled":
            translated["error_description"] = _DEVICE_FLOW_DISABLED
    if isinstance(scope, str):
        translated["scope"] = scope.replace(",", " ")
    return translated


@hookimpl
def oauth_userinfo_requests(scopes: Sequence[str]) -> Sequence[Mapping[str, object]]:
    """GET the user, and the e-mail addresses, which the user may keep out of the profile."""
    user = {"url": f"{API}/user", "headers": API_HEADERS}
    emails = {"url": f"{API}/user/emails", "headers": API_HEADERS, "optional": True}
    # a GitHub App's token has permissions instead of scopes: then only asking tells
    return (user, emails) if not scopes or {"user:email", "user"} & set(scopes) else (user,)


@hookimpl
def oauth_parse_userinfo(responses: Sequence[object]) -> Mapping[str, object]:
    """Read the user; ``sub`` is the numeric id, which stays when somebody renames the account."""
    user = responses[0] if isinstance(responses[0], Mapping) else {}
    return {
        "sub": user.get("id"),
        "name": user.get("name"),
        "email": user.get("email") or _primary_email(responses[1] if len(responses) > 1 else None),
        "username": user.get("login"),
        "picture": user.get("avatar_url"),
        "claims": user,
    }


@hookimpl
def oauth_revocation_requests(settings: Settings, token: str) -> Sequence[Mapping[str, object]]:
    """Delete the app's token with the secret, or hand the token itself in without one."""
    if settings["client_secret"] and not token.startswith("ghr_"):
        return (
            {
                "method": "DELETE",
                "url": f"{API}/applications/{settings['client_id']}/token",
                "headers": API_HEADERS,
                "json": {"access_token": token},
                "auth": "basic",
            },
        )
    return (
        {
            "url": f"{API}/credentials/revoke",
            "headers": API_HEADERS,
            "json": {"credentials": [token]},
            "auth": "none",
        },
    )


@hookimpl
def oauth_setup_guide(redirect_uri: str) -> Sequence[str]:
    """Say what to fill in at GitHub."""
    return (
        f"Register an OAuth app: {_REGISTER}",
        f"  Authorization callback URL: {redirect_uri}",
        "  Tick *Enable Device Flow*: then no client secret is needed.",
    )


@hookimpl
def oauth_connected_apps_url() -> str:
    """Name the page of authorized OAuth apps."""
    return f"{SITE}/settings/applications"


@hookimpl
def oauth_api_hosts() -> Sequence[str]:
    """Let the token go to GitHub's API."""
    return ("api.github.com",)


def _primary_email(emails: object) -> object:
    entries = [entry for entry in emails if isinstance(entry, Mapping)] if isinstance(emails, list) else []
    return next((entry.get("email") for entry in entries if entry.get("primary") and entry.get("verified")), None)
