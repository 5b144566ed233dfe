"""oidc-provider from npm, OpenID Certified: what server.mjs makes of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from ports import free_port
from servers import process, runtime

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = "oidc-provider"
VERSION = runtime.npm_version(FOLDER, NAME)
CLIENT_ID = "cli-app"


@contextlib.contextmanager
def serve(log: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the issuer of a running server; ``env`` may shorten its lifetimes, see server.mjs."""
    node, npm = runtime.node()
    runtime.npm_ci(npm, FOLDER)
    port = free_port()
    settings = {"PORT": str(port), "CLIENT_ID": CLIENT_ID, **(env or {})}
    ready = "/.well-known/openid-configuration"
    with process.running([node, os.path.join(FOLDER, "server.mjs")], env=settings, log=log, port=port, ready=ready):
        yield f"http://127.0.0.1:{port}"
