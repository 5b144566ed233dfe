from __future__ import annotations

import io
import itertools
from argparse import ArgumentParser

import pytest

from oauth_cli_login import settings
from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.commands import login
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, PluginError
from oauth_cli_login.model import Profile, SecretReference, Setting
from oauth_cli_login.settings import (
    CORE,
    NOT_KEPT,
    RESERVED,
    Layer,
    declare,
    environment_layer,
    file_layer,
    flag_layer,
    resolve,
    stored_layer,
)

DECLARED = declare(
    [
        Setting("domain", "your tenant", required=True),
        Setting("audience", "the API", default="the-default"),
        Setting("api_key", "a second secret", secret=True),
    ]
)
PREFIX = "OAUTH_CLI_WORK_"


def profile(settings=(), secrets=()):
    return Profile("work", "acme", dict(settings), dict(secrets))


def table(private=True, /, **members):
    return file_layer(DECLARED, members, profile="work", private=private)


def env(**variables):
    return environment_layer(DECLARED, {PREFIX + name: value for name, value in variables.items()}, PREFIX)


def flags(**given):
    return flag_layer(DECLARED, given)


# declarations


def test_a_provider_adds_to_cores_settings_in_order():
    assert list(DECLARED) == [*(setting.name for setting in CORE), "domain", "audience", "api_key"]


def test_a_provider_redefines_one_of_cores():
    declared = declare([Setting("client_id", "from the console", default="x")])
    assert declared["client_id"] == Setting("client_id", "from the console", default="x")


@pytest.mark.parametrize(
    "name",
    [
        *sorted(RESERVED),
        "client_secret_file",
        "client_secret_command",
        "client_secret_stdin",
        "target",
    ],
)
def test_a_provider_cannot_take_the_name_of_an_option_of_ours(name):
    with pytest.raises(PluginError, match=f"{name} has the name of one of oauth-cli's own options"):
        declare([Setting(name, "mine")])


