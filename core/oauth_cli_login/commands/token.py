"""``oauth-cli token``: a valid access token, alone on standard output."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.session import valid_session


def arguments(_parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare nothing: ``--profile`` is everybody's."""


def run(context: Context, args: Namespace) -> int:
    """Print the cached token, or a refreshed one. A browser is never opened."""
    configuration = Configuration.read(context.environ)
    name = configuration.chosen_profile(args.profile)
    session = valid_session(context, configuration, name)
    if args.json:
        context.terminal.answer_json(
            {
                "profile": name,
                "access_token": session.access_token,
                "token_type": session.token_type,
                "expires_at": session.expires_at or None,
                "scopes": list(session.scopes),
            }
        )
    else:
        context.terminal.answer(session.access_token)
    return 0
