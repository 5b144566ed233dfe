"""A session is pinned to its issuer and its client id: what the settings now say is held against that."""

from __future__ import annotations

from oauth_cli_login.discovery import own_metadata
from oauth_cli_login.model import Session
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved


def difference_from(session: Session, provider: Provider, resolved: Resolved) -> str | None:
    """Return in words what the settings say other than the session, or ``None``; no network is needed to tell.

    Raises ConfigError where the settings name no usable server.
    """
    client_id = resolved.values.get("client_id")
    if client_id != session.client_id:
        return f"client id {session.client_id!a}, not {client_id!a} (from {resolved.origins.get('client_id')})"
    issuer = own_metadata(provider, resolved.settings()).issuer
    if issuer is not None and session.issuer is not None and issuer != session.issuer:
        return f"issuer {session.issuer!a}, not {issuer!a}"
    return None
