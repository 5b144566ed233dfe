"""canaille from PyPI, in an environment of its own: what server.py makes of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

from ports import free_port
from servers import process, runtime

FOLDER = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(FOLDER, "requirements.txt")
NAME = "canaille"
CLIENT_ID = "cli-app"
SECRET_CLIENT_ID = "cli-app-with-a-secret"
SECRET = "made up: %+/"
PERSON = {"login": "demouser", "password": "made up, and long enough", "answer": "accept"}
"""What to fill in; the last is the button of the consent page."""


def _version() -> str:
    with open(REQUIREMENTS, encoding="utf-8") as file:
        (version,) = re.findall(rf"^{NAME}.*==(\S+)", file.read(), re.MULTILINE)
    return str(version)


VERSION = _version()


@contextlib.contextmanager
def serve(log: str, redirect_uri: str) -> Iterator[str]:
    """Yield the issuer of a running server that takes this one ``redirect_uri``."""
    python = runtime.python_with(REQUIREMENTS)
    port = free_port()
    env = {
        "PORT": str(port),
        "REDIRECT_URI": redirect_uri,
        "CLIENT_ID": CLIENT_ID,
        "SECRET_CLIENT_ID": SECRET_CLIENT_ID,
        "SECRET": SECRET,
        "LOGIN": PERSON["login"],
        "PASSWORD": PERSON["password"],
    }
    ready = "/.well-known/openid-configuration"
    with process.running([python, os.path.join(FOLDER, "server.py")], env=env, log=log, port=port, ready=ready):
        yield f"http://127.0.0.1:{port}"
