"""Which interpreter an old one hands over to."""

from __future__ import annotations

import os
import shutil
import sys
import time

import oauth_cli_interpreter
import pytest

OLDEST = (3, 10)
THIS, THAT, OTHER = sys.executable, os.__file__, pytest.__file__  # files that exist, to tell the answers apart by


@pytest.fixture
def folder(tmp_path):
    """Make a folder of pretended interpreters, each of which runs a line of Python whatever it is asked."""

    def make(name, **candidates):
        folder = tmp_path / name
        folder.mkdir()
        for candidate, line in candidates.items():
            program = folder / candidate.replace("_", ".")
            program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{line}\n")
            program.chmod(0o755)
        return str(folder)

    return make


def answers(executable):
    return f"print({executable!r}, end='')"


def test_the_highest_version_comes_first_wherever_it_stands_on_path(folder):
    first = folder("first", python3_10=answers(THIS), python3=answers(OTHER))
    second = folder("second", python3_12=answers(THAT), python3_9=answers(OTHER))
    assert oauth_cli_interpreter.find(OLDEST, os.pathsep.join([first, second])) == THAT


def test_of_one_version_the_first_on_path_is_chosen(folder):
    path = [folder("first", python3_12=answers(THIS)), folder("second", python3_12=answers(THAT))]
    assert oauth_cli_interpreter.find(OLDEST, os.pathsep.join(path)) == THIS


def test_a_plain_python3_is_the_last_resort(folder):
    path = [folder("first", python3=answers(THIS)), folder("second", python3_10=answers(THAT))]
    assert oauth_cli_interpreter.find(OLDEST, os.pathsep.join(path)) == THAT
    assert oauth_cli_interpreter.find(OLDEST, path[0]) == THIS


@pytest.mark.parametrize(
    "line",
    [
        "sys.exit(127)",
        f"print({THIS!r}, end=''); sys.exit(1)",
        "print('/nowhere/python', end='')",
        "pass",
        "os.kill(os.getpid(), 9)",
    ],
    ids=["a failing shim", "fails after all", "no such file", "too old", "crashes"],
)
def test_a_candidate_that_does_not_run_is_passed_over(folder, line):
    path = folder("first", python3_13=line, python3_11=answers(THAT))
    assert oauth_cli_interpreter.find(OLDEST, path) == THAT


def test_a_candidate_that_hangs_is_passed_over(folder, monkeypatch):
    monkeypatch.setattr(oauth_cli_interpreter, "TIME_LIMIT", 5)
    path = folder("first", python3_13="time.sleep(90)", python3_11=answers(THAT))
    started = time.monotonic()
    assert oauth_cli_interpreter.find(OLDEST, path) == THAT
    assert time.monotonic() - started < 60


def test_nothing_relative_on_path_is_run(folder, monkeypatch):
    monkeypatch.chdir(folder("here", python3_13=answers(THAT)))
    assert oauth_cli_interpreter.find(OLDEST, os.pathsep.join(["", ".", "/nowhere"])) == ""


def test_other_programs_with_python_in_their_name_are_not_asked(folder):
    names = ["python3_12-config", "python2", "python2_7", "ipython3", "python3_12m", "py"]
    assert oauth_cli_interpreter.find(OLDEST, folder("first", **dict.fromkeys(names, answers(THIS)))) == ""


def test_a_real_interpreter_names_itself(folder):
    path = folder("first")
    os.symlink(shutil.which(sys.executable), os.path.join(path, "python3.15"))
    assert oauth_cli_interpreter.find((3, 10), path) == os.path.join(path, "python3.15")
    assert oauth_cli_interpreter.find((3, 99), path) == ""


def test_an_interpreter_that_will_do_stays():
    assert oauth_cli_interpreter.require((3, 10)) is None


def test_an_old_one_goes_on_with_the_same_arguments(folder, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(sys, "argv", ["/x/oauth-cli.pyz", "token", "--profile", "a b"])
    monkeypatch.setenv("PATH", folder("first", python3_12=answers(THAT)))
    started = []
    monkeypatch.setattr(os, "execv", lambda *arguments: started.append(arguments))
    oauth_cli_interpreter.require((3, 10))
    assert started == [(THAT, [THAT, "/x/oauth-cli.pyz", "token", "--profile", "a b"])]


def test_where_none_will_do_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (2, 7, 18))
    monkeypatch.setattr(sys, "argv", ["/x/oauth-cli.pyz"])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit) as stopped:
        oauth_cli_interpreter.require((3, 10))
    assert stopped.value.code == 3
    assert capsys.readouterr().err == (
        "oauth-cli.pyz needs Python 3.10 or newer: this is 2.7, and PATH has no newer one that runs. "
        "Install one first.\n"
    )
