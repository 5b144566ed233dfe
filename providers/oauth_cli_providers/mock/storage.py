"""The mock's folder: its key and its state, 0600 in 0700, replaced whole, one writer at a time across processes."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator

from oauth_cli_login import cached
from oauth_cli_login.adapters.files import make_private, replace
from oauth_cli_login.adapters.lock import LockHeldError, locked
from oauth_cli_login.errors import StoreError
from oauth_cli_providers.mock.signing import SigningKey, compact_json, generate_key
from oauth_cli_providers.mock.state import State

_LOCK_SECONDS = 10


def default_folder() -> str:
    """Return where the mock keeps its key and state when nobody says otherwise."""
    return os.path.join(cached.folder("state", os.environ), "mock")


class Storage:
    """The key and the state in one folder. Every method raises ``StoreError`` where the folder cannot be used."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._threads = threading.Lock()
        with self._errors(folder):
            make_private(folder)
        self._lock = os.path.join(folder, "lock")

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StoreError(
                f"The embedded server cannot use {path}: {said}.",
                hint=f"Remove {self._folder}: the mock makes it anew, and its sign-ins end.",
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The thread's lock comes first: waiting for the other one is polling.
        with self._threads, contextlib.ExitStack() as held:
            with self._errors(self._lock):
                try:
                    held.enter_context(locked(self._lock, timeout=_LOCK_SECONDS))
                except LockHeldError:
                    raise ValueError(f"another process has held it for {_LOCK_SECONDS} seconds") from None
            yield

    def signing_key(self) -> SigningKey:
        """Return the key, made where there is none yet."""
        path = os.path.join(self._folder, "key.json")
        with self._locked(), self._errors(path):
            try:
                data, _ = cached.read_file(path)
            except FileNotFoundError:
                key = generate_key()
                replace(path, compact_json(key.private_jwk))
                return key
            return SigningKey.from_jwk(json.loads(data))

    @contextlib.contextmanager
    def transaction(self, now: float) -> Iterator[State]:
        """Yield the state as it stands at ``now``, alone; what changed is kept, unless the block raises."""
        path = os.path.join(self._folder, "state.json")
        with self._locked():
            with self._errors(path):
                try:
                    before, _ = cached.read_file(path)
                    state = State.decode(before)
                except FileNotFoundError:
                    before, state = b"", State()
            state.prune(now)
            yield state
            with self._errors(path):
                after = state.encode()
                if after != before:
                    replace(path, after)
