"""A deadline for an exchange: what a read time-out cannot be, because an answer that drips is never silent.

Invariants: whatever is open at the deadline is shut down, and after it whatever is opened, as soon as it is; a deadline
that was met cuts nothing later. While a connection is being made nothing can be cut: each address that is tried has the
time-out of a read.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Exchange:
    """One exchange; ``was_cut`` tells whether its time ran out, by the clock that cuts."""

    was_cut = False


class Watchdog:
    """Knows the open sockets, and shuts them down at the deadline of the exchange that goes on: one at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._exchange: Exchange | None = None

    def note(self, opened: socket.socket) -> None:
        """Know one more socket; after the deadline it is shut down at once."""
        with self._guard:
            self._open.add(opened)
            if self._exchange is not None and self._exchange.was_cut:
                _shut_down(opened)

    @contextmanager
    def cutting_after(self, seconds: float) -> Iterator[Exchange]:
        """Cut what the block is still waiting for after so many seconds."""
        exchange = Exchange()
        timer = threading.Timer(max(0.0, seconds), self._cut, (exchange,))
        timer.daemon = True
        self._begin(exchange)
        timer.start()
        try:
            yield exchange
        finally:
            timer.cancel()
            self._begin(None)

    def _begin(self, exchange: Exchange | None) -> None:
        with self._guard:
            self._exchange = exchange

    def _cut(self, exchange: Exchange) -> None:
        with self._guard:
            if exchange is not self._exchange:
                return  # it ended as its time ran out: the next one's connections are not to be cut
            exchange.was_cut = True
            for opened in self._open:
                _shut_down(opened)


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):
        # not SSLSocket's own: it takes the TLS away first, and what came then, from anybody, would be believed
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
