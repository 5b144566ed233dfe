"""The table of scripts/interop: what pytest reported, server by server."""

from __future__ import annotations

import subprocess

import _interop
import pytest

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest">
{}
</testsuite></testsuites>
"""


def case(server: str, shows: str, inside: str = "") -> str:
    told = f'<property name="server" value="{server}" /><property name="shows" value="{shows}" />'
    return f'<testcase name="test"><properties>{told}</properties>{inside}</testcase>'


@pytest.fixture
def run(monkeypatch, capsys):
    """Return what runs the script where pytest ends with a status and reports these cases (``None``: no report)."""

    def run(*cases, status=0, arguments=()):
        started = []

        def pytest_itself(argv, **options):
            started.append(argv)
            if cases != (None,):
                (report,) = [word.partition("=")[2] for word in argv if word.startswith("--junitxml=")]
                with open(report, "w", encoding="utf-8") as file:
                    file.write(REPORT.format("\n".join(cases)))
            return subprocess.CompletedProcess(argv, status)

        monkeypatch.setattr(_interop, "python_with", lambda name: f"/python-with-{name}")
        monkeypatch.setattr(_interop.subprocess, "run", pytest_itself)
        ended = _interop.main(list(arguments))
        return ended, capsys.readouterr().out.splitlines(), started

    return run


def test_each_server_has_a_row_and_each_subject_a_column(run):
    ended, lines, _ = run(
        case("one 1.2", "refresh"),
        case("one 1.2", "login"),
        case("one 1.2", "login"),
        case("another 3", "exact port"),
        case("another 3", "login"),
    )
    assert ended == 0
    assert [line.split() for line in lines] == [
        ["server", "version", "login", "refresh", "exact", "port"],
        ["another", "3", "1", "-", "1"],
        ["one", "1.2", "2", "1", "-"],
    ]


@pytest.mark.parametrize("inside", ["<failure>x</failure>", "<error>x</error>"])
def test_what_failed_is_named_and_ends_in_1(run, inside):
    ended, lines, _ = run(case("one 1", "login"), case("one 1", "login", inside), status=1)
    assert ended == 1
    assert lines[1].split() == ["one", "1", "FAILED", "1", "of", "2"]


def test_what_was_skipped_is_no_failure_and_says_why_once(run):
    skipped = '<skipped type="pytest.skip" message="there is no java">trace</skipped>'
    ended, lines, _ = run(case("one 1", "login", skipped), case("one 1", "refresh", skipped), case("two 2", "login"))
    assert ended == 0
    assert lines[1].split() == ["one", "1", "skipped", "skipped"]
    assert lines[3:] == ["one 1 was skipped: there is no java"]


def test_a_test_about_no_server_is_no_row(run):
    _, lines, _ = run('<testcase name="other" />', case("one 1", "login"))
    assert len(lines) == 2


@pytest.mark.parametrize("cases", [(), (None,)])
def test_nothing_that_ran_is_a_failure(run, cases):
    assert run(*cases)[0] == 1


def test_pytest_runs_the_marked_tests_with_the_arguments(run):
    _, _, [argv] = run(case("one 1", "login"), arguments=["-k", "one"])
    assert argv[:6] == ["/python-with-test", "-m", "tox", "run", "-e", "e2e"]
    assert argv[argv.index("--") + 1 :][:2] == ["-m", "server"]
    assert argv[-2:] == ["-k", "one"]


def test_help_runs_nothing(run):
    ended, lines, started = run(arguments=["--help"])
    assert (ended, started) == (0, [])
    assert lines[0].startswith("usage: interop ")
