"""What is known of a provider's server: its own facts, and what discovery adds to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from oauth_cli_login.context import Connection, Context
from oauth_cli_login.errors import ConfigError, PluginError, ProtocolError
from oauth_cli_login.model import HttpResponse, ServerMetadata, Settings
from oauth_cli_login.protocol.metadata import discovery_requests, parse_discovery_response, server_metadata
from oauth_cli_login.provider import Provider, guarded

_ABSENT = frozenset({400, 403, 404, 405, 410})


def own_metadata(provider: Provider, settings: Settings) -> ServerMetadata:
    """Return what the provider knows without the network; ConfigError where that may not be used, or is nothing."""
    document = provider.server_metadata(settings)
    if not document.get("issuer") and not document.get("token_endpoint"):
        raise ConfigError(f"the provider {provider.name} names neither an issuer nor a token_endpoint")
    try:
        return server_metadata(document)
    except ProtocolError as error:
        raise ConfigError(
            error.message, hint="An address begins with https:// (or with http:// on this machine): check the setting."
        ) from None


def discover(provider: Provider, settings: Settings, connection: Connection) -> ServerMetadata:
    """Return the metadata to sign in with: the provider's own wins over what its issuer's document says.

    A provider that names its token_endpoint knows its server; nothing is asked for then, nor where the document is
    kept from an earlier command. Raises ConfigError, ProtocolError or TransportError.
    """
    own = own_metadata(provider, settings)
    if own.token_endpoint is not None or own.issuer is None:
        return own
    document = connection.known_document(own.issuer)
    if document is not None and document.get("issuer") == own.issuer:
        return server_metadata({**document, **own.document})
    document = parse_discovery_response(_fetch(own.issuer, connection), issuer=own.issuer)
    metadata = server_metadata({**document, **own.document})
    connection.keep_document(own.issuer, document)
    return metadata


def _fetch(issuer: str, connection: Connection) -> HttpResponse:
    """Ask at OpenID Connect's place, and at RFC 8414's where there is nothing."""
    first, second = discovery_requests(issuer)
    response = connection.send(first, repeat="always")
    if response.status not in _ABSENT:
        return response
    other = connection.send(second, repeat="always")
    return other if other.status == 200 else response  # noqa: PLR2004 - else the first place's answer is the error


@contextmanager
def served(context: Context, provider: Provider, settings: Settings) -> Iterator[None]:
    """Have the provider's server run for the length of a command, where the provider brings one and none answers."""
    server = provider.local_server(settings)
    if server is None:
        yield
        return
    try:
        with guarded(provider.where, "the start of its local server"):
            server.__enter__()
    except PluginError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
            raise PluginError(
                f"{provider.where}: its local server cannot start: {error.__cause__.strerror}",
                hint="End what holds its port, or name another server: --issuer.",
            ) from None
        raise
    try:
        issuer = settings.get("issuer") or provider.server_metadata(settings).get("issuer")
        context.terminal.say(f"Nothing answers at {issuer}: the embedded server runs for this command.", "dim")
        yield
    except BaseException:
        with suppress(PluginError), guarded(provider.where, "the end of its local server"):
            server.__exit__(None, None, None)
        raise
    with guarded(provider.where, "the end of its local server"):
        server.__exit__(None, None, None)
