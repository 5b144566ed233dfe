"""config.toml, from its bytes to the settings of a profile."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outside import PIECES, TEXTS, each, edited, encoded, near, only

from oauth_cli_login import cached
from oauth_cli_login.adapters.config_file import read_profiles
from oauth_cli_login.config import Configuration
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.settings import declare, file_layer, resolve

DECLARED = declare(())
FILE = b"""\
[profiles.work]
provider = "oidc"
client_id = 'cli-app'
client_secret_command = "op read \\"x\\""
scopes = ["openid", "email"]

[profiles."a.b"]
api_hosts = "api.example.com" # and no other
redirect_uri = \"\"\"http://localhost:8085/callback\"\"\"
"""
KEYS = st.sampled_from(
    ["provider", "client_id", "client_secret", "scopes", "store", "profiles", "a.b", '"a b"', "[", ""]
)
VALUES = [
    *('"x"', "'x'", "5", "1e400", "nan", "true", "[]", '["a", "b"]', '["a", 5]', "{}", "{a = 1}", "2026-01-01", '""'),
    *('"\\ud800"', '"\\U00110000"', '"\\u0000"', "0x" + "f" * 5000, "9" * 5000, "[" * 5000, "07:32:61", "-", '"""'),
]  # fmt: skip
TOML = st.sampled_from(VALUES)
SETTINGS = ["provider", "client_id", "scopes", "client_secret", "client_secret_file"]
NEAR = near("x").filter(lambda value: isinstance(value, str)).map(json.dumps)
TABLES = st.sampled_from(
    ["[profiles.work]", "[profiles.WORK]", "[profiles.con]", "[profiles]", "[[profiles.work]]", "[[profiles]]", "[x]"]
)
LINES = st.one_of(st.builds("{} = {}".format, KEYS, TOML), TABLES, TEXTS)
ONE_SETTING = st.builds("[profiles.work]\n{} = {}\n".format, st.sampled_from(["provider", *DECLARED]), TOML | NEAR)
FILES = st.one_of(ONE_SETTING, ONE_SETTING, st.lists(LINES, max_size=4).map("\n".join), TEXTS).map(encoded)


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    return {"OAUTH_CLI_HOME": str(tmp_path_factory.mktemp("home"))}


@given(data=FILES | edited(FILE) | PIECES, private=st.booleans())
@each("data", [f"[profiles.work]\n{name} = {value}\n".encode() for name in SETTINGS for value in VALUES], private=True)
@each("data", [b"profiles = []", b"[[profiles]]", b"profiles = 5", b"\xff"], private=True)
def test_any_file_is_settings_or_a_config_error(environ, data, private):
    with open(cached.config_path(environ), "wb") as file:
        file.write(data)
    os.chmod(cached.config_path(environ), 0o600)
    with only(ConfigError):
        profiles, _ = read_profiles(environ)
        configuration = Configuration.read(environ)
        for name, table in profiles.items():
            assert cached.is_profile_name(name)
            with only(ConfigError):
                configuration.provider_of(name, None)
            with only(ConfigError):
                layer = file_layer(DECLARED, table, profile=name, private=private)
                settings = resolve(DECLARED, [layer]).settings()
                assert all(value is None or value.isprintable() for value in settings.values())
                assert private or "value" not in {reference.kind for reference in layer.secrets.values()}
