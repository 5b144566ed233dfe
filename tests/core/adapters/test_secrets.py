"""Where a secret is, and that no error tells more than that."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from oauth_cli_login.adapters import secrets
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import SecretReference


def reveal(kind, target: str, environ: dict[str, str] | None = None) -> str:
    return revealer(environ or {})("client_secret", SecretReference(kind, target))


def printing(code: str) -> str:
    """Return a command line, as a person would write it, that runs this Python code."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def test_a_typed_secret_is_itself() -> None:
    assert reveal("value", "s\u00fc\u00df $x") == "s\u00fc\u00df $x"


def test_a_secret_may_be_in_the_environment() -> None:
    assert reveal("env", "NAME", {"NAME": "s3cret"}) == "s3cret"


@pytest.mark.parametrize("environ", [{}, {"NAME": ""}])
def test_a_variable_that_is_not_set_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="client_secret is in the environment variable NAME, which is not set now"):
        reveal("env", "NAME", environ)


def test_a_secret_may_be_in_a_file_without_the_lines_that_surround_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("  s3cret\n\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reveal("file", str(tmp_path / "secret")) == "s3cret"
    assert reveal("file", "~/secret") == "s3cret"


@pytest.mark.parametrize("name", ["missing", "folder", "binary", "nul\0"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    with pytest.raises(ConfigError, match="the file with the client_secret cannot be read") as caught:
        reveal("file", f"{tmp_path}/{name}")
    assert "s3cret" not in caught.value.message


def test_a_secret_may_be_what_a_command_prints() -> None:
    assert reveal("command", printing("print('s3cret')")) == "s3cret"


def test_a_command_meets_no_shell(tmp_path: Path) -> None:
    command = printing("import sys; print(sys.argv[1:])") + f" $HOME '; touch {tmp_path}/pwned' `id` > /dev/null"
    assert reveal("command", command).startswith("['$HOME', '; touch")
    assert os.listdir(tmp_path) == []


def test_a_command_may_speak_to_the_person(capfd: pytest.CaptureFixture[str]) -> None:
    assert reveal("command", printing("import sys; print('unlock', file=sys.stderr); print('s3cret')")) == "s3cret"
    assert capfd.readouterr().err == "unlock\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/nowhere/op read secret", r"cannot be run \(No such file or directory\)"),
        ("'unclosed s3cret", r"cannot be run \(it is not text, or not a name\)"),
        ("op\0", r"cannot be run \(it is not text, or not a name\)"),
        ("  ", "cannot be run"),
        (printing("print('s3cret'); raise SystemExit(3)"), "ended with status 3"),
        (printing(r"import os; os.write(1, b's3cret\xff')"), "does not print text"),
        (printing("pass"), "is empty"),
    ],
)
def test_a_command_that_gives_no_secret_is_a_config_error(command: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        reveal("command", command)
    assert "s3cret" not in caught.value.message


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.2)
    with pytest.raises(ConfigError, match=r"did not end within") as caught:
        reveal("command", printing("import time; time.sleep(60)"))
    assert not isinstance(caught.value.__cause__, subprocess.TimeoutExpired)  # it would quote what was printed


@pytest.mark.parametrize("secret", ["two\nlines", "tab\there", "\x1b[2J", "\u202e", "nul\0"])
@pytest.mark.parametrize("kind", ["value", "file"])
def test_a_secret_that_no_request_could_carry_is_refused_without_quoting_it(
    kind: str, secret: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(secret, encoding="utf-8")
    place = {"value": "as it was typed", "file": f"from the file {str(tmp_path / 'secret')!a}"}[kind]
    with pytest.raises(ConfigError) as caught:
        reveal(kind, secret if kind == "value" else str(tmp_path / "secret"))
    assert caught.value.message == f"the client_secret has several lines, or control characters, {place}"


def test_an_empty_secret_is_told_from_one_with_several_lines(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(ConfigError, match=r"the client_secret is empty from the file .*secret"):
        reveal("file", str(tmp_path / "secret"))
    with pytest.raises(ConfigError, match="the client_secret is empty as it was typed"):
        reveal("value", "")
