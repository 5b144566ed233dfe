"""A sign-in that a program asks for: one browser at a time, and none again and again behind somebody's back.

Invariants: whoever waited for another process's sign-in takes its outcome, good or bad. After one that nobody answered
no browser is opened for the same profile for ten minutes; ``oauth-cli login`` still opens one at once.
"""

from __future__ import annotations

from oauth_cli_login.adapters.browser import default_browser
from oauth_cli_login.adapters.store import FailedLogin
from oauth_cli_login.adapters.terminal import minutes
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import LoginTimeout, NotSignedIn, OAuthCliError, StoreError
from oauth_cli_login.model import Session
from oauth_cli_login.profile_login import options_of, sign_in_to_profile
from oauth_cli_login.session import stored_session, valid_session
from oauth_cli_login.target import find_target, resolve

PAUSE = 600
"""Seconds in which nobody is asked again after an attempt that nobody answered."""


def session_or_sign_in(
    context: Context, configuration: Configuration, name: str, *, refresh: bool, min_valid: int
) -> Session:
    """Return what ``valid_session`` returns; where only a person can go on, let one sign in.

    Raises NotSignedIn where another process's attempt has just failed, or nobody answered lately, and whatever a
    sign-in raises.
    """
    started = int(context.clock())
    try:
        return valid_session(context, configuration, name, refresh=refresh, min_valid=min_valid)
    except NotSignedIn:
        pass
    with configuration.store.login_lock(name):
        session = _signed_in_since(configuration, name, started)
        if session is not None:
            return session
        _check_last_attempt(context, configuration, name, started)
        try:
            session = _sign_in(context, configuration, name)
        except StoreError:
            raise
        except (OAuthCliError, KeyboardInterrupt) as error:
            failed = FailedLogin(int(context.clock()), answered=not isinstance(error, LoginTimeout))
            configuration.store.note_failed_login(name, failed)
            raise
        configuration.store.note_failed_login(name, None)
        return session


def _signed_in_since(configuration: Configuration, name: str, started: int) -> Session | None:
    """Return the session of a sign-in that this process waited for."""
    try:
        _, session = stored_session(configuration, name)
    except NotSignedIn:
        return None
    return session if session.issued_at >= started else None


def _check_last_attempt(context: Context, configuration: Configuration, name: str, started: int) -> None:
    failed = configuration.store.failed_login(name)
    if failed is None:
        return
    hint = f"Sign in yourself: oauth-cli login --profile {name}"
    ago = context.clock() - failed.at
    if failed.at >= started:
        raise NotSignedIn(f"the sign-in to {name} that another process began has failed", hint=hint)
    if not failed.answered and 0 <= ago < PAUSE:
        raise NotSignedIn(
            f"nobody answered the last sign-in to {name}: no browser is opened for {minutes(PAUSE - ago)}", hint=hint
        )


def _sign_in(context: Context, configuration: Configuration, name: str) -> Session:
    target = find_target(configuration, name, None)
    if target is None:
        stored_session(configuration, name)  # raises, naming the command that signs in
        raise NotSignedIn(f"nothing says which provider {name} is of", hint="oauth-cli login --provider NAME")
    destination = resolve(context, configuration, target, flags={}, typed={}, port=None)
    options = options_of(destination, open_browser=default_browser(context.environ))
    profile, _ = sign_in_to_profile(context, configuration, destination, options)
    return stored_session(configuration, profile.name)[1]
