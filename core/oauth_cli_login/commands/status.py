"""``oauth-cli status``: the sessions on this machine, and how long each is good for. Nothing is asked of a server."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass

from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ExitStatus, StoreError
from oauth_cli_login.model import Profile, Session
from oauth_cli_login.session import has_ended, is_fresh, stored_session


@dataclass(frozen=True, slots=True)
class _Row:
    """One session as it is shown; ``state`` is valid, expired (a refresh token renews it) or ended."""

    profile: Profile
    session: Session
    state: str
    default: bool


def arguments(_parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare nothing: ``--profile`` is everybody's."""


def run(context: Context, args: Namespace) -> int:
    """Show one session or all; exit 4 where one has ended or there is none, 9 where one is unreadable."""
    configuration = Configuration.read(context.environ)
    rows: list[_Row] = []
    unreadable: list[StoreError] = []
    names = [check_profile_name(args.profile)] if args.profile else configuration.store.names()
    for name in names:
        try:
            profile = configuration.store.peek(name)
        except StoreError as error:
            unreadable.append(error)
            continue
        if profile and profile.session:
            rows.append(_row(profile, profile.session, context.clock(), configuration.store.default()))
    if args.profile and not rows and not unreadable:
        stored_session(configuration, args.profile, peek=True)  # raises, naming the command that signs in
    if args.json:
        context.terminal.answer_json({"sessions": [_document(row) for row in rows]})
    elif rows:
        _table(context, rows)
    elif not unreadable:
        context.terminal.say("You are not signed in anywhere. Sign in: oauth-cli login --provider NAME")
    for problem in unreadable:
        context.terminal.error(problem)
    if unreadable:
        return ExitStatus.STORAGE
    return ExitStatus.NOT_SIGNED_IN if not rows or any(row.state == "ended" for row in rows) else ExitStatus.OK


def _row(profile: Profile, session: Session, now: float, default: str) -> _Row:
    state = "valid" if is_fresh(session, now) else "ended" if has_ended(session, now) else "expired"
    return _Row(profile, session, state, profile.name == default)


def _document(row: _Row) -> dict[str, object]:
    session = row.session
    return {
        "profile": row.profile.name,
        "default": row.default,
        "provider": row.profile.provider,
        "account": session.label,
        "sub": session.sub,
        "issuer": session.issuer,
        "client_id": session.client_id,
        "scopes": list(session.scopes),
        "state": row.state,
        "expires_at": session.expires_at or None,
        "renewable": session.refresh_token is not None,
        "store": row.profile.store,
    }


def _table(context: Context, rows: list[_Row]) -> None:
    now = context.clock()
    context.terminal.table(
        ("profile", "provider", "account", "access token", "renews", "store", "scopes"),
        [
            (
                row.profile.name + (" (default)" if row.default else ""),
                row.profile.provider,
                row.session.label,
                _left(row, now),
                "by login" if row.session.refresh_token is None else "itself",
                row.profile.store,
                " ".join(row.session.scopes),
            )
            for row in rows
        ],
    )


def _left(row: _Row, now: float) -> str:
    if row.state == "ended":
        return "ended"
    if row.session.expires_at == 0:
        return "until revoked"
    left = int(row.session.expires_at - now)
    if left <= 0:
        return "renewed on use"
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60)):
        if left >= seconds:
            return f"{left // seconds} {unit} left"
    return f"{left} s left"
