"""The embedded server, with the robot for a browser: a session from its sign-in to its end."""

from __future__ import annotations

import json
import os
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from command import Command, Finished
from forms import sign_in


def secrets_of(oauth_cli: Command) -> list[str]:
    stored = oauth_cli.stored()
    assert stored.access_token
    assert stored.refresh_token
    return [stored.access_token, stored.refresh_token]


def assert_silent_about(secrets: list[str], done: Finished) -> None:
    assert not [secret for secret in secrets if secret in done.stdout + done.stderr]


def test_login_says_its_four_steps_and_who_signed_in(oauth_cli: Command) -> None:
    done = oauth_cli.login()
    issuer = oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"]
    lines = done.stderr.splitlines()
    started = lines.index("OAuth2 sign-in with mock")
    steps = "\n".join(lines[started:])
    assert re.search(
        rf"^1\. Opening the browser …\n"
        rf"\s*{re.escape(issuer)}/authorize\?\S+\n"
        rf"(.*\n)*2\. Waiting for the callback on http://localhost:{oauth_cli.port}/callback ….*\n"
        rf"(.*\n)*3\. Exchanging the authorization code …\n"
        rf"4\. Fetching your profile …\n"
        rf"Signed in as demouser   sub demouser · azp cli-app · iss {re.escape(issuer)}$",
        steps,
        re.MULTILINE,
    ), done.stderr


def test_login_leaves_stdout_to_programs(oauth_cli: Command) -> None:
    assert oauth_cli.login().stdout == ""


def test_login_says_that_the_embedded_server_is_used(oauth_cli: Command) -> None:
    assert "embedded" in oauth_cli.login().stderr


def test_the_authorization_request_is_the_one_of_the_rfcs(oauth_cli: Command) -> None:
    done = oauth_cli.login()
    url = next(line.strip() for line in done.stderr.splitlines() if "/authorize?" in line)
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["cli-app"]
    assert query["redirect_uri"] == [f"http://localhost:{oauth_cli.port}/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert query["state"] != query["nonce"]


def test_no_code_and_no_token_is_printed_and_the_state_only_in_the_url(oauth_cli: Command) -> None:
    done = oauth_cli.login("-v")
    url = next(line.strip() for line in done.stderr.splitlines() if "/authorize?" in line)
    query = parse_qs(urlsplit(url).query)
    assert_silent_about(secrets_of(oauth_cli), done)
    assert done.stderr.count(query["state"][0]) == 1
    assert done.stderr.count(query["nonce"][0]) == 1
    assert "code=" not in done.stderr


def test_login_json_is_one_object_without_tokens(oauth_cli: Command) -> None:
    done = oauth_cli.login("--json")
    result = done.json()
    assert set(result) == {"profile", "provider", "sub", "scopes", "expires_at", "userinfo"}
    assert result["profile"] == result["provider"] == "mock"
    assert result["sub"] == "demouser"
    assert "openid" in result["scopes"]
    assert result["expires_at"] > time.time()
    assert result["userinfo"]["sub"] == "demouser"
    assert_silent_about(secrets_of(oauth_cli), done)


def test_quiet_leaves_the_url_and_nothing_that_only_informs(oauth_cli: Command) -> None:
    done = oauth_cli.login("--quiet")
    assert "Signed in as" not in done.stderr
    assert "4. Fetching" not in done.stderr


def test_token_prints_the_access_token_alone(oauth_cli: Command) -> None:
    oauth_cli.login()
    done = oauth_cli("token")
    assert done == Finished(0, oauth_cli.stored().access_token + "\n", "")


def test_the_session_file_is_for_its_owner_only(oauth_cli: Command) -> None:
    oauth_cli.login()
    assert os.stat(oauth_cli.session_file()).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(oauth_cli.session_file())).st_mode & 0o777 == 0o700


