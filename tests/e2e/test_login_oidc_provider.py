"""oidc-provider (OpenID Certified) through the generic provider, of which it knows nothing but the issuer."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from command import Command, Finished
from forms import sign_in
from servers.oidc_provider import CLIENT_ID, NAME, VERSION

pytestmark = pytest.mark.server(NAME, VERSION)

PROFILE = "127.0.0.1"
"""The issuer's host names the profile."""

PERSON = {"login": "demouser", "password": "made up"}


class Provider:
    """The server from its client's side."""

    def __init__(self, oauth_cli: Command, issuer: str) -> None:
        self._oauth_cli = oauth_cli
        self.issuer = issuer
        self.settings = ["--issuer", issuer, "--client-id", CLIENT_ID]

    def login(self, *argv: str) -> Finished:
        """Sign in by the browser flow: two forms, sign-in and consent."""
        handed_over = self._oauth_cli.handed_over()
        running = self._oauth_cli.start_login(*self.settings, *argv, provider="oidc", browser=handed_over.browser)
        sign_in(handed_over.url(running), PERSON)
        done = running.finish()
        assert done.returncode == 0, done.stderr
        return done

    def refresh_by_hand(self, refresh_token: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT_ID}
        return requests.post(f"{self.issuer}/token", data=form, timeout=30)

    def userinfo(self, access_token: str) -> requests.Response:
        return requests.get(f"{self.issuer}/me", headers={"Authorization": f"Bearer {access_token}"}, timeout=30)


@pytest.fixture
def provider(oauth_cli: Command, oidc_provider: str) -> Provider:
    return Provider(oauth_cli, oidc_provider)


def test_the_browser_flow_signs_in(oauth_cli: Command, provider: Provider) -> None:
    result = provider.login("--json").json()
    assert (result["profile"], result["provider"], result["sub"]) == (PROFILE, "oidc", "demouser")
    assert result["userinfo"]["email"] == "demouser@example.com"
    assert {"openid", "profile", "email", "offline_access"} <= set(result["scopes"])
    token = oauth_cli("token").stdout.rstrip("\n")
    assert provider.userinfo(token).json()["sub"] == "demouser"


def test_scopes_are_the_ones_asked_for(provider: Provider) -> None:
    assert provider.login("--scope", "openid,email", "--json").json()["scopes"] == ["openid", "email"]


@pytest.mark.shows("device")
def test_the_device_flow_signs_in(oauth_cli: Command, provider: Provider) -> None:
    argv = ["login", "--provider", "oidc", *provider.settings, "--flow", "device", "--no-browser"]
    running = oauth_cli.start(*argv)
    verification_uri, user_code = running.device_prompt()
    page = sign_in(verification_uri, {**PERSON, "user_code": user_code})
    assert "Sign-in Success" in page.text
    done = running.finish()
    assert done.returncode == 0, done.stderr
    assert "Signed in as demouser" in done.stderr
    token = oauth_cli("token").stdout.rstrip("\n")
    assert provider.userinfo(token).json()["sub"] == "demouser"


@pytest.mark.shows("refresh")
def test_a_refresh_rotates_and_the_session_goes_on(oauth_cli: Command, provider: Provider) -> None:
    """The server ends the whole family where a refresh token comes twice: three in a row must be three tokens."""
    provider.login()
    seen = [oauth_cli.stored(PROFILE)]
    for _ in range(3):
        oauth_cli.expire(PROFILE)
        done = oauth_cli("token")
        seen.append(oauth_cli.stored(PROFILE))
        assert (done.returncode, done.stdout) == (0, seen[-1].access_token + "\n"), done.stderr
    assert len({stored.refresh_token for stored in seen}) == len({stored.access_token for stored in seen}) == 4


@pytest.mark.shows("reuse")
def test_a_stolen_refresh_token_that_was_used_ends_the_session(oauth_cli: Command, provider: Provider) -> None:
    provider.login()
    assert provider.refresh_by_hand(oauth_cli.stored(PROFILE).refresh_token).status_code == 200
    oauth_cli.expire(PROFILE)
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "login" in done.stderr


