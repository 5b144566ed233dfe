"""Where the packages inside ``oauth-cli.pyz`` lie unpacked: Python imports from a folder, and keeps bytecode there.

Invariants:

- ``BUILDS/BUILD_ID`` appears in one rename, complete. The file ``used`` in it is written last and removed first; its
  time is that of the last use, to the day.
- Where nobody else could be kept out (``oauth_cli_start.is_ready``), and where nothing can be written, a private
  temporary folder serves this one process.
- No locks: they hang where a file system has none. Processes that unpack at once each unpack; the first rename wins.
"""

from __future__ import annotations

import os
import sys
import time

from oauth_cli_start import DAY, is_private, is_ready, stays_in_place  # a second copy: __main__ has run the first

HOUR = 3600
KEPT = 30 * DAY
"""Seconds that a build stays after its last use."""

STORAGE = 9  # oauth_cli_login.errors.ExitStatus, which cannot be imported yet


def unpack(archive: str, build: str | None) -> str:
    """Put what is in ``site-packages.zip`` in ``archive`` into a folder ``site-packages``, and return where that is.

    It is in ``build``, or, where that is ``None`` or cannot be had, in a temporary folder that is removed when this
    process ends. Exits with status 9 where there is no place for it at all.
    """
    import atexit  # noqa: PLC0415 - a build that lies unpacked does not wait for these
    import shutil  # noqa: PLC0415 - as atexit

    umask = os.umask(0o077)
    try:
        if build is None:
            raise PermissionError("others could lead us elsewhere")
        builds, build_id = os.path.split(build)
        os.makedirs(builds, exist_ok=True)
        if not (is_private(builds) and stays_in_place(builds)):
            raise PermissionError("others could put modules there")
        _remove_unused(builds)
        folder = _unpack_into_new_folder(archive, builds, build_id + ".")
        try:
            os.rename(folder, build)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            if not is_ready(build):
                raise  # what stands there is not another process's whole build
    except OSError:
        build = _unpack_for_this_process(archive)
        atexit.register(shutil.rmtree, build, ignore_errors=True)
    finally:
        os.umask(umask)
    return build


def _unpack_for_this_process(archive: str) -> str:
    try:
        return _unpack_into_new_folder(archive, None, "oauth-cli-")
    except OSError as error:
        sys.stderr.write(f"oauth-cli: there is no room to unpack itself: {error.strerror}. Set TMPDIR to a folder.\n")
        sys.exit(STORAGE)


def _unpack_into_new_folder(archive: str, parent: str | None, prefix: str) -> str:
    import shutil  # noqa: PLC0415 - as above
    import tempfile  # noqa: PLC0415 - as above
    import zipfile  # noqa: PLC0415 - as above

    folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
    try:
        with (
            zipfile.ZipFile(archive) as whole,
            whole.open("site-packages.zip") as entry,
            zipfile.ZipFile(entry) as packages,
        ):
            packages.extractall(os.path.join(folder, "site-packages"))
        with open(os.path.join(folder, "used"), "wb"):
            pass
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _remove_unused(builds: str) -> None:
    """Remove the builds that nobody used for 30 days, and what a killed process left an hour ago or earlier."""
    import shutil  # noqa: PLC0415 - as above

    now = time.time()
    for name in os.listdir(builds):
        build = os.path.join(builds, name)
        used = os.path.join(build, "used")
        try:
            if os.path.exists(used):
                if now - os.stat(used).st_mtime <= KEPT:
                    continue
                os.unlink(used)
            elif now - os.lstat(build).st_mtime <= HOUR:
                continue
        except OSError:
            continue  # another process is removing it
        shutil.rmtree(build, ignore_errors=True)
