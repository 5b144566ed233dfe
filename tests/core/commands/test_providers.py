"""``providers``: what is installed, from which distribution, without importing any of it."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from oauth_cli_login.plugins import InstalledProvider

BUILT_IN = ("auth0", "github", "google", "mock", "oauth2", "oidc", "okta")


def test_a_table_for_people(cli):
    done = cli("providers")

    assert (done.status, done.out) == (0, "")
    rows = [line.split() for line in done.err.splitlines()]
    for name in BUILT_IN:
        assert [name, "oauth-cli-login", version("oauth-cli-login"), f"oauth_cli_providers.{name}"] in rows
    assert "oauth-cli login --provider NAME" in done.err


def test_json_for_programs(cli):
    found = {provider["name"]: provider for provider in cli("providers", "--json").json["providers"]}

    for name in BUILT_IN:
        assert found[name] == {
            "name": name,
            "distribution": f"oauth-cli-login {version('oauth-cli-login')}",
            "module": f"oauth_cli_providers.{name}",
            "usable": True,
        }


def test_no_provider_is_imported(cli, monkeypatch):
    for name in BUILT_IN:
        monkeypatch.delitem(sys.modules, f"oauth_cli_providers.{name}", raising=False)

    cli("providers")

    assert not [name for name in BUILT_IN if f"oauth_cli_providers.{name}" in sys.modules]


@pytest.mark.parametrize("argv", [[], ["--json"]])
def test_a_name_that_is_taken_twice_is_shown_as_refused(cli, monkeypatch, argv):
    twice = [InstalledProvider("acme", "one 1.0", "one"), InstalledProvider("acme", "two 2.0", "two")]
    monkeypatch.setattr("oauth_cli_login.commands.providers.installed", lambda _environ: twice)

    done = cli("providers", *argv)

    if argv:
        assert [provider["usable"] for provider in done.json["providers"]] == [False, False]
    else:
        assert done.err.count("refused: the name is taken twice") == 2
        assert "one 1.0" in done.err
        assert "two 2.0" in done.err
