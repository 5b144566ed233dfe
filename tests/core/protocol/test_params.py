from __future__ import annotations

import pytest

from oauth_cli_login.errors import PluginError, UsageError
from oauth_cli_login.protocol import params


def merge(core=(), plugin=(), user=(), protected=params.AUTHORIZATION):
    return params.merge(dict(core), dict(plugin), dict(user), protected=protected, provider="acme")


def test_the_users_parameter_beats_the_plugins_and_the_plugins_beats_cores():
    core = {"prompt": "login", "login_hint": "core", "max_age": "1"}
    plugin = {"prompt": "consent", "login_hint": "plugin"}
    assert merge(core, plugin, {"prompt": "none"}) == {"prompt": "none", "login_hint": "plugin", "max_age": "1"}


def test_a_plugin_drops_one_of_cores_with_none():
    assert merge({"login_hint": "me"}, {"login_hint": None, "login": "me"}) == {"login": "me"}


def test_what_a_plugin_dropped_the_user_can_still_ask_for():
    assert merge({"login_hint": "core"}, {"login_hint": None}, {"login_hint": "me"}) == {"login_hint": "me"}


@pytest.mark.parametrize(
    ("protected", "name"),
    [
        *((params.AUTHORIZATION, name) for name in sorted(params.AUTHORIZATION)),
        *((params.DEVICE_AUTHORIZATION, name) for name in sorted(params.DEVICE_AUTHORIZATION)),
        *((params.CODE_EXCHANGE, name) for name in sorted(params.CODE_EXCHANGE)),
        *((params.REFRESH, name) for name in sorted(params.REFRESH)),
        *((params.DEVICE_EXCHANGE, name) for name in sorted(params.DEVICE_EXCHANGE)),
    ],
)
def test_what_core_put_into_the_request_nobody_changes(protected, name):
    with pytest.raises(PluginError, match=f"'acme' may not set the parameter {name}"):
        merge(plugin={name: "x"}, protected=protected)
    with pytest.raises(PluginError):
        merge(plugin={name: None}, protected=protected)
    with pytest.raises(UsageError, match=f"--param cannot set {name}"):
        merge(user={name: "x"}, protected=protected)


@pytest.mark.parametrize(
    ("protected", "names"),
    [
        (params.AUTHORIZATION, {"client_id", "redirect_uri", "response_type", "scope", "state", "nonce"}),
        (params.AUTHORIZATION, {"code_challenge", "code_challenge_method"}),
        (params.DEVICE_AUTHORIZATION, {"client_id", "client_secret", "scope"}),
        (params.CODE_EXCHANGE, {"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"}),
        (params.REFRESH, {"grant_type", "refresh_token", "client_id", "client_secret"}),
        (params.DEVICE_EXCHANGE, {"grant_type", "device_code", "client_id", "client_secret"}),
    ],
)
def test_the_protected_parameters_are_those_of_the_rfcs(protected, names):
    assert names <= protected


def test_a_refresh_may_name_the_redirect_uri():
    """GitLab wants it."""
    assert merge(plugin={"redirect_uri": "http://localhost/"}, protected=params.REFRESH)


@pytest.mark.parametrize(
    ("ours", "asked", "sent"),
    [
        ("consent", "select_account", "select_account consent"),
        ("consent", "consent login", "consent login"),
        ("consent", "none", "none"),
        ("none", "login", "login"),
        (None, "login", "login"),
    ],
)
def test_prompt_is_a_set_of_words_that_is_joined(ours, asked, sent):
    """OpenID Connect Core 3.1.2.1; ``none`` stands alone."""
    core = {"prompt": ours} if ours else {}
    assert params.merge(core, {}, {"prompt": asked}, protected=params.AUTHORIZATION, provider="x")["prompt"] == sent


@pytest.mark.parametrize(
    ("core", "plugin", "user", "sent"),
    [
        ("select_account", "consent", None, "select_account consent"),
        ("select_account consent", "consent", "login", "login select_account consent"),
        ("select_account", None, None, None),
        ("select_account", None, "login", "login"),
        ("consent", "none", None, "none"),
        ("consent", "none", "login", "login"),
    ],
)
def test_a_plugins_prompt_joins_cores_unless_it_drops_it(core, plugin, user, sent):
    users = {"prompt": user} if user else {}
    merged = params.merge({"prompt": core}, {"prompt": plugin}, users, protected=params.AUTHORIZATION, provider="x")
    assert merged.get("prompt") == sent


@pytest.mark.parametrize("name", ["response_mode", "request", "request_uri"])
def test_what_would_change_how_the_answer_comes_is_cores_own(name):
    with pytest.raises(UsageError, match=name):
        params.merge({}, {}, {name: "x"}, protected=params.AUTHORIZATION, provider="x")
