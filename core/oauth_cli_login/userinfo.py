"""Who an access token stands for: asked of the provider, and held against the ID token."""

from __future__ import annotations

from collections.abc import Sequence

from oauth_cli_login.client import Client
from oauth_cli_login.context import Connection
from oauth_cli_login.errors import OAuthCliError, ProtocolError
from oauth_cli_login.model import JsonObject, UserInfo
from oauth_cli_login.protocol.userinfo import check_userinfo_sub, parse_userinfo_response, userinfo_request
from oauth_cli_login.provider import UserinfoRequest


def fetch_userinfo(
    client: Client, *, scopes: Sequence[str], access_token: str, id_token_claims: JsonObject | None
) -> UserInfo:
    """Return who the access token stands for; where there is nothing to ask, what the ID token says.

    Raises NotSignedIn where the token is refused, ProtocolError where the answer cannot be read or is about somebody
    else than the ID token, TransportError.
    """
    provider, settings, metadata = client.provider, client.settings, client.metadata
    requests = provider.userinfo_requests(settings, metadata, scopes=scopes)
    if not requests:
        if id_token_claims is None:
            return UserInfo(sub=None)
        return provider.parse_userinfo(settings, (id_token_claims,))
    responses = [_fetch_one(client.connection, request, access_token) for request in requests]
    userinfo = provider.parse_userinfo(settings, responses)
    if userinfo.sub is None:
        raise ProtocolError("the userinfo response does not say who signed in")
    if id_token_claims is not None:
        check_userinfo_sub(userinfo, id_token_claims.get("sub"))
    return userinfo


def _fetch_one(connection: Connection, request: UserinfoRequest, access_token: str) -> object:
    try:
        sent = userinfo_request(request.url, access_token=access_token, headers=request.headers)
        return parse_userinfo_response(connection.send(sent, repeat="always"))
    except OAuthCliError:
        if request.optional:
            return None
        raise
