"""A token endpoint in this process: each refresh token is good once, and a second use ends its family (RFC 9700 4.14).

No sign-in is needed: ``issue`` starts a family, and ``session_file`` is what a login would have stored for it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

CLIENT_ID = "cli-app"
PROFILE = "work"
LONGEST = 20
"""Seconds that a client may take to end its connection."""


class Rotating:
    """The server: ``requests`` are the (path, form) that it got; ``answer`` changes its token responses."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._connections = 0
        self._numbers = itertools.count(1)
        self._current: str | None = None
        self._spent: set[str] = set()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: dict[str, object] = {}
        self.revocation: tuple[int, float] = (200, 0.0)
        """The status with which a token is revoked, and the seconds after which."""
        self.answers = threading.Event()
        """While it is cleared, an answer to a refresh is held: the refresh token is spent all the same."""
        self.answers.set()
        self._http = _Http(self)
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"

    def issue(self) -> str:
        """Forget all there was, and return the refresh token of a new family."""
        with self._changed:
            self.requests.clear()
            self.answer, self.revocation = {}, (200, 0.0)
            self._spent.clear()
            self._current = f"refresh-token-{next(self._numbers)}-secret"
            return self._current

    @property
    def refreshes(self) -> int:
        """How many refresh tokens arrived, good ones and spent ones."""
        return sum(form.get("grant_type") == "refresh_token" for _, form in self.requests)

    @property
    def family_has_ended(self) -> bool:
        """Tell whether a refresh token came twice."""
        return self._current is None

    def settle(self) -> None:
        """Wait until everything that was sent so far, by processes that have ended, is dealt with."""
        with socket.create_connection(self._http.server_address[:2], timeout=LONGEST) as last:
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")  # accepted behind all that came before it
            while last.recv(4096):
                pass
        with self._changed:
            assert self._changed.wait_for(lambda: not self._connections, timeout=LONGEST), "a client is still there"

    def session_file(
        self, refresh_token: str | None, *, expires_in: int = -10, issued_ago: int = 3610, **session: object
    ) -> bytes:
        """Return a session (docs/session-file.md) whose access token ends in ``expires_in`` seconds."""
        now = int(time.time())
        token = "access-token-of-the-sign-in"
        stored = {
            "client_id": CLIENT_ID,
            "sub": "demouser",
            "label": "demouser",
            "scopes": [],
            "token_type": "Bearer",
            "refresh_token": refresh_token,
            "token_endpoint": f"{self.address}/token",
            **session,
        }
        document = {
            "provider": "oauth2",
            "settings": {
                "client_id": CLIENT_ID,
                "token_endpoint": f"{self.address}/token",
                "revocation_endpoint": f"{self.address}/revoke",
                "authorization_endpoint": f"{self.address}/authorize",
            },
            "session": {name: value for name, value in stored.items() if value is not None},
        }
        head = f"1 {now + expires_in} {now - issued_ago} {len(token)}\n{token}\n"
        return head.encode("ascii") + json.dumps(document).encode("ascii") + b"\n"

    def opened(self) -> None:
        with self._changed:
            self._connections += 1

    def closed(self) -> None:
        with self._changed:
            self._connections -= 1
            self._changed.notify_all()

    def take(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return the answer to a request."""
        with self._changed:
            self.requests.append((path, form))
            refreshed = self._refresh(form) if path == "/token" else None
        if refreshed is not None:
            self.answers.wait(LONGEST)
            return refreshed
        status, seconds = self.revocation
        time.sleep(seconds)
        return status, {}

    def _refresh(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        sent = form.get("refresh_token", "")
        if form.get("grant_type") != "refresh_token" or sent != self._current:
            if sent in self._spent:
                self._current = None
            return 400, {"error": "invalid_grant"}
        self._spent.add(sent)
        number = next(self._numbers)
        self._current = f"refresh-token-{number}-secret"
        own = {
            "access_token": f"access-token-{number}-secret",
            "refresh_token": self._current,
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        return 200, {name: value for name, value in {**own, **self.answer}.items() if value is not None}

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def serve(self) -> None:
        self._http.serve_forever(poll_interval=0.05)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, server: Rotating) -> None:
        self.rotating = server
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.rotating.opened()  # here, where connections are accepted one by one
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.rotating.closed()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = LONGEST
    server: _Http

    def do_GET(self) -> None:
        self._send(404, {})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed: half a request is none
            self.close_connection = True
            return
        self._send(*self.server.rotating.take(self.path, dict(parse_qsl(body.decode("ascii")))))

    def _send(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode("ascii")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve() -> Iterator[Rotating]:
    """Have the server run for the length of the block."""
    server = Rotating()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
