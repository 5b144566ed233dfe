"""The system's keyring, and the only home of the library ``keyring``, which is imported when it is first needed.

Invariants:

- Nothing goes to a keyring that keeps plain text, or nothing at all, and nothing goes elsewhere when it cannot be used.
- No call lasts longer than the limit. One that did is given up, and the keyring is not asked again by this ``Vault``:
  a bus that hangs costs the limit once, and the process can end.
- An error never quotes the library or the keyring, whose words may hold a secret.
- New secrets are written in the slot that is not in use, read back, and only then named by an ``Entry``. The parts of
  a slot are written first to last and removed last to first, so that what a crash leaves is found by counting up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar

from oauth_cli_login.adapters.session_file import Entry
from oauth_cli_login.errors import ConfigError, KeyringError, OAuthCliError

if TYPE_CHECKING:
    from typing import NoReturn

LIMIT = 3.0
"""Seconds that one call may take."""

_USERNAME = "oauth-cli"
_OTHERWISE = "Or keep the session in a file: oauth-cli login --store file"

_SYSTEM = {
    "win32": ("keyring.backends.Windows.WinVaultKeyring",),
    "darwin": ("keyring.backends.macOS.Keyring",),
}
_FREEDESKTOP = (
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
)
_PART_SIZES = {"keyring.backends.Windows.WinVaultKeyring": 1200}
"""Characters that an entry takes where there is a limit: the Credential Manager's is 2,560 bytes of UTF-16."""
_REFUSED = ("keyring.backends.fail.", "keyring.backends.null.", "keyring.backends.chainer.", "keyrings.alt.")

_Result = TypeVar("_Result")


class Backend(Protocol):
    """What is used of the library's ``KeyringBackend``."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the text, or ``None`` where there is none."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep the text in the place of what was there."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove the text, which is there."""


