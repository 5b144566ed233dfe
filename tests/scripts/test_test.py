"""Which tests ``scripts/test`` runs, and what it ends with."""

from __future__ import annotations

import subprocess
import sys

import _test
import pytest


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], ["py", "e2e"]),
        (["-k", "pkce"], ["py", "e2e"]),
        (["tests/scripts"], ["py"]),
        (["-x", "tests/e2e/test_pyz.py::test_one"], ["e2e"]),
        (["tests/scripts", "tests/e2e"], ["py", "e2e"]),
    ],
)
def test_paths_choose_the_environment(arguments, chosen):
    assert _test.environments(arguments) == chosen


@pytest.mark.parametrize(
    ("arguments", "statuses", "status"),
    [
        ([], {"py": 0, "e2e": 0}, 0),
        ([], {"py": 1}, 1),
        ([], {"py": 0, "e2e": 2}, 2),
        ([], {"py": 5}, 5),
        (["-k", "x"], {"py": 5, "e2e": 0}, 0),
        (["-k", "x"], {"py": 0, "e2e": 5}, 0),
        (["-k", "x"], {"py": 5, "e2e": 5}, 5),
        (["-k", "x"], {"py": 5, "e2e": 1}, 1),
    ],
)
def test_the_first_failure_ends_it_and_choosing_nothing_in_one_of_them_is_none(
    monkeypatch, arguments, statuses, status
):
    ran = []

    def run(command, **_):
        ran.append(command[command.index("-e") + 1])
        assert command[command.index("-e") + 2 :] == (["--", *arguments] if arguments else [])
        return subprocess.CompletedProcess(command, statuses[ran[-1]])

    monkeypatch.setattr(sys, "argv", ["test", *arguments])
    monkeypatch.setattr(_test, "python_with", lambda name: "python")
    monkeypatch.setattr(_test.subprocess, "run", run)
    assert _test.main() == status
    assert ran == list(statuses)
