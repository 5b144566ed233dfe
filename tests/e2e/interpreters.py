"""The Pythons that pyenv has on this machine."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess

from servers.runtime import missing


def interpreter(version: str) -> str:
    """Return the newest ``version`` (``"3.9"``) that pyenv has; without one the test is skipped, and in CI fails."""
    found = sorted(glob.glob(os.path.join(_root(), "versions", version + ".*", "bin", "python")))
    if not found:
        missing(f"pyenv has no Python {version} (pyenv install {version})")
    return found[-1]


def _root() -> str:
    if os.environ.get("PYENV_ROOT"):
        return os.environ["PYENV_ROOT"]
    if shutil.which("pyenv"):
        return subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
    return os.path.expanduser("~/.pyenv")
