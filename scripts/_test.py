"""Run the tests through tox: those in one process on the wheel, then those that drive the one file.

Arguments go on to pytest, and paths among them choose which of the two runs: ``scripts/test -k pkce``,
``scripts/test tests/e2e/test_pyz.py``. The floor under the coverage holds where there are none.
"""

from __future__ import annotations

import os
import subprocess
import sys

from _environment import ROOT, python_with

END_TO_END = os.path.join(ROOT, "tests", "e2e")
NOTHING_SELECTED = 5  # pytest's exit status where the arguments choose no test


def main() -> int:
    """Run the environments of tox.ini; return the exit status of the first that failed, or 0."""
    arguments = sys.argv[1:]
    tox = [python_with("test"), "-m", "tox", "run", "-e"]
    statuses = []
    for environment in environments(arguments):
        # a bare "--" would stand for no arguments, and so for no coverage
        passed_on = ["--", *arguments] if arguments else []
        status = subprocess.run([*tox, environment, *passed_on], cwd=ROOT, check=False).returncode
        if status and not (arguments and status == NOTHING_SELECTED):
            return status
        statuses.append(status)
    return min(statuses)  # NOTHING_SELECTED where none had anything to do


def environments(arguments: list[str]) -> list[str]:
    """Return which environments of tox.ini the arguments are for."""
    paths = [os.path.join(ROOT, argument.partition("::")[0]) for argument in arguments]
    chosen = {"e2e" if path.startswith(END_TO_END) else "py" for path in paths if os.path.exists(path)}
    return [name for name in ("py", "e2e") if not chosen or name in chosen]
