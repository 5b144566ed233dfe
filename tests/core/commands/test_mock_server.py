"""``mock-server``: the embedded server on its own, until Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request
from contextlib import suppress

import pytest

from oauth_cli_providers.mock.faults import FAULTS


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


def read_up_to(last, stream, process):
    """Return the lines to this one; a process that ends before it, or never writes it, has failed."""
    lines = []
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        for line in iter(stream.readline, ""):
            lines.append(line)
            if line == last:
                return lines
    finally:
        guard.cancel()
    raise AssertionError(f"no {last!r} behind {lines}")


def test_it_serves_until_ctrl_c(server_home, free_port):
    argv = [sys.executable, "-m", "oauth_cli_login", "mock-server", "--port", str(free_port)]
    environ = {**os.environ, "OAUTH_CLI_HOME": str(server_home)}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = read_up_to("Its tokens open nothing but itself. Ctrl-C ends it.\n", process.stderr, process)
            document = discovery(free_port)
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    issuer = f"http://localhost:{free_port}/default"
    assert said[0] == f"The mock OAuth 2 server answers at {issuer}\n"
    assert document["issuer"] == issuer
    assert f"oauth-cli login --provider mock --issuer {issuer}" in said[-2]
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


def test_it_misbehaves_as_told_and_says_so(server_home, free_port):
    argv = [sys.executable, "-m", "oauth_cli_login", "mock-server", "--port", str(free_port)]
    argv += ["--fault", "no-s256,alg-none@code:2", "--fault", "html@userinfo", "--json"]
    environ = {**os.environ, "OAUTH_CLI_HOME": str(server_home)}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            answer = "".join(read_up_to("}\n", process.stdout, process))
            document = discovery(free_port)
        finally:
            process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=20)

    assert (process.returncode, rest) == (130, "")
    said = err.splitlines()
    assert json.loads(answer) == {
        "issuer": f"http://localhost:{free_port}/default",
        "client_id": "cli-app",
        "faults": ["no-s256@discovery", "alg-none@code:2", "html@userinfo"],
    }
    assert document["code_challenge_methods_supported"] == ["plain"]
    assert [line.split()[1] for line in said if line.startswith("  fault ")] == [
        "no-s256@discovery:",
        "alg-none@code:2:",
        "html@userinfo:",
    ]


def test_help_lists_every_fault_and_starts_nothing(cli, server_home, free_port):
    done = cli("mock-server", "--port", str(free_port), "--fault", "help")

    assert done.status == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert lines[0].split(maxsplit=2)[1:] == ["discovery", "The discovery document's issuer is another server."]
    assert "NAME@PLACE" in done.err


@pytest.mark.parametrize(("columns", "width"), [(60, 60), (0, 80)])
def test_help_on_a_terminal_is_as_wide_as_that(server_home, columns, width):
    argv = [sys.executable, "-m", "oauth_cli_login", "mock-server", "--fault", "help"]
    environ = {**os.environ, "OAUTH_CLI_HOME": str(server_home)}
    near, far = os.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    written = b""
    with subprocess.Popen(argv, env=environ, stdout=far, stderr=subprocess.DEVNULL) as process:
        os.close(far)
        with suppress(OSError):  # Linux has an error where others have the end
            while chunk := os.read(near, 65536):
                written += chunk
    os.close(near)

    lines = written.decode().splitlines()
    assert process.returncode == 0
    assert width - 8 < max(map(len, lines)) <= width
    assert lines[:2] == [
        "discovery-other-issuer  (discovery)",
        "    The discovery document's issuer is another server.",
    ]
    assert " ".join(written.decode().split()) == " ".join(
        f"{fault.name} ({fault.places[0]}) {fault.description}" for fault in FAULTS.values()
    )


def test_help_for_programs_names_the_places(cli):
    [html] = [
        fault for fault in cli("mock-server", "--json", "--fault", "help").json["faults"] if fault["name"] == "html"
    ]

    assert html == {"name": "html", "places": list(FAULTS["html"].places), "description": "The body is an HTML page."}


@pytest.mark.parametrize("names", ["alg-nome", "wrong-state,alg-nome", "wrong-state,alg-nome,help-me"])
def test_an_unknown_fault_names_those_that_are_near(cli, names):
    done = cli("mock-server", "--fault", names)

    assert done.failed(2, "'alg-nome'", "did you mean alg-none")
    assert "--fault help" in done.next_step


def test_a_fault_at_a_place_where_it_cannot_be_names_those_where_it_can(cli):
    assert cli("mock-server", "--fault", "wrong-state@userinfo").failed(2, "wrong-state is not for userinfo: authorize")


@pytest.mark.parametrize("names", ["", " ", ","])
def test_a_fault_without_a_name_is_a_usage_error(cli, names):
    done = cli("mock-server", "--fault", names)

    assert done.failed(2, "is not spelled NAME[@PLACE][:N]")
    assert "--fault help" in done.next_step


def test_without_names_it_is_healthy_and_a_comma_too_many_is_none_of_them(cli, free_port):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", free_port))
        stranger.listen()

        assert cli("mock-server", "--port", str(free_port), "--fault", ",no-s256,").failed(3, str(free_port))
