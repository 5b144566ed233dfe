"""``oauth-cli whoami``: ask the provider whose session it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.userinfo import current_userinfo


def arguments(_parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare nothing: ``--profile`` is everybody's."""


def run(context: Context, args: Namespace) -> int:
    """Fetch userinfo with a valid token and show it."""
    configuration = Configuration.read(context.environ, context.terminal)
    name = configuration.chosen_profile(args.profile)
    userinfo, asked = current_userinfo(context, configuration, name)
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
        if not asked:
            context.terminal.say("  as the sign-in said: this provider has nobody to ask", "dim")
        for key, value in shown.items():
            if value is not None:
                context.terminal.say(f"  {key:<9} {value}")
    return 0
