"""The world that a command runs in: what is made late, and what is real where nobody says otherwise."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time

import pytest
from requests_mock import Mocker

from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import HttpRequest, HttpResponse

REQUEST = HttpRequest("GET", "https://idp.example/?code=SECRET")


def context(**options: object) -> Context:
    terminal = Terminal({}, answer=io.StringIO(), stream=io.StringIO(), verbosity=1)
    return Context(**{"environ": {}, "terminal": terminal, **options})


class Recorder:
    """Stands in for Http."""

    def __init__(self) -> None:
        self.sent: list[tuple[HttpRequest, str]] = []
        self.closed = 0

    def send(self, request: HttpRequest, *, repeat: str) -> HttpResponse:
        self.sent.append((request, repeat))
        return HttpResponse(200, {}, b"")

    def close(self) -> None:
        self.closed += 1


def test_a_connection_is_made_at_the_first_request_once_and_closed_at_the_end() -> None:
    made: list[Recorder] = []
    with Connection(lambda: made.append(Recorder()) or made[-1]) as connection:
        assert made == []
        connection.send(REQUEST)
        connection.send(REQUEST, repeat="always")
        [http] = made
        assert http.sent == [(REQUEST, "never"), (REQUEST, "always")]
        assert http.closed == 0
    assert http.closed == 1


def test_a_connection_can_be_made_before_it_is_needed() -> None:
    made: list[Recorder] = []
    with Connection(lambda: made.append(Recorder()) or made[-1]) as connection:
        connection.prepare()
        assert len(made) == 1
        connection.send(REQUEST)
        assert len(made) == 1
    assert made[0].closed == 1


def test_a_connection_that_sent_nothing_makes_nothing() -> None:
    with Connection(lambda: pytest.fail("made")):
        pass


def test_a_connection_is_closed_when_the_command_fails() -> None:
    http = Recorder()
    with contextlib.suppress(ZeroDivisionError), Connection(lambda: http) as connection:
        connection.send(REQUEST)
        1 / 0  # noqa: B018 - a command that fails
    assert http.closed == 1


def test_certificates_are_read_at_the_first_request_and_an_error_says_so() -> None:
    with context().connection("/nowhere/ca.pem") as connection:  # noqa: SIM117 - one subject
        with pytest.raises(ConfigError, match=r"/nowhere/ca\.pem"):
            connection.send(REQUEST)


def test_the_environment_of_the_context_is_the_one_that_counts() -> None:
    here = context(environ={"SSL_CERT_FILE": "/nowhere/ca.pem"})
    with here.connection(None) as connection, pytest.raises(ConfigError, match=r"/nowhere/ca\.pem"):
        connection.send(REQUEST)


def test_an_exchange_is_told_to_those_who_ask_for_it(requests_mock: Mocker) -> None:
    requests_mock.get("https://idp.example/", text="{}")
    here = context()
    with here.connection(None) as connection:
        assert connection.send(REQUEST).body == b"{}"
    assert here.terminal.stream.getvalue().startswith("GET https://idp.example/ -> 200 in 0.")
    assert "SECRET" not in here.terminal.stream.getvalue()


def test_time_of_the_context_is_the_time_of_its_connections(
    requests_mock: Mocker,
) -> None:
    """Else a test that stops the clock still waits for real between two attempts."""
    requests_mock.get("https://idp.example/", status_code=503)
    slept: list[float] = []
    here = context(sleep=slept.append, monotonic=lambda: 1000.0)
    with here.connection(None) as connection:
        connection.send(REQUEST, repeat="always")
    assert slept == [0.5, 1.0]


def test_the_real_world_is_the_default() -> None:
    here = context()
    assert (here.clock, here.monotonic, here.sleep) == (time.time, time.monotonic, time.sleep)
    assert {len(here.entropy(32)) for _ in range(10)} == {32}
    assert len({here.entropy(32) for _ in range(100)}) == 100


def test_a_context_loads_no_http_library() -> None:
    code = """
import io, sys
from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.context import Context
with Context({}, Terminal({}, answer=io.StringIO(), stream=io.StringIO())).connection(None):
    print(sorted({"requests", "urllib3", "ssl", "truststore"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"
