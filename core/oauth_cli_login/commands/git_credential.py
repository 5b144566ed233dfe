"""``oauth-cli git-credential get|store|erase``: git's credential helper. It never asks and never opens a browser.

Whose token answers: a session belongs to the origin of its issuer (of its token endpoint, where it has no issuer), and
with ``--profile NAME --host HOST``, as ``setup git`` writes it, to that host as well. No other host gets its token.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TextIO

from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import NotSignedIn, StoreError, UsageError
from oauth_cli_login.model import Session
from oauth_cli_login.protocol.git_credential import (
    MAX_BYTES,
    CredentialRequest,
    Origin,
    address_of,
    answer,
    meant,
    origin_of_address,
    origin_of_session,
    parse_request,
)
from oauth_cli_login.session import ended, mark_stale, stored_session, valid_session


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare what git appends, and the host that ``setup git --host`` writes down."""
    parser.add_argument("operation", help="get, store or erase; any other is passed over, as git asks for")
    parser.add_argument("--host", metavar="HOST", help="a host, beside the issuer's, that the profile's token is for")


def run(context: Context, args: Namespace) -> int:
    """Do what git asks; all is well, too, where there is nothing to answer: git then asks the next helper."""
    request = _read(context.terminal.source)
    if args.operation not in ("get", "erase"):
        return 0  # git has used the token with success: it is stored already
    asked = parse_request(request)
    if args.host is not None and args.profile is None:
        raise UsageError("--host needs --profile: one profile's token goes there")
    if asked.origin is None:
        return 0
    configuration = Configuration.read(context.environ)
    try:
        if args.operation == "get":
            _get(context, configuration, args, asked, asked.origin)
        else:
            _erase(context, configuration, args, asked.password, asked.origin)
    except NotSignedIn as error:
        context.terminal.say(f"oauth-cli: {error.message}. {error.hint}")
    return 0


def _read(source: TextIO | None) -> bytes:
    """Return what git writes, up to the blank line or the end, and little more than may be."""
    request = b""
    while source is not None and len(request) <= MAX_BYTES:
        line = source.buffer.readline(MAX_BYTES + 1)
        if line in (b"", b"\n"):
            break
        request += line
    return request


def _get(
    context: Context, configuration: Configuration, args: Namespace, asked: CredentialRequest, place: Origin
) -> None:
    sessions = _sessions(configuration, args, place, all_of_them=asked.names_somebody or bool(asked.owner))
    if not sessions or (args.profile and args.profile not in sessions):
        return
    where = address_of(place)
    named = meant(asked, {name: {name, session.label, session.sub or name} for name, session in sessions.items()})
    preferred = args.profile or configuration.environ.get("OAUTH_CLI_PROFILE") or configuration.store.default()
    if preferred in named:
        named = [preferred]
    if not named:
        there = ", ".join(f"{name} ({session.label})" for name, session in sessions.items())
        context.terminal.say(f"oauth-cli: git asks for {asked.username!a} at {where}; signed in there: {there}")
    elif args.profile not in (None, *named):
        pass  # it is another profile's turn, which has a helper of its own
    elif len(named) > 1:
        context.terminal.say(
            f"oauth-cli: several sessions are for {where}: {', '.join(named)}. "
            f"Say which one git means: git config --global credential.{where}.username NAME"
        )
    else:
        session = valid_session(context, configuration, named[0])
        if place in _origins(session, args):  # somebody may have signed in elsewhere meanwhile
            context.terminal.answer(answer(asked, access_token=session.access_token, expires_at=session.expires_at))


def _erase(context: Context, configuration: Configuration, args: Namespace, refused: str, place: Origin) -> None:
    for name, session in _sessions(configuration, args, place, all_of_them=False).items():
        if session.access_token == refused and not mark_stale(context, configuration, name, refused):
            profile, _ = stored_session(configuration, name)
            raise ended(name, profile, f"{address_of(place)} refused its token, and nothing renews it")


def _sessions(configuration: Configuration, args: Namespace, place: Origin, *, all_of_them: bool) -> dict[str, Session]:
    """Return the sessions of this origin by profile: that of ``--profile``, or all where none is named or it asks so.

    Raises NotSignedIn and StoreError for the named one alone: another's trouble is not git's business.
    """
    found = {}
    if args.profile:
        _, session = stored_session(configuration, check_profile_name(args.profile))
        if place in _origins(session, args):
            found[args.profile] = session
        if not all_of_them:
            return found
    for name in configuration.store.names():
        try:
            stored = configuration.store.read(name)
        except StoreError:
            continue
        if stored and stored.session and origin_of_session(stored.session) == place:
            found[name] = stored.session
    return found


def _origins(session: Session, args: Namespace) -> tuple[Origin | None, ...]:
    return origin_of_session(session), origin_of_address(args.host) if args.host else None
