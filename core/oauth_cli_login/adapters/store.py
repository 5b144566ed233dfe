"""The session store: one file a profile, written whole and atomically.

Invariants: a file is 0600 in a folder 0700 from its first byte, whatever the umask. Nothing is read or replaced that
is a link, somebody else's, corrupt, or from a newer version. Writing happens under the profile's lock.
``cached.py`` is the home of where the files are and of how their first two lines read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from oauth_cli_login import cached
from oauth_cli_login.adapters import files
from oauth_cli_login.adapters.lock import LockHeldError, locked
from oauth_cli_login.errors import StoreError
from oauth_cli_login.model import Profile, SecretReference, Session
from oauth_cli_login.protocol.body import parse_json

if TYPE_CHECKING:
    from typing import Literal

LOCK_TIMEOUT = 150.0
"""Seconds. Whoever refreshes may have to discover, to run a command for the secret, and to send, each with a limit."""
LOGIN_TIMEOUT = 900.0
"""Seconds. A person has five minutes, a device code often has fifteen."""
_PROBE_BYTES = 128 * 1024
_KINDS = ("value", "env", "file", "command")


@dataclass(frozen=True)
class FailedLogin:
    """A sign-in that a program asked for, in vain: when, in seconds since the epoch, and whether anybody answered."""

    at: int
    answered: bool


class Store:
    """The sessions of one user, and which profile is the default."""

    def __init__(self, environ: Mapping[str, str], *, warn: Callable[[str], None] = lambda _text: None) -> None:
        self._environ = environ
        self._warn = warn
        self._folder = os.path.dirname(cached.session_path("-", environ))

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

        One that others can read is mended, made 0600, and warned of.
        """
        path = self._path(name)
        try:
            data, status = cached.read_file(path)
            profile = _decode(name, data)
            if sys.platform != "win32" and status.st_mode & 0o077:
                os.chmod(path, 0o600)
                self._warn(f"others could read {path}; it is private now. If somebody did, sign in again.")
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = "it is a symbolic link" if os.path.islink(path) else error.strerror or "it cannot be read"
            raise _refused(path, reason) from None
        except _NewerError:
            raise StoreError(
                f"{path} is left alone: a newer oauth-cli wrote it",
                hint="Update oauth-cli, or sign in again under another OAUTH_CLI_HOME.",
            ) from None
        except ValueError as error:
            raise _refused(path, str(error)) from None
        return profile

    def write(self, profile: Profile) -> None:
        """Replace the profile's file, whole. The caller holds its lock."""
        path = self._path(profile.name)
        self.read(profile.name)  # raises for what must not be replaced
        data = _encode(profile)
        if len(data) > cached.MAX_SESSION_BYTES:
            raise StoreError(f"the session {profile.name} is larger than 1 MiB", hint="That is no provider's token.")
        self._write(path, data)

    def forget(self, name: str) -> None:
        """Remove the profile's file and whatever a crash left beside it; it may be missing."""
        path = self._path(name)
        try:
            for leftover in (path, files.beside(path), self._failed_login_path(name)):
                with suppress(FileNotFoundError):
                    os.unlink(leftover)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from None
        self.clear_default(name)

    def clear_default(self, name: str) -> None:
        """Have no default any more, if it was this profile."""
        if self.default() != name:
            return
        try:
            with suppress(FileNotFoundError):
                os.unlink(cached.default_profile_path(self._environ))
        except OSError as error:
            raise StoreError(f"the default profile cannot be changed: {error.strerror}") from None

    def check_writable(self, name: str, *, locked: bool = False) -> None:
        """Raise StoreError where the profile's file could not be written, before anything is spent on it.

        It is tried, with more bytes than a session has: a full disk takes an empty file. A caller who has ``locked``
        the profile tries the very place; without the lock it is one beside it.
        """
        place = files.beside(self._path(name if locked else f"{name}.{os.getpid()}"))
        with self._storing():
            files.make_private(self._folder)
            with suppress(FileNotFoundError):
                os.unlink(place)
            files.write_new(place, bytes(_PROBE_BYTES))
            os.unlink(place)

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
    def login_lock(self, name: str) -> Iterator[None]:
        """Hold the right to open a browser for the profile; it is waited for as long as a sign-in may take.

        The profile's own lock stays free meanwhile: nobody who only reads or refreshes waits for a person.
        """
        path = os.path.join(self._folder, f".{name}.login.lock")
        with self._locked(path, f"the sign-in to {name}", timeout=LOGIN_TIMEOUT):
            yield

    def failed_login(self, name: str) -> FailedLogin | None:
        """Return the last sign-in that a program asked for and that failed, or ``None``."""
        try:
            data, _ = cached.read_file(self._failed_login_path(name))
            at, answer = data.decode("ascii").split()
            return FailedLogin(int(at), answered=answer == "answered")
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
    def _locked(self, path: str, what: str, *, timeout: float | None = None) -> Iterator[None]:
        with self._storing():
            files.make_private(self._folder)
        seconds = LOCK_TIMEOUT if timeout is None else timeout
        with ExitStack() as held:
            try:
                held.enter_context(locked(path, timeout=seconds))
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
                hint="OAUTH_CLI_HOME names another folder.",
            ) from None


