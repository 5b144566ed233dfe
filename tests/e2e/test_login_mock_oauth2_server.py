"""navikt's mock-oauth2-server, the one that docker-compose.yml starts: the mock provider uses it where it answers."""

from __future__ import annotations

import pytest
import requests
from command import Command
from servers.mock_oauth2_server import NAME, VERSION

pytestmark = pytest.mark.server(NAME, VERSION)


@pytest.fixture(autouse=True)
def _served(oauth_cli: Command, mock_oauth2_server: str) -> None:
    oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"] = mock_oauth2_server


def refresh_by_hand(issuer: str, refresh_token: str) -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "cli-app"}
    return requests.post(f"{issuer}/token", data=form, timeout=30)


def test_login_uses_the_server_that_answers(oauth_cli: Command, mock_oauth2_server: str) -> None:
    done = oauth_cli.login()
    assert f"{mock_oauth2_server}/authorize?" in done.stderr
    assert "embedded" not in done.stderr
    assert f"Signed in as demouser   sub demouser · azp cli-app · iss {mock_oauth2_server}" in done.stderr


def test_userinfo_names_the_person(oauth_cli: Command) -> None:
    result = oauth_cli.login("--json").json()
    assert result["sub"] == result["userinfo"]["sub"] == "demouser"


@pytest.mark.shows("refresh")
def test_an_expired_token_is_refreshed_with_rotation(oauth_cli: Command, mock_oauth2_server: str) -> None:
    oauth_cli.login()
    before = oauth_cli.stored()
    oauth_cli.expire()
    done = oauth_cli("token")
    after = oauth_cli.stored()
    assert (done.returncode, done.stdout) == (0, after.access_token + "\n"), done.stderr
    assert after.refresh_token != before.refresh_token
    assert refresh_by_hand(mock_oauth2_server, after.refresh_token).status_code == 200


@pytest.mark.shows("revocation")
def test_logout_revokes_the_refresh_token(oauth_cli: Command, mock_oauth2_server: str) -> None:
    oauth_cli.login()
    refresh_token = oauth_cli.stored().refresh_token
    done = oauth_cli("logout")
    assert done.returncode == 0, done.stderr
    assert "revoked" in done.stderr.lower()
    answer = refresh_by_hand(mock_oauth2_server, refresh_token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.shows("refresh")
def test_a_refresh_token_that_the_server_forgot_asks_for_a_new_sign_in(
    oauth_cli: Command, mock_oauth2_server: str
) -> None:
    oauth_cli.login()
    form = {"token": oauth_cli.stored().refresh_token, "token_type_hint": "refresh_token", "client_id": "cli-app"}
    assert requests.post(f"{mock_oauth2_server}/revoke", data=form, timeout=30).status_code == 200
    oauth_cli.expire()
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "login" in done.stderr


@pytest.mark.shows("introspection")
def test_an_access_token_is_verified_and_introspected(oauth_cli: Command, mock_oauth2_server: str) -> None:
    """The server wants a client that authenticates there; which secret it has is no matter."""
    oauth_cli.env["OAUTH_CLI_MOCK_CLIENT_SECRET"] = "made up"
    oauth_cli.login()
    done = oauth_cli("inspect", "--introspect", "--json")
    assert done.returncode == 0, done.stderr
    access_token, id_token = done.json()["tokens"]
    assert access_token["checks"]["signature"] == id_token["checks"]["signature"] == {"result": "ok"}
    assert access_token["checks"]["active"] == {"result": "ok"}
    assert access_token["introspection"]["iss"] == mock_oauth2_server
