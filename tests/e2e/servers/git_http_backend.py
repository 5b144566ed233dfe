"""A git server on loopback: git's own http-backend (CGI) behind Basic authentication (RFC 7617)."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from quiet_server import QuietHandler, QuietServer
from servers import runtime

Accepts = Callable[[str, str], bool]
"""Take a user name and a password; tell whether they are good."""


@dataclass
class GitServer:
    """A running server: its address, and what each request with credentials was told: (user name, password, status)."""

    address: str
    seen: list[tuple[str, str, int]] = field(default_factory=list)


def backend() -> str:
    """Return the path of ``git http-backend``."""
    git = runtime.command("git")
    folder = subprocess.run([git, "--exec-path"], capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    path = os.path.join(folder, "git-http-backend")
    if not os.path.exists(path):
        runtime.missing("git http-backend is not installed")
    return path


@contextlib.contextmanager
def serve(folder: str, accepts: Accepts) -> Iterator[GitServer]:
    """Serve the bare repositories in ``folder``, to be read and written, to whom ``accepts`` lets in."""
    program = backend()
    told: list[tuple[str, str, int]] = []

    class Handler(QuietHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
            username, _, password = base64.b64decode(encoded).decode().partition(":")
            good = scheme == "Basic" and accepts(username, password)
            if scheme:
                told.append((username, password, 200 if good else 401))
            if good:
                self._run(username, body)
            else:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _run(self, username: str, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            variables = {
                "GIT_PROJECT_ROOT": folder,
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH": os.environ["PATH"],
                "REMOTE_USER": username,
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run([program], env=variables, input=body, capture_output=True, check=True, timeout=60)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

    with QuietServer(Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield GitServer(f"http://127.0.0.1:{server.server_port}", told)
        finally:
            server.shutdown()
            thread.join()
