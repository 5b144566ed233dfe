"""navikt's mock-oauth2-server from its jars: what ``docker compose up`` starts, without an engine."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ports import free_port
from servers import process, runtime

FOLDER = os.path.dirname(os.path.abspath(__file__))
POM = os.path.join(FOLDER, "pom.xml")
NAME = "mock-oauth2-server"
VERSION = ET.parse(POM).findtext(".//{*}dependency/{*}version") or ""
MAIN_CLASS = "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"
CONFIG = {"interactiveLogin": True, "httpServer": "NettyWrapper", "rotateRefreshToken": True}
"""The same as in docker-compose.yml. It replaces the server's defaults, so all of it is given."""


@contextlib.contextmanager
def serve(log: str) -> Iterator[str]:
    """Yield the issuer of a running server."""
    java = runtime.command("java")
    port = free_port()
    env = {"SERVER_HOSTNAME": "127.0.0.1", "SERVER_PORT": str(port), "JSON_CONFIG": json.dumps(CONFIG)}
    with process.running([java, "-cp", _classpath(), MAIN_CLASS], env=env, log=log, port=port, ready="/isalive"):
        yield f"http://localhost:{port}/default"


def _classpath() -> str:
    """Return the class path that Maven resolved; asked again when the pom is newer or a jar is gone."""
    cached = os.path.join(runtime.BUILD, "mock-oauth2-server.classpath")
    if not os.path.exists(cached) or os.path.getmtime(cached) < os.path.getmtime(POM) or not _jars_exist(cached):
        os.makedirs(runtime.BUILD, exist_ok=True)
        goal = ["dependency:build-classpath", f"-Dmdep.outputFile={cached}"]
        runtime.prepare([runtime.command("mvn"), "-q", "-B", "-f", POM, *goal], cwd=FOLDER)
    with open(cached, encoding="utf-8") as file:
        return file.read()


def _jars_exist(cached: str) -> bool:
    with open(cached, encoding="utf-8") as file:
        return all(map(os.path.exists, file.read().split(os.pathsep)))