class _NewerError(ValueError):
    """The file is of a version that this program does not know."""


def _refused(path: str, reason: str) -> StoreError:
    return StoreError(
        f"{path} is left alone: {reason}",
        hint="If it is of no use to you, remove it and sign in again: oauth-cli login",
    )


def _encode(profile: Profile) -> bytes:
    session = profile.session
    expires_at, issued_at, token = (
        (session.expires_at, session.issued_at, session.access_token) if session else (0, 0, "")
    )
    document: dict[str, object] = {"provider": profile.provider, "settings": dict(profile.settings)}
    if profile.secrets:
        document["secrets"] = {name: {ref.kind: ref.target} for name, ref in profile.secrets.items()}
    if session:
        fields = {name: getattr(session, name) for name in _SESSION_FIELDS}
        document["session"] = {name: value for name, value in fields.items() if value is not None}
    head = f"1 {expires_at} {issued_at} {len(token)}\n{token}\n"
    return head.encode("ascii") + json.dumps(document, ensure_ascii=True, indent=1).encode("ascii") + b"\n"


_SESSION_FIELDS = (
    *("issuer", "client_id", "sub", "label", "scopes", "token_type"),
    *("refresh_token", "id_token", "redirect_uri", "token_endpoint"),
)


def _decode(name: str, data: bytes) -> Profile:
    version = data.partition(b" ")[0]
    if version.isdigit() and version != b"1":
        raise _NewerError
    expires_at, issued_at, access_token, rest = cached.split(data)
    document = parse_json(rest)
    if not isinstance(document, dict):
        raise ValueError("it is damaged")  # noqa: TRY004 - one kind of error for everything that is wrong with a file
    secrets = {}
    for key, reference in _object(document, "secrets").items():
        if not isinstance(reference, dict) or len(reference) != 1:
            raise ValueError("its secrets are damaged")
        [(kind, target)] = reference.items()
        if kind not in _KINDS or not isinstance(target, str):
            raise ValueError("its secrets are damaged")
        secrets[key] = SecretReference(cast("Literal['value', 'env', 'file', 'command']", kind), target)
    settings = _object(document, "settings")
    provider = document.get("provider")
    if not isinstance(provider, str) or not all(isinstance(value, str) for value in settings.values()):
        raise ValueError("its settings are damaged")
    session = None
    if "session" in document:
        session = _decode_session(_object(document, "session"), expires_at, issued_at, access_token)
    elif issued_at:
        raise ValueError("it lacks the session that its first line speaks of")
    return Profile(name, provider, {k: str(v) for k, v in settings.items()}, secrets, session)


def _decode_session(fields: Mapping[str, object], expires_at: int, issued_at: int, access_token: str) -> Session:
    known = {name: fields.get(name) for name in _SESSION_FIELDS if name != "scopes"}
    scopes = fields.get("scopes")
    required = ("client_id", "label", "token_type")
    if (
        not all(isinstance(value, str | None) for value in known.values())
        or not all(isinstance(known[name], str) for name in required)
        or not isinstance(scopes, list)
        or not all(isinstance(scope, str) for scope in scopes)
        or not access_token
    ):
        raise ValueError("its session is damaged")
    return Session(
        scopes=tuple(scopes),
        issued_at=issued_at,
        expires_at=expires_at,
        access_token=access_token,
        **cast("dict[str, str]", known),
    )


def _object(document: Mapping[str, object], name: str) -> dict[str, object]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"its {name} are damaged")  # noqa: TRY004 - as in _decode
    return value
