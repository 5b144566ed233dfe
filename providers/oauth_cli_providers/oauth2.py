"""Any OAuth 2 server without discovery: its endpoints, and the names of its userinfo's fields, are settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

Settings = Mapping[str, "str | None"]

_ENDPOINTS = {
    "authorization_endpoint": "where the browser goes to sign in",
    "device_authorization_endpoint": "where device codes come from",
    "revocation_endpoint": "where tokens are revoked (RFC 7009)",
    "introspection_endpoint": "what tells whether a token is active (RFC 7662)",
    "userinfo_endpoint": "what tells, as JSON, who an access token stands for",
    "jwks_uri": "where the keys are that sign ID tokens; they are needed with the scope openid",
}
_CLAIMS = {"sub": "sub", "username": "preferred_username", "name": "name", "email": "email", "picture": "picture"}


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Ask for all that a discovery document would say."""
    return (
        {"name": "token_endpoint", "help": "where tokens come from", "required": True},
        *({"name": name, "help": about} for name, about in _ENDPOINTS.items()),
        {"name": "issuer", "help": "what the server calls itself in `iss`, if it does"},
        *(
            {
                "name": f"{name}_claim",
                "help": f"which field of userinfo is the {name}; dots reach into objects",
                "default": claim,
            }
            for name, claim in _CLAIMS.items()
        ),
    )


@hookimpl
def oauth_server_metadata(settings: Settings) -> Mapping[str, object]:
    """Return what was set."""
    names = ("issuer", "token_endpoint", *_ENDPOINTS)
    return {name: settings[name] for name in names if settings[name]}


@hookimpl
def oauth_default_scopes() -> Sequence[str]:
    """Ask for nothing: what scopes there are is the server's own affair."""
    return ()


@hookimpl
def oauth_userinfo_requests(settings: Settings) -> Sequence[Mapping[str, object]]:
    """GET the one address, where it is set."""
    return ({"url": settings["userinfo_endpoint"]},) if settings["userinfo_endpoint"] else ()


@hookimpl
def oauth_parse_userinfo(settings: Settings, responses: Sequence[object]) -> Mapping[str, object]:
    """Read the fields that the settings name."""
    answer = responses[0]
    found = {name: _reach(answer, settings[f"{name}_claim"] or "") for name in _CLAIMS}
    return {**found, "claims": answer if isinstance(answer, Mapping) else {}}


@hookimpl
def oauth_setup_guide(redirect_uri: str) -> Sequence[str]:
    """Say what the server's operator has to tell."""
    return (
        "Register a client at the server.",
        f"  Redirect URI: {redirect_uri}",
        "  Its documentation names the endpoints; with a discovery document use --provider oidc instead.",
    )


def _reach(value: object, path: str) -> object:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
