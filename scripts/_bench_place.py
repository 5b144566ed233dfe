"""Where the measurements are made: built files, clean environments of one interpreter, and a home with a session.

Nothing of the caller's counts: no variable of Python's or ours, no site-packages, no session, no shim of a version
manager. Bytecode is written, as on a machine where the command has run before.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

import _build_pyz
from _environment import ROOT, lock_path, python_with, run, stop

DISTRIBUTIONS = 1_000
PROFILES = 10_000
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")

_ABOUT = "import json, sys; print(json.dumps([getattr(sys, '_base_executable', sys.executable), sys.version_info[:3]]))"


class Place:
    """Everything that is measured, in one folder that the caller removes.

    ``bare`` is an environment with nothing in it, ``installed`` one with our wheel; the ``crowded_`` ones have many
    other distributions beside. ``pyz`` and ``launcher`` are the built files.
    """

    def __init__(self, folder: str, python: str) -> None:
        self.folder = folder
        self.environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.environ["HOME"] = self._folder("nobody")
        self.python, self.version = self._interpreter(python)
        self.pyz = os.path.join(folder, "oauth-cli.pyz")
        self.launcher = os.path.join(folder, "oauth-cli")
        run(sys.executable, os.path.join(ROOT, "scripts", "build-pyz"), "--output", self.pyz)
        self.bare, self.crowded_bare = self._environment("bare"), self._environment("crowded-bare")
        self.installed, self.crowded_installed = self._environment("installed"), self._environment("crowded-installed")
        self._install(self.installed, self.crowded_installed)
        for crowded in (self.crowded_bare, self.crowded_installed):
            crowd(self._site_packages(crowded))

    def home(self, name: str, **more: str) -> dict[str, str]:
        """Return the environment of a command with this home of ours."""
        return {**self.environ, "OAUTH_CLI_HOME": os.path.join(self.folder, name), **more}

    def command(self, python: str) -> str:
        """Return the command that pip has written beside an interpreter."""
        return os.path.join(os.path.dirname(python), "oauth-cli")

    def fill(self, name: str, other: Mapping[str, str], profile: str, profiles: int) -> dict[str, str]:
        """Return the environment of a home that holds the session of another, and more like it."""
        home = self.home(name)
        shutil.copytree(other["OAUTH_CLI_HOME"], home["OAUTH_CLI_HOME"])
        sessions = os.path.join(home["OAUTH_CLI_HOME"], "sessions")
        for number in range(1, profiles):
            shutil.copy2(os.path.join(sessions, profile), os.path.join(sessions, f"account-{number}"))
        return home

    def _folder(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def _interpreter(self, python: str) -> tuple[str, tuple[int, int, int]]:
        """Return the interpreter behind a version manager's shim or an environment, and its version."""
        try:
            done = subprocess.run(
                [python, "-c", _ABOUT], env=self.environ, capture_output=True, text=True, check=True, timeout=60
            )
            executable, version = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            stop(f"{python} cannot be measured with: {type(error).__name__}")
        return executable, (version[0], version[1], version[2])

    def _environment(self, name: str) -> str:
        """Return the interpreter of a new environment with nothing in it."""
        path = os.path.join(self.folder, name)
        subprocess.run([self.python, "-m", "venv", "--without-pip", path], env=self.environ, check=True)
        return os.path.join(path, "bin", "python")

    def _site_packages(self, python: str) -> str:
        (path,) = glob.glob(os.path.join(glob.escape(os.path.dirname(python)), "..", "lib", "python*", "site-packages"))
        return path

    def _install(self, *pythons: str) -> None:
        """Install our wheel and the locked dependencies, with the pip of the build: it is 25.3 or newer."""
        tools = python_with("build")
        wheel = _build_pyz.build_wheel(tools, self._folder("wheel"))
        wheelhouse = _build_pyz.download(tools)
        for python in pythons:
            pip = (tools, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check", "install")
            found = ("--no-index", "--no-deps", "--find-links", wheelhouse)
            run(*pip, *found, "-r", lock_path("pyz"))
            run(*pip, *found, wheel)


def crowd(site_packages: str) -> None:
    """Put many other distributions into a folder: metadata without contents, half of them with entry points."""
    for number in range(DISTRIBUTIONS):
        folder = os.path.join(site_packages, f"other_{number}-1.0.dist-info")
        os.mkdir(folder)
        with open(os.path.join(folder, "METADATA"), "w", encoding="utf-8") as file:
            file.write(f"Metadata-Version: 2.1\nName: other-{number}\nVersion: 1.0\n")
        if number % 2:
            with open(os.path.join(folder, "entry_points.txt"), "w", encoding="utf-8") as file:
                file.write(f"[console_scripts]\nother-{number} = other:main\n")