class Vault:
    """One keyring, through calls that end; it is opened by the first of them."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        open_backend: Callable[[Mapping[str, str]], Backend] | None = None,
        limit: float = LIMIT,
    ) -> None:
        self._environ = environ
        self._open = system_backend if open_backend is None else open_backend
        self._limit = limit
        self._backend: Backend | None = None
        self._gave_up = False

    def check(self, name: str) -> None:
        """Raise where the keyring does not take and return an entry of this name, which nobody else uses meanwhile.

        KeyringError, or ConfigError where the library is missing.
        """
        self._keep(name, os.urandom(8).hex())
        self._delete(name)

    def read(self, entry: Entry) -> str:
        """Return the text of an entry; KeyringError where a part is missing or not the one that was written."""
        parts = [self._get(_part(entry.service, entry.slot, number)) or "" for number in range(entry.parts)]
        text = "".join(parts)
        if "" in parts or _digest(text) != entry.digest:
            raise KeyringError(
                f"the keyring does not have the session's entry {entry.service!a} as it was written",
                hint="Sign in again: oauth-cli login",
            )
        return text

    def write(self, service: str, text: str, *, in_use: Entry | None) -> Entry:
        """Write the text where ``in_use`` is not, and return the entry that it has become. Nothing is removed."""
        slot = "b" if in_use is not None and (in_use.service, in_use.slot) == (service, "a") else "a"
        size = self._call(lambda backend: _PART_SIZES.get(_name(type(backend)), len(text)))
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        for number, part in enumerate(parts):
            self._keep(_part(service, slot, number), part)
        return Entry(service, slot, len(parts), _digest(text))

    def clear(self, service: str, *, but: Entry | None = None) -> None:
        """Remove everything of a service ``but`` the entry in use: an older one, or what a crash left."""
        for slot in ("a", "b"):
            kept = but.parts if but is not None and (but.service, but.slot) == (service, slot) else 0
            number = kept
            while self._get(_part(service, slot, number)) is not None:
                number += 1
            while number > kept:
                number -= 1
                self._delete(_part(service, slot, number))

    def _get(self, name: str) -> str | None:
        return self._call(lambda backend: backend.get_password(name, _USERNAME))

    def _keep(self, name: str, text: str) -> None:
        self._call(lambda backend: backend.set_password(name, _USERNAME, text))
        if self._get(name) != text:
            raise KeyringError("the keyring does not return what it was given", hint=_OTHERWISE)

    def _delete(self, name: str) -> None:
        self._call(lambda backend: backend.delete_password(name, _USERNAME))

    def _call(self, act: Callable[[Backend], _Result]) -> _Result:
        """Return what ``act`` does with the backend, in a thread that is given up when the limit is over.

        A daemon thread, which no exit of the process waits for.
        """
        done: list[_Result] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                if self._backend is None:
                    self._backend = self._open(self._environ)
                done.append(act(self._backend))
            except BaseException as error:  # noqa: BLE001 - whatever a backend raises is told by the other thread
                failed.append(error)

        if not self._gave_up:
            thread = Thread(target=work, daemon=True)
            thread.start()
            thread.join(self._limit)
        if done:
            return done[0]
        if failed:
            _raise(failed[0])
        self._gave_up = True
        raise KeyringError(
            f"the keyring did not answer in {self._limit:.0f} seconds: it hangs, or waits for somebody to unlock it",
            hint=f"Unlock it, and run the same command again. {_OTHERWISE}",
        )


def system_backend(environ: Mapping[str, str]) -> Backend:
    """Return the backend that the user chose for the library (PYTHON_KEYRING_BACKEND, keyringrc.cfg), or the system's.

    The library's own choice is not asked for: packages beside it, such as keyrings of package indexes and of plain
    text, put themselves in front. Raises ConfigError where the library is missing or means a backend that is refused,
    KeyringError where the system has no keyring that can be used now.
    """
    try:
        from keyring import core  # noqa: PLC0415 - an extra, which few have and nobody else waits for
    except ImportError:
        raise ConfigError(
            "the system's keyring is asked for, and the Python package keyring is not installed beside this Python",
            hint=f"Install it: {sys.executable} -m pip install keyring\n{_OTHERWISE}",
        ) from None
    try:
        chosen: Backend | None = core.load_env() or core.load_config()
    except Exception as error:  # noqa: BLE001 - whatever importing it raises
        raise ConfigError(
            f"the keyring that PYTHON_KEYRING_BACKEND or keyringrc.cfg names cannot be used ({type(error).__name__})",
            hint=f"Choose another there, or none. {_OTHERWISE}",
        ) from None
    if chosen is not None:
        return _accepted(chosen)
    names = _SYSTEM.get(sys.platform, _FREEDESKTOP)
    if names is _FREEDESKTOP and not _has_session_bus(environ):  # some libraries would start a bus of their own
        raise KeyringError(
            "there is no keyring here: no session bus runs", hint=f"DBUS_SESSION_BUS_ADDRESS is not set. {_OTHERWISE}"
        )
    for name in names:
        try:
            system: Backend = core.load_keyring(name)
        except Exception:  # noqa: BLE001, S112 - it is not this one: each has its own way to say so
            continue
        return _accepted(system)
    raise KeyringError("no keyring of this system can be used", hint=f"Is one running? {_OTHERWISE}")


def _accepted(backend: Backend) -> Backend:
    """Return the backend unless it, or what it is made from, keeps nothing or plain text."""
    for name in map(_name, type(backend).__mro__):
        if name.startswith(_REFUSED) or "plain" in name.lower():
            raise ConfigError(
                f"the keyring {_name(type(backend))} keeps nothing, plain text, or does not say where",
                hint="PYTHON_KEYRING_BACKEND or keyringrc.cfg names it: choose another there, or none.\n" + _OTHERWISE,
            )
    return backend


def _has_session_bus(environ: Mapping[str, str]) -> bool:
    runtime = environ.get("XDG_RUNTIME_DIR")
    return bool(environ.get("DBUS_SESSION_BUS_ADDRESS")) or bool(runtime and os.path.exists(f"{runtime}/bus"))


def _raise(error: BaseException) -> NoReturn:
    if isinstance(error, OAuthCliError):
        raise error
    kind = type(error).__name__
    if kind == "KeyringLocked":
        raise KeyringError(
            "the keyring is locked", hint=f"Unlock it, and run the same command again. {_OTHERWISE}"
        ) from None
    raise KeyringError(f"the keyring cannot be used ({kind})", hint=f"Is it running? {_OTHERWISE}") from None


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _part(service: str, slot: str, number: int) -> str:
    return f"{service}/{slot}{number}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()
