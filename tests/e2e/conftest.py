"""What the end-to-end tests share: the built file, the servers it signs in to, and the browsers it opens."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)  # importlib mode puts no test folder there

from command import Command  # noqa: E402 - needs the line above
from machine import Machine  # noqa: E402 - as above
from ports import free_port  # noqa: E402 - as above
from servers import canaille as canaille_module  # noqa: E402 - as above
from servers import mock_oauth2_server as mock_oauth2_server_module  # noqa: E402
from servers import oauth2_mock_server as oauth2_mock_server_module  # noqa: E402
from servers import oidc_provider as oidc_provider_module  # noqa: E402
from servers import rotating as rotating_module  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "server(name, version): the tests sign in to this server")
    config.addinivalue_line("markers", "shows(subject): what a test shows of its server, where it is not login")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell scripts/interop, in a report of --junitxml, which server a test is about and what it shows."""
    for item in items:
        if server := item.get_closest_marker("server"):
            shows = item.get_closest_marker("shows")
            item.user_properties += [
                ("server", " ".join(server.args)),
                ("shows", shows.args[0] if shows else "login"),
            ]


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file that people get: the one that OAUTH_CLI_PYZ names, else built now."""
    named = os.environ.get("OAUTH_CLI_PYZ")
    if named:
        return os.path.abspath(named)
    output = str(tmp_path_factory.mktemp("pyz") / "oauth-cli.pyz")
    argv = [sys.executable, os.path.join(ROOT, "scripts", "build-pyz"), "--output", output]
    subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, check=True, timeout=600)
    return output


@pytest.fixture
def oauth_cli(pyz: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(pyz, str(tmp_path_factory.mktemp("user")))
    yield command
    command.close()


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with nothing installed beside it."""
    folder = str(tmp_path_factory.mktemp("bare"))
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    return os.path.join(folder, "bin", "python")


@pytest.fixture
def machine(bare_python: str, pyz: str, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(bare_python, pyz, str(tmp_path_factory.mktemp("machine")))


@pytest.fixture(scope="session")
def mock_oauth2_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of navikt's server."""
    log = str(tmp_path_factory.mktemp("servers") / "mock-oauth2-server.log")
    with mock_oauth2_server_module.serve(log) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of oidc-provider."""
    log = str(tmp_path_factory.mktemp("servers") / "oidc-provider.log")
    with oidc_provider_module.serve(log) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def oauth2_mock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of the server that misbehaves as told."""
    log = str(tmp_path_factory.mktemp("servers") / "oauth2-mock-server.log")
    with oauth2_mock_server_module.serve(log) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def canaille(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The issuer of canaille, and the port of the one redirect URI that it takes."""
    log = str(tmp_path_factory.mktemp("servers") / "canaille.log")
    port = free_port()
    with canaille_module.serve(log, redirect_uri=f"http://localhost:{port}/callback") as issuer:
        yield issuer, port


@pytest.fixture
def rotating() -> Iterator[rotating_module.Rotating]:
    with rotating_module.serve() as server:
        yield server
