"""The session store: one file a profile, written whole and atomically; its secrets in the keyring where that is set.

Invariants: a file is 0600 in a folder 0700 from its first byte, whatever the umask. Nothing is read or replaced that
is a link, somebody else's, corrupt, or from a newer version. Writing happens under the profile's lock.
``cached.py`` is the home of where the files are and of how their first two lines read.

The keyring has new secrets before the file names them, and old ones until it does not: a crash in between leaves an
entry that nothing refers to, and the next write removes it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from oauth_cli_login import cached
from oauth_cli_login.adapters import files
from oauth_cli_login.adapters.lock import LockHeldError, locked
from oauth_cli_login.adapters.session_file import (
    Entry,
    NewerError,
    decode,
    encode,
    encode_secrets,
    has_secrets,
    with_secrets,
    without_secrets,
)
from oauth_cli_login.errors import ConfigError, KeyringError, OAuthCliError, StoreError
from oauth_cli_login.model import Profile
from oauth_cli_login.values import dataclass

if TYPE_CHECKING:
    from oauth_cli_login.adapters.vault import Vault

LOCK_TIMEOUT = 150.0
"""Seconds. Whoever refreshes may have to discover, to run a command for the secret, and to send, each with a limit."""
LOGIN_TIMEOUT = 900.0
"""Seconds. A person has five minutes, a device code often has fifteen."""
PATIENCE = 2.0
"""Seconds that a lock is waited for in silence: a refresh takes less."""
_PROBE_BYTES = 128 * 1024
_DIGITS = 12
"""One more than any time has, as in the head of a session file."""
_ROUNDS = 10
"""How often a reader looks anew where a writer was faster; each round needs another write in the same instant."""


@dataclass(frozen=True)
class FailedLogin:
    """A sign-in that a program asked for, in vain: when, in seconds since the epoch, and whether anybody answered."""

    at: int
    answered: bool


class NewerFileError(StoreError):
    """A newer oauth-cli wrote the file: it is of use to that one, and nothing here removes it."""


class Store:
    """The sessions of one user, and which profile is the default.

    ``warn`` is told what had to be mended, ``say`` what is waited for.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str], None] = lambda _text: None,
        say: Callable[[str], None] = lambda _text: None,
        vault: Vault | None = None,
    ) -> None:
        self._environ = environ
        self._warn = warn
        self._say = say
        self._folder = os.path.dirname(cached.session_path("-", environ))
        self._vault = vault

    def names(self) -> list[str]:
        """Return the names of all stored profiles, signed in or not, sorted."""
        try:
            return sorted(name for name in os.listdir(self._folder) if cached.is_profile_name(name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"the sessions in {self._folder} cannot be listed: {error.strerror}") from None

    def read(self, name: str) -> Profile | None:
        """Return the stored profile, or ``None``; StoreError where the file is not ours to trust. It is not touched.

        A file that others can read is mended, made 0600, and warned of. KeyringError where the keyring does not give
        what the file names, ConfigError where the library for it is missing.
        """
        profile, entry = self._read_file(name)
        for _ in range(_ROUNDS):
            if profile is None or entry is None:
                return profile
            try:
                return with_secrets(profile, self._keyring().read(entry))
            except (KeyringError, ValueError) as error:
                lost, before = error, entry
            profile, entry = self._read_file(name)  # another process may have written meanwhile, and removed that entry
            if entry == before:
                break
        if isinstance(lost, KeyringError):
            raise lost
        raise KeyringError(f"the keyring's entry of {name} is damaged: {lost}", hint="Sign in again: oauth-cli login")

    def peek(self, name: str) -> Profile | None:
        """Return the stored profile as ``read`` does, with an empty string for each secret that a keyring holds.

        No keyring is asked, and nobody to unlock one. It must not be written back.
        """
        return self._read_file(name)[0]

    def recall(self, name: str) -> Profile | None:
        """Return the stored profile for a new sign-in: without its secrets where the keyring does not give them."""
        try:
            return self.read(name)
        except (KeyringError, ConfigError):
            profile = self.peek(name)
            return profile and without_secrets(profile)

    def write(self, profile: Profile) -> OAuthCliError | None:
        """Replace the profile, whole, where its ``store`` says. The caller holds its lock.

        Returns what keeps the keyring from removing what it no longer needs to hold, or ``None``. The profile is
        written then as well.
        """
        if profile.session is not None and not profile.session.access_token:
            raise ValueError("a profile without its secrets is not written")
        path = self._path(profile.name)
        before, in_use = self._read_file(profile.name)  # raises for what must not be replaced
        data, entry = encode(profile), None
        if len(data) > cached.MAX_SESSION_BYTES:
            raise StoreError(f"the session {profile.name} is larger than 1 MiB", hint="That is no provider's token.")
        if profile.store == "keyring" and has_secrets(profile):
            entry = self._keyring().write(self._service(profile.name), encode_secrets(profile), in_use=in_use)
            data = encode(profile, entry)
        self._write(path, data)
        if "keyring" in {profile.store, before.store if before else ""}:
            return self._clear(profile.name, in_use, but=entry)
        return None

    def forget(self, name: str) -> OAuthCliError | None:
        """Remove the profile's file and whatever a crash left beside it; it may be missing.

        Returns what keeps the keyring from removing its part, or ``None``.
        """
        path, problem = self._path(name), None
        with suppress(StoreError):  # what cannot be read names no entry
            profile, entry = self._read_file(name)
            if profile is not None and profile.store == "keyring":
                problem = self._clear(name, entry)
        try:
            for leftover in (path, files.beside(path), self._failed_login_path(name)):
                with suppress(FileNotFoundError):
                    os.unlink(leftover)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from None
        self.clear_default(name)
        return problem

    def clear_default(self, name: str) -> None:
        """Have no default any more, if it was this profile."""
        if self.default() != name:
            return
        try:
            with suppress(FileNotFoundError):
                os.unlink(cached.default_profile_path(self._environ))
        except OSError as error:
            raise StoreError(f"the default profile cannot be changed: {error.strerror}") from None

    def check_writable(self, name: str, *, store: str | None = None) -> None:
        """Raise StoreError where the profile could not be written, before anything is spent on it.

        It is tried, by a caller who has the lock, at the very place and with more bytes than sessions usually have: a
        full disk takes an empty file. ``store`` is where it is going to be, by default where it is; a keyring takes and
        returns an entry, and ConfigError says that its library is missing.
        """
        place = files.beside(self._path(name))
        with self._storing():
            files.make_private(self._folder)
            with suppress(FileNotFoundError):
                os.unlink(place)
            files.write_new(place, bytes(_PROBE_BYTES))
            os.unlink(place)
        if store is None:
            profile = self.peek(name)
            store = profile.store if profile else ""
        if store == "keyring":
            self._keyring().check(f"{self._service(name)}/check")

    def default(self) -> str:
        """Return the name of the default profile, or ``""``."""
        name = cached.default_profile(self._environ)
        return name if cached.is_profile_name(name) else ""

    def set_default(self, name: str) -> None:
        """Write which profile is the default."""
        path = cached.default_profile_path(self._environ)
        with self._locked(files.beside(path) + ".lock", "which profile is the default"):
            self._write(path, name.encode("ascii") + b"\n")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the profile's lock: one writer at a time, across processes; StoreError where it is not had in time."""
        with self._locked(os.path.join(self._folder, f".{name}.lock"), f"the session {name}"):
            yield

    @contextmanager
    def login_lock(self, name: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the right to open a browser for the profile; it is waited for as long as a sign-in may take.

        ``waiting`` is called where it has to be. The profile's own lock stays free meanwhile: nobody who only reads or
        refreshes waits for a person.
        """
        path = os.path.join(self._folder, f".{name}.login.lock")
        with self._locked(path, f"the sign-in to {name}", timeout=LOGIN_TIMEOUT, waiting=waiting):
            yield

    def failed_login(self, name: str) -> FailedLogin | None:
        """Return the last sign-in that a program asked for and that failed, or ``None``."""
        try:
            data, _ = cached.read_file(self._failed_login_path(name))
            at, answer = data.decode("ascii").split()
            return FailedLogin(int(at), answered=answer == "answered") if len(at) < _DIGITS else None
        except (OSError, ValueError):
            return None

    def note_failed_login(self, name: str, failed: FailedLogin | None) -> None:
        """Keep how the last such sign-in failed, under ``login_lock``; or forget it, after one that succeeded."""
        path = self._failed_login_path(name)
        if failed is not None:
            self._write(path, f"{failed.at} {'answered' if failed.answered else 'unanswered'}\n".encode("ascii"))
            return
        with self._storing(), suppress(FileNotFoundError):
            os.unlink(path)

    def _failed_login_path(self, name: str) -> str:
        return os.path.join(self._folder, f".{name}.failed-login")

    @contextmanager
    def _locked(
        self, path: str, what: str, *, timeout: float | None = None, waiting: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Hold the lock; who has to wait is told: by ``waiting`` at once, without it after PATIENCE."""

        def busy() -> None:
            self._say(f"Another oauth-cli is busy with {what}: waiting for it. Ctrl-C to give up.")

        seconds = LOCK_TIMEOUT if timeout is None else timeout
        tell, patience = (busy, PATIENCE) if waiting is None else (waiting, 0)
        with self._storing():
            files.make_private(self._folder)
        with ExitStack() as held:
            try:
                held.enter_context(locked(path, timeout=seconds, waiting=tell, patience=patience))
            except LockHeldError:
                raise StoreError(
                    f"another oauth-cli has held {what} for {seconds:.0f} seconds",
                    hint="Wait for it, or end it. Its process holds " + path,
                ) from None
            except ValueError as error:
                raise _refused(path, str(error)) from None
            except OSError as error:
                raise StoreError(f"{path} cannot be locked: {error.strerror or error}") from None
            yield

    def _read_file(self, name: str) -> tuple[Profile | None, Entry | None]:
        path = self._path(name)
        try:
            data, status = cached.read_file(path)
            found = decode(name, data)
            if sys.platform != "win32" and status.st_mode & 0o077:
                os.chmod(path, 0o600)
                self._warn(f"others could read {path}; it is private now. If somebody did, sign in again.")
        except FileNotFoundError:
            return None, None
        except OSError as error:
            reason = "it is a symbolic link" if os.path.islink(path) else error.strerror or "it cannot be read"
            raise _refused(path, reason) from None
        except NewerError:
            raise NewerFileError(
                f"{path} is left alone: a newer oauth-cli wrote it",
                hint="Update oauth-cli, or sign in again under another OAUTH_CLI_HOME.",
            ) from None
        except ValueError as error:
            raise _refused(path, str(error)) from None
        return found

    def _keyring(self) -> Vault:
        if self._vault is None:
            from oauth_cli_login.adapters.vault import Vault  # noqa: PLC0415 - most sessions are in files

            self._vault = Vault(self._environ)
        return self._vault

    def _service(self, name: str) -> str:
        """Return what the keyring's entries of a profile begin with: other folders' profiles have other entries."""
        from hashlib import sha256  # noqa: PLC0415 - as in _keyring

        return f"oauth-cli/{name}/{sha256(os.fsencode(self._folder)).hexdigest()[:12]}"

    def _clear(self, name: str, in_use: Entry | None, *, but: Entry | None = None) -> OAuthCliError | None:
        """Remove the profile's entries, and those of the folder that it was moved from; return what prevents it."""
        services = {self._service(name), in_use.service if in_use else self._service(name)}
        try:
            for service in sorted(services):
                self._keyring().clear(service, but=but)
        except (KeyringError, ConfigError) as error:
            return KeyringError(
                f"the keyring may still hold {' and '.join(sorted(services))}: {error.message}", hint=error.hint
            )
        return None

    def _path(self, name: str) -> str:
        return cached.session_path(name, self._environ)

    def _write(self, path: str, data: bytes) -> None:
        with self._storing():
            files.make_private(self._folder)
            files.replace(path, data)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise StoreError(
                f"the session cannot be stored in {self._folder}: {reason}",
                hint="Mend that, or let OAUTH_CLI_HOME name another folder.",
            ) from None


def _refused(path: str, reason: str) -> StoreError:
    name = os.path.basename(path)
    hint = "If it is of no use to you, remove it."
    if cached.is_profile_name(name):
        hint = (
            f"If it is of no use to you: oauth-cli logout --forget --profile {name}. "
            f"Then sign in again: oauth-cli login --profile {name} --provider NAME"
        )
    return StoreError(f"{path} is left alone: {reason}", hint=hint)
