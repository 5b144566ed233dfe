from __future__ import annotations

import os

import pytest

from oauth_cli_login import cached
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.config import Configuration, check_profile_name, default_profile_name
from oauth_cli_login.errors import ConfigError, ExitStatus, NotSignedIn, UsageError
from oauth_cli_login.model import Profile, SecretReference, Session, Setting
from oauth_cli_login.settings import declare

OIDC = declare([Setting("issuer", "the issuer", required=True)])
OAUTH2 = declare([Setting("token_endpoint", "where tokens come from"), Setting("issuer", "what it calls itself")])
MOCK = declare([Setting("issuer", "the issuer", default="http://localhost:8080/default")])
GITHUB = declare([Setting("client_secret", "its secret", secret=True)])

SESSION = Session(
    issuer="https://idp.example",
    client_id="cli-app",
    sub="x",
    label="me",
    scopes=("openid",),
    issued_at=1,
    expires_at=0,
    access_token="the-token",
)


class World:
    """One user's folder: what stands in it, and the configuration that is read from it."""

    def __init__(self, home):
        self.home = home
        self.environ = {"OAUTH_CLI_HOME": str(home)}

    def config(self, text, mode=0o600):
        self.home.mkdir(exist_ok=True)
        path = self.home / "config.toml"
        path.write_text(text)
        path.chmod(mode)

    def stored(self, name, *, provider="oidc", settings=(), secrets=(), session=SESSION):
        profile = Profile(name, provider, dict(settings), dict(secrets), session)
        self.read().store.write(profile)
        return profile

    def read(self):
        return Configuration.read(self.environ)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "home")


# which profile


def test_the_flag_beats_the_environment_and_the_environment_the_default_file(world):
    for name in ("one", "two", "three"):
        world.stored(name)
    world.read().store.set_default("three")
    assert world.read().chosen_profile(None) == "three"
    world.environ["OAUTH_CLI_PROFILE"] = "two"
    assert world.read().chosen_profile(None) == "two"
    assert world.read().chosen_profile("one") == "one"


def test_the_only_session_needs_no_name(world):
    world.stored("work")
    world.stored("never-signed-in", session=None)
    assert world.read().chosen_profile(None) == "work"
    world.environ["OAUTH_CLI_PROFILE"] = ""
    assert world.read().chosen_profile(None) == "work"


def test_several_sessions_and_none_named_is_a_matter_of_usage(world):
    world.stored("work")
    world.stored("home")
    with pytest.raises(UsageError, match="several sessions: home, work") as refused:
        world.read().chosen_profile(None)
    assert refused.value.exit_status == ExitStatus.USAGE
    assert "--profile home" in refused.value.hint
    assert "oauth-cli use home" in refused.value.hint


def test_no_session_at_all_names_the_command_that_signs_in(world):
    world.config('[profiles.work]\nprovider = "oidc"\n')
    with pytest.raises(NotSignedIn, match="not signed in anywhere") as refused:
        world.read().chosen_profile(None)
    assert "oauth-cli login" in refused.value.hint


def test_config_toml_has_no_say_in_which_profile(world):
    world.config('[profiles.work]\nprovider = "oidc"\n')
    world.stored("home")
    assert world.read().chosen_profile(None) == "home"


def test_a_default_file_that_names_no_profile_is_ignored(world):
    world.stored("work")
    (world.home / "default").write_text("../x\n")
    assert world.read().chosen_profile(None) == "work"


@pytest.mark.parametrize("name", ["../x", "Work", "con", "a" * 65, "a b", "\N{GRINNING FACE}", "-x"])
def test_what_cannot_be_a_profiles_name_is_refused_wherever_it_comes_from(name, world):
    for configuration, named in (
        (world.read(), name),
        (Configuration.read({**world.environ, "OAUTH_CLI_PROFILE": name}), None),
    ):
        with pytest.raises(UsageError, match="cannot be the name of a profile") as refused:
            configuration.chosen_profile(named)
        assert "lower-case letters" in refused.value.hint


