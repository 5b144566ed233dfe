"""Threats 1 to 9: the authorization request, and whom it is made to."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import socket
from urllib.parse import parse_qs, urlsplit

import pytest
from waiting import wait_until

LOGIN = ("login", "--provider", "mock", "--timeout", "10")
REFUSED = ("login", "--provider", "mock", "--timeout", "0.5")
"""One that never comes to its browser; where it does, there is nothing to wait for."""


def test_threat_01_no_two_logins_share_a_random_value_and_each_proves_itself_with_s256(cli, server, robot):
    """Verifier, state and nonce are new at each login and long enough, and the challenge is the verifier's S256."""
    unreserved = re.compile(r"[A-Za-z0-9._~-]{43,128}")
    drawn = []
    for _ in range(40):
        robot.urls.clear()
        assert cli(*LOGIN).status == 0
        verifier = server.received("/token")[-1].fields["code_verifier"]
        digest = hashlib.sha256(verifier.encode()).digest()
        assert unreserved.fullmatch(verifier)
        assert robot.query["code_challenge_method"] == "S256"
        assert robot.query["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert min(len(robot.query["state"]), len(robot.query["nonce"])) >= 22  # 128 bits
        drawn += [verifier, robot.query["state"], robot.query["nonce"]]
    assert len(set(drawn)) == len(drawn)


def test_threat_02_a_server_that_says_it_has_no_s256_is_refused_before_the_browser(cli, mock, robot):
    """A server that offers plain only gets no weaker login."""
    mock.faults = "no-s256"

    done = cli(*REFUSED)

    assert done.failed(8, "does not support PKCE with S256")
    assert "--flow device" in done.next_step
    assert robot.urls == []


@pytest.mark.parametrize("methods", [[], "S256", {"S256": True}], ids=str)
def test_threat_02_nor_is_what_is_no_list_of_methods_taken_for_one(cli, server, robot, methods):
    """Nothing at all, or S256 in another place than a list."""
    server.metadata = {"code_challenge_methods_supported": methods}

    assert cli(*REFUSED).failed(8, "does not support PKCE with S256")
    assert robot.urls == []


@pytest.mark.parametrize("fault", ["no-pkce", "plain-and-s256"])
def test_threat_02_where_plain_is_offered_too_or_nothing_is_said_it_is_s256(cli, mock, robot, fault):
    """What else a server offers leads to nothing weaker."""
    mock.faults = fault

    assert cli(*LOGIN).status == 0
    assert robot.query["code_challenge_method"] == "S256"


@pytest.mark.parametrize(
    "argv",
    [
        ["--param", "response_type=token"],
        ["--param", "response_type=code token"],
        ["--param", "response_mode=fragment"],
        ["--flow", "implicit"],
        ["--flow", "password"],
        ["--grant-type", "password"],
        ["--username", "ada", "--password", "x"],
    ],
)
def test_threat_03_no_option_makes_it_an_implicit_or_password_grant(cli, server, robot, argv):
    """The implicit and the password grant cannot be had."""
    assert cli(*REFUSED, *argv).failed(2)
    assert robot.urls == []
    assert server.received("/token") == []


def test_threat_03_no_setting_makes_it_an_implicit_or_password_grant(cli, server, robot, home):
    """Neither does the environment lead there nor config.toml, and what is asked for is a code."""
    home.mkdir()
    (home / "config.toml").write_text('[profiles.mock]\nresponse_type = "token"\n')
    assert cli(*LOGIN).failed(3, "response_type")
    (home / "config.toml").unlink()

    assert cli(*LOGIN, OAUTH_CLI_MOCK_RESPONSE_TYPE="token", OAUTH_CLI_MOCK_GRANT_TYPE="password").status == 0
    assert robot.query["response_type"] == "code"
    assert [request.fields["grant_type"] for request in server.received("/token")] == ["authorization_code"]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://idp.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example:80@127.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.2",
        "http://evil[::1]",
    ],
)
def test_threat_04_http_that_leaves_this_machine_is_refused_before_any_network(cli, robot, monkeypatch, issuer):
    """An issuer over http, however it dresses up as this machine, is asked nothing: not even its name is looked up."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_args, **_options: asked.append(host) or [])

    assert cli(*REFUSED, "--issuer", issuer).failed(3, "the issuer ")
    assert asked == []
    assert robot.urls == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_threat_04_http_on_this_machine_is_allowed(cli, world, free_port, host):
    """The three spellings of this machine may be asked over http; here nobody is there to answer."""
    world(sleep=lambda _seconds: None)

    done = cli("login", "--provider", "oidc", "--client-id", "x", "--issuer", f"http://{host}:{free_port}")

    assert done.failed(7, f"nothing answers at http://{host}:{free_port}/.well-known/")


@pytest.mark.parametrize(
    ("fault", "other"),
    [
        ("discovery-issuer-slash", lambda issuer: issuer + "/"),
        ("discovery-issuer-case", lambda issuer: issuer.replace("default", "DEFAULT")),
        ("discovery-issuer-scheme", lambda issuer: issuer.replace("http", "HTTP")),
        ("discovery-other-issuer", lambda _issuer: "https://attacker.example"),
    ],
    ids=["slash", "case", "scheme", "host"],
)
def test_threat_05_a_document_of_another_issuer_is_refused_before_the_browser(cli, mock, robot, fault, other):
    """Every character of the issuer counts, and the error shows both spellings."""
    mock.faults = fault

    done = cli(*REFUSED)

    assert done.failed(3, "the issuer does not match", other(mock.issuer), f"you gave '{mock.issuer}'")
    assert done.next_step
    assert robot.urls == []


@pytest.mark.parametrize(
    "kind", ["javascript", "file", "dash", "crlf", "line", "percent", "backslash", "relative", "number", "http"]
)
def test_threat_06_an_endpoint_that_is_no_safe_address_is_refused_before_the_browser(cli, mock, robot, kind):
    """What a metadata document calls an endpoint never becomes a script, a file, an option or a second line."""
    mock.faults = f"{kind}-endpoint"

    assert cli(*REFUSED).failed(8, "token_endpoint" if kind == "http" else "authorization_endpoint")
    assert robot.urls == []
    assert mock.received("token") == []


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "-P evil",
        "--help",
        "https://idp.example/a\r\n-x",
        "https://idp.example/a\n",
        "https://idp.example/%action",
        "http://idp.example/a",
        "https://idp.example\\@evil.example/",
        "//idp.example/a",
        7,
    ],
)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
def test_threat_06_so_is_every_other_endpoint_under_any_name(cli, server, robot, name, url):
    """A token endpoint is held to the same, and each in several spellings."""
    server.metadata = {name: url}

    assert cli(*REFUSED).failed(8, name)
    assert robot.urls == []
    assert server.received("/token") == []


def test_threat_06_http_under_an_https_issuer_is_refused_on_this_machine_too(cli, server, robot):
    """A server that is known by https has no endpoint without it."""
    done = cli(
        *("login", "--provider", "oauth2", "--issuer", "https://idp.example", "--client-id", "cli-app"),
        *("--authorization-endpoint", f"{server.issuer}/authorize", "--token-endpoint", f"{server.issuer}/token"),
    )

    assert done.failed(3, "must be https")
    assert robot.urls == []
    assert server.requests == []


def test_threat_07_the_url_is_one_argument_of_the_browser_and_meets_no_shell(cli, mock, tmp_path):
    """Whatever the server put into its address: no shell sees it, and it stays one word."""
    mock.faults = "shell-endpoint"
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{opened}.new"; mv "{opened}.new" "{opened}"\n')
    browser.chmod(0o700)

    done = cli(*LOGIN[:3], "--timeout", "0.5", "--browser", f"{shlex.quote(str(browser))} --new-window")

    assert "No browser could be started" not in done.err
    wait_until(opened.exists)
    option, url, *rest = opened.read_text().splitlines()
    assert (option, rest) == ("--new-window", [])
    assert url.startswith(f"{mock.issuer}/authorize?a=$(touch${{IFS}}pwned);b'\"`c&d*|e&response_type=code&")
    assert "state" in parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ("wrong-iss", "another issuer"),
        ("wrong-iss,iss-not-promised", "another issuer"),
        ("empty-iss,iss-not-promised", "another issuer"),
        ("no-iss", "lacks the iss"),
    ],
)
def test_threat_08_an_answer_of_another_issuer_leads_to_no_token_request(cli, mock, robot, faults, words):
    """The iss of an answer is the issuer's own; where it is promised it is there. Else the code goes nowhere."""
    mock.faults = faults

    assert cli(*LOGIN).failed(8, words)
    assert mock.received("token") == []
    assert robot.answers[0][0] == 400
    assert "This sign-in was stopped" in robot.answers[0][1]


def test_threat_09_the_callback_of_one_login_does_not_end_another(cli, server, robot):
    """Somebody who has a callback of an earlier login cannot sign anybody in with it."""
    earlier = []
    robot.deliver = earlier.append
    assert cli(*LOGIN[:3], "--timeout", "0.3").failed(6)
    (callback,) = earlier

    def deliver(url):
        robot.get(callback)
        robot.get(url)

    robot.deliver = deliver
    done = cli(*LOGIN)

    assert [status for status, _ in robot.answers] == [400, 200]
    assert done.status == 0, done.err
    assert len(server.received("/token")) == 1
