"""Where the program is, for each way to start it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import oauth_cli_login
from oauth_cli_login.adapters.own_command import own_command
from oauth_cli_login.errors import ConfigError

PACKAGE = os.path.dirname(oauth_cli_login.__file__)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make an executable file that begins so, and be in its folder."""
    monkeypatch.chdir(tmp_path)

    def make(first: bytes, name: str = "oauth-cli", mode: int = 0o755) -> str:
        path = tmp_path / name
        path.write_bytes(first + b"\nPK\x03\x04")
        path.chmod(mode)
        return str(path)

    return make


@pytest.mark.parametrize(
    "first", [b"#!/bin/sh", b"#!/usr/bin/python3.12", b"#!/home/me/it's here/bin/python", b"#!/bin/sh\n'''exec' x"]
)
def test_what_names_its_own_interpreter_runs_by_itself(program, first):
    assert own_command(program(first), "/usr/bin/python3") == [program(first)]


@pytest.mark.parametrize(
    ("first", "mode"), [(b"#!/usr/bin/env python3", 0o755), (b"PK\x03\x04", 0o755), (b"#!/bin/sh", 0o644), (b"", 0o755)]
)
def test_anything_else_is_run_by_this_interpreter(program, first, mode):
    path = program(first, "oauth-cli.pyz", mode)

    assert own_command(path, "/usr/bin/python3") == ["/usr/bin/python3", path]


def test_a_relative_path_becomes_absolute_and_a_link_stays_one(program, tmp_path):
    path = program(b"#!/usr/bin/env python3", "oauth-cli-1.0.pyz")
    os.symlink(path, tmp_path / "link.pyz")

    assert own_command("./link.pyz", "/usr/bin/python3") == ["/usr/bin/python3", str(tmp_path / "link.pyz")]


@pytest.mark.parametrize("program", ["-c", "", "/nowhere/oauth-cli"])
def test_where_no_file_was_started_it_cannot_be_told(program):
    with pytest.raises(ConfigError, match="cannot be told"):
        own_command(program, "/usr/bin/python3")


def test_a_name_with_a_line_end_is_refused(program, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be told: '.*\\n"):
        own_command(program(b"#!/bin/sh", "oauth\ncli"), "/usr/bin/python3")
    with pytest.raises(ConfigError):
        own_command(program(b""), "")  # an embedded interpreter does not know its own path


def test_this_process_is_meant_where_nothing_is_said(program, monkeypatch):
    path = program(b"")
    monkeypatch.setattr("sys.argv", [path, "setup", "git"])

    assert own_command() == [sys.executable, path]


def test_the_module_is_started_by_its_file_and_nothing_in_the_current_folder_is_imported(tmp_path):
    """``python -m`` would import from the folder that git is in, which may be a stranger's repository."""
    words = own_command(os.path.join(PACKAGE, "__main__.py"))
    for name in ("json", "oauth_cli_login", "requests"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    done = subprocess.run(
        [*words, "status", "--json"],
        cwd=tmp_path,
        env={**environment, "OAUTH_CLI_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.split() == ["{", '"sessions":', "[]", "}"]


def test_no_module_beside_that_file_hides_one_of_pythons_own():
    names = {name.removesuffix(".py") for name in os.listdir(PACKAGE)}
    assert not names & sys.stdlib_module_names
