"""``oauth-cli whoami``: ask the provider whose session it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import NotSignedIn
from oauth_cli_login.model import UserInfo
from oauth_cli_login.protocol.id_token import decode
from oauth_cli_login.protocol.userinfo import check_userinfo_sub
from oauth_cli_login.session import connected, ended, stored_session, valid_session
from oauth_cli_login.userinfo import fetch_userinfo


def arguments(_parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare nothing: ``--profile`` is everybody's."""


def run(context: Context, args: Namespace) -> int:
    """Fetch userinfo with a valid token and show it."""
    configuration = Configuration.read(context.environ)
    name = configuration.chosen_profile(args.profile)
    userinfo = _userinfo(context, configuration, name)
    shown = {
        "profile": name,
        "sub": userinfo.sub,
        "username": userinfo.username,
        "name": userinfo.name,
        "email": userinfo.email,
        "picture": userinfo.picture,
    }
    if args.json:
        context.terminal.answer_json({**shown, "claims": dict(userinfo.claims)})
    else:
        context.terminal.say(userinfo.label, "bold")
        for key, value in shown.items():
            if value is not None:
                context.terminal.say(f"  {key:<9} {value}")
    return 0


def _userinfo(context: Context, configuration: Configuration, name: str) -> UserInfo:
    """Return who the provider says it is; a token that it refuses is refreshed once."""
    valid_session(context, configuration, name)
    profile, session = stored_session(configuration, name)
    with connected(context, configuration, profile, session) as client:

        def fetch(access_token: str) -> UserInfo:
            claims = decode(session.id_token)[1] if session.id_token else None
            userinfo = fetch_userinfo(client, scopes=session.scopes, access_token=access_token, id_token_claims=claims)
            if session.sub is not None:
                check_userinfo_sub(userinfo, session.sub)
            return userinfo

        try:
            return fetch(session.access_token)
        except NotSignedIn:
            renewed = valid_session(context, configuration, name, refresh=True)
        try:
            return fetch(renewed.access_token)
        except NotSignedIn as error:
            raise ended(name, profile, error.message) from None
