"""The mock provider's hooks."""

from __future__ import annotations

import pluggy
import ports
import pytest

from oauth_cli_login import hookspecs
from oauth_cli_login.model import Settings
from oauth_cli_login.plugins import load
from oauth_cli_login.provider import RedirectPolicy
from oauth_cli_providers import mock

ISSUER = "http://localhost:8080/default"


@pytest.fixture
def hook():
    manager = pluggy.PluginManager("oauth_cli")
    manager.add_hookspecs(hookspecs)
    manager.register(mock)
    manager.check_pending()
    return manager.hook


def test_every_hook_is_one_that_core_knows(hook) -> None:
    assert hook.oauth_provider_settings()


def test_the_settings_have_defaults_that_need_no_registration(hook) -> None:
    settings = {setting["name"]: setting for setting in hook.oauth_provider_settings()}
    assert settings["client_id"]["default"] == "cli-app"
    assert settings["issuer"]["default"] == ISSUER
    assert all(setting["help"] for setting in settings.values())


def test_the_client_of_the_settings_is_the_one_that_the_server_knows(hook, client) -> None:
    """A login with the defaults reaches the form: client, scopes and redirect fit the server."""
    settings = {setting["name"]: setting["default"] for setting in hook.oauth_provider_settings()}
    provider = load("mock")
    values = Settings({**dict.fromkeys(provider.declared_settings()), **settings})
    policy = provider.redirect_policy(values)
    assert policy == RedirectPolicy("localhost", 8085, "/callback", any_port=False)
    redirect_uri = f"http://{policy.host}:{policy.port}{policy.path}"
    scope = " ".join(provider.default_scopes(values))
    assert scope == "openid profile email offline_access"
    response = client.authorize(client_id=settings["client_id"], redirect_uri=redirect_uri, scope=scope)
    assert response.status_code == 200


def test_the_metadata_is_discovered_from_the_issuer(hook) -> None:
    assert hook.oauth_server_metadata(settings={"issuer": ISSUER}) == {"issuer": ISSUER}


def test_the_guide_works_without_settings(hook) -> None:
    guide = hook.oauth_setup_guide(settings={}, redirect_uri="http://localhost:8085/callback")
    assert "http://localhost:8085/callback" in " ".join(guide)
    assert ISSUER in " ".join(guide)


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_where_nothing_answers_the_server_is_started_on_entering(
    hook, free_port: int, monkeypatch, state_folder: str, host: str
) -> None:
    monkeypatch.setattr("oauth_cli_providers.mock.storage.default_folder", lambda: state_folder)
    issuer = f"http://{host}:{free_port}/default"
    local = hook.oauth_local_server(settings={"issuer": issuer})
    with local as running:
        assert str(running) == running.issuer == issuer
        assert hook.oauth_local_server(settings={"issuer": issuer}) is None, "now something answers"
    assert hook.oauth_local_server(settings={"issuer": issuer}) is not None


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        "",
        "http://localhost:{}/other",
        "http://localhost:{}/default/",
        "http://localhost:{}/default?a",
        "https://localhost:{}/default",
        "http://example.com:{}/default",
        "http://user@localhost:{}/default",
        "http://localhost:99999/default",
        "http://localhost/default",
        "http://[::1",
    ],
)
def test_another_issuer_is_none_of_its_business(hook, free_port: int, issuer: str | None) -> None:
    if issuer:
        issuer = issuer.format(free_port)
    assert hook.oauth_local_server(settings={"issuer": issuer}) is None