@pytest.mark.shows("revocation")
def test_logout_revokes_the_refresh_token(oauth_cli: Command, provider: Provider) -> None:
    provider.login()
    before = oauth_cli.stored(PROFILE)
    done = oauth_cli("logout")
    assert done.returncode == 0, done.stderr
    assert "revoked" in done.stderr.lower()
    answer = provider.refresh_by_hand(before.refresh_token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert oauth_cli("token").returncode == 4


def test_a_second_login_remembers_issuer_and_client(oauth_cli: Command, provider: Provider) -> None:
    provider.login()
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login("--profile", PROFILE, provider="oidc", browser=handed_over.browser)
    sign_in(handed_over.url(running), PERSON)
    done = running.finish()
    assert done.returncode == 0, done.stderr


@pytest.mark.shows("refusal")
def test_consent_that_is_refused_is_the_providers_refusal(oauth_cli: Command, provider: Provider) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(*provider.settings, provider="oidc", browser=handed_over.browser)
    with requests.Session() as browser:
        page = browser.get(handed_over.url(running), timeout=30).text
        cancel = page.partition('<div class="login-help">')[2].partition('href="')[2].partition('"')[0]
        browser.get(cancel, timeout=30)
    done = running.finish()
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "access_denied" in done.stderr


@pytest.mark.shows("introspection")
def test_an_opaque_access_token_is_introspected(oauth_cli: Command, provider: Provider) -> None:
    provider.login()
    done = oauth_cli("inspect", "--json")
    assert done.returncode == 0, done.stderr
    access_token, id_token = done.json()["tokens"]
    assert (access_token["format"], access_token["introspection"]["active"]) == ("opaque", True)
    assert access_token["introspection"]["client_id"] == CLIENT_ID
    results = {name: check["result"] for name, check in id_token["checks"].items()}
    assert results.pop("nonce") == "not checked"
    assert set(results.values()) == {"ok"}
    assert {"signature", "iss", "aud", "exp"} <= set(results)


@pytest.mark.shows("introspection")
def test_a_token_that_was_revoked_is_not_active(oauth_cli: Command, provider: Provider) -> None:
    provider.login()
    form = {"token": oauth_cli.stored(PROFILE).access_token, "client_id": CLIENT_ID}
    assert requests.post(f"{provider.issuer}/token/revocation", data=form, timeout=30).status_code == 200
    done = oauth_cli("inspect", "--access-token", "--json")
    assert done.returncode == 8, done.stderr
    (access_token,) = done.json()["tokens"]
    assert access_token["introspection"] == {"active": False}


@pytest.mark.shows("iss")
def test_the_redirect_names_its_issuer(oauth_cli: Command, provider: Provider) -> None:
    """RFC 9207: the metadata promises it, so that a redirect without it would not have signed in."""
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(*provider.settings, provider="oidc", browser=handed_over.browser)
    page = sign_in(handed_over.url(running), PERSON)
    assert parse_qs(urlsplit(page.url).query)["iss"] == [provider.issuer]
    assert running.finish().returncode == 0


@pytest.mark.shows("iss")
def test_an_issuer_that_its_own_document_contradicts_is_refused(oauth_cli: Command, provider: Provider) -> None:
    """http://localhost:PORT is the same server, and another issuer."""
    handed_over = oauth_cli.handed_over()
    issuer = provider.issuer.replace("127.0.0.1", "localhost")
    done = oauth_cli.start_login(
        *("--issuer", issuer, "--client-id", CLIENT_ID), provider="oidc", browser=handed_over.browser
    ).finish()
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert issuer in done.stderr
    assert provider.issuer in done.stderr
    assert not handed_over.was_started()


@pytest.mark.shows("refusal")
def test_a_client_that_the_server_does_not_know_leaves_the_terminal_waiting(
    oauth_cli: Command, provider: Provider
) -> None:
    """The server must not redirect such an error (RFC 6749 section 4.1.2.1)."""
    options = ["--issuer", provider.issuer, "--client-id", "nobody", "--timeout", "2"]
    running = oauth_cli.start_login(*options, provider="oidc")
    assert requests.get(running.authorization_url(), timeout=30).status_code == 400
    assert running.finish().returncode == 6
