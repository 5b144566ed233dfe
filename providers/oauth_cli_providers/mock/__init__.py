"""The mock provider: an authorization server for trying things out, which oauth-cli brings along.

Its hooks suit navikt's mock-oauth2-server at the same address as well (https://github.com/navikt/mock-oauth2-server).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")

_CLIENT_ID = "cli-app"
_ISSUER = "http://localhost:8080/default"

_Settings = Mapping[str, "str | None"]


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Return the client id, with its default, and the issuer."""
    return (
        {"name": "client_id", "help": "the client that signs in", "default": _CLIENT_ID},
        {"name": "issuer", "help": "where the mock server is, or is started", "default": _ISSUER},
    )


@hookimpl
def oauth_server_metadata(settings: _Settings) -> Mapping[str, object]:
    """Return the issuer; its document says the rest."""
    return {"issuer": settings["issuer"]}


@hookimpl
def oauth_authorization_params() -> Mapping[str, str | None]:
    """Ask for no consent: the mock's form is the consent."""
    return {"prompt": None}


@hookimpl
def oauth_setup_guide(settings: _Settings, redirect_uri: str) -> Sequence[str]:
    """Return what there is to do, which is nothing."""
    issuer = settings.get("issuer") or _ISSUER
    return (
        f"Nothing needs to be registered: the mock knows the client {_CLIENT_ID} and takes {redirect_uri}.",
        f"Where nothing answers at {issuer}, oauth-cli starts its embedded server for the length of a command.",
        "To have it running meanwhile: oauth-cli mock-server, or docker compose up -d.",
    )


@hookimpl
def oauth_local_server(settings: _Settings) -> AbstractContextManager[object] | None:
    """Return the embedded server, where the issuer is its address and nothing answers there."""
    try:
        issuer = urlsplit(settings["issuer"] or "")
        port = issuer.port or 80
    except ValueError:  # not a URL; core says so when it comes to use it
        return None
    host = issuer.hostname or ""
    if host not in ("localhost", "127.0.0.1") or issuer.geturl() != f"http://{host}:{port}/default":
        return None
    # Late: whoever uses another mock server needs neither an HTTP server nor RSA.
    from oauth_cli_login.adapters.sockets import answers  # noqa: PLC0415 - see above

    if answers("localhost", port):
        return None
    from oauth_cli_providers.mock.server import MockServer  # noqa: PLC0415 - see above

    return MockServer(port, host=host)