@pytest.mark.parametrize("way", ["file", "command", "stdin"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_provider_cannot_take_the_name_of_where_its_own_secret_is(way, order):
    own = [Setting("api_key", "a secret", secret=True), Setting(f"api_key_{way}", "mine")]
    with pytest.raises(PluginError, match="api_key"):
        declare(own[::order])


@pytest.mark.parametrize(("name", "secret"), [("client_id", True), ("client_secret", False)])
def test_a_provider_cannot_change_what_is_secret(name, secret):
    with pytest.raises(PluginError, match=f"the setting {name} cannot become"):
        declare([Setting(name, "mine", secret=secret)])


def test_a_provider_cannot_declare_a_setting_twice():
    with pytest.raises(PluginError, match="domain"):
        declare([Setting("domain", "one"), Setting("domain", "two", required=True)])


def test_every_option_of_login_is_a_setting_or_reserved():
    """Else a provider's setting of that name would be an error of argparse's, or silently another option."""
    parser = ArgumentParser()
    terminal = Terminal({}, answer=io.StringIO(), stream=io.StringIO())
    login.arguments(parser, Context({"OAUTH_CLI_HOME": "/nonexistent"}, terminal), None, None)
    options = set(vars(parser.parse_args([])))
    secrets = {setting.name for setting in CORE if setting.secret}
    spelled = {setting.name for setting in CORE} | {
        f"{s}_{way}" for s in secrets for way in ("file", "command", "stdin")
    }
    assert options - spelled <= RESERVED


# layers

LAYERS = {
    "flag": flags(domain="flag", audience="flag"),
    "environment": env(DOMAIN="environment", AUDIENCE="environment"),
    "config.toml": table(domain="config.toml", audience="config.toml"),
    "last sign-in": stored_layer(profile({"domain": "last sign-in", "audience": "last sign-in"})),
}


@pytest.mark.parametrize(("higher", "lower"), list(itertools.combinations(LAYERS, 2)))
def test_the_first_layer_wins(higher, lower):
    assert resolve(DECLARED, [LAYERS[higher], LAYERS[lower]]).values["domain"] == higher


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_wins_over_the_providers_default(layer):
    assert resolve(DECLARED, [LAYERS[layer]]).values["audience"] == layer


def test_a_layer_that_is_silent_lets_the_next_one_speak():
    resolved = resolve(DECLARED, [flags(domain="flag"), env(AUDIENCE="environment"), table(client_id="id")])
    assert dict(resolved.values) == {"domain": "flag", "audience": "environment", "client_id": "id"}
    assert dict(resolved.origins) == {
        "domain": "the command line",
        "audience": "the environment",
        "client_id": "config.toml",
    }


def test_behind_all_layers_is_the_providers_default():
    resolved = resolve(DECLARED, [])
    assert resolved.values == {"audience": "the-default"}
    assert resolved.origins == {"audience": "the provider's default"}


def test_a_secret_has_no_default():
    declared = declare([Setting("api_key", "a secret", secret=True, default="x")])
    assert resolve(declared, []).secrets == {}


def test_what_an_older_login_stored_and_no_provider_declares_any_more_is_left_out():
    stored = stored_layer(profile({"gone": "x"}, {"gone_secret": SecretReference("value", "x")}))
    resolved = resolve(DECLARED, [stored])
    assert "gone" not in resolved.values
    assert resolved.secrets == {}


def test_a_profile_without_a_login_has_nothing_stored():
    assert stored_layer(None) == Layer("the last sign-in", {})


def test_an_empty_variable_counts_as_unset():
    layer = env(DOMAIN="", CLIENT_SECRET="", API_KEY_FILE="")
    assert (layer.values, layer.secrets) == ({}, {})


def test_variables_of_other_profiles_and_of_no_setting_are_ignored():
    layer = environment_layer(
        DECLARED, {"OAUTH_CLI_OTHER_DOMAIN": "x", "OAUTH_CLI_WORK_NOTHING": "x", "DOMAIN": "x"}, PREFIX
    )
    assert (layer.values, layer.secrets) == ({}, {})


# secrets

REFERENCES = [
    (env(CLIENT_SECRET="s"), SecretReference("env", "OAUTH_CLI_WORK_CLIENT_SECRET")),
    (env(CLIENT_SECRET_FILE="f"), SecretReference("file", "f")),
    (env(CLIENT_SECRET_COMMAND="c"), SecretReference("command", "c")),
    (flags(client_secret_file="f"), SecretReference("file", "f")),
    (flags(client_secret_command="c"), SecretReference("command", "c")),
    (table(client_secret="s"), SecretReference("value", "s")),
    (table(client_secret_file="f"), SecretReference("file", "f")),
    (table(client_secret_command="op read x"), SecretReference("command", "op read x")),
    (stored_layer(profile((), {"client_secret": SecretReference("value", "s")})), SecretReference("value", "s")),
]


@pytest.mark.parametrize(("layer", "reference"), REFERENCES)
def test_a_secret_is_a_reference_to_where_it_is(layer, reference):
    assert layer.secrets == {"client_secret": reference}
    assert layer.values == {}
    assert resolve(DECLARED, [layer]).secrets == {"client_secret": reference}


def test_a_secret_is_never_a_flag():
    assert flags(client_secret="s").secrets == {}
    assert flags(client_secret="s").values == {}


def test_the_secret_itself_beats_the_file_and_the_file_the_command_of_one_layer():
    assert env(API_KEY="s", API_KEY_FILE="f", API_KEY_COMMAND="c").secrets["api_key"].kind == "env"
    assert env(API_KEY_FILE="f", API_KEY_COMMAND="c").secrets["api_key"].kind == "file"


def test_a_higher_layers_reference_beats_a_lower_ones_secret():
    resolved = resolve(DECLARED, [flags(client_secret_command="c"), env(CLIENT_SECRET="s"), table(client_secret="t")])
    assert resolved.secrets == {"client_secret": SecretReference("command", "c")}
    assert resolved.origins["client_secret"] == "the command line"


def test_a_secret_in_a_file_that_others_can_read_is_refused():
    with pytest.raises(ConfigError, match=r"\[profiles.work\], and others can read the file") as refused:
        table(False, client_secret="canary")
    assert "chmod 600" in refused.value.hint
    assert "client_secret_command or client_secret_file" in refused.value.hint
    assert "canary" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("members", [{"client_secret_file": "f"}, {"client_secret": ""}, {"domain": "x"}])
def test_a_file_without_secrets_may_be_read_by_others(members):
    assert table(False, **members)


# config.toml


def test_a_profiles_table_names_its_provider_too():
    assert table(provider="acme", domain="x").values == {"domain": "x"}


@pytest.mark.parametrize(
    ("written", "near"), [("client_secret_comand", "client_secret_command"), ("provder", "provider")]
)
def test_a_misspelt_setting_names_its_own_spelling_first(written, near):
    with pytest.raises(ConfigError, match=rf"; did you mean {near}\b"):
        table(**{written: "x"})


def test_an_unknown_setting_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"\[profiles.work\] has the setting 'clientid'") as refused:
        table(clientid="x")
    assert refused.value.message.endswith("; did you mean client_id?")
    assert "client_id" in refused.value.hint
    assert "domain" in refused.value.hint


@pytest.mark.parametrize("value", [1, True, 1.5, ["x"], {"a": "b"}])
def test_a_setting_that_is_no_text_is_refused(value):
    with pytest.raises(ConfigError, match=r"domain under \[profiles.work\] must be a string"):
        table(domain=value)


@pytest.mark.parametrize("name", ["scopes", "api_hosts"])
def test_some_settings_may_be_a_list(name):
    assert table(**{name: ["openid", "email"]}).values == {name: "openid email"}
    assert table(**{name: "openid email"}).values == {name: "openid email"}
    with pytest.raises(ConfigError, match=name):
        table(**{name: ["openid", 7]})


def test_an_empty_value_in_the_file_counts_as_unset():
    assert table(domain="", scopes=[]).values == {}


# what comes of it


def test_settings_name_all_that_is_declared():
    resolved = resolve(DECLARED, [flags(domain="x"), env(CLIENT_SECRET="s")])
    without = resolved.settings()
    assert set(without) == set(DECLARED)
    assert (without["domain"], without["audience"], without["client_id"]) == ("x", "the-default", None)
    assert without["client_secret"] is None


def test_secrets_are_revealed_where_they_are_asked_for():
    asked = []

    def reveal(name, reference):
        asked.append((name, reference.kind))
        return "revealed"

    resolved = resolve(DECLARED, [env(CLIENT_SECRET="s")])
    assert asked == []
    assert resolved.settings(reveal)["client_secret"] == "revealed"
    assert asked == [("client_secret", "env")]


def test_what_is_required_and_nowhere_is_missing():
    assert [setting.name for setting in resolve(DECLARED, []).missing()] == ["client_id", "domain"]
    assert resolve(DECLARED, [flags(client_id="x", domain="y")]).missing() == []


def test_a_required_secret_is_there_as_a_reference():
    declared = declare([Setting("client_secret", "needed", secret=True, required=True)])
    assert "client_secret" in [setting.name for setting in resolve(declared, []).missing()]
    found = environment_layer(declared, {"P_CLIENT_SECRET": "s"}, "P_")
    assert "client_secret" not in [setting.name for setting in resolve(declared, [found]).missing()]


def test_what_was_just_typed_is_added():
    before = resolve(DECLARED, [])
    after = before.with_values({"domain": "typed", "client_secret": "canary"})
    assert after.values["domain"] == "typed"
    assert after.secrets == {"client_secret": SecretReference("value", "canary")}
    assert after.origins["domain"] == after.origins["client_secret"] == "what you just typed"
    assert "canary" not in repr(after)
    assert "domain" not in before.values


def test_a_login_keeps_what_it_used_the_defaults_too():
    resolved = resolve(DECLARED, [flags(domain="x", login_hint="me@x", flow="device"), env(CLIENT_SECRET="s")])
    values, secrets = resolved.kept()
    assert values == {"domain": "x", "flow": "device", "audience": "the-default"}
    assert secrets == {"client_secret": SecretReference("env", "OAUTH_CLI_WORK_CLIENT_SECRET")}
    assert {"login_hint"} == NOT_KEPT


def test_a_login_keeps_a_typed_secret_and_leaves_the_config_files_own_there():
    resolved = resolve(DECLARED, [table(client_secret="s", api_key_command="c")])
    assert resolved.kept()[1] == {"api_key": SecretReference("command", "c")}
    assert resolved.with_values({"client_secret": "t"}).kept()[1]["client_secret"] == SecretReference("value", "t")


@pytest.mark.parametrize(("value", "store"), [(None, "file"), ("file", "file"), ("keyring", "keyring")])
def test_a_session_is_kept_in_a_file_or_in_the_keyring(value, store):
    assert resolve(DECLARED, [Layer("config.toml", {"store": value} if value else {})]).store == store


@pytest.mark.parametrize("value", ["", "Keyring", "plain", "file,keyring"])
def test_and_nowhere_else(value):
    resolved = resolve(DECLARED, [Layer("config.toml", {"store": value})])
    with pytest.raises(ConfigError, match=f"store is '{value}' .*config.toml") as caught:
        assert resolved.store
    assert "file or keyring" in caught.value.hint


def test_core_names_each_setting_once():
    names = [setting.name for setting in settings.CORE]
    assert len(names) == len(set(names))
    assert RESERVED & set(names) == {"store"}  # core's own, and no provider may redefine it
