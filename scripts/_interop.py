"""Run the built file against the real servers, and print a table: server, version, and what was shown of each.

These are the end-to-end tests that are marked with a server (tests/e2e/conftest.py), and no others. Arguments go on to
pytest: ``scripts/interop -k canaille``. The file is the one that OAUTH_CLI_PYZ names, else built now.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from _environment import ROOT, python_with

SUBJECTS = ("login", "device", "refresh", "reuse", "revocation", "introspection", "iss", "misbehaviour")
"""The columns in this order; what else the tests show stands behind them."""
USAGE = """\
usage: interop [PYTEST-ARGUMENT ...]

Run the built file against real servers, and say what works. OAUTH_CLI_PYZ names a file that is built already;
OAUTH_CLI_REQUIRE_ALL=1 lets it fail where a server cannot run on this machine.
"""


class Case(NamedTuple):
    """One test: its server with the version, what it shows, and passed, failed or skipped; ``why`` it was skipped."""

    server: str
    subject: str
    outcome: str
    why: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Run the tests and print the table; return 1 where one failed or none ran, else 0."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(arguments):
        print(USAGE, end="")
        return 0
    with tempfile.TemporaryDirectory(prefix="oauth-cli-interop-") as folder:
        report = os.path.join(folder, "report.xml")
        tox = [python_with("test"), "-m", "tox", "run", "-e", "e2e", "--"]
        pytest = ["-m", "server", f"--junitxml={report}", *arguments]
        # what pytest says is for whoever watches; the table is the answer
        status = subprocess.run([*tox, *pytest], cwd=ROOT, stdout=sys.stderr, check=False).returncode
        cases = read(report) if os.path.exists(report) else []
    for line in table(cases):
        print(line)
    return 1 if status or not cases else 0


def read(report: str) -> list[Case]:
    """Return what a report of --junitxml says of the tests that are about a server."""
    cases = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        told = {found.get("name"): found.get("value", "") for found in case.iter("property")}
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if failed else "passed" if skipped is None else "skipped"
        if "server" in told:
            why = "" if skipped is None else skipped.get("message", "")
            cases.append(Case(told["server"], told["shows"], outcome, why))
    return cases


def table(cases: Sequence[Case]) -> Iterable[str]:
    """Yield the lines: a row for each server, how many tests passed in each column, and why others were skipped."""
    shown = {case.subject for case in cases}
    subjects = [subject for subject in SUBJECTS if subject in shown] + sorted(shown - {*SUBJECTS})
    servers = sorted({case.server for case in cases})
    rows = [["server", "version", *subjects]]
    for server in servers:
        name, _, version = server.partition(" ")
        cells = [_cell([c for c in cases if (c.server, c.subject) == (server, subject)]) for subject in subjects]
        rows.append([name, version, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for server, why in dict.fromkeys((case.server, case.why) for case in cases if case.why):
        yield f"{server} was skipped: {why}"


def _cell(cases: Sequence[Case]) -> str:
    """Return ``3`` where all passed, ``FAILED 1 of 3``, ``skipped``, or ``-`` where nothing is shown."""
    count = Counter(case.outcome for case in cases)
    if not cases:
        return "-"
    if count["failed"]:
        return f"FAILED {count['failed']} of {len(cases)}"
    return str(count["passed"]) if count["passed"] else "skipped"
