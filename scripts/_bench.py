"""Measure what starting costs, as ratios to ``python -c pass`` of the same interpreter, and hold them to their bounds.

1. Build the files, and make environments and homes: _bench_place.py.
2. Run everything in turns, so that a slow moment is everybody's, and each behind a run of its own that does not count.
3. Print a line for each row: the median of its ratios, its bound, and whether it is kept.

Exits with 1 where a bound is passed. Linux and macOS; the memory of a process is read on Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import _bench_others
from _bench_login import Browser, Logins, Server
from _bench_place import DISTRIBUTIONS, PROFILES, Place
from _environment import BUILD, stop

RUNS = 40
MB = 1024  # VmHWM is in kB


@dataclass
class Row:
    """One line of the table: ``measure`` returns seconds (kB where ``memory``), to be compared to those of ``base``.

    ``bound`` is the largest ratio, or the largest difference in kB; ``None`` where nothing is promised.
    """

    about: str
    measure: Callable[[], float]
    bound: float | None = None
    base: Row | None = None
    memory: bool = False
    measured: list[float] = field(default_factory=list)

    def result(self) -> float:
        """Return the median of the ratios, or the difference, to what the base has measured in the same turn."""
        if self.base is None:
            return statistics.median(self.measured) if self.memory else 1.0
        turns = zip(self.measured, self.base.measured, strict=True)
        return statistics.median(own - base if self.memory else own / base for own, base in turns)

    def is_over(self) -> bool:
        """Tell whether a bound is passed."""
        return self.bound is not None and self.result() > self.bound

    def line(self) -> str:
        """Return the row as it is printed."""
        if self.memory:
            result, bound = f"{self.result() / MB:.1f} MB", "-" if self.bound is None else f"{self.bound / MB:.1f} MB"
        else:
            result, bound = f"{self.result():.2f}", "-" if self.bound is None else f"{self.bound:.2f}"
        verdict = "" if self.bound is None else "over" if self.is_over() else "ok"
        return f"{result:>8}  {bound:>7}  {verdict:<4}  {self.about}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure what starting oauth-cli costs.")
    parser.add_argument("--python", metavar="PATH", default=sys.executable, help="measure with this interpreter")
    parser.add_argument("--runs", metavar="N", type=int, default=RUNS, help=f"how often each (default: {RUNS})")
    parser.add_argument(
        "--only", metavar="WORDS", default="", help="measure the rows whose text holds these words alone"
    )
    asked = parser.parse_args(arguments)
    if os.name != "posix":
        stop("this needs a POSIX system: a shell and named pipes")
    os.makedirs(BUILD, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="bench-") as folder:
        place = Place(folder, asked.python)
        with Server(place) as server:
            rows = [row for row in every_row(place, Logins(place, server, Browser(place))) if asked.only in row.about]
            bases = [base for base in unique(row.base for row in rows) if base not in rows]
            measure([*bases, *rows], asked.runs)
    print("{}.{}.{}, median of {}".format(*place.version, asked.runs))
    print(f"{'ratio':>8}  {'bound':>7}")
    for row in [*bases, *rows]:
        print(row.line())
    return 1 if any(row.is_over() for row in rows) else 0


def unique(rows: Iterator[Row | None]) -> list[Row]:
    """Return each row once."""
    return list({id(row): row for row in rows if row is not None}.values())


def measure(rows: Sequence[Row], runs: int) -> None:
    """Measure the rows in turns, each behind a run of its own that does not count.

    What ran just before costs a short row up to a third. With a fixed order alone, the base would always run behind the
    last row, the largest of them, and every ratio would look smaller than it is.
    """
    for _ in range(runs):
        for row in rows:
            row.measure()
            row.measured.append(row.measure())


def every_row(place: Place, logins: Logins) -> list[Row]:
    """Return the table: what it says of each row is what the issue promises."""
    old = place.version < (3, 12)
    home = logins.home()
    logins.whole(home)
    (profile,) = (name for name in os.listdir(os.path.join(home["OAUTH_CLI_HOME"], "sessions")) if name[0] != ".")
    crowded = place.fill("crowded", home, profile, PROFILES)
    nothing = Row("python -c pass", timed([place.bare, "-c", "pass"], place.environ))

    def row(about: str, command: Sequence[str], home: Mapping[str, str], bound: float | None, base: Row) -> Row:
        return Row(about, timed(command, home), bound, base)

    installed, token = place.command(place.installed), "oauth-cli token, cached, "
    distributions = f"… and {DISTRIBUTIONS:,} other distributions"
    rows = [nothing, row(f"{distributions}: to the row above", [place.crowded_bare, "-c", "pass"], home, None, nothing)]
    ways = [
        ("the launcher in sh", [place.launcher, "token"], [place.launcher, "token"], 0.30),
        ("installed by pip", [installed, "token"], [place.command(place.crowded_installed), "token"], 1.10),
        ("the .pyz", [place.bare, place.pyz, "token"], [place.crowded_bare, place.pyz, "token"], 1.60 if old else 1.30),
    ]
    for about, command, in_a_crowd, bound in ways:
        if not os.path.exists(command[0]):
            continue  # a build that writes the .pyz alone
        one = row(token + about, command, home, bound, nothing)
        many = f"{distributions}, {PROFILES:,} profiles: to the row above"
        rows += [one, row(many, in_a_crowd, crowded, 1.10, one)]
    rows += [
        Row(
            "the .pyz, first run after download",
            first_run(place, place.fill("new", home, profile, 1)),
            2.1 if old else 1.8,
            nothing,
        ),
        row("oauth-cli --help, installed by pip", [installed, "--help"], home, 2.8, nothing),
        row("oauth-cli --help, the .pyz", [place.bare, place.pyz, "--help"], home, None, nothing),
        Row(
            "login, to the browser: endpoints known",
            lambda: logins.to_browser(logins.knowing, logins.home(), asks=False),
            9,
            nothing,
        ),
        Row(
            "login, to the browser: discovery first",
            lambda: logins.to_browser(logins.discovering, logins.home(), asks=True),
            16,
            nothing,
        ),
        Row("a whole sign-in, less server and robot", lambda: logins.whole(logins.home()), 22, nothing),
        *memory_rows(place, home),
    ]
    others = _bench_others.commands(place)
    return rows + [Row(about, timed(command, environ), None, nothing) for about, command, environ in others]


def timed(command: Sequence[str], environ: Mapping[str, str]) -> Callable[[], float]:
    """Return what runs a command once and returns its seconds; one that fails ends the measuring.

    Not with ``subprocess``, whose own work is a tenth of what a shell needs.
    """
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]

    def measure() -> float:
        started = time.perf_counter()
        process = os.posix_spawn(command[0], list(command), environ, file_actions=silent)
        _, status = os.waitpid(process, 0)
        seconds = time.perf_counter() - started
        if status:
            sys.exit(f"bench: exit status {os.waitstatus_to_exitcode(status)} from {' '.join(command)}")
        return seconds

    return measure


def first_run(place: Place, home: Mapping[str, str]) -> Callable[[], float]:
    """Return what measures a file that has never run: another copy each time, and nothing unpacked anywhere."""
    copy = os.path.join(place.folder, "downloaded.pyz")
    unpacked = os.path.join(home["OAUTH_CLI_HOME"], "cache", "pyz")
    run = timed([place.bare, copy, "token"], home)

    def measure() -> float:
        shutil.rmtree(unpacked, ignore_errors=True)
        shutil.copyfile(place.pyz, copy)
        return run()

    return measure


_PEAK = """
import os, sys

