"""The two files are the same, byte for byte, wherever and by whichever Python they are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest
from interpreters import interpreter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = ["core", "providers", "scripts", "pyproject.toml", "README.md", "LICENSE"]


def built(folder: str, umask: int, python: str, **env: str) -> str:
    """Copy the sources into ``folder``, build there, and return one SHA-256 of both files."""
    os.makedirs(folder)
    for name in SOURCES:
        source, copy = os.path.join(ROOT, name), os.path.join(folder, name)
        if os.path.isdir(source):
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, copy)
    output = os.path.join(folder, "out", "oauth-cli.pyz")
    command = [interpreter(python), os.path.join(folder, "scripts", "build-pyz"), "--output", output]
    done = subprocess.run(
        command, cwd=os.sep, env={**os.environ, **env}, umask=umask, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return digest(output, done.stderr)


def digest(output: str, said: str) -> str:
    found = []
    for path in (output, output.removesuffix(".pyz")):
        with open(path, "rb") as file:
            found.append(hashlib.sha256(file.read()).hexdigest())
        assert found[-1] in said
        assert os.stat(path).st_mode & 0o7777 == 0o755
    return " ".join(found)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    return built(str(tmp_path_factory.mktemp("one") / "a"), 0o022, "3.11", TZ="UTC", LC_ALL="C")


@pytest.mark.parametrize("python", ["3.9", "3.10", "3.12", "3.13"])
def test_folder_umask_time_zone_and_python_do_not_matter(
    reference: str, tmp_path_factory: pytest.TempPathFactory, python: str
) -> None:
    folder = str(tmp_path_factory.mktemp("two") / "a longer name, with blanks" / "b")
    assert built(folder, 0o077, python, TZ="Asia/Tokyo", LC_ALL="C.UTF-8", PYTHONHASHSEED="7") == reference


def test_a_changed_source_changes_the_file(reference: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = str(tmp_path_factory.mktemp("three") / "c")
    first = built(folder, 0o022, "3.11")
    assert first == reference
    with open(os.path.join(folder, "core", "oauth_cli_login", "errors.py"), "a", encoding="utf-8") as source:
        source.write("\n# changed\n")
    output = os.path.join(folder, "out", "oauth-cli.pyz")
    script = os.path.join(folder, "scripts", "build-pyz")
    command = [interpreter("3.11"), script, "--output", output]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert not set(digest(output, done.stderr).split()) & set(reference.split())