def test_an_expired_token_is_refreshed_and_the_new_one_kept(oauth_cli: Command) -> None:
    """The embedded server is another process than the one that issued the refresh token."""
    oauth_cli.login()
    before = oauth_cli.stored()
    oauth_cli.expire()
    refreshed = oauth_cli("token")
    after = oauth_cli.stored()
    assert refreshed.returncode == 0, refreshed.stderr
    assert refreshed.stdout == after.access_token + "\n"
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token
    assert oauth_cli("token").stdout == refreshed.stdout


def test_whoami_names_the_person(oauth_cli: Command) -> None:
    oauth_cli.login()
    done = oauth_cli("whoami")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "demouser" in done.stderr


def test_whoami_json_holds_the_claims_and_no_tokens(oauth_cli: Command) -> None:
    oauth_cli.login()
    done = oauth_cli("whoami", "--json")
    assert done.returncode == 0, done.stderr
    assert '"demouser"' in json.dumps(done.json())
    assert_silent_about(secrets_of(oauth_cli), done)


def test_status_shows_the_session_in_a_table_and_as_json(oauth_cli: Command) -> None:
    oauth_cli.login()
    table, result = oauth_cli("status"), oauth_cli("status", "--json")
    assert (table.returncode, result.returncode) == (0, 0), table.stderr + result.stderr
    assert re.search(r"mock\b.*demouser", table.stdout + table.stderr)
    assert '"mock"' in json.dumps(result.json())
    for done in (table, result):
        assert_silent_about(secrets_of(oauth_cli), done)


def test_logout_revokes_and_ends_the_session(oauth_cli: Command) -> None:
    oauth_cli.login()
    secrets = secrets_of(oauth_cli)
    done = oauth_cli("logout")
    assert done.returncode == 0, done.stderr
    assert "revoked" in done.stderr.lower()
    assert_silent_about(secrets, done)
    after = oauth_cli("token")
    assert (after.returncode, after.stdout) == (4, "")
    assert "login" in after.stderr
    with open(oauth_cli.session_file(), encoding="ascii") as file:
        content = file.read()
    assert not [secret for secret in secrets if secret in content]


def test_a_revoked_refresh_token_is_dead_at_the_server(oauth_cli: Command) -> None:
    """Whoever copied the session file before the logout has nothing."""
    oauth_cli.login()
    with open(oauth_cli.session_file(), "rb") as file:
        copy = file.read()
    assert oauth_cli("logout").returncode == 0
    with open(oauth_cli.session_file(), "wb") as file:
        file.write(copy)
    os.chmod(oauth_cli.session_file(), 0o600)
    oauth_cli.expire()
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (4, "")
    assert "login" in done.stderr


def test_logout_forget_leaves_nothing(oauth_cli: Command) -> None:
    oauth_cli.login()
    assert oauth_cli("logout", "--forget").returncode == 0
    assert not os.path.exists(oauth_cli.session_file())


def test_the_device_flow_shows_url_and_code_and_signs_in(oauth_cli: Command) -> None:
    running = oauth_cli.start("login", "--provider", "mock", "--flow", "device", "--no-browser")
    verification_uri, user_code = running.device_prompt()
    sign_in(verification_uri, {"user_code": user_code, "username": "demouser"})
    done = running.finish()
    assert done.returncode == 0, done.stderr
    assert "Signed in as demouser" in done.stderr
    assert oauth_cli("token").returncode == 0


@pytest.mark.parametrize("argv", [["--version"], ["--help"], ["login", "--help"], ["providers", "--json"]])
def test_what_needs_no_session_answers_on_stdout(oauth_cli: Command, argv: list[str]) -> None:
    done = oauth_cli(*argv)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""


def test_providers_names_all_seven_and_where_they_come_from(oauth_cli: Command) -> None:
    done = oauth_cli("providers")
    assert done.returncode == 0
    for name in ("auth0", "github", "google", "mock", "oauth2", "oidc", "okta"):
        assert re.search(rf"^{name}\s+oauth-cli-login [0-9.]+\s", done.stderr, re.MULTILINE)
