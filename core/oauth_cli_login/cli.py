"""The command line: two looks at argv, one command, one exit status.

The first look is for ``--profile``, ``--provider`` and the command's name alone, because a provider's settings are
options of ``login``. The second is the full parser, with the chosen command's options; only that command is imported.
Here is the one place where errors become exit statuses.
"""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, ArgumentParser, HelpFormatter, RawDescriptionHelpFormatter
from contextlib import redirect_stdout
from importlib import import_module

from oauth_cli_login import __version__
from oauth_cli_login.adapters.terminal import Terminal, claimed_stdout
from oauth_cli_login.errors import ExitStatus, OAuthCliError, UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn, TextIO

COMMANDS = {
    "login": "sign in with a provider and store the session",
    "token": "print a valid access token, refreshed where needed",
    "exec": "run a program, with a valid access token in its environment",
    "request": "call an API with a valid access token",
    "whoami": "ask the provider who is signed in",
    "status": "show the sessions and how long they are good for",
    "logout": "revoke a session's tokens and delete it",
    "inspect": "show what a token says, and check it",
    "use": "choose the default profile",
    "providers": "list the providers that are installed",
    "setup": "let git or kubectl take tokens from here",
    "git-credential": "answer git, as its credential helper",
    "mock-server": "run the embedded OAuth 2 server, for developing clients",
}

_EPILOG = """\
examples:
  oauth-cli login --provider mock              try it: the server is built in
  oauth-cli login --provider github            GitHub tells you what to register
  curl -H @<(oauth-cli token --format header) https://api.example.com/

Answers for programs go to standard output, everything for people to standard error.
Exit status: 0 done, 2 usage, 3 configuration, 4 sign in again, 5 refused, 6 no answer in time,
7 network, 8 the server broke the protocol, 9 storage, 10 the API refused (request),
126 cannot run, 127 not found (exec), 130 interrupted.
"""


class _Help(HelpFormatter):
    """argparse's, told the width: to find it out it imports shutil, at every option, for half the time of a start."""

    def __init__(self, prog: str, **layout: Any) -> None:
        super().__init__(prog, width=_columns() - 2, **layout)


class _HelpWithExamples(_Help, RawDescriptionHelpFormatter):
    """The same, with the lines of the epilogue as they are."""


class _Parser(ArgumentParser):
    """argparse, with its errors as ours."""

    def __init__(self, *, formatter_class: type[HelpFormatter] = _Help, **options: Any) -> None:
        super().__init__(formatter_class=formatter_class, **options)

    def error(self, message: str) -> NoReturn:
        command = self.get_default("help_of")
        raise UsageError(message, hint=f"See: {self.prog}{f' {command}' if command else ''} --help")


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    environ = os.environ if environ is None else environ
    with claimed_stdout() as answer:
        terminal = _terminal(environ, answer)
        try:
            return _run(argv, environ, terminal)
        except OAuthCliError as error:
            terminal.clear_running()
            terminal.error(error)
            return error.exit_status
        except KeyboardInterrupt:
            terminal.clear_running()
            terminal.say("Interrupted. Run the same command to try again.")
            return ExitStatus.INTERRUPTED
        except BrokenPipeError:
            return _reader_went_away(answer)
        except SystemExit as done:  # argparse, after --help and --version
            return int(done.code or 0)
        except Exception as error:  # noqa: BLE001 - the last handler: a bug of ours, reported without its values
            terminal.clear_running()
            _report_bug(terminal, error)
            return ExitStatus.BUG


def _run(argv: Sequence[str], environ: Mapping[str, str], terminal: Terminal) -> int:
    profile, provider, command = _first_look(argv)
    if command and command not in COMMANDS:
        raise _unknown(command)
    parser, own = _parser(command)
    parser.set_defaults(help_of=command)
    if not argv:
        for line in parser.format_help().splitlines():
            terminal.must_see(line)
        return ExitStatus.USAGE
    module = None
    if command in COMMANDS:
        from oauth_cli_login.context import Context  # noqa: PLC0415 - help and version do without the engine

        context = Context(environ, terminal)
        module = import_module("oauth_cli_login.commands." + command.replace("-", "_"))
        try:
            module.arguments(own, context, profile, provider)
        except OAuthCliError:
            if not {"-h", "--help"} & set(argv):
                raise  # help must come whatever is wrong with a session or a setting
    with redirect_stdout(terminal.answer_stream):  # --help and --version are answers
        try:
            args, unknown = parser.parse_known_args(argv)
        except SystemExit:
            terminal.flush()
            raise
    if unknown:
        parser.error(_not_taken(unknown, own))
    if module is None:
        parser.error("a command is missing")
    terminal.quiet = args.quiet
    terminal.verbosity = args.verbose
    status: int = module.run(context, args)
    return status


