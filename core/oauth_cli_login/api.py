"""A token for a Python program: from the session file at once, else from the session engine in this process.

Invariants: nothing is printed, asked for or opened in a browser; what is wrong is raised, as the tree in ``errors.py``.
One thread at a time uses the engine, so that many that find one expired token refresh it once. Other processes are held
back by the profile's lock, as the commands are.
"""

from __future__ import annotations

import os
import threading
import time

from oauth_cli_login import cached

TYPE_CHECKING = False  # typing takes longer to load than a cached token to answer
if TYPE_CHECKING:
    from oauth_cli_login.config import Configuration
    from oauth_cli_login.context import Context

_engine = threading.Lock()


def _make_engine_free() -> None:
    """Let a child have a lock of its own: the thread that held the parent's is not in it."""
    global _engine  # noqa: PLW0603 - there is one for the process
    _engine = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_make_engine_free)


def get_token(profile: str | None = None, *, min_valid: int = cached.MIN_VALID, refresh: bool = False) -> str:
    """Return a valid access token of ``profile``, or of the one that ``oauth-cli token`` means where none is named.

    It is good for ``min_valid`` seconds from now, or less where a fresh one of this provider lives shorter. ``refresh``
    asks for a new one in any case. May be called from several threads.

    Raises OAuthCliError: NotSignedIn where a person must sign in (its ``hint`` is the command), UsageError where
    several profiles could be meant or ``min_valid`` is negative, ConfigError, TransportError, TokenError,
    ProtocolError, StoreError.
    """
    argv = ["token"] if profile is None else ["token", "--profile", profile]
    if not refresh and 0 <= min_valid <= cached.MIN_VALID:
        token = cached.cached_token(argv, os.environ, time.time())
        if token is not None:
            return token
    from oauth_cli_login.errors import UsageError  # noqa: PLC0415 - a cached token does not wait for it
    from oauth_cli_login.tokens import valid_access_token  # noqa: PLC0415 - as above

    if min_valid < 0:
        raise UsageError("min_valid is negative", hint="It is how many seconds the token must be good for.")
    with _engine:
        context, configuration, name = _world(profile)
        return valid_access_token(context, configuration, name, refresh=refresh, min_valid=min_valid).value


def other_token(profile: str | None, refused: str) -> str | None:
    """Return an access token that is not the ``refused`` one, or ``None`` where nothing gives another.

    Somebody may have refreshed it meanwhile: then nothing is asked for. Raises as ``get_token``.
    """
    from oauth_cli_login.session import stored_session, valid_session  # noqa: PLC0415 - refused is rare

    with _engine:
        context, configuration, name = _world(profile)
        _, session = stored_session(configuration, name)
        if session.access_token == refused and session.refresh_token is None:
            return None
        session = valid_session(context, configuration, name, refresh=session.access_token == refused)
    return session.access_token if session.access_token != refused else None


def _world(profile: str | None) -> tuple[Context, Configuration, str]:
    """Return what the engine works in, with nobody at its terminal, and the name of the profile."""
    from io import StringIO  # noqa: PLC0415 - as the callers' imports

    from oauth_cli_login.adapters.terminal import Terminal  # noqa: PLC0415 - as above
    from oauth_cli_login.config import Configuration  # noqa: PLC0415 - as above
    from oauth_cli_login.context import Context  # noqa: PLC0415 - as above

    terminal = Terminal(os.environ, answer=StringIO(), stream=StringIO(), quiet=True)
    configuration = Configuration.read(os.environ)
    return Context(os.environ, terminal), configuration, configuration.chosen_profile(profile)
