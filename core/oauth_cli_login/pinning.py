"""A session is pinned to its client id and its server: what the settings now say is held against that.

The server is the issuer and, where the provider knows endpoints itself, their origins: that is where tokens and the
client secret would go.
"""

from __future__ import annotations

from collections.abc import Mapping

from oauth_cli_login.discovery import own_metadata
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import Profile, ServerMetadata, Session, Setting
from oauth_cli_login.protocol.url import origin_of
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved, resolve, stored_layer


def difference_from(profile: Profile, session: Session, provider: Provider, resolved: Resolved) -> str | None:
    """Return in words what the settings say other than the session, or ``None``; no network is needed to tell.

    Raises ConfigError where the settings name no usable server.
    """
    client_id = resolved.values.get("client_id")
    if client_id != session.client_id:
        return f"client id {session.client_id!a}, not {client_id!a} (from {resolved.origins.get('client_id')})"
    now = own_metadata(provider, resolved.settings())
    if now.issuer is not None and session.issuer is not None and now.issuer != session.issuer:
        return f"issuer {session.issuer!a}, not {now.issuer!a}"
    then = server_of(profile, provider, resolved.declared)
    known = [session.token_endpoint, *(_endpoints(then).values() if then else ())]
    origins = {origin_of(url) for url in known if url is not None}
    for name, url in _endpoints(now).items():
        if origins and url is not None and origin_of(url) not in origins:
            return f"server {session.token_endpoint!a}, and its {name} cannot be {url!a}"
    return None


def _endpoints(server: ServerMetadata) -> dict[str, str | None]:
    """Return where tokens and the client secret go."""
    return {
        "token_endpoint": server.token_endpoint,
        "userinfo_endpoint": server.userinfo_endpoint,
        "revocation_endpoint": server.revocation_endpoint,
    }


def server_of(profile: Profile, provider: Provider, declared: Mapping[str, Setting]) -> ServerMetadata | None:
    """Return the server that the profile's last login used, as the provider knows it; ``None`` where it does not."""
    try:
        return own_metadata(provider, resolve(declared, [stored_layer(profile)]).settings())
    except ConfigError:
        return None


def keeps_secrets(profile: Profile, provider: Provider, resolved: Resolved) -> bool:
    """Tell whether the settings still mean the client and server that the profile's stored secrets belong to."""
    then, now = server_of(profile, provider, resolved.declared), own_metadata(provider, resolved.settings())
    return (
        then is not None
        and resolved.values.get("client_id") == profile.settings.get("client_id")
        and (then.issuer, then.token_endpoint) == (now.issuer, now.token_endpoint)
    )
