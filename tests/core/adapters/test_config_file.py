"""config.toml: what is read of it, and what is said where it cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from oauth_cli_login import cached
from oauth_cli_login.adapters.config_file import read_profiles
from oauth_cli_login.errors import ConfigError


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"OAUTH_CLI_HOME": str(tmp_path)}


@pytest.fixture
def path(environ: dict[str, str]) -> Path:
    return Path(cached.config_path(environ))


def test_without_a_file_there_are_no_profiles(environ: dict[str, str]) -> None:
    assert read_profiles(environ) == ({}, True)


def test_the_tables_under_profiles_are_read_as_they_are(environ: dict[str, str], path: Path) -> None:
    path.write_text(
        '[profiles.work]\nprovider = "oidc"\nscopes = ["openid", "\u00e9"]\n[profiles."a.b"]\n', encoding="utf-8"
    )
    profiles, _ = read_profiles(environ)
    assert profiles == {"work": {"provider": "oidc", "scopes": ["openid", "\u00e9"]}, "a.b": {}}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[profiles]\n"])
def test_a_file_may_be_empty(text: str, environ: dict[str, str], path: Path) -> None:
    path.write_text(text)
    assert read_profiles(environ)[0] == {}


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
@pytest.mark.parametrize(("mode", "private"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)])
def test_whether_others_can_read_it_is_told(mode: int, private: bool, environ: dict[str, str], path: Path) -> None:
    path.touch()
    path.chmod(mode)
    assert read_profiles(environ) == ({}, private)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[profiles.work\n", r"is not valid TOML: .* \(line 1\)"),
        (b"\n\nclient_secret = s3cret\n", r"is not valid TOML: .* \(line 3\)"),
        (b'[profiles.work]\nclient_secret = "s3cret"\nclient_secret = "s3cret"\n', r"is not valid TOML: .* \(line 3\)"),
        (b"[profiles.work]\nsize = " + b"7" * 5000, "is not valid TOML"),
        (b"[profiles.work]\nsize = " + b"[" * 50_000, "is not valid TOML"),
        (b'# s3cret\xff\n[profiles.work]\nclient_id = "x"\n', "is not UTF-8"),
        (b"#" * cached.MAX_SESSION_BYTES + b"\n[profiles.work]\n", "is too large"),
        (b'[profile.work]\nclient_id = "x"\n', "'profile' is unknown"),
        (b'client_id = "x"\n', "'client_id' is unknown"),
        (b"profiles = 5\n", "profiles must be a table"),
        (b"[[profiles]]\n", "profiles must be a table"),
        (b"[profiles]\nwork = 5\n", "'work' under profiles is no profile"),
        (b"[profiles.WORK]\n", "'WORK' under profiles is no profile"),
        (b"[profiles.idp.example.com]\n", "'idp.example.com' under profiles is a table within a table"),
        (b"[profiles.work]\nextra = {a = 1}\n", "'work.extra' under profiles is a table within a table"),
        (b'[profiles.work."a\\n  Run: \\u001b[2J"]\n', r"'work.a\\n  Run: \\x1b\[2J' under profiles is a table within"),
        (b'[profiles."../x"]\n', "'../x' under profiles is no profile"),
        (b'[profiles."\\u001b[2J"]\n', r"'\\x1b\[2J' under profiles is no profile"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_file_that_is_not_as_it_should_be_is_named_and_not_quoted(
    content: bytes, message: str, environ: dict[str, str], path: Path
) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_profiles(environ)
    assert str(path) in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.hint
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_opened_is_named(environ: dict[str, str], path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory") as caught:
        read_profiles(environ)
    assert str(path) in caught.value.message


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_file_that_others_can_write_is_refused(tmp_path) -> None:
    """It may name commands that we run."""
    path = tmp_path / "config.toml"
    path.write_text("")
    for mode in (0o666, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="can be written by others"):
            read_profiles({"OAUTH_CLI_HOME": str(tmp_path)})
    path.chmod(0o644)
    assert read_profiles({"OAUTH_CLI_HOME": str(tmp_path)}) == ({}, False)


def test_a_pipe_in_its_place_does_not_hang(tmp_path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        read_profiles({"OAUTH_CLI_HOME": str(tmp_path)})


def test_a_name_with_dots_that_is_not_quoted_is_shown_quoted(environ: dict[str, str], path: Path) -> None:
    path.write_text("[profiles.idp.example.com]\n")
    with pytest.raises(ConfigError) as caught:
        read_profiles(environ)
    assert caught.value.hint == 'A profile whose name has dots in it is quoted: [profiles."idp.example.com"]'
    path.write_text("[profiles.idp.Example.com]\n")
    with pytest.raises(ConfigError) as caught:
        read_profiles(environ)
    assert caught.value.hint == "A profile is one table of settings."
    path.write_text('[profiles."idp.example.com"]\n')
    assert read_profiles(environ)[0] == {"idp.example.com": {}}
