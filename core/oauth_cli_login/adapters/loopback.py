"""The callback server: loopback addresses only, one thread, any number of strangers.

Invariants: a ``localhost`` redirect is served on 127.0.0.1 and [::1], where the machine has both, and either one held
by somebody else is the port being taken. Connections are bounded in number, size and time, and none of them can keep
the real callback waiting. The ports are free as soon as the server is closed.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TextIO, TypeVar

from oauth_cli_login.adapters.pages import HEADERS
from oauth_cli_login.adapters.sockets import PortUnavailable, listen
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.protocol.callback import MAX_HEAD
from oauth_cli_login.values import dataclass, field

MAX_CONNECTIONS = 256
HEAD_TIMEOUT = 20.0
FLUSH_TIMEOUT = 2.0
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Headers Too Large"}

T = TypeVar("T")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """What to answer; a ``result`` ends the wait once the answer is on its way."""

    status: int
    page: str = field(repr=False)
    result: T | None = None


class _Connection:
    def __init__(self, accepted: socket.socket, opened: float) -> None:
        self.socket = accepted
        self.opened = opened
        self.received = b""
        self.to_send = b""


class CallbackServer:
    """Listens from construction on; ``port`` is the real one. Close it, or use it as a context manager.

    ``ports`` are tried in order, 0 being any free one. Raises ConfigError where all of them are taken and stay so,
    naming the address, and where the machine has no such loopback address.
    """

    def __init__(self, host: str, ports: Iterable[int]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: list[_Connection] = []
        self._listeners: list[socket.socket] = []
        self._typed = b""
        try:
            self._listeners = _listen(host, ports)
        except BaseException:
            self._selector.close()
            raise
        self.port: int = self._listeners[0].getsockname()[1]
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)

    def __enter__(self) -> CallbackServer:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the ports, and end every connection."""
        for listener in self._listeners:
            listener.close()
        for connection in self._connections:
            connection.socket.close()
        self._listeners.clear()
        self._connections.clear()
        self._selector.close()

    def wait(
        self,
        respond: Callable[[bytes], Reply[T]],
        *,
        seconds: float,
        tick: Callable[[float], None] = lambda _left: None,
        typed: tuple[TextIO, Callable[[str], T | None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> T | None:
        """Serve until ``respond`` gives a result, and return it; ``None`` when ``seconds`` are over.

        ``respond`` gets each request's head, the bytes up to the empty line, or nothing where it is too long. ``tick``
        is told the seconds left, about once a second. ``typed`` is a terminal to read lines from beside, and what makes
        a result of one.
        """
        if typed:
            with self._reading(typed[0]):
                return self._wait(respond, clock() + seconds, tick, typed, clock)
        return self._wait(respond, clock() + seconds, tick, None, clock)

    def _wait(
        self,
        respond: Callable[[bytes], Reply[T]],
        end: float,
        tick: Callable[[float], None],
        typed: tuple[TextIO, Callable[[str], T | None]] | None,
        clock: Callable[[], float],
    ) -> T | None:
        while (left := end - clock()) > 0:
            tick(left)
            for key, events in self._selector.select(min(1.0, left)):
                result = None
                if typed and key.fileobj is typed[0]:
                    result = self._read_lines(*typed)
                elif key.data is None:
                    self._accept(key.fileobj, clock())  # type: ignore[arg-type]  # only listeners have no data
                else:
                    result = self._serve(key.data, events, respond)
                if result is not None:
                    self._flush(clock)
                    return result
            self._expire(clock())
        return None

    @contextmanager
    def _reading(self, source: TextIO) -> Iterator[None]:
        """Listen to a terminal as well; its bytes are read past the TextIO, which would wait for the end of a line."""
        self._typed = b""
        self._selector.register(source, selectors.EVENT_READ)
        try:
            yield
        finally:
            with suppress(KeyError, ValueError):  # gone already at the end of input
                self._selector.unregister(source)

    def _read_lines(self, source: TextIO, parse: Callable[[str], T | None]) -> T | None:
        try:
            data = os.read(source.fileno(), MAX_HEAD)
        except OSError:
            data = b""
        if not data:  # end of input: nothing more will be typed
            self._selector.unregister(source)
            return None
        *lines, self._typed = (self._typed + data)[-MAX_HEAD:].split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text and (result := parse(text)) is not None:
                return result
        return None

    def _accept(self, listener: socket.socket, now: float) -> None:
        try:
            accepted, _ = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE) and self._connections:
                self._drop(self._connections[0])  # as below: there is room for fewer than we thought
            return  # else it went away between the two calls
        accepted.setblocking(False)
        if len(self._connections) >= MAX_CONNECTIONS:
            self._drop(self._connections[0])  # the oldest: the real browser is never it
        connection = _Connection(accepted, now)
        self._connections.append(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _serve(self, connection: _Connection, events: int, respond: Callable[[bytes], Reply[T]]) -> T | None:
        if connection.socket.fileno() < 0:
            return None  # dropped earlier in this round
        if events & selectors.EVENT_WRITE:
            self._send(connection)
            return None
        try:
            data = connection.socket.recv(MAX_HEAD)
        except OSError:
            data = b""
        if not data or connection.to_send:
            self._drop(connection)
            return None
        connection.received += data
        head, complete, _ = connection.received.partition(b"\r\n\r\n")
        if not complete and len(connection.received) < MAX_HEAD and connection.received[:1] != b"\x16":  # a TLS hello
            return None
        reply = respond(head if complete else b"")
        connection.to_send = _http_response(reply)
        self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)
        return reply.result

    def _send(self, connection: _Connection) -> None:
        try:
            sent = connection.socket.send(connection.to_send)
        except OSError:
            self._drop(connection)
            return
        connection.to_send = connection.to_send[sent:]
        if not connection.to_send:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        with suppress(OSError):  # the peer was faster
            connection.socket.shutdown(socket.SHUT_RDWR)
        connection.socket.close()

    def _expire(self, now: float) -> None:
        for connection in [c for c in self._connections if now - c.opened > HEAD_TIMEOUT]:
            self._drop(connection)

    def _flush(self, clock: Callable[[], float]) -> None:
        """Give the answers that are on their way a moment to leave."""
        end = clock() + FLUSH_TIMEOUT
        while clock() < end and any(connection.to_send for connection in self._connections):
            for key, events in self._selector.select(0.1):
                if isinstance(key.data, _Connection) and events & selectors.EVENT_WRITE:
                    self._send(key.data)


def _listen(host: str, ports: Iterable[int]) -> list[socket.socket]:
    try:
        return listen(host, *ports)
    except PortUnavailable as error:
        raise ConfigError(
            f"the callback cannot be served: {error}",
            hint="End that program, or choose another port: --port N (some providers want it registered).",
        ) from None


def _http_response(reply: Reply[T]) -> bytes:
    body = reply.page.encode("utf-8")
    head = [
        f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        *(("Allow: GET",) if reply.status == 405 else ()),  # noqa: PLR2004 - RFC 9110 section 15.5.6
    ]
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body
