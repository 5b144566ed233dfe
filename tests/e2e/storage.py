"""What only root can give a test: a small file system, and a process of another user."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from command import LONGEST, Finished
from servers import runtime

NOBODY = 65534
"""A user id that owns nothing."""


def need_root(what: str) -> None:
    """Skip where we are not root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        runtime.missing(f"only root may {what}")


class Tmpfs:
    """A file system of its own; ``folder`` is where it is mounted."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True, timeout=LONGEST)


@contextlib.contextmanager
def tmpfs(folder: str, *, size: str) -> Iterator[Tmpfs]:
    """Mount one of this size for the length of the block."""
    need_root("mount a file system")
    os.makedirs(folder)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LONGEST)
    if done.returncode:
        runtime.missing(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield Tmpfs(folder)
    finally:
        subprocess.run(["umount", folder], check=True, timeout=LONGEST)


class Stranger:
    """The built file in the hands of another user, who reaches nothing of ours but ``folder``."""

    def __init__(self, pyz: str) -> None:
        need_root("be somebody else")
        self.folder = tempfile.mkdtemp(prefix="oauth-cli-stranger-")  # the folders of pytest are closed to others
        os.chmod(self.folder, 0o755)
        self.home = os.path.join(self.folder, "home")
        self._pyz = shutil.copy(pyz, os.path.join(self.folder, "oauth-cli.pyz"))
        os.chmod(self._pyz, 0o755)
        self._python = self._interpreter()

    def close(self) -> None:
        shutil.rmtree(self.folder)

    def own(self, path: str, mode: int) -> None:
        """Give a file or folder to the stranger."""
        os.chown(path, NOBODY, NOBODY)
        os.chmod(path, mode)

    def __call__(self, *argv: str) -> Finished:
        """Run a command to its end."""
        return self._run([self._python, self._pyz, *argv], {"OAUTH_CLI_HOME": self.home})

    def _interpreter(self) -> str:
        """Return a Python that others may run: root's own are often in root's home."""
        code = "import sys; sys.exit(sys.version_info < (3, 10))"
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            with contextlib.suppress(OSError):
                if self._run([python, "-c", code], {}).returncode == 0:
                    return python
        return runtime.missing("there is no Python 3.10 or newer that another user may run (/usr/bin/python3)")

    def _run(self, argv: list[str], env: Mapping[str, str]) -> Finished:
        done = subprocess.run(
            argv,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent", **env},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
        return Finished(done.returncode, done.stdout, done.stderr)
