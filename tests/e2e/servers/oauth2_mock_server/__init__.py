"""oauth2-mock-server from npm, whose hooks make a server that misbehaves as told: see server.mjs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ports import free_port
from servers import process, runtime

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = "oauth2-mock-server"
VERSION = runtime.npm_version(FOLDER, NAME)


@contextlib.contextmanager
def serve(log: str) -> Iterator[str]:
    """Yield the issuer of a running server: it says ``localhost``, wherever it listens."""
    node, npm = runtime.node()
    runtime.npm_ci(npm, FOLDER)
    port = free_port()
    argv = [node, os.path.join(FOLDER, "server.mjs")]
    ready = "/.well-known/openid-configuration"
    with process.running(argv, env={"PORT": str(port)}, log=log, port=port, ready=ready):
        yield f"http://localhost:{port}"
