"""Requests to the callback server that are not the callback: answered, noted, and the wait goes on."""

from __future__ import annotations

import http.client
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from command import Command, Running


class Waiting:
    """A login that waits for its callback, and somebody who knocks."""

    def __init__(self, oauth_cli: Command, *argv: str) -> None:
        self._oauth_cli = oauth_cli
        self.running: Running = oauth_cli.start_login(*argv)
        self.url = self.running.authorization_url()
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}
        self.issuer = oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"]

    def request(self, target: str, *, method: str = "GET", host: str | None = None) -> int:
        netloc = urlsplit(self.query["redirect_uri"]).netloc
        connection = http.client.HTTPConnection("127.0.0.1", self._oauth_cli.port, timeout=10)
        try:
            connection.request(method, target, headers={"Host": host or netloc})
            return connection.getresponse().status
        finally:
            connection.close()

    def callback(self, **parameters: str) -> int:
        return self.request("/callback?" + urlencode({"iss": self.issuer, **parameters}))


@pytest.mark.parametrize(
    ("target", "method", "host"),
    [
        pytest.param("/callback?code=x&state=wrong", "GET", None, id="wrong state"),
        pytest.param("/callback?code=x", "GET", None, id="no state"),
        pytest.param("/callback?error=access_denied", "GET", None, id="error without state"),
        pytest.param("/callback?error=access_denied&state=wrong", "GET", None, id="error with wrong state"),
        pytest.param("/callback?code=x&state=STATE", "GET", "evil.example", id="foreign Host"),
        pytest.param("/callback?code=x&state=STATE", "HEAD", None, id="HEAD"),
        pytest.param("/callback?code=x&state=STATE", "OPTIONS", None, id="OPTIONS"),
        pytest.param("/callback?code=x&state=STATE", "POST", None, id="POST"),
        pytest.param("/favicon.ico", "GET", None, id="favicon"),
        pytest.param("/", "GET", None, id="root"),
    ],
)
def test_a_stranger_is_turned_away_and_the_real_callback_still_works(
    oauth_cli: Command, target: str, method: str, host: str | None
) -> None:
    waiting = Waiting(oauth_cli)
    status = waiting.request(target.replace("STATE", waiting.query["state"]), method=method, host=host)
    assert 400 <= status < 500
    oauth_cli.robot(waiting.url)
    done = waiting.running.finish()
    assert done.returncode == 0, done.stderr
    assert "Signed in as demouser" in done.stderr


def test_a_stranger_is_noted_in_one_line_that_repeats_nothing_of_his(oauth_cli: Command) -> None:
    waiting = Waiting(oauth_cli)
    waiting.callback(code="canary-code", state="canary-state")
    oauth_cli.robot(waiting.url)
    done = waiting.running.finish()
    assert len(re.findall(r"^\s*Turned away .*400.*$", done.stderr, re.MULTILINE)) == 1, done.stderr
    assert "canary" not in done.stderr


def test_a_stranger_does_not_stop_the_time_limit(oauth_cli: Command) -> None:
    waiting = Waiting(oauth_cli, "--timeout", "2")
    assert 400 <= waiting.callback(code="x", state="wrong") < 500
    assert waiting.running.finish().returncode == 6


def test_an_error_with_the_right_state_is_the_providers_refusal(oauth_cli: Command) -> None:
    waiting = Waiting(oauth_cli)
    waiting.callback(error="access_denied", error_description="not today", state=waiting.query["state"])
    done = waiting.running.finish()
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "access_denied" in done.stderr
    assert "3. Exchanging" not in done.stderr


def test_a_callback_from_another_issuer_is_refused_before_the_code_is_used(oauth_cli: Command) -> None:
    """RFC 9207: the mix-up attack."""
    waiting = Waiting(oauth_cli)
    waiting.callback(code="x", state=waiting.query["state"], iss="https://evil.example")
    done = waiting.running.finish()
    assert (done.returncode, done.stdout) == (8, ""), done.stderr
    assert "3. Exchanging" not in done.stderr


def test_a_code_that_the_server_never_issued_is_refused(oauth_cli: Command) -> None:
    waiting = Waiting(oauth_cli)
    waiting.callback(code="made-up", state=waiting.query["state"])
    done = waiting.running.finish()
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "invalid_grant" in done.stderr
    assert "made-up" not in done.stderr
