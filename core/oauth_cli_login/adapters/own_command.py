"""Where this program is, for whoever is to start it later: git, kubectl."""

from __future__ import annotations

import os
import sys

from oauth_cli_login.errors import ConfigError


def own_command(program: str | None = None, interpreter: str | None = None) -> list[str]:
    """Return the words that start this program from any folder, with absolute paths; ConfigError where there are none.

    ``program`` is ``sys.argv[0]``: the ``.pyz``, the launcher, the installed script, or the file that ``python -m``
    found. What names its own interpreter, or is the system's to start, runs by itself; anything else is run by this
    ``interpreter``: the ``python3`` of the day on PATH may be too old. Never ``-m``: it imports from the folder
    that git or kubectl happens to be in.
    """
    path = os.path.abspath(sys.argv[0] if program is None else program)
    if sys.platform == "win32":
        path += "" if os.path.isfile(path) else ".exe"  # pip's launchers take that off
    interpreter = sys.executable if interpreter is None else interpreter
    words = [path] if _runs_by_itself(path) else [interpreter, path]
    if not os.path.isfile(path) or not all(os.path.isabs(word) and word.isprintable() for word in words):
        raise ConfigError(
            f"where oauth-cli is cannot be told: {path!a} started it",
            hint="Run oauth-cli.pyz, or the installed command, from a file whose name is plain text.",
        )
    return words


def _runs_by_itself(path: str) -> bool:
    if sys.platform == "win32":
        return path.lower().endswith(".exe")
    try:
        with open(path, "rb") as file:
            first = file.readline(1000)
    except OSError:
        return False
    return os.access(path, os.X_OK) and first.startswith(b"#!/") and b"/env " not in first
