"""What launcher.sh answers by itself is what ``cached_token`` answers, and at every doubt Python is asked.

Each row of the table is a machine: its environment, its files, a command line. All run under every shell, and once more
as on a system that has neither ``/proc`` nor GNU's ``stat``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import _build_pyz
import pytest
from cached_machines import TABLE, TOKEN, Home

from oauth_cli_login import cached

SHELLS = {
    "dash": ["dash"],
    "bash": ["bash"],
    "bash as sh": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
    "dash without proc": ["dash"],
    "bash without proc": ["bash"],
}


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """The launcher as it is built, without the zip file behind it."""
    path = tmp_path_factory.mktemp("launcher") / "oauth-cli"
    path.write_bytes(_build_pyz.launcher())
    return path


@pytest.fixture(scope="module")
def portable(launcher, tmp_path_factory):
    """The launcher as it behaves on a system without /proc, where it takes other ways to the same answers."""
    path = tmp_path_factory.mktemp("portable") / "oauth-cli"
    text = launcher.read_text()
    assert text.count("/proc/self/") == 2
    path.write_text(text.replace("/proc/self/", "/nowhere/"))
    return path


@pytest.fixture(params=SHELLS)
def shell(request, launcher, portable):
    """Return the first words of a command line that runs the launcher."""
    command = SHELLS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"this machine has no {command[0]}")
    return [*command, str(portable if "without" in request.param else launcher)]


@pytest.fixture
def bash():
    """The one shell that takes options from the environment; a system without it has nothing to test there."""
    if not shutil.which("bash"):
        pytest.skip("this machine has no bash")
    return "bash"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Return a folder for PATH whose python3 says that it was asked."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "python3").write_text("#!/bin/sh\necho Python is asked\nexit 77\n")
    (folder / "python3").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name[:60])
def test_it_answers_as_python_does_or_asks_python(row, shell, asked, tmp_path):
    if "somebody else" in row.name and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    home = Home(str(tmp_path))
    row.prepare(home)
    done = subprocess.run(
        [*shell, *row.argv], env={"PATH": asked + os.pathsep + os.defpath, **home.environ}, cwd=tmp_path,
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        expected = cached.cached_token(row.argv, home.environ, time.time())
    answered = (done.returncode, done.stdout, done.stderr) == (0, f"{expected}\n".encode(), b"")
    handed_on = (done.returncode, done.stdout, done.stderr) == (77, b"Python is asked\n", b"")
    assert answered or handed_on, done
    assert (expected is not None) is (row.answers != "python"), "the row says something else than cached_token"
    if row.answers == "sh":
        assert answered
    if expected is None:
        assert handed_on


@pytest.mark.parametrize(
    "answer", ["", "x\n" * 9, "1 600 x\n" * 3, "1 -600 99999999999\n" * 3, "1 600\n", "1 600 *\n" * 3]
)
def test_a_stat_that_says_something_else_is_a_doubt(answer, shell, asked, tmp_path):
    (tmp_path / "stat").write_text(f"#!/bin/sh\ncat <<'END'\n{answer}END\n")
    (tmp_path / "stat").chmod(0o755)
    home = Home(str(tmp_path / "home"))
    home.session()
    home.file("default", b"work\n")
    done = subprocess.run(
        [shutil.which(shell[0]), *shell[1:], "token"], capture_output=True, check=False, timeout=30,
        env={"PATH": f"{tmp_path}:{asked}:{os.defpath}", "OAUTH_CLI_HOME": home.folder},
    )  # fmt: skip
    if "portable" in shell[-1]:  # which has no use for it
        assert done.stdout == f"{TOKEN}\n".encode()
    else:
        assert (done.returncode, done.stdout, done.stderr) == (77, b"Python is asked\n", b"")


# what Python is given

REPORT = """#!{python} -IS
import json, os, signal, sys
json.dump(dict(
    argv=sys.argv, stdin=sys.stdin.read(), fds=sorted(map(int, os.listdir("/dev/fd"))),
    environ=dict((k.decode("latin-1"), v.decode("latin-1")) for k, v in os.environb.items()),
    ignored=[s for s in {signals} if signal.getsignal(s) == signal.SIG_IGN],
), sys.stdout)
"""
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
OWN = {"PWD", "OLDPWD", "SHLVL", "_"}
"""What shells themselves set or count, whatever they run."""


@pytest.fixture
def report(tmp_path):
    """Return what runs a command line with a python3 that reports what it was given."""
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "python3").write_text(REPORT.format(python=sys.executable, signals=tuple(map(int, SIGNALS))))
    (folder / "python3").chmod(0o755)

    def run(command, environ):
        env = {"PATH": f"{folder}{os.pathsep}{os.defpath}", "PYTHONCOERCECLOCALE": "0", **environ}
        done = subprocess.run(
            command, env=env, input=b"typed\0in\n", capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        found = json.loads(done.stdout)
        assert found["stdin"] == "typed\0in\n"
        return found, env

    return run


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["login", "--scope", "a b", "", "*", "$x", "a'b\"c\\", "\n", "--", "-c"],
        ["token"],
        ["token", "--profile", "work"],
    ],
    ids=repr,
)
@pytest.mark.parametrize("locale", [{}, {"LC_ALL": ""}, {"LC_ALL": "C.UTF-8"}], ids=repr)
def test_python_gets_all_that_was_given(argv, locale, shell, report, tmp_path):
    home = Home(str(tmp_path / "home"))
    home.session(expires_at=1)
    home.file("default", b"work\n")
    names = ["profile", "config", "state", "file", "default", "default_length", "version", "source", "offset", "now"]
    names += ["rest", "seen", "prefix", "letter", "length", "expires_at", "issued_at", "python"]
    environ = {**home.environ, **locale, **dict.fromkeys(names, "mine"), "BYTES": "\udcff\n x ", "EMPTY": ""}
    found, given = report([*shell, *argv], environ)
    assert found["argv"][1:] == [shell[-1], *argv]
    environb = {os.fsencode(k).decode("latin-1"): os.fsencode(v).decode("latin-1") for k, v in given.items()}
    assert {k: v for k, v in found["environ"].items() if k not in OWN} == environb
    assert found["ignored"] == [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN]


def test_python_gets_the_options_of_the_shell_as_they_were(bash, launcher, report, tmp_path):
    home = Home(str(tmp_path / "home"))
    home.session(expires_at=1)
    environ = {**home.environ, "SHELLOPTS": "braceexpand"}
    options = [report([bash, str(launcher), *argv], environ)[0]["environ"]["SHELLOPTS"] for argv in ([], ARGV)]
    assert options[0] == options[1]


@pytest.mark.parametrize("argv", [["status"], ["token"]], ids=repr)
def test_open_files_stay_open_and_no_others_come(argv, shell, report, tmp_path):
    home = Home(str(tmp_path / "home"))
    home.session(expires_at=1)
    home.file("default", b"work\n")
    opening = ["sh", "-c", '"$@" 3</dev/null 4</dev/null 9</dev/null', "sh"]
    found, _ = report([*opening, *shell, *argv], home.environ)
    assert found["fds"][:6] == [0, 1, 2, 3, 4, 5]  # 5 is the listing's own
    assert found["fds"][6:] == [9]


# output


@pytest.fixture
def signed_in(tmp_path):
    home = Home(str(tmp_path / "home"))
    home.session()
    return home.environ


ARGV = ["token", "--profile", "work"]


def test_where_a_reader_went_away_python_decides(shell, asked, signed_in):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*shell, *ARGV], env={"PATH": asked + os.pathsep + os.defpath, **signed_in}, stdout=writing,
            stderr=subprocess.PIPE, check=False, timeout=30,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert done.returncode == -signal.SIGPIPE  # the stand-in for Python: the signal is as we were given it


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", "<&-", "2>&-", "<&- 2>&-"])
def test_closed_and_full_outputs_are_for_python(redirection, shell, asked, signed_in, tmp_path):
    witness = tmp_path / "asked"
    (tmp_path / "python3").write_text(f"#!/bin/sh\n: >'{witness}'\nexit 77\n")
    (tmp_path / "python3").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *shell, *ARGV], capture_output=True, check=False, timeout=30,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}", **signed_in},
    )  # fmt: skip
    if ">&-" in redirection.split() or "full" in redirection:
        assert (done.returncode, done.stdout, done.stderr, witness.exists()) == (77, b"", b"", True)
    else:
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{TOKEN}\n".encode(), b"")


@pytest.mark.parametrize("room", [len(TOKEN) - 5, len(TOKEN)])
def test_nothing_is_printed_behind_half_a_token(room, shell, asked, signed_in, tmp_path):
    limited = (  # not in a preexec_fn: Python warns of that as soon as any test has left a thread
        "import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room})); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    with open(tmp_path / "out", "wb") as out:
        done = subprocess.run(
            [sys.executable, "-I", "-c", limited, *shell, *ARGV], stdout=out, stderr=subprocess.PIPE, check=False,
            env={"PATH": asked + os.pathsep + os.defpath, **signed_in}, timeout=30,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (9, b"error: the answer could not be written\n")
    assert (tmp_path / "out").read_text() == f"{TOKEN}\n"[:room]


def test_a_file_takes_the_token(shell, asked, signed_in, tmp_path):
    with open(tmp_path / "out", "wb") as out:
        env = {"PATH": asked + os.pathsep + os.defpath, **signed_in}
        assert subprocess.run([*shell, *ARGV], env=env, stdout=out, check=False, timeout=30).returncode == 0
    assert (tmp_path / "out").read_text() == f"{TOKEN}\n"


# interpreters


def test_without_any_python_it_says_so_in_one_line(shell, tmp_path):
    command = [shutil.which(shell[0]), *shell[1:], "status"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr == "oauth-cli needs Python 3.10 or newer: PATH has neither python3 nor python. Install it first.\n"
    )


def test_any_python_will_do_because_it_goes_on_with_a_newer_one(shell, tmp_path):
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "python").chmod(0o755)
    command = [shutil.which(shell[0]), *shell[1:], "status"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (0, f"{shell[-1]} status\n")


@pytest.mark.parametrize("options", ["xtrace", "allexport", "verbose", "errexit", "noglob"])
@pytest.mark.parametrize("system", ["launcher", "portable"])
def test_a_shell_with_options_leaves_it_to_python(options, system, bash, asked, signed_in, request):
    done = subprocess.run(
        [bash, "--posix", str(request.getfixturevalue(system)), *ARGV], capture_output=True, check=False, timeout=30,
        env={"PATH": asked + os.pathsep + os.defpath, "SHELLOPTS": options, **signed_in},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (77, b"Python is asked\n")
    assert TOKEN.encode() not in done.stderr


def test_no_child_of_the_shell_has_the_token_in_its_environment_or_the_session_open(shell, asked, signed_in, tmp_path):
    """Whatever the names are of the variables that the caller has exported."""
    witness, opened = tmp_path / "environment", tmp_path / "opened"
    names = set(re.findall(r"[a-z_]+", _build_pyz.launcher().decode())) - {"oauth_cli_line"}
    for name in ("stat", "ls", "date", "head", "wc"):
        real = shutil.which(name)
        (tmp_path / name).write_text(
            f'#!/bin/sh\n[ ! -e /dev/fd/3 ] || echo {name} >>"{opened}"\n'
            f'{shutil.which("env")} >>"{witness}"\nexec {real} "$@"\n'
        )
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [*shell, *ARGV], capture_output=True, check=False, timeout=30,
        env={**dict.fromkeys(names, "mine"), "PATH": f"{tmp_path}:{asked}:{os.defpath}", **signed_in},
    )  # fmt: skip
    assert done.stdout == f"{TOKEN}\n".encode()
    assert "PATH=" in witness.read_text()
    assert TOKEN not in witness.read_text()
    assert not opened.exists()


@pytest.mark.parametrize("name", ["ls", "date", "head", "wc"])
def test_a_tool_that_fails_is_a_doubt(name, portable, asked, signed_in, tmp_path):
    (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["sh", str(portable), *ARGV], capture_output=True, check=False, timeout=30,
        env={"PATH": f"{tmp_path}:{asked}:{os.defpath}", **signed_in},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (77, b"Python is asked\n", b"")
