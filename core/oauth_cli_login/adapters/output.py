"""A file that somebody asked for by name: it is there whole, or not at all.

It is written beside its place and renamed. Where the name is a link of this user's, its target is what is replaced;
somebody else's is not followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from oauth_cli_login.errors import StoreError, UsageError

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def check_savable(path: str) -> None:
    """Raise what ``save`` would raise of ``path``, before anything is asked for that it could not take."""
    with _storing(path):
        target = _target(path)
        os.close(_open(target, _mode(path, target)))
        os.unlink(_beside(target))


def save(path: str, chunks: Iterable[bytes]) -> None:
    """Put the chunks in place of ``path`` once all of them have come; its mode stays, but for the umask.

    Raises StoreError, UsageError for what is no regular file, and whatever the chunks raise; then the old file stays.
    """
    with _storing(path):
        target = _target(path)
        handle = _open(target, _mode(path, target))
    try:
        with open(handle, "wb", buffering=0) as file:
            for chunk in chunks:
                with _storing(path):
                    _write(file.fileno(), chunk)
            with _storing(path):
                os.fsync(file.fileno())
        with _storing(path):
            os.replace(_beside(target), target)
    except BaseException:
        with suppress(OSError):
            os.unlink(_beside(target))
        raise


def _target(path: str) -> str:
    """Return what ``path`` leads to; UsageError for somebody else's link: the system's own guard is for opening one."""
    if os.path.islink(path) and hasattr(os, "geteuid") and os.lstat(path).st_uid != os.geteuid():
        raise UsageError(f"{path!a} is a link that somebody else made", hint="Name another file.")
    return os.path.realpath(path)


def _write(handle: int, rest: bytes) -> None:
    while rest:  # a disk that is nearly full takes a part
        rest = rest[os.write(handle, rest) :]


def _open(target: str, mode: int) -> int:
    """Return a new file beside the target. What a killed process of the same number left there gives way."""
    with suppress(FileNotFoundError):
        os.unlink(_beside(target))
    return os.open(_beside(target), _FLAGS, mode)


def _beside(target: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name}.{os.getpid()}.part")


def _mode(path: str, target: str) -> int:
    """Return the mode of the file that is replaced, or that of any new file."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return 0o666
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path!a} is not a regular file", hint="For a device or a pipe use > instead of -o.")
    return stat.S_IMODE(mode)


@contextmanager
def _storing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path!a} cannot be written: {error.strerror}", hint="Name another file.") from None
