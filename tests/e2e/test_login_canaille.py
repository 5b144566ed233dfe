"""canaille: forms with a hidden csrf_token, a redirect URI to the letter, and an auth_time that is no whole number."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from command import Command, Finished, Running
from forms import sign_in
from servers.canaille import CLIENT_ID, NAME, PERSON, SECRET, SECRET_CLIENT_ID, VERSION

pytestmark = pytest.mark.server(NAME, VERSION)

PROFILE = "127.0.0.1"
"""The issuer's host names the profile."""
CONFIDENTIAL = "canaille"
"""The profile of the client with a secret."""


@pytest.fixture
def issuer(oauth_cli: Command, canaille: tuple[str, int]) -> str:
    issuer, oauth_cli.port = canaille
    return issuer


def start(oauth_cli: Command, issuer: str, *argv: str, client_id: str = CLIENT_ID) -> tuple[Running, str]:
    """Start a login and return the URL that its browser was given."""
    handed_over = oauth_cli.handed_over()
    settings = ["--issuer", issuer, "--client-id", client_id]
    running = oauth_cli.start_login(*settings, *argv, provider="oidc", browser=handed_over.browser)
    return running, handed_over.url(running)


def login(oauth_cli: Command, issuer: str, *argv: str, client_id: str = CLIENT_ID) -> Finished:
    running, url = start(oauth_cli, issuer, *argv, client_id=client_id)
    sign_in(url, PERSON)
    done = running.finish()
    assert done.returncode == 0, done.stderr
    return done


def with_secret(oauth_cli: Command, issuer: str) -> None:
    """Sign in as the client that has a secret."""
    oauth_cli.env["OAUTH_CLI_CANAILLE_CLIENT_SECRET"] = SECRET
    login(oauth_cli, issuer, "--profile", CONFIDENTIAL, client_id=SECRET_CLIENT_ID)


def userinfo(issuer: str, access_token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(f"{issuer}/oauth/userinfo", headers=headers, timeout=30)


def test_three_forms_sign_in(oauth_cli: Command, issuer: str) -> None:
    result = login(oauth_cli, issuer, "--json").json()
    assert (result["profile"], result["sub"]) == (PROFILE, "demouser")
    assert result["userinfo"]["email"] == "demouser@example.com"


def test_an_auth_time_that_is_a_fraction_is_accepted(oauth_cli: Command, issuer: str) -> None:
    login(oauth_cli, issuer)
    payload = oauth_cli("token", "--id-token").stdout.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(claims["auth_time"], float)


@pytest.mark.shows("iss")
def test_the_redirect_names_its_issuer(oauth_cli: Command, issuer: str) -> None:
    """RFC 9207: it is promised in the metadata, so that a redirect without it would have been refused."""
    running, url = start(oauth_cli, issuer)
    page = sign_in(url, PERSON)
    assert "iss=" in page.url
    assert running.finish().returncode == 0


@pytest.mark.shows("exact port")
def test_another_port_is_refused_on_the_servers_own_page(oauth_cli: Command, issuer: str) -> None:
    """It must not redirect there (RFC 6749 section 3.1.2.4); it says so only to somebody who has signed in."""
    oauth_cli.port += 1
    options = ["--issuer", issuer, "--client-id", CLIENT_ID, "--timeout", "3"]
    running = oauth_cli.start_login(*options, provider="oidc")
    with pytest.raises(requests.HTTPError) as refused:
        sign_in(running.authorization_url(), PERSON)
    assert refused.value.response.status_code == 400
    done = running.finish()
    assert (done.returncode, done.stdout) == (6, ""), done.stderr


@pytest.mark.shows("refresh")
def test_an_expired_token_is_refreshed(oauth_cli: Command, issuer: str) -> None:
    login(oauth_cli, issuer)
    before = oauth_cli.stored(PROFILE)
    oauth_cli.expire(PROFILE)
    done = oauth_cli("token")
    after = oauth_cli.stored(PROFILE)
    assert (done.returncode, done.stdout) == (0, after.access_token + "\n"), done.stderr
    assert after.access_token != before.access_token


@pytest.mark.shows("revocation")
def test_logout_revokes_the_tokens_of_a_client_with_a_secret(oauth_cli: Command, issuer: str) -> None:
    """The secret goes along as client_secret_basic, percent-encoded first (RFC 6749 section 2.3.1)."""
    with_secret(oauth_cli, issuer)
    access_token = oauth_cli.stored(CONFIDENTIAL).access_token
    assert userinfo(issuer, access_token).status_code == 200
    done = oauth_cli("logout")
    assert done.returncode == 0, done.stderr
    assert "revoked" in done.stderr.lower()
    assert userinfo(issuer, access_token).status_code == 401


@pytest.mark.shows("revocation")
def test_logout_says_that_the_server_refuses_a_client_without_one(oauth_cli: Command, issuer: str) -> None:
    login(oauth_cli, issuer)
    done = oauth_cli("logout")
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "NOT revoked" in done.stderr
    assert "invalid_client" in done.stderr
    assert oauth_cli("token").returncode == 4


@pytest.mark.shows("introspection")
def test_a_client_with_a_secret_introspects(oauth_cli: Command, issuer: str) -> None:
    with_secret(oauth_cli, issuer)
    done = oauth_cli("inspect", "--introspect", "--json")
    assert done.returncode == 0, done.stderr
    access_token, id_token = done.json()["tokens"]
    assert access_token["introspection"]["client_id"] == SECRET_CLIENT_ID
    assert id_token["checks"]["signature"] == {"result": "ok"}


@pytest.mark.shows("introspection")
def test_the_server_refuses_a_client_without_one(oauth_cli: Command, issuer: str) -> None:
    login(oauth_cli, issuer)
    done = oauth_cli("inspect", "--access-token", "--introspect")
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "invalid_client" in done.stderr