def _unknown(command: str) -> UsageError:
    return UsageError(
        f"there is no command {command[:80]!a}{did_you_mean(command, COMMANDS)}", hint="See: oauth-cli --help"
    )


def _not_taken(words: Sequence[str], parser: ArgumentParser) -> str:
    """Say which option there is not. Whatever else was typed is not repeated: it may be a secret."""
    options = [word.partition("=")[0] if word.startswith("--") else word[:2] for word in words if word[:1] == "-"]
    if not options:
        return "there are more arguments than the command takes"
    actions = parser._actions  # noqa: SLF001 - argparse has no other list
    known = [name for action in actions if action.help != SUPPRESS for name in action.option_strings]
    return f"there is no option {options[0][:80]!a}{did_you_mean(options[0], known)}"


def _first_look(argv: Sequence[str]) -> tuple[str | None, str | None, str]:
    """Return --profile, --provider and the first word that is no option: the command, if it is one."""
    parser = _Parser(prog="oauth-cli", add_help=False, allow_abbrev=False)
    # a value that is missing is for the full parser to judge: the words may be those of exec's program
    parser.add_argument("--profile", nargs="?")
    parser.add_argument("--provider", nargs="?")
    words = list(argv)
    known, rest = parser.parse_known_args(words[: words.index("--")] if "--" in words else words)
    return known.profile, known.provider, next((word for word in rest if not word.startswith("-")), "")


def _parser(chosen: str) -> tuple[_Parser, _Parser]:
    """Return the parser, and the chosen command's own, which has the options that all share; else the first again.

    The other commands lead back to the first: a parser for each would be a tenth of a start.
    """
    parser = _Parser(
        prog="oauth-cli",
        description="Sign in to any OAuth 2 / OpenID Connect provider, and hand out valid access tokens.",
        epilog=_EPILOG,
        formatter_class=_HelpWithExamples,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"oauth-cli {__version__}")
    parser.set_defaults(profile=None, json=False, quiet=False, verbose=0)
    _add_shared(parser)

    def make(**options: Any) -> _Parser:
        return _Parser(**options) if "description" in options else parser

    own = parser
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=make)  # type: ignore[call-overload]  # argparse calls it, no more
    for name, about in COMMANDS.items():
        if name != chosen:
            subparsers.add_parser(name, help=about)
            continue
        description = about[0].upper() + about[1:] + "."
        own = subparsers.add_parser(name, help=about, description=description, allow_abbrev=False)
        _add_shared(own)
    return parser, own


def _add_shared(parser: ArgumentParser) -> None:
    """Add the options that stand before or after the command; without a default of its own the last one wins."""
    parser.add_argument("--profile", default=SUPPRESS, metavar="NAME", help="which profile: see `oauth-cli status`")
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help="answer with one JSON object")
    parser.add_argument("-q", "--quiet", action="store_true", default=SUPPRESS, help="say nothing but problems")
    parser.add_argument("-v", "--verbose", action="count", default=SUPPRESS, help="say what is sent where (no secrets)")


def _columns() -> int:
    """Return the width of the terminal, as shutil.get_terminal_size finds it."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:  # no terminal
        return 80


def _terminal(environ: Mapping[str, str], answer: TextIO) -> Terminal:
    stream = sys.stderr if sys.stderr is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until exit
    return Terminal(environ, answer=answer, stream=stream, source=sys.stdin)


def _reader_went_away(answer: TextIO) -> int:
    """Let nothing be flushed into the closed pipe at exit, and end as a program killed by SIGPIPE would."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), answer.fileno())
    return ExitStatus.BROKEN_PIPE


def _report_bug(terminal: Terminal, error: Exception) -> None:
    """Show where it happened: no values of variables and not the message, which may quote a token."""
    import platform  # noqa: PLC0415 - a bug is rare
    import traceback  # noqa: PLC0415 - as above

    frames = traceback.extract_tb(error.__traceback__)
    terminal.error(
        OAuthCliError(
            f"this is a bug in oauth-cli: {type(error).__name__}",
            hint="Please report it, with these lines; they hold no secrets.",
        )
    )
    system = f"oauth-cli {__version__}, Python {platform.python_version()}, {platform.system()}"
    for line in (system, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)):
        terminal.must_see("  " + line, "dim")
