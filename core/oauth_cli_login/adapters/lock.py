"""One holder at a time, across processes and threads: an open file with the system's own lock on it.

Invariants: the file is a regular one of this user's and no link, and is never written to. The lock ends with the
process that holds it, however that ends. The file stays where it is: if it were removed, two processes could each hold
one of that name.

This is our own because a refresh and a sign-in wait for it: the library for it loads asyncio, which takes as long as
loading requests does.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _let_go(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_HELD = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK, errno.EINTR})
_NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


class LockHeldError(Exception):
    """Somebody else has held the lock for as long as we were willing to wait."""


@contextmanager
def locked(
    path: str, *, timeout: float, waiting: Callable[[], None] = lambda: None, patience: float = 0
) -> Iterator[None]:
    """Hold the lock ``path``, whose folder is there, for the length of the block; wait ``timeout`` seconds at most.

    ``waiting`` is called once, where it has to be waited for, after ``patience`` seconds of that. Raises LockHeldError,
    ValueError where the file is not ours to lock, and OSError where there are no locks.
    """
    try:
        handle = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise ValueError("it is not a regular file") from None
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise ValueError("it belongs to another user")
        _acquire(handle, timeout, waiting, patience)
        try:
            yield
        finally:
            _let_go(handle)  # closing it would not do: a child that was forked meanwhile has it open as well
    finally:
        os.close(handle)


def _acquire(handle: int, timeout: float, waiting: Callable[[], None], patience: float) -> None:
    started = time.monotonic()
    pause, told = _FIRST_PAUSE, False
    while True:
        try:
            _try(handle)
        except OSError as error:
            if error.errno not in _HELD:
                raise
        else:
            return
        waited = time.monotonic() - started
        if waited >= timeout:
            raise LockHeldError
        if not told and waited >= patience:
            told = True
            waiting()
        time.sleep(min(pause, timeout - waited))
        pause = min(pause * 2, _LONGEST_PAUSE)