def test_an_empty_name_on_the_command_line_is_refused():
    """``--profile "$UNSET"`` must not mean another account."""
    with pytest.raises(UsageError, match="name of a profile"):
        Configuration.read({"OAUTH_CLI_HOME": "/nonexistent", "OAUTH_CLI_PROFILE": "work"}).chosen_profile("")


def test_a_name_is_quoted_in_part_and_escaped():
    with pytest.raises(UsageError) as refused:
        check_profile_name("\x1b[31m" * 1000)
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 500
    assert check_profile_name("work") == "work"


def test_a_session_that_cannot_be_read_is_not_passed_over(world):
    """Else a damaged file would silently make the other session the only one."""
    world.stored("work")
    world.stored("home")
    with open(cached.session_path("work", world.environ), "wb") as file:
        file.write(b"damaged")
    with pytest.raises(UsageError, match="several sessions: home, work"):
        world.read().chosen_profile(None)


# what a profile that nobody named is called


@pytest.mark.parametrize(
    ("provider", "declared", "flags", "name"),
    [
        ("github", GITHUB, {}, "github"),
        ("mock", MOCK, {"issuer": "https://other.example"}, "mock"),
        ("oidc", OIDC, {"issuer": "https://Idp.Example/tenant"}, "idp.example"),
        ("oidc", OIDC, {"issuer": "http://localhost:8080/default"}, "localhost"),
        ("oidc", OIDC, {"issuer": "http://127.0.0.1:8080"}, "127.0.0.1"),
        ("oidc", OIDC, {"issuer": "https://[fe80::1]:8443/"}, "fe80--1"),
        ("oidc", OIDC, {"issuer": "http://[::1]:8080"}, "1"),
        ("oauth2", OAUTH2, {"token_endpoint": "https://api.example/token"}, "api.example"),
        ("oauth2", OAUTH2, {"issuer": "https://a.example", "token_endpoint": "https://b.example"}, "a.example"),
        ("oidc", OIDC, {}, "oidc"),
        ("oidc", OIDC, {"issuer": "nonsense"}, "oidc"),
        ("oidc", OIDC, {"issuer": "https://con.example"}, "oidc"),
        ("oidc", OIDC, {"issuer": f"https://{'a' * 70}.example"}, "oidc"),
        ("oidc", OIDC, {"issuer": "https://-.example"}, "oidc"),
    ],
)
def test_a_profile_is_called_as_its_provider_or_as_its_issuers_host(provider, declared, flags, name):
    found = default_profile_name(provider, declared, flags)
    assert found == name
    assert cached.is_profile_name(found)


# which provider


def test_the_provider_is_config_tomls_or_the_last_logins(world):
    stored = world.stored("work", provider="okta")
    assert world.read().provider_of("work", stored) == "okta"
    world.config('[profiles.work]\nprovider = "auth0"\n[profiles.bare]\n')
    assert world.read().provider_of("work", stored) == "auth0"
    assert world.read().provider_of("bare", stored) == "okta"
    assert world.read().provider_of("bare", None) is None
    assert world.read().provider_of("unknown", None) is None


def test_a_provider_that_is_no_text_is_refused(world):
    world.config("[profiles.work]\nprovider = 7\n")
    with pytest.raises(ConfigError, match=r"provider under \[profiles.work\] must be a string"):
        world.read().provider_of("work", None)


# settings

FIVE = ["flag", "environment", "config.toml", "stored", "default"]


@pytest.mark.parametrize("highest", range(5))
def test_five_layers_in_their_order(highest, world):
    declared = declare([Setting("audience", "the API", default="default")])
    present = FIVE[highest:]
    if "environment" in present:
        world.environ["OAUTH_CLI_MY_WORK_AUDIENCE"] = "environment"
    if "config.toml" in present:
        world.config('[profiles.my-work]\naudience = "config.toml"\n')
    stored = world.stored("my-work", settings={"audience": "stored"}) if "stored" in present else None
    flags = {"audience": "flag"} if "flag" in present else None
    assert world.read().resolve("my-work", declared, stored=stored, flags=flags).values["audience"] == FIVE[highest]


