"""``mock-server``: the embedded server on its own, until Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest


@pytest.fixture
def server_home(home, mock_key_folder):
    """A home in which the server's key is made already."""
    (home / "mock").mkdir(parents=True, mode=0o700)
    shutil.copy(mock_key_folder / "key.json", home / "mock")
    return home


def discovery(port):
    url = f"http://localhost:{port}/default/.well-known/openid-configuration"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
        return json.load(answer)


def test_it_serves_until_ctrl_c(server_home, free_port):
    argv = [sys.executable, "-m", "oauth_cli_login", "mock-server", "--port", str(free_port)]
    environ = {**os.environ, "OAUTH_CLI_HOME": str(server_home)}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = list(iter(process.stderr.readline, "Its tokens open nothing but itself. Ctrl-C ends it.\n"))
            document = discovery(free_port)
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    issuer = f"http://localhost:{free_port}/default"
    assert said[0] == f"The mock OAuth 2 server answers at {issuer}\n"
    assert document["issuer"] == issuer
    assert f"oauth-cli login --provider mock --issuer {issuer}" in said[-1]
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_ctrl_c_is_no_error(cli, server_home, free_port, robot, monkeypatch):
    """The same in this process."""
    seen = []

    def interrupt():
        for _ in range(200):
            with suppress(OSError):
                seen.append(discovery(free_port)["issuer"])
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.05)

    monkeypatch.setenv("OAUTH_CLI_HOME", str(server_home))  # the server itself looks there
    robot.start(interrupt)

    done = cli("mock-server", "--port", str(free_port))

    assert (done.status, done.out) == (130, "")
    assert seen == [f"http://localhost:{free_port}/default"]


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_that_is_taken_names_the_next_step(cli, free_port, family, address):
    with socket.socket(family) as stranger:
        stranger.bind((address, free_port))
        stranger.listen()

        done = cli("mock-server", "--port", str(free_port))

    assert done.failed(3, str(free_port))
    assert "--port" in done.next_step
