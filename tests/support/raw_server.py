"""Servers that answer with any bytes: too much, too slowly, over TLS that nobody vouches for, or nonsense."""

from __future__ import annotations

import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

import pytest

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"

Answer = Callable[[socket.socket, threading.Event], None]
"""Writes an answer; the event is set when the test is over."""


class Server(socketserver.ThreadingTCPServer):
    """Reads the head of one request a connection, keeps it, and lets ``answer`` write what it likes."""

    def __init__(self, answer: Answer | bytes, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.answer = answer
        self.tls = tls
        self.over = threading.Event()
        self.received: list[bytes] = []

    @property
    def port(self) -> int:
        return self.server_address[1]

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}{path}"

    def finish_request(self, request, client_address):
        request.settimeout(3)  # a client that says nothing more keeps no test from ending
        try:
            connection = self.tls.wrap_socket(request, server_side=True) if self.tls else request
        except OSError:
            return  # the client does not trust us, and that is the test
        with connection, connection.makefile("rb") as stream:
            try:
                head = b"".join(takewhile(lambda line: line not in {b"\r\n", b""}, stream))
                self.received.append(head)
                if callable(self.answer):
                    self.answer(connection, self.over)
                else:
                    connection.sendall(self.answer)
            except OSError:
                pass  # the client had enough, or nothing to say


@contextmanager
def serving(answer: Answer | bytes = OK, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(answer, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def dripping(begin: bytes, drop: bytes, *, finished: list[bool] | None = None) -> Answer:
    """Write ``drop`` twenty times a second for three seconds: never silent for long, and never done.

    ``finished`` gets an item where the client listened to the last drop.
    """

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(begin)
        for _ in range(60):
            if over.wait(0.05):
                return
            connection.sendall(drop)
        if finished is not None:
            finished.append(True)

    return answer


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Self-signed certificates, with their keys beside them, by the name that they are for."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates, and this machine has none")
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name in ("localhost", "elsewhere.example"):
        made[name] = str(folder / f"{name}.pem")
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name} "
            f"-addext subjectAltName=DNS:{name} -keyout {name}.key -out {name}.pem".split(),
            cwd=folder,
            capture_output=True,
            check=True,
        )
    return made


@contextmanager
def serving_tls(certificate: str, answer: bytes | Answer = OK) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.replace(".pem", ".key"))
    with serving(answer, context) as server:
        yield server