def test_settings_of_another_profile_never_cross(world):
    world.environ["OAUTH_CLI_OTHER_ISSUER"] = "https://environment.example"
    world.config('[profiles.other]\nissuer = "https://config.example"\n')
    world.stored("other", settings={"issuer": "https://stored.example"})
    assert world.read().resolve("work", OIDC, stored=None).values == {}


def test_a_secret_comes_from_wherever_it_is(world, tmp_path):
    """And is revealed only when it is needed."""
    (tmp_path / "secret").write_text("from-the-file\n")
    for text, expected in (
        ('client_secret = "from-config-toml"', "from-config-toml"),
        (f"client_secret_file = '{tmp_path / 'secret'}'", "from-the-file"),
        ('client_secret_command = "echo from-the-command"', "from-the-command"),
    ):
        world.config(f"[profiles.work]\n{text}\n")
        resolved = world.read().resolve("work", GITHUB, stored=None)
        assert resolved.settings(revealer(world.environ))["client_secret"] == expected
    world.environ["OAUTH_CLI_WORK_CLIENT_SECRET"] = "from-the-environment"
    resolved = world.read().resolve("work", GITHUB, stored=None)
    assert resolved.secrets["client_secret"] == SecretReference("env", "OAUTH_CLI_WORK_CLIENT_SECRET")
    assert resolved.settings(revealer(world.environ))["client_secret"] == "from-the-environment"


def test_a_secret_in_a_config_file_that_others_can_read_is_refused(world):
    world.config('[profiles.work]\nclient_secret = "canary"\n', mode=0o644)
    with pytest.raises(ConfigError, match="others can read") as refused:
        world.read().resolve("work", GITHUB, stored=None)
    assert "canary" not in refused.value.message + refused.value.hint


def test_an_unknown_setting_in_config_toml_is_refused(world):
    world.config('[profiles.work]\nclient_ident = "x"\n')
    with pytest.raises(ConfigError, match="client_ident"):
        world.read().resolve("work", GITHUB, stored=None)


@pytest.mark.parametrize("where", ["stored", "config.toml"])
def test_two_profiles_that_read_the_same_variables_are_refused_when_they_are_used(where, world):
    world.stored("unrelated")
    if where == "stored":
        world.stored("my.work")
    else:
        world.config('[profiles."my.work"]\nissuer = "https://idp.example"\n')
    assert world.read().resolve("my-work", OIDC, stored=None)
    world.environ["OAUTH_CLI_MY_WORK_ISSUER"] = "https://idp.example"
    for name, other in (("my-work", "my.work"), ("my_work", "my.work")):
        with pytest.raises(ConfigError, match=rf"OAUTH_CLI_MY_WORK_.*{name} or {other}") as refused:
            world.read().resolve(name, OIDC, stored=None)
        assert "Rename" in refused.value.hint
    assert world.read().resolve("my.work", OIDC, stored=None).values["issuer"] == "https://idp.example"


# config.toml itself


def test_without_a_file_there_are_no_tables(world):
    configuration = world.read()
    assert (configuration.tables, configuration.private) == ({}, True)
    assert list(configuration.sessions()) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[profiles.work", "not valid TOML"),
        ("client_id = 'x'", "'client_id' is unknown"),
        ("profiles = 7", "must be a table"),
        ("[profiles]\nwork = 'x'", "'work' under profiles is no profile"),
        ("[profiles.Work]", "'Work' under profiles is no profile"),
        ("[profiles.'../x']", "is no profile"),
    ],
)
def test_a_file_that_is_wrong_is_named(text, why, world):
    world.config(text)
    with pytest.raises(ConfigError, match=why) as refused:
        world.read()
    assert os.path.join(world.environ["OAUTH_CLI_HOME"], "config.toml") in refused.value.message
