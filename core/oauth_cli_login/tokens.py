"""The token to hand out: a session's access token or its ID token, good for as long as was asked for.

Two rules stand here, beside those of ``session.py``:

- An ID token ends when its own ``exp`` says so; the access token's end says nothing of it.
- Where nothing better can be had, because a fresh token lives shorter than asked for, the usual minute is enough.
"""

from __future__ import annotations

from oauth_cli_login import cached
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import NotSignedIn
from oauth_cli_login.handover import Token
from oauth_cli_login.model import Profile, Session
from oauth_cli_login.protocol import id_token
from oauth_cli_login.session import check_settings, ended, stored_session, valid_session


def valid_access_token(
    context: Context,
    configuration: Configuration,
    name: str,
    *,
    refresh: bool = False,
    min_valid: int = cached.MIN_VALID,
) -> Token:
    """Return the profile's access token, good for ``min_valid`` seconds, or less where a fresh one lives shorter.

    ``refresh`` asks for a new one in any case. Raises as ``valid_session`` does.
    """
    _, session = stored_session(configuration, name)
    if session.refresh_token is None:
        min_valid = _attainable(min_valid, session.expires_at - session.issued_at)
    session = valid_session(context, configuration, name, refresh=refresh, min_valid=min_valid)
    return Token(name, "access_token", session.access_token, session.token_type, session.expires_at, session.scopes)


def valid_id_token(
    context: Context,
    configuration: Configuration,
    name: str,
    *,
    refresh: bool = False,
    min_valid: int = cached.MIN_VALID,
) -> Token:
    """Return the profile's ID token, good for ``min_valid`` seconds, or less where a fresh one lives shorter.

    1. Read the session; while its ID token is fresh, that is the answer.
    2. Refresh the session: many providers send a new ID token along (OpenID Connect Core 12.2), some do not.
    3. Without a new one, the old one has to do for as long as it is good.

    Raises NotSignedIn where there is no ID token, or only a person can get another one; else as ``valid_session``.
    """
    profile, session = stored_session(configuration, name)
    before = _id_token_of(profile, session)
    issued_at, expires_at = id_token.lifetime(before)
    attainable = _attainable(min_valid, expires_at - issued_at)
    enough = attainable if session.refresh_token is None else min_valid
    if not refresh and cached.is_fresh(expires_at, session.issued_at, context.clock(), enough):
        check_settings(configuration, profile, session)
        return _handed(name, session, before, expires_at)
    if session.refresh_token is None:
        raise _no_other(profile, "there is no refresh token to renew it with")
    session = valid_session(context, configuration, name, refresh=True, min_valid=0)
    after = _id_token_of(profile, session)
    if after == before and not cached.is_fresh(expires_at, session.issued_at, context.clock(), attainable):
        raise _no_other(profile, "the provider gives no ID token on refresh")
    return _handed(name, session, after, id_token.lifetime(after)[1])


def _attainable(min_valid: int, lifetime: int) -> int:
    """Return how many seconds can be had: a token that never lives for ``min_valid`` is used to its last minute."""
    return min_valid if lifetime > min_valid else min(min_valid, cached.MIN_VALID)


def _handed(name: str, session: Session, value: str, expires_at: int) -> Token:
    return Token(name, "id_token", value, session.token_type, expires_at, session.scopes)


def _id_token_of(profile: Profile, session: Session) -> str:
    if session.id_token is None:
        sign_in = ended(profile.name, profile).hint
        raise NotSignedIn(
            f"the session {profile.name} has no ID token",
            hint=f"{sign_in} --add-scope openid\nA provider without OpenID Connect gives none: use the access token.",
        )
    return session.id_token


def _no_other(profile: Profile, why: str) -> NotSignedIn:
    return NotSignedIn(
        f"the ID token of the session {profile.name} is over, and {why}", hint=ended(profile.name, profile).hint
    )
