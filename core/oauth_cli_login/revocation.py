"""Revoking a session's tokens at its provider: as its plugin says, or by RFC 7009."""

from __future__ import annotations

from oauth_cli_login.client import Client
from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.model import HttpRequest, Session
from oauth_cli_login.protocol.body import FORM, form
from oauth_cli_login.protocol.revocation import parse_revocation_response, revocation_request
from oauth_cli_login.protocol.token import ClientAuthentication, secrets_in
from oauth_cli_login.provider import RevocationRequest
from oauth_cli_login.values import replace


def revoke(client: Client, session: Session) -> bool:
    """Revoke the session's tokens at its provider; tell whether any could be: some providers revoke none.

    The refresh token goes first: most servers end its access tokens with it, and where one refuses to revoke an
    access token on its own (RFC 7009 section 2.2.1), that has to do. Raises TokenError, TransportError or
    ProtocolError where nothing was revoked.
    """
    done = False
    tokens = {"refresh_token": session.refresh_token, "access_token": session.access_token}
    for hint, token in tokens.items():
        try:
            for request in _revocation_requests(client, token, hint) if token else ():
                done |= parse_revocation_response(client.connection.send(request, repeat="if refused"))
        except OAuthCliError:
            if not done:
                raise
    return done


def _revocation_requests(client: Client, token: str, hint: str) -> list[HttpRequest]:
    own = client.provider.revocation_requests(client.settings, client.metadata, token=token, token_type_hint=hint)
    if own is not None:
        return [_plugin_request(request, client.authentication, token) for request in own]
    endpoint = client.metadata.revocation_endpoint
    if endpoint is None:
        return []
    return [revocation_request(endpoint, client.authentication, token=token, token_type_hint=hint)]


def _plugin_request(request: RevocationRequest, authentication: ClientAuthentication, token: str) -> HttpRequest:
    """Return the request that a plugin described, with the client's authentication where it asks for that."""
    import json  # noqa: PLC0415 - loaded already wherever a response was read

    if request.auth == "basic":
        authentication = replace(authentication, method="client_secret_basic")
    headers = {"Accept": "application/json", **request.headers}
    if request.auth != "none":
        headers.update(authentication.headers)
    secrets = secrets_in(authentication, {"token": token})
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return HttpRequest(request.method, request.url, headers, json.dumps(dict(request.json)).encode(), secrets)
    fields = dict(request.form or {})
    if request.auth == "client":
        fields = {**authentication.params, **fields}
    headers["Content-Type"] = FORM
    return HttpRequest(request.method, request.url, headers, form(fields), secrets)
