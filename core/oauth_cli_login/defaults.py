"""What a standard OpenID Connect provider does: the plugin that answers where a provider's own returns nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

DEFAULT_PORT = 8085


@hookimpl(trylast=True)
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Add no settings."""
    return ()


@hookimpl(trylast=True)
def oauth_server_metadata(settings: Mapping[str, str | None]) -> Mapping[str, object]:
    """Use the issuer, where there is such a setting."""
    return {"issuer": settings["issuer"]} if settings.get("issuer") else {}


@hookimpl(trylast=True)
def oauth_default_scopes() -> Sequence[str]:
    """Ask for who signed in, and for a session that lasts (OpenID Connect Core 5.4 and 11)."""
    return ("openid", "profile", "email", "offline_access")


@hookimpl(trylast=True)
def oauth_redirect_policy() -> Mapping[str, object]:
    """Take the one registered redirect: most servers compare it to the letter."""
    return {"host": "localhost", "port": DEFAULT_PORT, "path": "/callback", "any_port": False}


@hookimpl(trylast=True)
def oauth_flows(metadata: Mapping[str, object]) -> Sequence[str]:
    """Prefer the browser; a device code where there is an endpoint for it."""
    flows = {"authorization_endpoint": "browser", "device_authorization_endpoint": "device"}
    return tuple(flow for endpoint, flow in flows.items() if metadata.get(endpoint))


@hookimpl(trylast=True)
def oauth_authorization_params() -> Mapping[str, str | None]:
    """Add nothing."""
    return {}


@hookimpl(trylast=True)
def oauth_token_params() -> Mapping[str, str]:
    """Add nothing."""
    return {}


@hookimpl(trylast=True)
def oauth_token_fields(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Take the answer as it is."""
    return fields


@hookimpl(trylast=True)
def oauth_id_token_issuers(metadata: Mapping[str, object]) -> Sequence[str]:
    """Take the issuer's own spelling only (OpenID Connect Core 3.1.3.7 point 2)."""
    issuer = metadata.get("issuer")
    return (issuer,) if isinstance(issuer, str) else ()


@hookimpl(trylast=True)
def oauth_userinfo_requests(metadata: Mapping[str, object], scopes: Sequence[str]) -> Sequence[Mapping[str, object]]:
    """GET the userinfo_endpoint, which answers to tokens with the scope openid (OpenID Connect Core 5.3)."""
    url = metadata.get("userinfo_endpoint")
    return ({"url": url},) if url and "openid" in scopes else ()


@hookimpl(trylast=True)
def oauth_parse_userinfo(responses: Sequence[object]) -> Mapping[str, object]:
    """Read the standard claims (OpenID Connect Core 5.1)."""
    claims = responses[0]
    if not isinstance(claims, Mapping):
        return {}
    return {
        "sub": claims.get("sub"),
        "name": claims.get("name"),
        "email": claims.get("email"),
        "username": claims.get("preferred_username"),
        "picture": claims.get("picture"),
        "claims": claims,
    }


@hookimpl(trylast=True)
def oauth_revocation_requests() -> None:
    """Leave it to core, which does what RFC 7009 says where the metadata has a revocation_endpoint."""


@hookimpl(trylast=True)
def oauth_setup_guide(redirect_uri: str) -> Sequence[str]:
    """Say what any provider's registration page asks for."""
    return (
        "Register a native (public) client at your provider.",
        f"Redirect URI: {redirect_uri}",
        "Allow the grant types authorization_code and refresh_token.",
    )


@hookimpl(trylast=True)
def oauth_connected_apps_url() -> None:
    """Name no page: there is no standard one."""


@hookimpl(trylast=True)
def oauth_api_hosts() -> Sequence[str]:
    """Add no hosts to the issuer's and userinfo's own."""
    return ()


@hookimpl(trylast=True)
def oauth_local_server() -> None:
    """Serve nothing."""
