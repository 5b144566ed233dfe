"""``oauth-cli status``: the sessions on this machine, and how long each is good for.

Nothing is asked of a server, save with ``--check``: then each session's provider says whose it is, and a session that
has to be refreshed for that is.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login.adapters.terminal import roughly
from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, ExitStatus, NotSignedIn, OAuthCliError, StoreError
from oauth_cli_login.model import Profile, Session
from oauth_cli_login.session import has_ended, is_fresh, stored_session
from oauth_cli_login.userinfo import current_userinfo
from oauth_cli_login.values import dataclass, replace


@dataclass(frozen=True)
class _Row:
    """One session as it is shown; ``state`` is valid, expired (a refresh token renews it) or ended.

    ``server`` is what ``--check`` found: confirmed, refused, "no answer", "not asked" or "cannot be asked".
    """

    profile: Profile
    session: Session
    state: str
    default: bool
    server: str | None = None


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare whether servers are asked."""
    parser.add_argument("--check", action="store_true", help="ask each session's provider whether it still holds")


def run(context: Context, args: Namespace) -> int:
    """Show one session or all; exit 4 where one has ended or there is none, 9 where one is unreadable.

    With ``--check`` a server that does not answer as it should has the exit status of that error.
    """
    configuration = Configuration.read(context.environ, context.terminal)
    names = [check_profile_name(args.profile)] if args.profile else configuration.store.names()
    rows, problems = _rows(context, configuration, names, check=args.check)
    if args.profile and not rows and not problems:
        stored_session(configuration, args.profile, peek=True)  # raises, naming the command that signs in
    if args.json:
        context.terminal.answer_json({"sessions": [_document(row) for row in rows]})
    elif rows:
        _table(context, rows, checked=args.check)
    elif not problems:
        context.terminal.say("You are not signed in anywhere. Sign in: oauth-cli login --provider NAME")
    for problem in problems:
        context.terminal.error(problem)
    if problems:
        return problems[0].exit_status
    return ExitStatus.NOT_SIGNED_IN if not rows or any(row.state == "ended" for row in rows) else ExitStatus.OK


def _rows(
    context: Context, configuration: Configuration, names: list[str], *, check: bool
) -> tuple[list[_Row], list[OAuthCliError]]:
    """Return a row for each session, and what is wrong: first with files, then with what servers say."""
    rows: list[_Row] = []
    unreadable: list[OAuthCliError] = []
    refused: list[OAuthCliError] = []
    for name in names:
        server = None
        try:
            profile = configuration.store.peek(name)
            if check and profile and profile.session:
                server, problem = _ask(context, configuration, name)
                refused += [problem] if problem else []
                profile = configuration.store.peek(name)
        except StoreError as error:
            unreadable.append(error)
            continue
        if profile and profile.session:
            row = _row(profile, profile.session, context.clock(), configuration.store.default())
            rows.append(replace(row, server=server, state="ended" if server == "refused" else row.state))
    return rows, [*unreadable, *refused]


def _ask(context: Context, configuration: Configuration, name: str) -> tuple[str, OAuthCliError | None]:
    """Return what the session's provider says of it, and the error where that is not good."""
    try:
        _, asked = current_userinfo(context, configuration, name)
    except StoreError:
        raise
    except NotSignedIn as error:
        return "refused", error
    except ConfigError as error:
        return "not asked", error
    except OAuthCliError as error:
        return "no answer", error
    return "confirmed" if asked else "cannot be asked", None


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
        **({"server": row.server} if row.server else {}),
    }


def _table(context: Context, rows: list[_Row], *, checked: bool) -> None:
    now = context.clock()
    context.terminal.table(
        (
            "profile",
            "provider",
            "account",
            "access token",
            *(("server",) if checked else ()),
            "renews",
            "store",
            "scopes",
        ),
        [
            (
                row.profile.name + (" *" if row.default else ""),
                row.profile.provider,
                row.session.label,
                _left(row, now),
                *((row.server or "",) if checked else ()),
                "by login" if row.session.refresh_token is None or row.state == "ended" else "itself",
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
    return f"{roughly(left)} left"
