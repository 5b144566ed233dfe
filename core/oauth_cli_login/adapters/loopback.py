"""The callback server: loopback addresses only, one thread, any number of strangers.

Invariants: a ``localhost`` redirect is served on 127.0.0.1 and [::1], where the machine has both, and either one held
by somebody else is the port being taken. Connections are bounded in number, size and time, and none of them can keep
the real callback waiting. The ports are free as soon as the server is closed.
"""

from __future__ import annotations

import errno
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TextIO, TypeVar

from oauth_cli_login.adapters.pages import HEADERS
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.protocol.callback import MAX_HEAD

MAX_CONNECTIONS = 256
HEAD_TIMEOUT = 20.0
FLUSH_TIMEOUT = 2.0
_ADDRESSES = {
    "localhost": ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")),
    "127.0.0.1": ((socket.AF_INET, "127.0.0.1"),),
    "::1": ((socket.AF_INET6, "::1"),),
}
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Headers Too Large"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What to answer; a ``result`` ends the wait once the answer is on its way."""

    status: int
    page: str = field(repr=False)
    result: T | None = None


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    opened: float
    received: bytes = b""
    to_send: bytes = b""


class CallbackServer:
    """Listens from construction on; ``port`` is the real one. Close it, or use it as a context manager.

    ``ports`` are tried in order, 0 being any free one. Raises ConfigError where all of them are taken, naming the
    address, and where the machine has no such loopback address.
    """

    def __init__(self, host: str, ports: Iterable[int]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: list[_Connection] = []
        self._listeners: list[socket.socket] = []
        taken: ConfigError | None = None
        for port in ports:
            try:
                self._listeners = _listen(host, port)
                break
            except ConfigError as error:
                taken = error
        if not self._listeners:
            self._selector.close()
            raise taken or ConfigError("no port to listen on was named")
        self.port: int = self._listeners[0].getsockname()[1]
        for listener in self._listeners:
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

        ``respond`` gets each request's head, the bytes up to the empty line. ``tick`` is told the seconds left, about
        once a second. ``typed`` is a terminal to read lines from beside, and what makes a result of one.
        """
        if typed:
            self._selector.register(typed[0], selectors.EVENT_READ)
        end = clock() + seconds
        while (left := end - clock()) > 0:
            tick(left)
            for key, events in self._selector.select(min(1.0, left)):
                result = None
                if typed and key.fileobj is typed[0]:
                    result = self._read_line(*typed)
                elif key.data is None:
                    self._accept(key.fileobj, clock())  # type: ignore[arg-type]  # only listeners have no data
                else:
                    result = self._serve(key.data, events, respond)
                if result is not None:
                    self._flush(clock)
                    return result
            self._expire(clock())
        return None

    def _read_line(self, source: TextIO, parse: Callable[[str], T | None]) -> T | None:
        line = source.readline()
        if not line:  # end of input: nothing more will be typed
            self._selector.unregister(source)
        return parse(line.strip()) if line.strip() else None

    def _accept(self, listener: socket.socket, now: float) -> None:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return  # it went away between the two calls
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
        reply = respond(head[:MAX_HEAD])
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


def _listen(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets on every address of ``host`` that this machine has, all on one port."""
    listeners: list[socket.socket] = []
    try:
        for family, address in _ADDRESSES[host]:
            listener = _bind(family, address, port)
            if listener is not None:
                listeners.append(listener)
                port = listener.getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    if not listeners:
        raise ConfigError(f"this machine has no loopback address for {host}", hint="Use --flow device.")
    return listeners


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Return one listening socket, or ``None`` where the machine has no such address; ConfigError if it is taken."""
    try:
        return _listening_socket(family, address, port)
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            return None
        shown = f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"
        reason = "taken by another program" if error.errno == errno.EADDRINUSE else f"not to be had: {error.strerror}"
        raise ConfigError(
            f"the callback port {port} is {reason} ({shown})",
            hint="End that program, or choose another port: --port N (some providers want it registered).",
        ) from None


def _listening_socket(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # lets us have a port whose last connections are still in TIME_WAIT; it never shares a listening one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


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
