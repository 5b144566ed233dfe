"""Which session answers git, and what becomes of one whose token was refused.

Invariant: a session belongs to the origin of its issuer (of its token endpoint, where it has no issuer), and a named
profile's to the host beside it that ``setup git`` wrote down. No other origin gets its token, or can have it renewed.
"""

from __future__ import annotations

from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import NotSignedIn, StoreError
from oauth_cli_login.model import Session
from oauth_cli_login.protocol.git_credential import (
    CredentialRequest,
    Origin,
    address_of,
    answer,
    meant,
    origin_of_address,
    origin_of_session,
)
from oauth_cli_login.session import ended, mark_stale, stored_session, valid_session
from oauth_cli_login.values import dataclass


@dataclass(frozen=True)
class Asked:
    """One request and who it was brought by: the ``--profile`` and ``--host`` of the helper's line, if it has them."""

    request: CredentialRequest
    place: Origin
    profile: str | None
    host: str | None

    def may_have(self, session: Session) -> bool:
        """Tell whether the named profile's session belongs there."""
        return self.place in (origin_of_session(session), origin_of_address(self.host) if self.host else None)


def get(context: Context, asked: Asked) -> None:
    """Answer git with a valid token, or leave it to git's next helper; what a person can do about that is said.

    Raises what ``valid_session`` does; NotSignedIn where the session has ended.
    """
    configuration = Configuration.read(context.environ, context.terminal)
    request, where = asked.request, address_of(asked.place)
    sessions = _sessions(configuration, asked, all_of_them=request.names_somebody or bool(request.owner))
    if not sessions or (asked.profile and asked.profile not in sessions):
        return
    named = meant(request, {name: {name, session.label, session.sub or name} for name, session in sessions.items()})
    preferred = asked.profile or configuration.environ.get("OAUTH_CLI_PROFILE") or configuration.store.default()
    if preferred in named:
        named = [preferred]
    if not named:
        there = ", ".join(f"{name} ({session.label})" for name, session in sessions.items())
        context.terminal.say(f"oauth-cli: git asks for {request.username!a} at {where}; signed in there: {there}")
    elif asked.profile not in (None, *named):
        pass  # it is another profile's turn, which has a helper of its own
    elif len(named) > 1:
        context.terminal.say(
            f"oauth-cli: several sessions are for {where}: {', '.join(named)}. "
            f"Say which one git means: git config --global credential.{where}.username NAME"
        )
    else:
        session = valid_session(context, configuration, named[0])
        if asked.may_have(session):  # somebody may have signed in elsewhere meanwhile
            context.terminal.answer(answer(request, access_token=session.access_token, expires_at=session.expires_at))


def erase(context: Context, asked: Asked) -> None:
    """Have a refused token renewed by its session's next use; NotSignedIn where nothing can renew it."""
    configuration, refused = Configuration.read(context.environ, context.terminal), asked.request.password
    for name, session in _sessions(configuration, asked, all_of_them=False, secrets=True).items():
        if session.access_token == refused and not mark_stale(context, configuration, name, refused):
            profile, _ = stored_session(configuration, name)
            raise NotSignedIn(
                f"{address_of(asked.place)} refused the token of the session {name}, and nothing renews it",
                hint=ended(name, profile).hint,
            )


def _sessions(
    configuration: Configuration, asked: Asked, *, all_of_them: bool, secrets: bool = False
) -> dict[str, Session]:
    """Return the sessions of this origin by profile: the named one's, or all where none is named or it is asked for.

    Tokens that a keyring holds are there only where ``secrets`` are asked for. Raises NotSignedIn and StoreError for
    the named one alone: another's trouble is not git's business.
    """
    found = {}
    if asked.profile:
        _, session = stored_session(configuration, check_profile_name(asked.profile), peek=not secrets)
        if asked.may_have(session):
            found[asked.profile] = session
        if not all_of_them:
            return found
    for name in configuration.store.names():
        try:
            stored = configuration.store.read(name) if secrets else configuration.store.peek(name)
        except StoreError:
            continue
        if stored and stored.session and origin_of_session(stored.session) == asked.place:
            found[name] = stored.session
    return found