def tell(status=0, leave=os._exit):
    with open("/proc/self/status") as status_file:
        os.write(2, next(line for line in status_file if line.startswith("VmHWM")).encode())
    leave(status)
"""
_PEAK_OF = {
    "python -c pass": _PEAK + "tell()",
    "oauth-cli token, cached, installed by pip": _PEAK
    + "os._exit = tell; sys.argv = ['oauth-cli', 'token']; from oauth_cli_login.__main__ import main; main()",
    "oauth-cli token, cached, the .pyz": _PEAK
    + "os._exit = tell; pyz = sys.argv[1]; sys.argv = [pyz, 'token']; sys.path.insert(0, pyz); import runpy; "
    "runpy._run_module_as_main('__main__', False)",  # as the interpreter does with a zip
}


def memory_rows(place: Place, home: Mapping[str, str]) -> list[Row]:
    """Return the rows of peak memory, read in the process itself: what its parent had must not count."""
    if not os.path.exists("/proc/self/status"):
        return []
    nothing, *others = [
        Row(f"peak memory: {about}", peak([place.installed, "-c", code, place.pyz], home), memory=True)
        for about, code in _PEAK_OF.items()
    ]
    for other in others:
        other.base, other.bound = nothing, 1.5 * MB
        other.about += ": above the row before"
    return [nothing, *others]


def peak(command: Sequence[str], environ: Mapping[str, str]) -> Callable[[], float]:
    """Return what runs a command that tells its VmHWM, and returns that in kB."""

    def measure() -> float:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            check=True,
        )  # fmt: skip
        return float(done.stderr.split()[1])

    return measure
