"""``mock-server --fault``: the built file misbehaves in one process, and is signed in to by another."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

import pytest
import requests
from command import ROBOT, Command, Finished, Running
from ports import free_port

FAULTS = {
    "alg-none": (8, "is not signed"),
    "bad-signature": (8, "signature"),
    "wrong-nonce": (8, "nonce"),
    "unknown-kid": (8, "key"),
    "wrong-iss": (8, "another issuer"),
    "discovery-other-issuer": (3, "issuer"),
    "error-with-200": (5, "invalid_grant"),
    "error-escapes": (5, r"\x1b"),
    "html": (8, "token response"),
    "redirect-307": (8, "redirect"),
    "gzip-bomb": (7, "MiB"),
    "http-500": (7, "500"),
    "token-crlf": (8, "access_token"),
    "userinfo-other-sub": (8, "two different people"),
    "wrong-at-hash,wrong-aud": (8, "another client"),
}
"""What the server is told, and what comes of a login: the exit status, and what the one error line says."""


@pytest.fixture
def misbehaving(oauth_cli: Command) -> Callable[..., Running]:
    """Start the server with these faults; logins go there."""

    def start(*argv: str) -> Running:
        port = str(free_port())
        oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"] = f"http://localhost:{port}/default"
        server = oauth_cli.start("mock-server", "--port", port, *argv)
        server.wait_for("Ctrl-C ends it")
        return server

    return start


def login(oauth_cli: Command, *argv: str) -> Finished:
    return oauth_cli.start_login(*argv, browser=f"{sys.executable} {ROBOT}").finish()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_login_at_a_server_with_a_fault_ends_and_nothing_is_stored(
    oauth_cli: Command, misbehaving: Callable[..., Running], fault: str
) -> None:
    misbehaving("--fault", fault)

    done = login(oauth_cli)

    status, words = FAULTS[fault]
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert words in error
    assert "\x1b" not in done.stderr
    assert not os.path.exists(oauth_cli.session_file())


def test_a_callback_with_a_wrong_state_does_not_end_the_wait(
    oauth_cli: Command, misbehaving: Callable[..., Running]
) -> None:
    misbehaving("--fault", "wrong-state")

    running = oauth_cli.start_login(browser=f"{sys.executable} {ROBOT}")
    running.wait_for(r"Turned away a request to the callback \(400\)")
    assert requests.get(f"http://localhost:{oauth_cli.port}/", timeout=30).status_code == 404
    running.interrupt()
    done = running.finish()

    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert not os.path.exists(oauth_cli.session_file())


def test_a_fault_that_ends_by_itself_is_over_for_the_next_login(
    oauth_cli: Command, misbehaving: Callable[..., Running]
) -> None:
    server = misbehaving("--fault", "wrong-nonce:1")

    assert login(oauth_cli).returncode == 8
    assert login(oauth_cli).returncode == 0
    assert "wrong-nonce@token:1" in server.stderr, "it says how it misbehaves"


def test_a_refresh_that_fails_leaves_the_session_for_the_next(
    oauth_cli: Command, misbehaving: Callable[..., Running]
) -> None:
    misbehaving("--fault", "http-500@refresh:1")
    assert login(oauth_cli).returncode == 0
    before = oauth_cli.stored()
    oauth_cli.expire()

    assert oauth_cli("token").returncode == 7
    assert oauth_cli.stored().refresh_token == before.refresh_token
    renewed = oauth_cli("token")

    assert (renewed.returncode, renewed.stdout) == (0, f"{oauth_cli.stored().access_token}\n"), renewed.stderr
    assert oauth_cli.stored().access_token != before.access_token


def test_the_faults_are_listed_for_people_and_for_programs(oauth_cli: Command) -> None:
    listed = oauth_cli("mock-server", "--fault", "help")
    assert listed.returncode == 0
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == [fault["name"] for fault in oauth_cli("mock-server", "--fault", "help", "--json").json()["faults"]]
    assert {"wrong-state", "rotation-race", "slow-drip"} < set(names)


def test_a_fault_that_is_none_is_named_and_nothing_is_served(oauth_cli: Command) -> None:
    done = oauth_cli("mock-server", "--fault", "wrong-iss,wrong-isss")
    assert (done.returncode, done.stdout) == (2, "")
    assert "wrong-isss" in done.stderr
    assert "--fault help" in done.stderr


def test_ctrl_c_ends_it_and_its_port_is_free(oauth_cli: Command, misbehaving: Callable[..., Running]) -> None:
    server = misbehaving("--fault", "silence@discovery")
    port = int(oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"].rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as waiting:
        waiting.sendall(b"GET /default/.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        server.interrupt()
        assert server.finish().returncode == 130
    socket.create_server(("127.0.0.1", port)).close()
