"""A cached token from the built files: what is loaded for it, and the launcher that starts no Python for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile

import pytest
from interpreters import interpreter
from machine import Machine, write

ARGV = ["token", "--profile", "mock"]


@pytest.fixture(scope="session")
def launcher(pyz: str) -> str:
    """The file behind the launcher, which every build puts beside the other."""
    return pyz.removesuffix(".pyz")


@pytest.fixture
def signed_in(machine: Machine) -> Machine:
    now = int(time.time())
    path = write(machine.home, "sessions/mock", f"1 {now + 3600} {now - 1} 5\ntoken\n{{}}\n")
    os.chmod(path, 0o600)
    return machine


def run(machine: Machine, *command: str, **options: object) -> tuple[int, str, str]:
    done = subprocess.run(  # type: ignore[call-overload]  # options of its own
        command, cwd=machine.work, stdin=subprocess.DEVNULL, capture_output="stdout" not in options, text=True,
        check=False, timeout=120, **{"env": machine.env, **options},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


# What is loaded


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_file_loads_nothing_but_what_python_needs_to_run_a_zip(signed_in: Machine, version: str) -> None:
    """Compared with a zip that does nothing; what the one module imports, every Python has loaded."""
    empty = os.path.join(signed_in.folder, "empty.pyz")
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("__main__.py", "import os, sys, stat, time\n")
    loaded = []
    for path in (empty, signed_in.pyz):
        command = [interpreter(version), "-I", "-X", "importtime", path, *ARGV]
        status, stdout, stderr = run(signed_in, *command)
        assert (status, stdout) == (0, "" if path == empty else "token\n")
        loaded.append([line.rpartition("|")[2].strip() for line in stderr.splitlines()])
    assert "zipimport" in loaded[0]
    assert loaded[0] == loaded[1]


# The launcher


def test_both_files_hold_the_same(pyz: str, launcher: str) -> None:
    with zipfile.ZipFile(pyz) as one, zipfile.ZipFile(launcher) as other:
        assert one.namelist() == other.namelist()
        assert [one.read(name) for name in one.namelist()] == [other.read(name) for name in one.namelist()]


@pytest.mark.parametrize("shell", [[], ["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_a_cached_token_needs_no_python(signed_in: Machine, launcher: str, shell: list[str]) -> None:
    env = {**signed_in.env, "PATH": os.path.dirname(write(signed_in.folder, "no-python/python3", ""))}
    env["PATH"] += os.pathsep + os.defpath
    os.chmod(write(signed_in.folder, "no-python/python3", "#!/bin/sh\necho asked\nexit 77\n"), 0o755)
    assert run(signed_in, *shell, launcher, *ARGV, env=env) == (0, "token\n", "")
    assert run(signed_in, *shell, launcher, "token", env=env) == (77, "asked\n", "")


@pytest.mark.parametrize("shell", [[], ["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_everything_else_is_pythons(machine: Machine, launcher: str, shell: list[str]) -> None:
    os.symlink(machine.python, write(machine.folder, "bin/x", "") + "-python3")
    os.rename(os.path.join(machine.folder, "bin", "x-python3"), os.path.join(machine.folder, "bin", "python3"))
    env = {**machine.env, "PATH": os.path.join(machine.folder, "bin") + os.pathsep + os.defpath}
    status, stdout, stderr = run(machine, *shell, launcher, "--version", env=env)
    assert (status, stderr) == (0, "")
    assert stdout.startswith("oauth-cli ")
    status, stdout, stderr = run(machine, *shell, launcher, *ARGV, env=env)
    assert (status, stdout) == (4, "")
    assert stderr


def test_it_runs_by_name_and_behind_a_link(signed_in: Machine, launcher: str) -> None:
    folder = os.path.join(signed_in.folder, "a folder")
    os.mkdir(folder)
    os.symlink(launcher, os.path.join(folder, "oauth-cli"))
    env = {**signed_in.env, "PATH": os.pathsep.join([folder, os.path.dirname(signed_in.python), os.defpath])}
    assert run(signed_in, "oauth-cli", *ARGV, env=env) == (0, "token\n", "")
    assert run(signed_in, "oauth-cli", "--version", env=env)[0] == 0


@pytest.mark.parametrize("file", ["launcher", "pyz"])
def test_a_reader_that_went_away_is_told_by_the_exit_status(
    signed_in: Machine, pyz: str, launcher: str, file: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = ["sh", launcher] if file == "launcher" else [signed_in.python, pyz]
    env = {**signed_in.env, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.defpath}
    try:
        status, _, stderr = run(signed_in, *command, *ARGV, stdout=writing, stderr=subprocess.PIPE, env=env)
    finally:
        os.close(writing)
    assert (status, stderr) == (141, "")
