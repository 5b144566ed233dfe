"""``oauth-cli exec -- CMD …``: a program with a valid access token in its environment, in this process's place."""

from __future__ import annotations

import re
from argparse import PARSER, ArgumentParser, ArgumentTypeError, Namespace

from oauth_cli_login.adapters.process import run_instead
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.session import valid_session

VARIABLE = "OAUTH_ACCESS_TOKEN"
"""Not OAUTH_CLI_…: what begins so is a profile's setting, also to an oauth-cli that the program calls."""

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare the variable and the program; from the program on, every word is the program's own."""
    parser.add_argument(
        "--env", type=_variable, default=VARIABLE, metavar="NAME", help=f"the token's variable (default: {VARIABLE})"
    )
    # PARSER, as subcommands are declared: unlike REMAINDER it lets our own options stand before it
    parser.add_argument("command", nargs=PARSER, metavar="-- CMD", help="the program, and behind it its arguments")


def run(context: Context, args: Namespace) -> int:
    """Become the program. Its exit status is ours, and signals reach it as they would without us."""
    command = args.command[1:] if args.command[0] == "--" else args.command  # some versions of argparse leave it there
    configuration = Configuration.read(context.environ, context.terminal)
    session = valid_session(context, configuration, configuration.chosen_profile(args.profile))
    environ = {**context.environ, args.env: session.access_token}
    return run_instead(command, environ, answer=context.terminal.answer_stream)


def _variable(text: str) -> str:
    """Return the name of an environment variable; ArgumentTypeError for what is none, or is a setting of ours."""
    if not _VARIABLE_NAME.fullmatch(text):
        raise ArgumentTypeError(f"{text[:80]!a} is not the name of a variable: use letters, digits and _")
    if text.upper().startswith("OAUTH_CLI_"):
        raise ArgumentTypeError(f"{text[:80]!a} would be read as a setting of oauth-cli")
    return text
