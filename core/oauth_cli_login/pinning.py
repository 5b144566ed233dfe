"""A session is pinned to its client id and its server: what the settings now say is held against that.

The server is the issuer, and for one that names no issuer, or that the provider knows by its endpoints, the origin of the
token_endpoint: that is where the refresh token and the client secret would go.
"""

from __future__ import annotations

from oauth_cli_login.discovery import own_metadata
from oauth_cli_login.model import Session
from oauth_cli_login.protocol.url import origin_of
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved


def difference_from(session: Session, provider: Provider, resolved: Resolved) -> str | None:
    """Return in words what the settings say other than the session, or ``None``; no network is needed to tell.

    Raises ConfigError where the settings name no usable server.
    """
    client_id = resolved.values.get("client_id")
    if client_id != session.client_id:
        return f"client id {session.client_id!a}, not {client_id!a} (from {resolved.origins.get('client_id')})"
    own = own_metadata(provider, resolved.settings())
    if own.issuer is not None and session.issuer is not None and own.issuer != session.issuer:
        return f"issuer {session.issuer!a}, not {own.issuer!a}"
    then, now = session.token_endpoint, own.token_endpoint
    if then is not None and now is not None and origin_of(then) != origin_of(now):
        return f"token_endpoint {then!a}, not {now!a}"
    return None
