"""Where the packages inside ``oauth-cli.pyz`` lie unpacked: Python imports from a folder, and keeps bytecode there.

Invariants:

- ``BUILDS/BUILD_ID`` appears in one rename, complete. The file ``used`` in it is written last and removed first; its
  time is that of the last use, to the day.
- Where nobody else could be kept out (``oauth_cli_start.is_ready``), and where nothing can be written, a private
  temporary folder serves this one process.
- No locks: they hang where a file system has none. Processes that unpack at once each unpack; the first rename wins.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

from oauth_cli_start import DAY, is_private, is_ready, stays_in_place  # a second copy: __main__ has run the first

HOUR = 3600
KEPT = 30 * DAY
"""Seconds that a build stays after its last use."""

STORAGE = 9  # oauth_cli_login.errors.ExitStatus, which cannot be imported yet


def unpack(archive: str, build: str, lacking: str | None) -> str:
    """Return the folder that holds ``site-packages``, as in ``site-packages.zip`` in ``archive``.

    It is ``build``, unpacked now or before, or a temporary folder that is removed when this process ends. Where it is
    ``build``, the bytecode of ``cached.py`` goes to the path ``lacking``. Exits with status 9 where there is no place
    for anything.
    """
    folder = build if is_ready(build) else _unpack(archive, build)
    if folder == build and lacking:
        _keep_bytecode(os.path.join(build, "site-packages", "oauth_cli_login", "cached.py"), lacking)
    return folder


def _keep_bytecode(module: str, path: str) -> None:
    """Compile a module for the next start, definition by definition: a list, marshalled. It may be impossible."""
    import marshal  # noqa: PLC0415 - only here
    import tempfile  # noqa: PLC0415 - as below

    with contextlib.suppress(OSError):
        with open(module, "rb") as file:
            definitions = file.read().split(b"\n\n\n")
        handle, new = tempfile.mkstemp(prefix="cached.", dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(marshal.dumps([compile(definition, module, "exec") for definition in definitions]))
            os.replace(new, path)
        except BaseException:
            os.unlink(new)
            raise


def _unpack(archive: str, build: str) -> str:
    """Unpack, and return the folder: ``build``, or a temporary one that is removed when this process ends."""
    import atexit  # noqa: PLC0415 - a build that lies unpacked does not wait for these
    import shutil  # noqa: PLC0415 - as atexit

    builds, build_id = os.path.split(build)
    umask = os.umask(0o077)
    try:
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
