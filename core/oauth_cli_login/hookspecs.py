"""Every hook that a provider plugin may implement; all are ``firstresult``, and a ``None`` falls to the default.

``settings`` is an immutable mapping of setting names to strings (``None`` where unset). ``metadata`` is the RFC 8414
document after discovery. Hooks are pure: they return plain mappings and tuples with the RFCs' own names, and core
sends the requests and checks what comes back. docs/plugins.md shows each one with an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import pluggy

hookspec = pluggy.HookspecMarker("oauth_cli")


@hookspec(firstresult=True)
def oauth_provider_settings() -> Sequence[Mapping[str, object]] | None:
    """Return the settings this provider adds or redefines, each with name, help, required, default and secret."""


@hookspec(firstresult=True)
def oauth_server_metadata(settings: Mapping[str, str | None]) -> Mapping[str, object] | None:
    """Return the issuer, the endpoints, or both (RFC 8414 names); core discovers what is missing."""


@hookspec(firstresult=True)
def oauth_default_scopes(settings: Mapping[str, str | None]) -> Sequence[str] | None:
    """Return the scopes to ask for when the user names none."""


@hookspec(firstresult=True)
def oauth_redirect_policy(settings: Mapping[str, str | None]) -> Mapping[str, object] | None:
    """Return the loopback redirect: host, port, path, and any_port (true where the server takes any port)."""


@hookspec(firstresult=True)
def oauth_flows(settings: Mapping[str, str | None], metadata: Mapping[str, object]) -> Sequence[str] | None:
    """Return the sign-in flows that work with these settings, best first: "browser", "device"."""


@hookspec(firstresult=True)
def oauth_authorization_params(
    settings: Mapping[str, str | None],
    metadata: Mapping[str, object],
    scopes: Sequence[str],
    flow: str,
    refresh_token_stored: bool,
) -> Mapping[str, str | None] | None:
    """Return extra parameters of the authorization or device request; ``None`` as a value drops one of core's."""


@hookspec(firstresult=True)
def oauth_token_params(
    settings: Mapping[str, str | None],
    metadata: Mapping[str, object],
    grant_type: str,
    scopes: Sequence[str],
    redirect_uri: str | None,
) -> Mapping[str, str] | None:
    """Return extra parameters of the token request."""


@hookspec(firstresult=True)
def oauth_token_fields(
    settings: Mapping[str, str | None], grant_type: str, status: int, fields: Mapping[str, object]
) -> Mapping[str, object] | None:
    """Return the token endpoint's answer in the terms of RFC 6749 sections 5.1 and 5.2."""


@hookspec(firstresult=True)
def oauth_id_token_issuers(
    settings: Mapping[str, str | None], metadata: Mapping[str, object], claims: Mapping[str, object]
) -> Sequence[str] | None:
    """Return the ``iss`` values that an ID token of this provider may have."""


@hookspec(firstresult=True)
def oauth_userinfo_requests(
    settings: Mapping[str, str | None], metadata: Mapping[str, object], scopes: Sequence[str]
) -> Sequence[Mapping[str, object]] | None:
    """Return what to GET for the user's profile, each with url, headers, and optional (may fail)."""


@hookspec(firstresult=True)
def oauth_parse_userinfo(
    settings: Mapping[str, str | None], responses: Sequence[object]
) -> Mapping[str, object] | None:
    """Return sub, name, email, username, picture and claims from the decoded answers (``None`` for a failed one)."""


@hookspec(firstresult=True)
def oauth_revocation_requests(
    settings: Mapping[str, str | None], metadata: Mapping[str, object], token: str, token_type_hint: str
) -> Sequence[Mapping[str, object]] | None:
    """Return the requests that revoke a token, each with method, url, headers, form or json, and auth; or ``()``."""


@hookspec(firstresult=True)
def oauth_setup_guide(settings: Mapping[str, str | None], redirect_uri: str) -> Sequence[str] | None:
    """Return the steps of registering a client at this provider, a line each; settings may be missing."""


@hookspec(firstresult=True)
def oauth_connected_apps_url(settings: Mapping[str, str | None]) -> str | None:
    """Return the page where the user sees, and can remove, the applications that have access."""


@hookspec(firstresult=True)
def oauth_api_hosts(settings: Mapping[str, str | None], metadata: Mapping[str, object]) -> Sequence[str] | None:
    """Return the hosts, beside the issuer's and userinfo's, that may be sent the access token."""


@hookspec(firstresult=True)
def oauth_local_server(settings: Mapping[str, str | None]) -> AbstractContextManager[object] | None:
    """Return a context manager that serves this provider for the length of a command, where it is not served."""
