"""``oauth-cli use NAME``: make a profile the default."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.session import stored_session


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare the profile's name."""
    parser.add_argument("name", metavar="NAME", help="the profile that commands mean when nothing names one")


def run(context: Context, args: Namespace) -> int:
    """Write the default; NotSignedIn where the profile has no session."""
    configuration = Configuration.read(context.environ, context.terminal)
    name = check_profile_name(args.name)
    _, session = stored_session(configuration, name, peek=True)
    configuration.store.set_default(name)
    if args.json:
        context.terminal.answer_json({"default": name})
    context.terminal.say(f"{name} is the default now: {session.label}")
    if context.environ.get("OAUTH_CLI_PROFILE", name) not in ("", name):
        context.terminal.warn("the variable OAUTH_CLI_PROFILE names another profile, and goes before the default")
    return 0
