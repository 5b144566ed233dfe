"""The user's global git configuration, through a real git."""

from __future__ import annotations

import shutil

import pytest

from oauth_cli_login.adapters.git_config import GitConfig, shown
from oauth_cli_login.errors import ConfigError

KEY = "credential.https://git.example.com.helper"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "gitconfig"


@pytest.fixture
def config(file, tmp_path) -> GitConfig:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    return GitConfig({"PATH": git.rpartition("/")[0], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(file)})


def test_nothing_is_found_where_there_is_no_file(config):
    assert config.helpers() == {}


def test_values_come_back_as_they_were_written(config):
    values = [
        "",
        "!'/my programs/it'\"'\"'s \\ \"here\" #1; x' git-credential --profile work",
        "\N{GREEK SMALL LETTER ALPHA}",
    ]

    config.set(KEY, values)
    config.set(KEY, values)
    config.set("credential.helper", ["store"])

    assert config.helpers() == {KEY: values, "credential.helper": ["store"]}


def test_no_values_take_the_key_away_and_leave_the_rest(config, file):
    file.write_text("[user]\n\tname = me\n")
    config.set(KEY, ["", "a"])

    config.set(KEY, [])

    assert file.read_text() == "[user]\n\tname = me\n"


def test_what_is_shown_is_for_a_shell():
    assert shown(KEY, ["", "!x y"]) == [
        f"git config --global --replace-all {KEY} ''",
        f"git config --global --add {KEY} '!x y'",
    ]
    assert shown(KEY, []) == [f"git config --global --unset-all {KEY}"]


def test_a_file_that_git_cannot_read_is_told_in_its_words(config, file):
    file.write_text("[credential\n")

    with pytest.raises(ConfigError, match=r"git config failed: .*bad config"):
        config.helpers()


def test_a_key_that_cannot_be_changed_is_an_error(config):
    with pytest.raises(ConfigError, match="git config failed"):
        config.set("nonsense", ["x"])
    with pytest.raises(ConfigError, match=r"git could not change credential\.no_key"):
        config.set("credential.no_key", ["x"])
    with pytest.raises(ConfigError, match="git config failed"):
        config.set(KEY, [])


def test_without_git_it_says_so(tmp_path):
    with pytest.raises(ConfigError, match="git is not installed"):
        GitConfig({"PATH": str(tmp_path)})


def test_a_git_that_does_not_run_is_an_error(tmp_path):
    (tmp_path / "git").write_bytes(b"\x7fELF")
    (tmp_path / "git").chmod(0o755)

    with pytest.raises(ConfigError, match="does not run"):
        GitConfig({"PATH": str(tmp_path)}).helpers()
