"""The scripts' private environments: each holds exactly what one lock in scripts/requirements names, with hashes."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from typing import NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
CONFIG = 3  # the exit status that oauth-cli itself has for a machine that is not ready


def lock_path(name: str) -> str:
    """Return the path of a lock: build, pyz or test."""
    return os.path.join(ROOT, "scripts", "requirements", name + ".txt")


def digest(*parts: bytes) -> str:
    """Return a short name for what the parts say."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def python_with(name: str) -> str:
    """Return the interpreter of the environment that holds the lock ``name``, made now or by an earlier run.

    Exits with status 3 and one line where this Python cannot make environments.
    """
    with open(lock_path(name), "rb") as lock:
        key = digest(lock.read(), sys.version.encode(), sys.base_prefix.encode())
    folder = os.path.join(BUILD, f"{name}-{key}")
    if not os.path.isdir(folder):
        _make(name, folder)
    return _python_in(folder)


def _make(name: str, folder: str) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        stop(
            f"this Python {version} has no ensurepip, so no environment can be made with it: install your system's "
            f"package for it (Debian and Ubuntu: apt install python{version}-venv)"
        )
    print(f"Making an environment in {os.path.relpath(folder)} …", file=sys.stderr, flush=True)
    os.makedirs(BUILD, exist_ok=True)
    # Made beside its place and moved there when it is complete: nothing in it but `python -m …` is used, which works
    # from anywhere, and an interrupted run leaves no half environment under the final name.
    new = tempfile.mkdtemp(prefix=os.path.basename(folder) + ".", dir=BUILD)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(new)
        run(
            _python_in(new), "-m", "pip", "--quiet", "--disable-pip-version-check", "install",
            "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", lock_path(name),
        )  # fmt: skip
        if not os.path.isdir(folder):
            os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _python_in(folder: str) -> str:
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def run(*command: str, **environ: str) -> None:
    """Run a command with these variables added; its output goes to stderr, and a failure ends this program."""
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, stdout=sys.stderr, check=False).returncode
    if status:
        sys.exit(status)


def stop(message: str) -> NoReturn:
    """Say in one line why this machine is not ready, and exit with status 3."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(CONFIG)
