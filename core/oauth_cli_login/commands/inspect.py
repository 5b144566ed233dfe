"""``oauth-cli inspect``: what a token says, and what was checked of it. It is not refreshed, and not shown itself."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TextIO

from oauth_cli_login.adapters.terminal import roughly
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ExitStatus, NotSignedIn, UsageError
from oauth_cli_login.handover import Kind
from oauth_cli_login.inspection import Inspected, inspect_given, inspect_session

MAX_TOKEN = 256 * 1024
"""Characters; what comes with HTTP headers is a fraction of that."""

_BOTH: tuple[Kind, ...] = ("access_token", "id_token")
_TOKEN = re.compile(r"(?:Authorization:\s*)?(?:Bearer\s+)?([\x21-\x7e]+)", re.IGNORECASE)
_TIMES = frozenset({"exp", "iat", "nbf", "auth_time", "updated_at"})
_MOST_SHOWN = 300
"""Characters of a value; --json has all of it."""
_LAST_SECOND = 253402300799
"""The end of the year 9999: not every system can name a later one."""
_STYLES = {"ok": "green", "failed": "red", "not checked": "dim"}


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare which token, and whether its server is asked."""
    parser.add_argument(
        "source",
        nargs="*",
        metavar="-",
        help="inspect the token on standard input (so does a pipe); without it, the profile's own tokens",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--access-token", action="store_true", help="the profile's access token alone")
    which.add_argument("--id-token", action="store_true", help="the profile's ID token alone")
    parser.add_argument(
        "--introspect",
        action="store_true",
        help="ask the provider whether the token is active; so it is anyway where an access token is no JWT",
    )


def run(context: Context, args: Namespace) -> int:
    """Show one token or both; exit 8 where a check failed, else with the status of what kept one from being made."""
    if args.source not in ([], ["-"]):
        raise UsageError(
            "a token is not taken as an argument: whoever can list processes would see it",
            hint="Give it on standard input: oauth-cli inspect - <FILE. Without one, the profile's own are inspected.",
        )
    if args.introspect and args.id_token:
        raise UsageError("an ID token cannot be introspected (RFC 7662)", hint="Leave --introspect or --id-token out.")
    configuration = Configuration.read(context.environ, context.terminal)
    token = _given(context, args)
    name: str | None
    if token is not None:
        name = _profile(configuration, args.profile)
        found = [inspect_given(context, configuration, name, token, introspect=args.introspect)]
    else:
        name = configuration.chosen_profile(args.profile)
        kinds = tuple(kind for kind in _BOTH if getattr(args, kind)) or _BOTH
        found = inspect_session(context, configuration, name, kinds, introspect=args.introspect)
        if not found:
            raise NotSignedIn(f"the session {name} has no ID token", hint="Sign in with the scope openid: --add-scope")
    if args.json:
        context.terminal.answer_json({"profile": name, "tokens": [_document(one) for one in found]})
    else:
        for one in found:
            _show(context, one, name)
    return _status(context, found)


def _given(context: Context, args: Namespace) -> str | None:
    """Return the token on standard input, or ``None`` where the profile's own are meant.

    A pipe or a file is read without being asked for, save where an option names one of the profile's; where nothing
    comes from it, the profile's own are meant after all.
    """
    source, own = context.terminal.source, args.access_token or args.id_token
    if args.source and own:
        raise UsageError(
            "--access-token and --id-token are about the profile's own", hint="Leave out one or the other."
        )
    if not args.source and (own or not _is_piped(source)):
        return None
    if args.source and context.terminal.can_ask:
        context.terminal.must_see("Paste the token, and end with Ctrl-D.", "dim")
    try:
        text = source.read(MAX_TOKEN + 1).strip() if source else ""
    except (OSError, ValueError):
        raise UsageError("standard input cannot be read as text", hint="A token is one line of ASCII.") from None
    if not text and not args.source:
        return None
    token = _TOKEN.fullmatch(text)
    if token is None or len(text) > MAX_TOKEN:
        raise UsageError(
            "standard input does not hold one token" if text else "there is nothing on standard input",
            hint="It is one line: a token alone, or with Authorization: Bearer before it.",
        )
    return token[1]


def _is_piped(source: TextIO | None) -> bool:
    """Tell whether somebody sends something: a terminal and nothing (/dev/null) are devices, a service has a socket."""
    try:
        mode = os.fstat(source.fileno()).st_mode if source else 0
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _profile(configuration: Configuration, named: str | None) -> str | None:
    """Return the profile whose server a token may be from; that nobody is signed in is no reason not to read it."""
    if named is not None:
        return configuration.chosen_profile(named)
    try:
        name = configuration.chosen_profile(None)
    except (NotSignedIn, UsageError):
        return None
    return name if name in configuration.sessions() else None


def _document(found: Inspected) -> dict[str, object]:
    return {
        "kind": found.kind,
        "format": "opaque" if found.claims is None else "jwt",
        "header": None if found.header is None else dict(found.header),
        "claims": None if found.claims is None else dict(found.claims),
        "checks": {
            check.name: {"result": check.result, **({"reason": check.reason} if check.reason else {})}
            for check in found.checks
        },
        "introspection": None if found.introspection is None else dict(found.introspection),
    }


def _show(context: Context, found: Inspected, profile: str | None) -> None:
    terminal = context.terminal
    whose = f" of {profile}" if found.kind != "token" else ""
    opaque = ": opaque, only its server can read it" if found.claims is None else ""
    terminal.say(f"{found.name}{whose}{opaque}", "bold")
    parts = {"header": found.header, "claims": found.claims, "the provider says": found.introspection}
    for title, members in parts.items():
        if members is not None:
            terminal.say(f"  {title}", "dim")
            _members(context, members)
    terminal.say("  checks", "dim")
    width = max((len(check.name) for check in found.checks), default=0)
    for check in found.checks:
        line = f"    {check.name:<{width}}  {check.result}" + (f": {check.reason}" if check.reason else "")
        write = terminal.must_see if check.result == "failed" else terminal.say
        write(line, _STYLES[check.result])


def _members(context: Context, members: Mapping[str, object]) -> None:
    width = max(map(len, members), default=0)
    for name, value in members.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) > _MOST_SHOWN:
            text = f"{text[:_MOST_SHOWN]} … ({len(text)} characters)"
        if name in _TIMES:
            text += _when(value, context.clock())
        context.terminal.say(f"    {name[:_MOST_SHOWN]:<{min(width, 30)}}  {text}")


def _when(value: object, now: float) -> str:
    """Return what a NumericDate (RFC 7519 section 2) means to a person, or nothing for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        return ""
    utc = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value))
    distance = int(value - now)
    return f"  {utc}, " + (f"in {roughly(distance)}" if distance > 0 else f"{roughly(-distance)} ago")


def _status(context: Context, found: list[Inspected]) -> int:
    problems = [one.problem for one in found if one.problem is not None]
    if any(check.result == "failed" for one in found for check in one.checks):
        return ExitStatus.PROTOCOL
    if problems:
        context.terminal.error(problems[0])
        status = problems[0].exit_status
        # 8 is a check's that failed: an answer that cannot be used is as good as none
        return ExitStatus.NETWORK if status == ExitStatus.PROTOCOL else status
    return ExitStatus.OK
