"""A sign-in as a whole: what is said, what is answered, which flow it takes, and what is checked at its end."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import AbstractContextManager

import pytest


def test_the_person_sees_four_steps_and_who_signed_in(cli, mock, robot, redirect_uri):
    done = cli("login", "--provider", "mock")

    lines = done.err.splitlines()
    assert (done.status, done.out) == (0, "")
    assert lines[0] == "OAuth2 sign-in with mock"
    assert lines[1] == "1. Opening the browser …"
    assert lines[2].strip() == robot.urls[0]
    assert lines[3] == f"2. Waiting for the callback on {redirect_uri} …"
    assert lines[-3:] == [
        "3. Exchanging the authorization code …",
        "4. Fetching your profile …",
        f"Signed in as demouser   sub demouser · azp cli-app · iss {mock.issuer}",
    ]


def test_the_browser_is_told_what_rfc_6749_and_7636_say(cli, server, robot, redirect_uri):
    cli("login", "--provider", "mock")

    query = robot.query
    assert robot.urls[0].startswith(f"{server.issuer}/authorize?")
    assert {name: query[name] for name in ("response_type", "client_id", "redirect_uri", "code_challenge_method")} == {
        "response_type": "code",
        "client_id": "cli-app",
        "redirect_uri": redirect_uri,
        "code_challenge_method": "S256",
    }
    assert query["scope"] == "openid profile email offline_access"
    (exchange,) = server.received("/token")
    assert exchange.fields["redirect_uri"] == redirect_uri
    assert exchange.fields["code"] == "the-code-of-this-login"
    assert 43 <= len(exchange.fields["code_verifier"]) <= 128


@pytest.mark.parametrize("verbosity", ["--quiet", "--json", "-v", "-vv"])
def test_codes_and_tokens_are_never_printed_and_state_and_nonce_stand_in_the_url_alone(
    cli, server, robot, secrets_of, verbosity
):
    done = cli("login", "--provider", "mock", verbosity)

    assert done.status == 0, done.err
    assert len(secrets_of()) == 5  # code, verifier, access token, refresh token, ID token
    for secret in secrets_of():
        assert secret not in done.out + done.err
    for name in ("state", "nonce"):
        assert robot.query[name] not in done.err.replace(robot.urls[0], "") + done.out


def test_two_sign_ins_share_no_random_value(cli, server, robot):
    cli("login", "--provider", "mock")
    first = dict(robot.query)
    robot.urls.clear()
    cli("login", "--provider", "mock")

    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 22  # 128 bits
        assert first[name] != robot.query[name]


def test_json_is_one_object_without_tokens(cli, server, clock):
    done = cli("login", "--provider", "mock", "--json")

    assert done.json == {
        "profile": "mock",
        "provider": "mock",
        "sub": "demouser",
        "scopes": ["openid", "profile", "email", "offline_access"],
        "expires_at": int(clock()) + 3600,
        "userinfo": {"sub": "demouser", "preferred_username": "demouser"},
    }


def test_a_quiet_sign_in_shows_the_address_alone(cli, mock, robot):
    assert cli("login", "--provider", "mock", "--quiet").err.split() == robot.urls


def test_verbose_says_what_is_sent_where(cli, server):
    err = cli("login", "--provider", "mock", "-v").err

    for exchange in ("GET {}/userinfo", "POST {}/token", "GET {}/.well-known/openid-configuration"):
        assert re.search(re.escape(exchange.format(server.issuer)) + r" -> 200 in [\d.]+ s\n", err)


def test_threat_38_scopes_that_were_not_granted_are_named(cli, mock, store):
    mock.faults = "narrower-scope"

    done = cli("login", "--provider", "mock")

    assert "warning: the provider did not grant: profile, email, offline_access" in done.err
    assert store.read("mock").session.scopes == ("openid",)


def test_a_token_without_a_lifetime_and_without_renewal_is_good_until_refused(cli, server, store):
    server.tokens = {"expires_in": None, "refresh_token": None}

    assert cli("login", "--provider", "mock", "--json").json["expires_at"] is None
    assert store.read("mock").session.expires_at == 0


def test_without_the_scope_openid_nobody_is_named(cli, server):
    server.tokens = {"id_token": None}

    done = cli("login", "--provider", "mock", "--scope", "api", "--json")

    assert (done.status, done.json["sub"], done.json["userinfo"]) == (0, None, {})
    assert "nonce" not in server.received("/authorize")[0].fields
    assert server.received("/userinfo") == []
    assert "Signed in as somebody the provider does not name   iss " in done.err


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ({"id_token": None}, "no ID token"),
        ({"id_token": "a.b.c.d.e"}, "encrypted"),
        ({"access_token": None}, "no access_token"),
        ({"access_token": "two\nlines"}, "no header could carry"),
        ({"token_type": "mac"}, "token_type"),
        ({"expires_in": -1}, "expires_in"),
    ],
)
def test_a_token_response_that_cannot_be_used_stores_nothing(cli, server, session_file, tokens, words):
    server.tokens = tokens

    assert cli("login", "--provider", "mock").failed(8, words)
    assert not session_file().exists()


def test_an_access_token_that_userinfo_refuses_is_the_servers_fault(cli, server, reply, session_file):
    server.queue("/userinfo", reply(401))

    assert cli("login", "--provider", "mock").failed(8, "has just issued")
    assert not session_file().exists()


def test_userinfo_that_keeps_failing_stores_nothing(cli, server, reply, session_file):
    server.queue("/userinfo", *[reply(503, headers={"Retry-After": "0"})] * 3)

    assert cli("login", "--provider", "mock").failed(7, "HTTP 503")
    assert not session_file().exists()


@pytest.mark.parametrize(
    ("missing", "named", "words"),
    [
        ({"device_authorization_endpoint": None}, "device", "what works is: browser"),
        ({"authorization_endpoint": None}, "browser", "what works is: device"),
        ({"authorization_endpoint": None, "device_authorization_endpoint": None}, "browser", "none works"),
        ({"authorization_endpoint": None, "device_authorization_endpoint": None}, "auto", "no sign-in flow works"),
    ],
)
def test_a_flow_that_the_server_does_not_have_is_refused(cli, server, missing, named, words):
    server.metadata = missing

    assert cli("login", "--provider", "mock", "--flow", named).failed(3, words)


@pytest.mark.parametrize(("flow", "endpoint"), [("browser", "/authorize"), ("device", "/device_authorization")])
def test_the_flow_that_was_asked_for_is_taken(cli, server, reply, flow, endpoint):
    server.device = {"interval": 0}

    assert cli("login", "--provider", "mock", "--flow", flow).status == 0
    assert len(server.received(endpoint)) == 1


def test_a_server_with_device_codes_alone_signs_in_with_one(cli, server, robot):
    server.metadata = {"authorization_endpoint": None}
    server.device = {"interval": 0}

    assert cli("login", "--provider", "mock").status == 0
    assert robot.urls == []


def test_the_embedded_server_runs_for_the_length_of_a_command(
    cli, environ, clock, free_port, home, mock_key_folder, monkeypatch
):
    """login, whoami and logout each start it, on the state that the one before has left."""
    monkeypatch.setenv("OAUTH_CLI_HOME", str(home))  # the embedded server looks there itself
    (home / "mock").mkdir(parents=True, mode=0o700)
    shutil.copy(mock_key_folder / "key.json", home / "mock")
    clock.now = time.time()  # which the embedded server goes by
    environ["OAUTH_CLI_MOCK_ISSUER"] = issuer = f"http://localhost:{free_port}/default"

    for command in (("login", "--provider", "mock"), ("whoami",), ("logout",)):
        done = cli(*command)
        assert done.status == 0, done.err
        assert f"Nothing answers at {issuer}: the embedded server runs for this command." in done.err
    assert "the tokens were revoked" in done.err


def test_an_embedded_server_that_cannot_start_says_why(cli, environ, free_port, monkeypatch):
    class Failing(AbstractContextManager):
        def __enter__(self):
            raise OSError(13, "Permission denied")

        def __exit__(self, *_):
            raise AssertionError("what was not entered is not left")

    environ["OAUTH_CLI_MOCK_ISSUER"] = f"http://localhost:{free_port}/default"
    monkeypatch.setattr("oauth_cli_providers.mock.server.MockServer", lambda *_args, **_options: Failing())

    assert cli("login", "--provider", "mock").failed(3, "mock", "local server", "Permission")
