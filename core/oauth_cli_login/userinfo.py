"""Who an access token stands for: asked of the provider, and held against the ID token and the session."""

from __future__ import annotations

from collections.abc import Sequence

from oauth_cli_login.client import Client
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.errors import NotSignedIn, OAuthCliError, ProtocolError
from oauth_cli_login.model import JsonObject, UserInfo
from oauth_cli_login.protocol.id_token import decode
from oauth_cli_login.protocol.userinfo import check_userinfo_sub, parse_userinfo_response, userinfo_request
from oauth_cli_login.provider import UserinfoRequest
from oauth_cli_login.session import connected, ended, stored_session, valid_session


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


def current_userinfo(context: Context, configuration: Configuration, name: str) -> tuple[UserInfo, bool]:
    """Return whom the profile's session stands for, and whether the provider could be asked: some have nobody to ask.

    A token that the provider refuses is refreshed once.

    Raises NotSignedIn where it refuses the new one as well, and what ``valid_session`` and ``fetch_userinfo`` raise.
    """
    valid_session(context, configuration, name)
    profile, session = stored_session(configuration, name)
    with connected(context, configuration, profile, session) as client:
        can_be_asked = bool(client.provider.userinfo_requests(client.settings, client.metadata, scopes=session.scopes))

        def fetch(access_token: str) -> UserInfo:
            claims = decode(session.id_token)[1] if session.id_token else None
            context.terminal.running(f"Asking the provider of {name} …")
            try:
                userinfo = fetch_userinfo(
                    client, scopes=session.scopes, access_token=access_token, id_token_claims=claims
                )
            finally:
                context.terminal.clear_running()
            if session.sub is not None:
                check_userinfo_sub(userinfo, session.sub)
            return userinfo

        try:
            return fetch(session.access_token), can_be_asked
        except NotSignedIn:
            renewed = valid_session(context, configuration, name, refresh=True, of=session)
        try:
            return fetch(renewed.access_token), can_be_asked
        except NotSignedIn as error:
            raise ended(name, profile, error.message) from None
