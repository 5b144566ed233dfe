"""docker-compose.yml and the tests start one and the same server."""

from __future__ import annotations

import json
import os
import re

import pytest
from servers.mock_oauth2_server import CONFIG, FOLDER


def test_compose_names_the_version_and_the_configuration_that_are_tested(pytestconfig: pytest.Config) -> None:
    compose = (pytestconfig.rootpath / "docker-compose.yml").read_text(encoding="utf-8")
    with open(os.path.join(FOLDER, "pom.xml"), encoding="utf-8") as file:
        version = re.search(r"<artifactId>mock-oauth2-server</artifactId>\s*<version>(.+?)</version>", file.read())
    assert version
    assert f"image: ghcr.io/navikt/mock-oauth2-server:{version[1]}\n" in compose
    assert json.loads(re.findall(r"JSON_CONFIG: '(.+)'", compose)[0]) == CONFIG


def test_compose_publishes_the_server_to_this_machine_only(pytestconfig: pytest.Config) -> None:
    """It signs in whoever asks."""
    compose = (pytestconfig.rootpath / "docker-compose.yml").read_text(encoding="utf-8")
    ports = compose.partition("ports:")[2].split('"')[1::2]
    assert ports == ["127.0.0.1:8080:8080"]
