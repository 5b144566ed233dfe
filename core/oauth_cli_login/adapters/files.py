"""Files of ours: private from their first byte whatever the umask, and replaced whole.

Those that hold secrets raise what goes wrong. Those of the cache folder can be made again: what goes wrong there is as
if they were not there, and what somebody else could have written is not read.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress

from oauth_cli_login import cached

_OTHERS = 0o022
"""Permissions of everybody else to write."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def make_private(folder: str) -> None:
    """Make a folder, and what is missing above it, for this user alone; raise OSError or ValueError.

    One that is there already must be a folder of this user's, and no link; others' access to it is taken away.
    """
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        make_private(parent)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise ValueError("it is not a folder")
    if hasattr(os, "geteuid"):
        if status.st_uid != os.geteuid():
            raise ValueError("it belongs to another user")
        if status.st_mode & 0o077:
            os.chmod(folder, 0o700)


def write_new(path: str, data: bytes) -> None:
    """Write a file of mode 0600 that was not there, down to the disk; raise OSError, and leave nothing behind then."""
    handle = os.open(path, _FLAGS, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def replace(path: str, data: bytes) -> None:
    """Write beside ``path`` and rename: readers see the old file or the new one. Raise OSError.

    The caller is the only writer of ``path``: what a crash of an earlier one left beside it is removed.
    """
    temporary = beside(path)
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    write_new(temporary, data)
    try:
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if sys.platform != "win32":  # there a rename cannot be flushed on its own
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def beside(path: str) -> str:
    """Return where ``replace`` writes before it renames."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.new")


def keep(path: str, data: bytes) -> None:
    """Write a file of the cache, for whoever comes next; several may at once, and the last one stays."""
    new = f"{path}.{os.getpid()}"
    with suppress(OSError, ValueError):
        make_private(os.path.dirname(path))
        write_new(new, data)
        try:
            os.replace(new, path)
        except OSError:
            os.unlink(new)


def kept(path: str) -> bytes | None:
    """Return a file of the cache, or ``None`` where there is none that is ours alone."""
    try:
        data, status = cached.read_file(path)
        ours = _is_ours(os.lstat(os.path.dirname(path))) and _is_ours(status)
    except (OSError, ValueError):
        return None
    return data if ours else None


def _is_ours(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS)
