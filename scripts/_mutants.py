"""Show that each threat's test can fail: take its defence away, and see the test go red.

``tests/mutants.toml`` lists the mutants. For each one:

1. Find the lines of the defence, in a copy of the tree; they must stand there once.
2. Put what stands for their removal in their place.
3. Run the tests that are to notice, and nothing else.
4. Require that a test failed: one that passed, could not be run, or did not end in time proves nothing. Nor does one
   that met code which is no longer Python, or lacks a name: that the program does not start is not the defence's doing.

The working tree is never changed. As many run at once as there are cores. It wants an interpreter that has the tests'
dependencies: ``tox run -e mutants`` has one, and so does the environment of CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from _environment import ROOT, stop

LISTED = os.path.join("tests", "mutants.toml")
COPIED = ("core", "providers", "tests", "scripts", "pyproject.toml", "README.md")
SECONDS = 90
"""How long the tests of one mutant may take; none is expected to come near."""
FAILED = 1
"""pytest's exit status where tests ran, and one of them failed."""
BROKEN = re.compile(r"\b(SyntaxError|IndentationError|ImportError|ModuleNotFoundError|NameError|UnboundLocalError)\b")
"""What a change raises that leaves no program to test."""


@dataclass(frozen=True)
class Edit:
    """One change: ``line`` stands in the file once, and ``becomes`` something else. Both may be several lines."""

    file: str
    line: str
    becomes: str


@dataclass(frozen=True)
class Mutant:
    """A row's defence taken away, and the tests of which one must notice."""

    row: int
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


class NotThereError(Exception):
    """The line is not in the file, or not once."""


def main(arguments: list[str] | None = None) -> int:
    """Run the mutants, of all rows or those named; return 0 where a test went red for each."""
    parser = argparse.ArgumentParser(prog="mutants", description="Show that each threat's test can fail.")
    parser.add_argument("rows", nargs="*", type=int, metavar="ROW", help="the rows to show it for; default: all")
    rows = parser.parse_args(arguments).rows
    mutants = [mutant for mutant in listed() if not rows or mutant.row in rows]
    workers = os.cpu_count() or 1
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="oauth-cli-mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        trees: queue.Queue[str] = queue.Queue()
        for number in range(workers):
            trees.put(copy_of_the_tree(os.path.join(folder, str(number))))
        for mutant, (problem, seconds) in zip(mutants, pool.map(lambda m: timed(m, trees), mutants), strict=True):
            survivors += problem is not None
            edit = mutant.edits[0]
            print(f"{mutant.row:2}  {'red' if problem is None else 'NOT'}  {seconds:4.1f} s  {edit.file}", flush=True)
            if problem is not None:
                print(f"      {edit.line.strip().splitlines()[0]}\n      {problem}", flush=True)
    print(f"{len(mutants)} mutants of {len({m.row for m in mutants})} rows: {survivors or 'none'} went unnoticed")
    return 1 if survivors else 0


def listed(path: str = os.path.join(ROOT, LISTED)) -> list[Mutant]:
    """Return the mutants that are listed, in the order of their rows."""
    try:
        import tomli  # noqa: PLC0415 - a dependency of oauth-cli itself: without it this interpreter has no tests
    except ImportError:
        stop("this interpreter has not what the tests need; use: tox run -e mutants")
    with open(path, "rb") as file:
        entries = tomli.load(file)["mutant"]
    return sorted((_mutant(entry) for entry in entries), key=lambda mutant: mutant.row)


def _mutant(entry: dict[str, Any]) -> Mutant:
    edits = [Edit(e["file"], e["line"], e["becomes"]) for e in (entry, *entry.get("also", ()))]
    return Mutant(entry["row"], tuple(edits), tuple(entry["tests"]))


def copy_of_the_tree(tree: str) -> str:
    """Copy what the tests need to a new folder, and return it."""
    os.mkdir(tree)
    for name in COPIED:
        source, target = os.path.join(ROOT, name), os.path.join(tree, name)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules", ".*"))
        else:
            shutil.copy(source, target)
    # Bytecode that goes by what is in a file: its time and size may be the same before and after a change.
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "core", "providers"]
    subprocess.run(compiled, cwd=tree, check=True)
    return tree


def timed(mutant: Mutant, trees: queue.Queue[str]) -> tuple[str | None, float]:
    """Try a mutant in a tree that nobody uses; return what is wrong with it, or None, and the seconds it took."""
    started, tree = time.monotonic(), trees.get()
    try:
        return tried(mutant, tree), time.monotonic() - started
    finally:
        trees.put(tree)


def tried(mutant: Mutant, tree: str) -> str | None:
    """Return why a mutant proves nothing, or None where its tests went red; the tree is what it was then."""
    before: dict[str, str] = {}
    try:
        for edit in mutant.edits:
            path = os.path.join(tree, edit.file)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            before.setdefault(path, text)
            write(path, changed(text, edit))
        return judged(mutant, tree)
    except (OSError, NotThereError) as error:
        return str(error)
    finally:
        for path, text in before.items():
            write(path, text)


def changed(text: str, edit: Edit) -> str:
    """Return the text with the edit made; raise NotThereError where its line does not stand there exactly once."""
    if (times := text.count(edit.line)) != 1:
        raise NotThereError(f"{edit.file} has this {times} times, and should once: {edit.line.strip()}")
    if edit.becomes == edit.line:
        raise NotThereError(f"{edit.file}: nothing is changed")
    return text.replace(edit.line, edit.becomes)


def judged(mutant: Mutant, tree: str) -> str | None:
    """Run the mutant's tests; return why they prove nothing, or None where one failed."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(os.path.join(tree, root) for root in ("core", "providers")),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:cov"]
    process = subprocess.Popen(
        [*pytest, *mutant.tests],
        cwd=tree,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that what the tests start ends with them
    )
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"its tests did not end within {SECONDS} s"
    if process.returncode == FAILED:
        broken = BROKEN.search(said)
        return f"it breaks the program instead: {broken[0]}" if broken else None
    why = "its tests pass" if process.returncode == 0 else "its tests cannot be run"
    return f"{why}: {' '.join(mutant.tests)}\n{said[-3000:] if process.returncode else ''}".rstrip()


def write(path: str, text: str) -> None:
    """Write a file of a tree."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
