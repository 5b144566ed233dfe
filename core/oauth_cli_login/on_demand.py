"""A sign-in that a program asks for: one browser at a time, and none again and again behind somebody's back.

Invariants: whoever waited for another process's sign-in takes its outcome, good or bad. After one that nobody answered
no browser is opened for the same profile for ten minutes; ``oauth-cli login`` still opens one at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from oauth_cli_login.adapters.browser import default_browser
from oauth_cli_login.adapters.store import FailedLogin
from oauth_cli_login.adapters.terminal import minutes
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import LoginTimeout, NotSignedIn, OAuthCliError, StoreError
from oauth_cli_login.model import Session
from oauth_cli_login.profile_login import options_of, sign_in_to_profile
from oauth_cli_login.session import stored_session
from oauth_cli_login.target import find_target, resolve

T = TypeVar("T")

PAUSE = 600
"""Seconds in which nobody is asked again after an attempt that nobody answered."""


def with_sign_in(context: Context, configuration: Configuration, name: str, get: Callable[[bool], T]) -> T:
    """Return what ``get`` returns; where only a person can go on, let one sign in first, and ask again.

    ``get`` is told whether the first attempt's wishes still count: after a sign-in nothing has to be refreshed. Raises
    NotSignedIn where another process's attempt has just failed, or nobody answered lately, and whatever a sign-in and
    ``get`` raise.
    """
    store = configuration.store
    session, failed = _stored(configuration, name), store.failed_login(name)
    try:
        return get(True)
    except NotSignedIn:
        pass

    def waiting() -> None:
        context.terminal.say(f"Another oauth-cli is signing in to {name}: waiting for it. Ctrl-C to give up.")

    with store.login_lock(name, waiting=waiting):
        if _stored(configuration, name) not in (None, session):
            with suppress(NotSignedIn):  # somebody signed in meanwhile; or it was renewed, and that was not enough
                return get(False)
        if store.failed_login(name) not in (None, failed):
            raise NotSignedIn(f"the sign-in to {name} that another process began has failed", hint=_by_hand(name))
        _check_pause(context, name, failed)
        _attempt(context, configuration, name)
    return get(False)


def _attempt(context: Context, configuration: Configuration, name: str) -> None:
    try:
        _sign_in(context, configuration, name)
    except (OAuthCliError, KeyboardInterrupt) as error:
        failed = FailedLogin(int(context.clock()), answered=not isinstance(error, LoginTimeout))
        with suppress(StoreError):  # what failed is what has to be told
            configuration.store.note_failed_login(name, failed)
        raise


def _stored(configuration: Configuration, name: str) -> Session | None:
    try:
        return stored_session(configuration, name)[1]
    except NotSignedIn:
        return None


def _check_pause(context: Context, name: str, failed: FailedLogin | None) -> None:
    """Raise NotSignedIn where somebody who did not answer is to be left alone."""
    if failed is None or failed.answered:
        return
    ago = context.clock() - failed.at
    if 0 <= ago < PAUSE:
        raise NotSignedIn(
            f"nobody answered the last sign-in to {name}: no browser is opened for {minutes(PAUSE - ago)}",
            hint=_by_hand(name),
        )


def _by_hand(name: str) -> str:
    return f"Sign in yourself: oauth-cli login --profile {name}"


def _sign_in(context: Context, configuration: Configuration, name: str) -> None:
    target = find_target(configuration, name, None)
    if target is None:
        stored_session(configuration, name)  # raises, naming the command that signs in
        raise NotSignedIn(f"nothing says which provider {name} is of", hint="oauth-cli login --provider NAME")
    destination = resolve(context, configuration, target, flags={}, typed={}, port=None)
    options = options_of(destination, open_browser=default_browser(context.environ))
    sign_in_to_profile(context, configuration, destination, options)
