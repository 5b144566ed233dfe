"""The mock over HTTP: its sockets and threads, and what a request must be before an endpoint sees it."""

from __future__ import annotations

import contextlib
import http.server
import io
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any

from oauth_cli_login.adapters import pages
from oauth_cli_login.adapters.sockets import PortUnavailable, listen
from oauth_cli_login.errors import ConfigError
from oauth_cli_providers.mock import routes, storage
from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.messages import Delivery, Request, Response, page_response

ISSUER_PATH = "/default"
DEFAULT_PORT = 8080

AccessLog = Callable[[str, str, int], None]
"""Called with the method, the path without its query, and the status of each answer."""

Respond = Callable[[AuthorizationServer, Request], Response]
"""What answers a request, whatever it is."""

_MAX_BODY = 64 * 1024
_IDLE_SECONDS = 30
_MAX_CONNECTIONS = 100
_POLL_SECONDS = 0.05  # how soon the listening threads notice that they are to stop


class MockServer:
    """The embedded authorization server, from ``with`` on: on 127.0.0.1 and [::1], and nowhere else.

    ``port`` 0 takes a free one. ``access_token_lifetime`` and ``device_interval`` are seconds. ``state_folder`` is
    where its key and grants are kept (default: in oauth-cli's state folder). ``host`` is how the issuer spells this
    machine. ``respond`` is what answers: ``Faults.respond`` makes it misbehave. Entering raises ``ConfigError`` where
    the port is taken, ``StoreError`` where the folder cannot be used.
    """

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        *,
        host: str = "localhost",
        access_token_lifetime: int = 3600,
        device_interval: int = 5,
        state_folder: str | None = None,
        clock: Callable[[], float] = time.time,
        log: AccessLog | None = None,
        respond: Respond = routes.respond,
    ) -> None:
        self.port = port
        self._host = host
        self._access_token_lifetime = access_token_lifetime
        self._device_interval = device_interval
        self._state_folder = state_folder
        self._clock = clock
        self._log = log
        self._respond = respond
        self._stack = contextlib.ExitStack()
        self._stopped = threading.Event()

    @property
    def issuer(self) -> str:
        """The issuer identifier; with port 0 it is known once the server runs."""
        return f"http://{self._host}:{self.port}{ISSUER_PATH}"

    def _listen(self) -> list[socket.socket]:
        """Return sockets on both loopback addresses: clients of ``localhost`` try both."""
        try:
            return listen("localhost", self.port)
        except PortUnavailable as error:
            raise ConfigError(
                f"the mock server cannot start: {error}",
                hint="End the program that holds it, or choose another port for the server.",
            ) from None

    def __str__(self) -> str:
        return self.issuer

    def __enter__(self) -> MockServer:  # noqa: PYI034 - Self came with Python 3.11
        with contextlib.ExitStack() as stack:
            listening = self._listen()
            for sock in listening:
                stack.enter_context(sock)
            self.port = listening[0].getsockname()[1]
            kept = storage.Storage(self._state_folder or storage.default_folder())
            server = AuthorizationServer(
                self.issuer,
                kept.signing_key(),
                kept,
                self._access_token_lifetime,
                self._device_interval,
                self._clock,
            )
            for sock in listening:
                _start(_Server(sock, partial(self._respond, server), self._log), stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._stack.close()

    def serve_forever(self) -> None:
        """Wait, inside the ``with`` block, until it is left in another thread or Ctrl-C raises KeyboardInterrupt."""
        while not self._stopped.wait(0.5):  # a wait without an end cannot be interrupted on Windows
            pass


def _start(server: _Server, stack: contextlib.ExitStack) -> None:
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_SECONDS,), name=f"mock-server-{server.server_port}", daemon=True
    )
    thread.start()

    def stop() -> None:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.close_connections()

    stack.callback(stop)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, respond: Callable[[Request], Response], log: AccessLog | None) -> None:
        self.respond = respond
        self.log = log
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # as listen() bound it

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's signature
        """Take a connection, unless there are too many: each one costs a thread."""
        with self._guard:
            if len(self._connections) >= _MAX_CONNECTIONS:
                return False
            self._connections.add(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that are kept alive; their threads see it and end too."""
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what gets here is a connection that broke, and the other side knows."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # http.server would answer nonsense as HTTP/0.9, without a status
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        try:
            response = self.server.respond(request)
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer and nobody a traceback
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._send(response, request.path)

    def version_string(self) -> str:
        """Return the Server header, without Python's version."""
        return "oauth-cli-mock"

    def __getattr__(self, name: str) -> Callable[[], None]:
        # http.server looks for do_GET and its like; which methods there are is for the routes to say.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _body(self) -> bytes | None:
        """Return the body, or ``None`` where the request was refused; RFC 9112 section 6.3 says what is ambiguous."""
        if len(self.headers.get_all("Host", ())) != 1:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return None
        lengths = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            self.send_error(HTTPStatus.BAD_REQUEST)
        elif len(lengths[0]) > len(str(_MAX_BODY)) or int(lengths[0]) > _MAX_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(lengths[0]))
            if len(body) == int(lengths[0]):
                return body
            self.close_connection = True
        return None

    def _send(self, response: Response, path: str) -> None:
        if self.server.log is not None:  # before the answer: who has read it finds its line, and the lines are in order
            visible = "".join(character if character.isprintable() else "?" for character in path)
            self.server.log(self.command or "?", visible, response.status)
        if response.delivery is None:
            self._write(response)
        else:
            self._deliver(response, response.delivery)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _deliver(self, response: Response, delivery: Delivery) -> None:
        connection, self.wfile = self.wfile, io.BytesIO()
        try:
            self._write(response)
            head, blank_line, body = self.wfile.getvalue().partition(b"\r\n\r\n")
        finally:
            self.wfile = connection
        self.close_connection = True
        for seconds, piece in delivery(head + blank_line, body):
            if self.server.stopping.wait(seconds):
                return
            self.wfile.write(piece)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - http.server's signature
        """Refuse what is not a request that an endpoint could answer, and close the connection."""
        status = HTTPStatus(code)
        self.close_connection = True
        response = page_response(
            pages.problem(status.phrase, status.description or "The request is not HTTP/1.1."), status=code
        )
        self._send(Response(code, {**response.headers, "Connection": "close"}, response.body), "-")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing here: http.server's own lines hold the query, and a query holds codes."""
