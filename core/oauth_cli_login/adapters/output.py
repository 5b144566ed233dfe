"""A file that somebody asked for by name: it is there whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from oauth_cli_login.errors import StoreError, UsageError

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def save(path: str, chunks: Iterable[bytes]) -> None:
    """Write the chunks beside ``path`` and rename, once all of them have come; a link's target is what is replaced.

    Raises StoreError, UsageError for what is no regular file, and whatever the chunks raise; then the old file stays.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name}.{os.getpid()}.part")
    with _saying(path):
        handle = os.open(beside, _FLAGS, _mode(path, target))  # the umask has its say
    try:
        with open(handle, "wb", buffering=0) as file:
            for chunk in chunks:
                with _saying(path):
                    file.write(chunk)
            with _saying(path):
                os.fsync(handle)
        with _saying(path):
            os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _mode(path: str, target: str) -> int:
    """Return the mode of the file that is replaced, or that of any new file."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return 0o666
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path!a} is not a regular file", hint="To write to a device or a pipe: > instead of -o")
    return stat.S_IMODE(mode)


@contextmanager
def _saying(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no usable name"
        raise StoreError(f"{path!a} cannot be written: {reason}", hint="Name another file.") from None
