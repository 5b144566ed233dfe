"""``oauth-cli git-credential get|store|erase``: git's credential helper. It never asks and never opens a browser."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TextIO

from oauth_cli_login.context import Context
from oauth_cli_login.errors import NotSignedIn, UsageError
from oauth_cli_login.protocol.git_credential import MAX_BYTES, parse_request


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare what git appends, and the host that ``setup git --host`` writes down."""
    parser.add_argument("operation", help="get, store or erase; any other is passed over, as git asks for")
    parser.add_argument("--host", metavar="HOST", help="a host, beside the issuer's, that the profile's token is for")


def run(context: Context, args: Namespace) -> int:
    """Do what git asks; all is well, too, where there is nothing to answer: git then asks the next helper."""
    data = _read(context.terminal.source)
    if args.operation not in ("get", "erase"):
        return 0  # after a store too: what git was given is stored already
    if args.host is not None and args.profile is None:
        raise UsageError("--host needs --profile: one profile's token goes there")
    from oauth_cli_login import git_sessions  # noqa: PLC0415 - a store, which follows each get, does not wait for it

    request = parse_request(data)
    if request.origin is not None:
        asked = git_sessions.Asked(request, request.origin, args.profile, args.host)
        try:
            (git_sessions.get if args.operation == "get" else git_sessions.erase)(context, asked)
        except NotSignedIn as error:
            for line in f"{error.message.rstrip('.')}. {error.hint}".splitlines():
                context.terminal.say(f"oauth-cli: {line}")
    return 0


def _read(source: TextIO | None) -> bytes:
    """Return what git writes, up to the blank line or the end, and a line more than may be at the most."""
    data = b""
    while source is not None and len(data) <= MAX_BYTES:
        line = source.buffer.readline(MAX_BYTES + 1)
        if line in (b"", b"\n"):
            break
        data += line
    return data
