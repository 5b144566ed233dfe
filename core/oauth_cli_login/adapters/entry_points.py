"""Which entry points the installed distributions have, without asking all of them at each start.

Invariants:

- The answer is that of ``importlib.metadata``, whose import and scan take longer than all else that a start does. It is
  kept in the cache folder, in a file of each ``sys.path``, and holds as long as no folder of that path has changed:
  whatever is installed, upgraded or removed makes or removes a folder in one of them. What is rewritten in its place,
  the ``.egg-info`` of a source tree, is watched itself.
- A file that somebody else could have written is not read, and one that is not to the letter what was written here is
  made anew. Where none can be kept, each start pays.
"""

from __future__ import annotations

import os
import sys
import time
from binascii import crc32
from contextlib import suppress

from oauth_cli_login import cached
from oauth_cli_login.adapters import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import importlib.metadata
    from collections.abc import Callable, Mapping, Sequence

    EntryPoint = tuple[str, str, str]
    """Its name, its object reference (``module`` or ``module:attribute``), and its distribution's name and version."""

_VERSION = "1"
_SETTLED = 2_000_000_000
"""Nanoseconds after which a change leaves another time behind, on any file system."""
_KEPT = 30 * 24 * 3600
"""Seconds for which a file is kept, so that those of interpreters that are gone do not stay for ever."""


def entry_points(group: str, environ: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> list[EntryPoint]:
    """Return the entry points of a group, as kept or asked for anew.

    Raises ValueError where an installed distribution has an entry point that cannot be read (3.15 refuses them all).
    """
    path = list(dict.fromkeys(os.path.abspath(folder) for folder in sys.path))
    kept = os.path.join(cached.folder("cache", environ), f"{group}-{crc32(os.fsencode(os.pathsep.join(path))):08x}")
    found = _read(kept, path)
    if found is None:
        watched = _watched(path)  # before the scan: what changes meanwhile is noticed next time
        found = scan(group)
        if _can_be_kept(watched, clock()):
            _write(kept, watched, found)
            _remove_old(os.path.dirname(kept), group, clock())
    return found


def scan(group: str) -> list[EntryPoint]:
    """Return the entry points of a group as ``importlib.metadata`` finds them."""
    import importlib.metadata  # noqa: PLC0415 - what this module saves

    found = importlib.metadata.entry_points(group=group)
    return [(entry.name, entry.value, _distribution(entry)) for entry in found]


def _distribution(entry: importlib.metadata.EntryPoint) -> str:
    try:
        about = entry.dist.metadata if entry.dist else None
    except FileNotFoundError:  # from 3.15 on
        about = None
    if about is None or "Name" not in about or "Version" not in about:
        return "a distribution without metadata"
    return f"{about['Name']} {about['Version']}"


def _watched(path: Sequence[str]) -> dict[str, int]:
    """Return when each folder last changed, in nanoseconds, and each list of entry points that is changed in place."""
    watched = {folder: _changed(folder) for folder in path}
    for folder in path:
        with suppress(OSError):
            eggs = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".egg-info")]
            watched.update({file: _changed(file) for file in (os.path.join(egg, "entry_points.txt") for egg in eggs)})
    return watched


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0  # it is not there, which may change as well


def _can_be_kept(watched: Mapping[str, int], now: float) -> bool:
    """Tell whether a later change is sure to be seen: not where one has just been made, nor past what is watched."""
    settled = int(now * 1e9) - _SETTLED
    others = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    return len(others) == 1 and all(changed < settled for changed in watched.values())


def _read(kept: str, path: Sequence[str]) -> list[EntryPoint] | None:
    """Return what is kept for this path, or ``None`` where that is nothing, or not what it was, or not ours alone."""
    data = files.kept(kept)
    if data is None:
        return None
    try:
        head, _, body = os.fsdecode(data).partition("\n\n")
        version, *watched = head.split("\n")
        times = dict(line.split("\t") for line in watched)
        if version != _VERSION or list(times)[: len(path)] != path:
            return None
        if any(str(_changed(name)) != changed for name, changed in times.items()):
            return None
        return [(name, value, distribution) for name, value, distribution in map(_fields, body.split("\n")[:-1])]
    except ValueError:
        return None


def _fields(line: str) -> list[str]:
    return line.split("\t")


def _write(kept: str, watched: Mapping[str, int], found: Sequence[EntryPoint]) -> None:
    """Keep it, where that can be done: it is known in any case."""
    lines = [(name, str(changed)) for name, changed in watched.items()], found
    if any("\t" in field or "\n" in field for part in lines for line in part for field in line):
        return
    head, body = ("".join("\t".join(line) + "\n" for line in part) for part in lines)
    files.keep(kept, os.fsencode(f"{_VERSION}\n{head}\n{body}"))


def _remove_old(folder: str, group: str, now: float) -> None:
    with suppress(OSError):
        for name in os.listdir(folder):
            file = os.path.join(folder, name)
            if name.startswith(f"{group}-") and now - os.lstat(file).st_mtime > _KEPT:
                os.unlink(file)
