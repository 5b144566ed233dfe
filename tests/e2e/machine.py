"""A machine for the one file: its home, its folder for temporary files, its interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence

DAY = 86400

# Registered by Python itself at the start of every process that finds it on PYTHONPATH.
WITNESS = """
import atexit, json, os, sys
def tell():
    import pluggy, requests
    with open(os.environ["WITNESS"], "w") as file:
        json.dump({"pluggy": pluggy.__file__, "requests": requests.__file__, "json": json.__file__,
                   "path": sys.path, "python": sys.version_info[:2]}, file)
atexit.register(tell)
"""


class Machine:
    """A home, a folder for temporary files and an interpreter with nothing installed beside it."""

    def __init__(self, python: str, pyz: str, folder: str) -> None:
        self.python, self.pyz, self.folder = python, pyz, folder
        self.home = os.path.join(folder, "home")
        self.temporary = os.path.join(folder, "tmp")
        self.work = os.path.join(folder, "work")
        os.mkdir(self.temporary)
        os.mkdir(self.work)
        self.env = {"PATH": os.defpath, "LANG": "C.UTF-8", "OAUTH_CLI_HOME": self.home, "TMPDIR": self.temporary}

    @property
    def builds(self) -> str:
        """Where builds are unpacked."""
        return os.path.join(self.home, "cache", "pyz")

    def start(self, *argv: str, options: Sequence[str] = (), python: str = "", **env: str) -> subprocess.Popen[str]:
        """Start the file."""
        return subprocess.Popen(
            [python or self.python, *options, self.pyz, *argv],
            env={**self.env, **env},
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *argv: str, options: Sequence[str] = (), python: str = "", **env: str) -> tuple[int, str, str]:
        """Run the file; return its exit status, stdout and stderr."""
        process = self.start(*argv, options=options, python=python, **env)
        stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    def version(self, **settings: object) -> None:
        """Run ``--version``, which must need nothing but a working file."""
        status, stdout, stderr = self.run("--version", **settings)  # type: ignore[arg-type]  # passed on as they are
        assert (status, stderr) == (0, ""), stderr
        assert stdout.startswith("oauth-cli ")

    def build(self) -> str:
        """Unpack, and return the only build there is."""
        self.version()
        (name,) = os.listdir(self.builds)
        return os.path.join(self.builds, name)

    def witness(self, **env: str) -> dict[str, str]:
        """Return where the modules of a full run came from; copies on PYTHONPATH would be caught."""
        folder = os.path.join(self.folder, "pythonpath")
        write(folder, "sitecustomize.py", WITNESS)
        write(folder, "pluggy/__init__.py", "__version__ = '0.13'\n")
        write(folder, "requests/__init__.py", "__version__ = '2.27'\n")
        report = os.path.join(self.folder, "witness.json")
        self.version(PYTHONPATH=folder, WITNESS=report, **env)
        with open(report, encoding="utf-8") as file:
            found = json.load(file)
        assert isinstance(found, dict)
        return found


def write(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def last_used(path: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))
