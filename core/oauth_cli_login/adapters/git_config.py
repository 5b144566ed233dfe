"""The credential helpers in the user's global git configuration, through ``git config``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from oauth_cli_login.errors import ConfigError

TIMEOUT = 30.0
_NOTHING_FOUND = 1
_HELPERS = ("--null", "--get-regexp", r"^credential\.(.*\.)?helper$")


class GitConfig:
    """``git config --global``; ConfigError where git is missing, or says that the file is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        git = shutil.which("git", path=environ.get("PATH", os.defpath))
        if git is None:
            raise ConfigError("git is not installed, or is not on PATH", hint="Install git, and run this again.")
        self._git = git
        self._environ = environ

    def helpers(self) -> dict[str, list[str]]:
        """Return the values of each ``credential….helper``, by the whole key, in the file's order."""
        status, printed = self._run(*_HELPERS)
        found: dict[str, list[str]] = {}
        for entry in printed.split("\0")[:-1] if status == 0 else ():
            key, _, value = entry.partition("\n")
            found.setdefault(key, []).append(value)
        return found

    def everywhere(self) -> list[tuple[str, str]]:
        """Return (key, value) of each ``credential….helper`` in the order that git asks them.

        They are the system's, the user's, and those of whatever these include.
        """
        status, printed = self._run("--includes", *_HELPERS, scope=())
        entries = [entry.partition("\n") for entry in printed.split("\0")[:-1]] if status == 0 else []
        return [(key, value) for key, _, value in entries]

    def set(self, key: str, values: Sequence[str]) -> None:
        """Let the key have these values, and no others."""
        for arguments in commands(key, values):
            status, _ = self._run(*arguments)
            if status:
                raise ConfigError(f"git could not change {key}")

    def _run(self, *arguments: str, scope: Sequence[str] = ("--global",)) -> tuple[int, str]:
        try:
            done = subprocess.run(  # noqa: S603 - git, with our own words
                [self._git, "config", *scope, *arguments],
                cwd=os.path.abspath(os.sep),  # no repository's own configuration
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise ConfigError(f"{self._git} does not run") from None
        if done.returncode not in (0, _NOTHING_FOUND):
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ConfigError(f"git config failed: {said[-1] if said else f'status {done.returncode}'}")
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape")


def commands(key: str, values: Sequence[str]) -> list[list[str]]:
    """Return what ``git config --global`` is called with, one call after another, to give the key these values."""
    if not values:
        return [["--unset-all", key]]
    first, *more = values
    return [["--replace-all", key, first], *(["--add", key, value] for value in more)]


def shown(key: str, values: Sequence[str]) -> list[str]:
    """Return the same as lines for a shell."""
    return [shlex.join(["git", "config", "--global", *arguments]) for arguments in commands(key, values)]
