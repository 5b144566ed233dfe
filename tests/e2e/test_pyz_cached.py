"""A cached token from the built files: what is loaded for it, and the launcher that starts no Python for it."""

from __future__ import annotations

import glob
import os
import stat
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
    python, loaded = interpreter(version), []
    for path, unpacked in ((empty, False), (signed_in.pyz, False), (signed_in.pyz, True)):
        if unpacked:
            signed_in.version(python=python)
        status, stdout, stderr = run(signed_in, python, "-I", "-X", "importtime", path, *ARGV)
        assert (status, stdout) == (0, "" if path == empty else "token\n")
        loaded.append([line.rpartition("|")[2].strip() for line in stderr.splitlines()])
    assert "zipimport" in loaded[0]
    assert loaded[0] == loaded[1] == loaded[2]


# The bytecode of the one module


@pytest.fixture
def kept(signed_in: Machine) -> str:
    """The bytecode that a full start has kept."""
    (path,) = glob.glob(os.path.join(signed_in.build(), "cached.*"))
    return path


def other_bytecode(machine: Machine) -> bytes:
    """Return what would print another token."""
    code = (
        "import marshal, sys\n"
        "source = 'def answer(argv): import os; os.write(1, b\"another\\\\n\"); return 0'\n"
        "sys.stdout.buffer.write(marshal.dumps([compile(source, 'cached.py', 'exec')]))\n"
    )
    return subprocess.run([machine.python, "-c", code], capture_output=True, check=True).stdout


def test_a_full_start_keeps_the_bytecode_and_the_next_cached_token_comes_of_it(signed_in: Machine, kept: str) -> None:
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    assert signed_in.run(*ARGV) == (0, "token\n", "")
    before = os.stat(kept).st_ino
    signed_in.version()
    assert os.stat(kept).st_ino == before, "it is written once"
    with open(kept, "wb") as file:
        file.write(other_bytecode(signed_in))
    assert signed_in.run(*ARGV) == (0, "another\n", "")


def test_each_version_of_python_has_bytecode_of_its_own(signed_in: Machine, kept: str) -> None:
    for version in ("3.10", "3.11", "3.12", "3.13"):
        signed_in.version(python=interpreter(version))
        with open(kept, "rb") as file:
            before = file.read()
        assert signed_in.run(*ARGV, python=interpreter(version)) == (0, "token\n", "")
        with open(kept, "rb") as file:
            assert file.read() == before
    assert len(glob.glob(os.path.join(os.path.dirname(kept), "cached.*"))) >= 4


def test_no_bytecode_is_kept_where_python_is_to_keep_none(signed_in: Machine) -> None:
    build = signed_in.build()
    for path in glob.glob(os.path.join(build, "cached.*")):
        os.unlink(path)
    signed_in.version(options=["-B"])
    assert glob.glob(os.path.join(build, "cached.*")) == []
    assert signed_in.run(*ARGV, options=["-B"]) == (0, "token\n", "")


@pytest.mark.parametrize("whose", ["others could write it", "a link", "somebody else's", "a folder"])
def test_bytecode_that_may_be_somebody_elses_is_not_run(signed_in: Machine, kept: str, whose: str) -> None:
    with open(kept, "wb") as file:
        file.write(other_bytecode(signed_in))
    if whose == "others could write it":
        os.chmod(kept, 0o620)
    elif whose == "a link":
        os.rename(kept, os.path.join(signed_in.folder, "elsewhere"))
        os.symlink(os.path.join(signed_in.folder, "elsewhere"), kept)
    elif whose == "a folder":
        os.unlink(kept)
        os.mkdir(kept)
    elif os.geteuid() == 0:
        os.chown(kept, 65534, 65534)
    else:
        pytest.skip("only root can give a file away")
    assert signed_in.run(*ARGV) == (0, "token\n", "")
    signed_in.version()
    assert os.path.isdir(kept) is (whose == "a folder")
    assert os.path.isdir(kept) or (not os.path.islink(kept) and os.stat(kept).st_uid == os.geteuid())
    assert signed_in.run(*ARGV) == (0, "token\n", "")


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"half", b"[\x0f\0\0\0", b"{"])
def test_bytecode_that_is_broken_is_not_run(signed_in: Machine, kept: str, content: bytes) -> None:
    with open(kept, "wb") as file:
        file.write(content)
    assert signed_in.run(*ARGV) == (0, "token\n", "")
    signed_in.version()
    assert os.stat(kept).st_size > 1000, "it was not replaced"
    assert signed_in.run(*ARGV) == (0, "token\n", "")


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
