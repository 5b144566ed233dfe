"""The full command line, from the folder where the packages inside ``oauth-cli.pyz`` lie unpacked.

It is all that most starts need: oauth_cli_unpacked.py is read only where there is something to unpack.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time

DAY = 86400


def main(cache: str, build_id: str) -> int:
    """Run the command line and return its exit status; ``cache`` is the folder of our caches."""
    # Links are followed once, before the looks: what is looked at is what is imported. And only those that are ours.
    build = os.path.join(os.path.realpath(cache), "pyz", build_id)
    ours = stays_in_place(os.path.join(cache, "pyz"))
    if not (ours and is_ready(build)):
        import oauth_cli_unpacked  # noqa: PLC0415 - a build that lies unpacked does not wait for it

        build = oauth_cli_unpacked.unpack(sys.path[0], build if ours else None)
    # The folder takes the zip's place, in front of PYTHONPATH and of what the interpreter has: our own copies of the
    # dependencies win, plugins installed beside the interpreter stay visible, and no scan for metadata reads the zip.
    sys.path[0] = os.path.join(build, "site-packages")
    from oauth_cli_login.cli import main as command_line  # noqa: PLC0415 - it is importable from here on

    return command_line()


def is_ready(build: str) -> bool:
    """Tell whether this build is there, complete and ours alone; note that it is used.

    Nobody else can have put anything there, or can put another folder in its place: it is this user's and 0700, and
    those above it are this user's or root's.
    """
    used = os.path.join(build, "used")
    try:
        builds = os.path.dirname(build)
        private = is_private(build) and is_private(builds) and stays_in_place(builds)
        idle = time.time() - os.stat(used).st_mtime
    except OSError:
        return False
    if not 0 <= idle < DAY:
        with contextlib.suppress(OSError):  # a file system that is read-only by now has nothing to remove either
            os.utime(used)
    return private


def is_private(folder: str) -> bool:
    """Tell whether this is a folder, no link, that nobody else can put anything into."""
    status = os.lstat(folder)
    others = hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077)
    return stat.S_ISDIR(status.st_mode) and not others


def stays_in_place(folder: str) -> bool:
    """Tell whether nobody else can rename a folder: each one above it is ours or root's, and nobody writes to it.

    Anybody may write to one with the sticky bit (/tmp), where only owners rename. A group that may write is taken for
    the user's own, as most systems have it, but right above: that folder is ours to make. A link is looked at itself,
    not what it leads to. What is not there yet is ours to make.
    """
    if not hasattr(os, "geteuid"):
        return True
    above, mask = os.path.dirname(folder), 0o022
    while True:
        try:
            status = os.lstat(above)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        else:
            if status.st_uid not in (0, os.geteuid()):
                return False
            if status.st_mode & mask and not status.st_mode & stat.S_ISVTX and not stat.S_ISLNK(status.st_mode):
                return False
        if above == os.path.dirname(above):
            return True
        above, mask = os.path.dirname(above), 0o002
