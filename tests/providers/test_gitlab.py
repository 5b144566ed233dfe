"""docs/example-plugin, which is GitLab. The page that the docstrings name is docs.gitlab.com/api/oauth2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tomli

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

PLUGIN = Path(__file__).parents[2] / "docs" / "example-plugin"
SITE = "https://gitlab.com"
TOKEN = f"{SITE}/oauth/token"
REVOKE = f"{SITE}/oauth/revoke"
DOCUMENT = {
    "authorization_endpoint": f"{SITE}/oauth/authorize",
    "token_endpoint": TOKEN,
    "device_authorization_endpoint": f"{SITE}/oauth/authorize_device",
    "revocation_endpoint": REVOKE,
    "userinfo_endpoint": f"{SITE}/oauth/userinfo",
    "jwks_uri": f"{SITE}/oauth/discovery/keys",
}
LOGIN = ("login", "--provider", "gitlab", "--client-id", "the-client")


@pytest.fixture
def project() -> dict:
    return tomli.loads((PLUGIN / "pyproject.toml").read_text())["project"]


@pytest.fixture
def provider(project, tmp_path, monkeypatch):
    """The plugin, installed in place: its entry points are those of its pyproject.toml."""
    metadata = tmp_path / "oauth_cli_gitlab-1.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0.0\n")
    [(group, entries)] = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(PLUGIN))
    yield load("gitlab")
    del sys.modules["oauth_cli_gitlab"]


@pytest.fixture
def gitlab(provider, openid_provider):
    server = openid_provider(SITE, DOCUMENT, {"preferred_username": "ada"})
    server.tokens |= {"token_type": "bearer", "expires_in": 7200, "refresh_token": "refresh-1"}
    return server


def test_the_plugin_depends_on_pluggy_alone_and_is_short(project) -> None:
    assert [requirement.partition(">")[0] for requirement in project["dependencies"]] == ["pluggy"]
    assert len((PLUGIN / "oauth_cli_gitlab.py").read_text().splitlines()) < 40


@pytest.mark.parametrize("base_url", ["https://git.example.com", "https://git.example.com/"])
def test_the_address_of_a_gitlab_is_its_issuer(provider, settings_of, base_url: str) -> None:
    """GitLab as OpenID Connect identity provider: the document is at the root."""
    assert provider.server_metadata(settings_of(provider, base_url=base_url)) == {"issuer": "https://git.example.com"}
    assert provider.server_metadata(settings_of(provider)) == {"issuer": SITE}


def test_any_port_on_the_address_literal_will_do(provider, settings_of) -> None:
    """Doorkeeper takes another port for IP literals, and none for localhost."""
    assert redirect_target(provider, settings_of(provider), None) == ("127.0.0.1", "/callback", (8085, 0))


def test_the_authorization_request(gitlab, oauth_cli, browser) -> None:
    """Authorization code with PKCE, 1."""
    done = oauth_cli(*LOGIN)
    assert done.status == 0, done.stderr
    request = browser.without_random()
    assert request.pop("redirect_uri").startswith("http://127.0.0.1:")
    assert request == {"response_type": "code", "client_id": "the-client", "scope": "openid profile email"}


def test_a_refresh_sends_the_redirect_uri_again(gitlab, oauth_cli, browser, passing_time, session, sent) -> None:
    """Authorization code with PKCE, 3.: it must match the original one; both tokens are new."""
    oauth_cli(*LOGIN)
    passing_time.later += 7200
    gitlab.tokens |= {"access_token": "access-2", "refresh_token": "refresh-2"}
    assert oauth_cli("token").stdout == "access-2\n"
    assert sent(TOKEN)[-1].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "the-client",
        "redirect_uri": browser.request["redirect_uri"],
    }
    assert session("gitlab").refresh_token == "refresh-2"


def test_a_code_exchange_and_a_refresh_without_a_redirect_have_nothing_more(provider, settings_of, metadata_of) -> None:
    """Device authorization grant flow: there is no redirect_uri."""

    def params(grant_type: str, redirect_uri: str | None) -> dict[str, str]:
        settings, metadata = settings_of(provider), metadata_of()
        return provider.token_params(settings, metadata, grant_type=grant_type, scopes=(), redirect_uri=redirect_uri)

    assert params("authorization_code", "http://127.0.0.1:8085/callback") == {}
    assert params("refresh_token", None) == {}


def test_logout_revokes_both_tokens(gitlab, oauth_cli, requests_mock, sent) -> None:
    """Revoke a token: 200 and an empty object."""
    oauth_cli(*LOGIN)
    requests_mock.post(REVOKE, json={})
    done = oauth_cli("logout")
    assert done.status == 0
    assert "the tokens were revoked" in done.stderr
    assert [request.form["token"] for request in sent(REVOKE)] == ["refresh-1", "access-1"]
