"""A deadline for an exchange: what a read time-out cannot be, because an answer that drips is never silent.

Invariants: whatever is open at the deadline is shut down, and after it whatever is opened; a deadline that was met cuts
nothing later.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watchdog:
    """Knows the open sockets, and shuts them down at the deadline of the exchange that goes on: one at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._exchange: object = None
        self._is_over = False

    def note(self, opened: socket.socket) -> None:
        """Know one more socket; after the deadline it is shut down at once."""
        with self._guard:
            self._open.add(opened)
            if self._is_over:
                _shut_down(opened)

    @contextmanager
    def cutting_after(self, seconds: float) -> Iterator[None]:
        """Cut what the block is still waiting for after so many seconds."""
        exchange = object()
        timer = threading.Timer(max(0.0, seconds), self._cut, (exchange,))
        timer.daemon = True
        self._begin(exchange)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._begin(None)

    def _begin(self, exchange: object) -> None:
        with self._guard:
            self._exchange, self._is_over = exchange, False

    def _cut(self, exchange: object) -> None:
        with self._guard:
            if exchange is not self._exchange:
                return  # it ended as its time ran out: the next one's connections are not to be cut
            self._is_over = True
            for opened in self._open:
                _shut_down(opened)


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
