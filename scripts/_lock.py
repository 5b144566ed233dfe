"""Write scripts/requirements/*.txt anew: each package's newest release that will do, with its wheel's hash.

Run it with Python 3.11 or newer and pip: ``python scripts/_lock.py``. Every package has one pure wheel here, so one
hash each; there are no environment markers, because a marker would be judged on the machine that installs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import tomllib
from _environment import ROOT, lock_path

TOOLS = {
    # name: (the oldest Python that uses it, what is asked for)
    "build": ("3.9", ["pip", "hatchling", "shiv", "tomli"]),  # tomli: hatchling needs it before 3.11
    "test": ("3.10", ["tox", "tomli", "typing-extensions"]),  # the last two: tox needs them before 3.11
}


def main() -> None:
    """Write every lock."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    for name, (oldest, requirements) in {**TOOLS, "pyz": ("3.10", dependencies)}.items():
        with open(lock_path(name), "w", encoding="utf-8") as lock:
            lock.write("# Written by scripts/_lock.py.\n")
            lock.writelines(resolve(requirements, oldest))


def resolve(requirements: list[str], python: str) -> list[str]:
    """Return the lines of a lock that satisfies the requirements on this Python and newer."""
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
        "--ignore-installed", "--target", "nowhere", "--report", "-", "--only-binary=:all:", "--platform", "any",
        "--implementation", "py", "--abi", "none", "--python-version", python, *requirements,
    ]  # fmt: skip
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return sorted(
        f"{item['metadata']['name'].lower()}=={item['metadata']['version']}"
        f" --hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}\n"
        for item in report["install"]
    )


if __name__ == "__main__":
    main()
