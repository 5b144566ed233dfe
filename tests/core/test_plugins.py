"""Finding, importing and registering a provider, with distributions made up on the spot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import HEAD, SCOPES

from oauth_cli_login import plugins
from oauth_cli_login.adapters.terminal import claimed_stdout
from oauth_cli_login.errors import ConfigError, PluginError
from oauth_cli_login.model import Settings
from oauth_cli_login.plugins import InstalledProvider, installed, load

Install = Callable[..., Path]


# --- finding one


def test_a_provider_of_another_distribution_is_found_and_loaded(install: Install) -> None:
    install("acme")
    provider = load("acme")
    assert provider.name == "acme"
    assert provider.default_scopes(Settings({})) == ("mine",)
    assert InstalledProvider("acme", "acme 1.5", "plugin_acme") in installed()


def test_the_built_in_providers_are_listed_by_name() -> None:
    names = [provider.name for provider in installed()]
    assert names == sorted(names)
    assert {"mock", "google", "github", "okta", "auth0", "oidc", "oauth2"} <= set(names)


def test_listing_imports_nothing(install: Install) -> None:
    install("acme", "raise SystemExit('imported')")
    installed()
    assert "plugin_acme" not in sys.modules


def test_loading_one_imports_no_other(install: Install) -> None:
    install("acme")
    install("other", "raise SystemExit('imported')", dist="other")
    load("acme")
    assert "plugin_other" not in sys.modules


def test_an_unknown_name_is_answered_with_what_is_close_and_what_there_is(install: Install) -> None:
    install("gitlab")
    with pytest.raises(ConfigError) as caught:
        load("gitlub")
    assert caught.value.message == "there is no provider 'gitlub'; did you mean gitlab or github?"
    assert "gitlab" in caught.value.hint
    assert "mock" in caught.value.hint


def test_a_name_like_no_other_has_no_close_matches() -> None:
    with pytest.raises(ConfigError) as caught:
        load("zzz\x1b[2J")
    assert caught.value.message == r"there is no provider 'zzz\x1b[2J'"


def test_where_nothing_is_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda *_: [])
    with pytest.raises(ConfigError) as caught:
        load("mock")
    assert "Installed are: none" in caught.value.hint


def test_a_name_that_two_distributions_offer_is_refused_and_both_are_named(install: Install) -> None:
    """Neither is imported: whoever came second could be anybody."""
    for dist in ("one", "two"):
        install("acme", "raise SystemExit('imported')", dist=dist)
    with pytest.raises(PluginError) as caught:
        load("acme")
    assert caught.value.message.endswith("is offered by several distributions: one 1.5, two 1.5")
    assert caught.value.hint
    listed = [provider.distribution for provider in installed() if provider.name == "acme"]
    assert listed == ["one 1.5", "two 1.5"]


def test_the_name_of_a_built_in_cannot_be_taken(install: Install) -> None:
    install("github")
    with pytest.raises(PluginError, match=r"acme 1\.5, oauth-cli-login \d"):
        load("github")


def test_a_distribution_without_metadata_hides_no_other(install: Install) -> None:
    install("acme")
    broken = install("broken", dist="broken").with_name("broken-1.5.dist-info") / "METADATA"
    broken.unlink()
    assert "acme" in {provider.name for provider in installed()}
    with pytest.raises(ConfigError, match="there is no provider 'zzz'"):
        load("zzz")
    assert load("acme").default_scopes(Settings({})) == ("mine",)


# --- importing it


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('token=SECRET')", "RuntimeError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import sys; sys.exit('bye')", "SystemExit"),
        ("import no_such_module_anywhere", "ModuleNotFoundError (no_such_module_anywhere)"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named_and_so_is_its_file(
    source: str, error: str, install: Install
) -> None:
    path = install("acme", source)
    with pytest.raises(PluginError) as caught:
        load("acme")
    message = caught.value.message
    assert message.startswith(f"the provider plugin 'acme' (acme 1.5) failed in its import: {error} at ")
    assert f"{path}:1" in message
    assert "SECRET" not in message


def test_ctrl_c_during_the_import_is_the_persons(install: Install) -> None:
    install("acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load("acme")


def test_what_a_plugin_prints_at_import_does_not_reach_standard_output(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("acme", "print('hello')\n" + SCOPES)
    with claimed_stdout():
        load("acme")
    assert capfd.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("target", ["{}:provider", "{}:Provider"])
def test_an_entry_point_must_name_a_module(target: str, install: Install) -> None:
    source = HEAD + "class Provider:\n    @hookimpl\n    def oauth_default_scopes(self): ...\nprovider = Provider()\n"
    install("acme", source, target=target.format("plugin_acme"))
    with pytest.raises(PluginError, match="is not a module: its entry point must name one"):
        load("acme")


@pytest.mark.parametrize("target", ["plugin_acme:missing", "no_such_module_anywhere", "not an entry point"])
def test_an_entry_point_that_leads_nowhere_is_a_plugin_error(target: str, install: Install) -> None:
    install("acme", target=target)
    told = r"the provider plugin 'acme' \(acme 1\.5\) failed in its import"
    if sys.version_info >= (3, 15) and target == "not an entry point":  # refused as it is read, for all providers
        told = "entry point that cannot be read: 'not an entry point'"
    with pytest.raises(PluginError, match=told):
        load("acme")


# --- registering it


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("@hookimpl\ndef oauth_default_scope():\n    return ()\n", "oauth_default_scope"),
        ("@hookimpl\ndef oauth_default_scopes(setings):\n    return ()\n", "setings"),
        ("def oauth_default_scopes():\n    return ()\n", "oauth_default_scopes lacks the hookimpl marker"),
        ("def oauth_misspelt():\n    return ()\n", "oauth_misspelt lacks the hookimpl marker"),
        (
            "@pluggy.HookimplMarker('oauth-cli')\ndef oauth_flows():\n    return ()\n",
            "oauth_flows lacks the hookimpl marker",
        ),
    ],
    ids=["misspelt hook", "unknown argument", "no marker", "misspelt and no marker", "another project's marker"],
)
def test_a_plugin_whose_hooks_would_never_be_called_is_refused(source: str, message: str, install: Install) -> None:
    install("acme", HEAD + source)
    with pytest.raises(PluginError, match=message) as caught:
        load("acme")
    assert caught.value.message.startswith("the provider plugin 'acme' (acme 1.5) cannot be registered: ")
    assert "\n" not in caught.value.message


def test_a_plugin_that_fails_while_it_is_looked_at_is_named(install: Install) -> None:
    install("acme", "def __dir__():\n    raise RuntimeError\n")
    with pytest.raises(PluginError, match="failed in its registration: RuntimeError"):
        load("acme")


def test_functions_of_other_names_need_no_marker(install: Install) -> None:
    install("acme", SCOPES + "def helper():\n    return 1\n")
    assert load("acme").default_scopes(Settings({})) == ("mine",)


def test_a_hook_that_returns_nothing_falls_to_the_default(install: Install) -> None:
    install("acme", HEAD + "@hookimpl\ndef oauth_default_scopes():\n    return None\n")
    assert "openid" in load("acme").default_scopes(Settings({}))


def test_each_load_has_hooks_of_its_own(install: Install) -> None:
    install("acme")
    install("other", SCOPES.replace("mine", "theirs"), dist="other")
    first, second, again = load("acme"), load("other"), load("acme")
    scopes = [provider.default_scopes(Settings({})) for provider in (first, second, again)]
    assert scopes == [("mine",), ("theirs",), ("mine",)]


def test_the_plugins_module_imports_no_http_library() -> None:
    code = (
        "import sys, oauth_cli_login.plugins as p; p.installed(); print(sorted({'requests', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["GitLab", "a/../../evil", "esc\x1b[31m"])
def test_a_provider_whose_name_can_be_no_profile_is_refused(name: str, install: Install, monkeypatch) -> None:
    """Its session would be stored where no command finds it."""
    monkeypatch.setattr(plugins, "entry_points", lambda *_: [(name, "plugin_acme", "acme 1.5")])
    with pytest.raises(PluginError, match="cannot be the name of a profile"):
        load(name)


def test_a_plugin_that_raises_past_exception_prints_nothing_of_it(install: Install) -> None:
    source = HEAD + "@hookimpl\ndef oauth_default_scopes():\n    raise BaseException('token=SECRET')\n"
    install("acme", source)
    provider = load("acme")
    with pytest.raises(PluginError) as caught:
        provider.default_scopes(Settings({}))
    assert "SECRET" not in caught.value.message
