"""``exec``: the program that takes the command's place, as itself sees it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from command import LONGEST, Command

REPORT = """
import json, os, sys
read = lambda name: open(f"/proc/self/{name}", "rb").read().decode().split("\\0")[:-1]
descriptors = {}
for number in os.listdir("/proc/self/fd"):
    try:
        descriptors[number] = os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        pass  # the one that lists the others
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
with open(sys.argv[1], "w") as file:
    json.dump({
        "argv": read("cmdline"),
        "environ": dict(line.split("=", 1) for line in read("environ")),
        "parent": os.getppid(),
        "descriptors": descriptors,
        "signals": {name: status[name] for name in ("SigBlk", "SigIgn")},
    }, file)
"""
"""A program that says how it was started; signals are as the shell's children have them, but for Python's own."""

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def signed_in(pyz: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """One session for all: none of these tests changes it but to a newer token."""
    command = Command(pyz, str(tmp_path_factory.mktemp("user")))
    command.login()
    yield command
    command.close()


@pytest.fixture
def run(pyz: str, signed_in: Command) -> Run:
    """Run a program by ``exec``."""

    def run(
        *command: str, env: Mapping[str, str] | None = None, options: Sequence[str] = (), **how: object
    ) -> subprocess.CompletedProcess[bytes]:
        argv = [sys.executable, pyz, "exec", *options, "--", *command]
        environ = {**signed_in.env, **(env or {})}
        pipes = {"stdin": subprocess.DEVNULL} if "input" not in how else {}
        return subprocess.run(argv, env=environ, capture_output=True, timeout=LONGEST, check=False, **{**pipes, **how})

    return run


@pytest.fixture
def report(run: Run, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Return what a program says of how it was started by ``exec``."""

    def report(**how: object) -> dict[str, object]:
        done = run(sys.executable, "-I", "-S", "-c", REPORT, str(tmp_path / "report"), **how)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        with open(tmp_path / "report", encoding="utf-8") as file:
            value = json.load(file)
        assert isinstance(value, dict)
        return value

    return report


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_token_is_in_the_environment_alone_and_all_else_is_as_it_was(report, signed_in: Command) -> None:
    token = signed_in.stored().access_token
    seen = report(env={"OAUTH_CLI_MOCK_CLIENT_SECRET": "s3cret", "PYTHONUTF8": "0"})

    assert seen["environ"] == {
        **signed_in.env,
        "OAUTH_CLI_MOCK_CLIENT_SECRET": "s3cret",
        "PYTHONUTF8": "0",
        "OAUTH_ACCESS_TOKEN": token,
    }
    assert token not in str(seen["argv"])
    assert seen["parent"] == os.getpid()  # it has taken the command's place: nobody stands between


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_variable_can_be_chosen(report, signed_in: Command) -> None:
    seen = report(options=["--env", "GH_TOKEN"])

    assert seen["environ"] == {**signed_in.env, "GH_TOKEN": signed_in.stored().access_token}


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_streams_and_signals_are_those_of_the_shell(report, tmp_path: Path) -> None:
    """No descriptor of ours is left, one that the caller passes on is there, and Python's ignored signals are not."""
    with open(tmp_path / "passed", "wb") as file:
        passed = file.fileno()
        seen = report(pass_fds=[passed])

    kinds = {int(number): target.partition(":")[0] for number, target in seen["descriptors"].items()}
    own = {number: kind for number, kind in kinds.items() if not kind.startswith("/proc/")}
    assert own == {0: "/dev/null", 1: "pipe", 2: "pipe", passed: str(tmp_path / "passed")}
    # the program is Python, which ignores SIGPIPE (13) and SIGXFSZ (25) itself
    assert int(seen["signals"]["SigIgn"], 16) & ~(1 << 12 | 1 << 24) == 0
    assert int(seen["signals"]["SigBlk"], 16) == 0


def test_a_closed_pipe_ends_the_program_as_it_would_without_us(run: Run) -> None:
    """SIGPIPE: Python ignores it from its start, and what is ignored stays ignored."""
    assert run("sh", "-c", "(while echo y; do :; done; echo went on >&2) | head -1").stderr == b""


def test_standard_input_and_output_are_the_callers(run: Run) -> None:
    data = bytes(range(256)) * 4096

    done = run("sh", "-c", "cat; echo for people >&2", input=data)

    assert (done.stdout, done.stderr) == (data, b"for people\n")


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize(("redirect", "left"), [("<&-", "12"), (">&-", "02"), ("2>&-", "01"), ("<&- >&- 2>&-", "")])
def test_what_the_caller_closed_is_closed(
    pyz: str, signed_in: Command, tmp_path: Path, redirect: str, left: str
) -> None:
    program = f'exec 9>"{tmp_path}/open"; for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && printf $n >&9; done; exit 0'
    shell = f'"$0" "$1" exec -- sh -c "$2" {redirect}'

    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, pyz, program], env=signed_in.env, timeout=LONGEST, check=False
    )

    assert (done.returncode, (tmp_path / "open").read_text()) == (0, left)


@pytest.mark.parametrize("status", [0, 1, 4, 10, 255])
def test_the_exit_status_is_the_programs(run: Run, status: int) -> None:
    done = run("sh", "-c", f"exit {status}")

    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_a_program_that_is_not_there_is_127(run: Run) -> None:
    for name in ("no-such-program", "./no-such-program", "/dev/null/program", ""):
        done = run(name)
        assert (done.returncode, done.stdout) == (127, b"")
        assert done.stderr.startswith(b"error: there is no program")


def test_a_program_that_cannot_be_run_is_126(run: Run, tmp_path: Path) -> None:
    made = {
        "not-executable": (b"#!/bin/sh\n", 0o644),
        "garbage": (b"\x7fGARBAGE", 0o755),
        "no-interpreter": (b"#!/no/such\n", 0o755),
    }
    for name, (content, mode) in made.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)

    for path in (tmp_path, *(tmp_path / name for name in made)):
        done = run(str(path))
        assert (done.returncode, done.stdout) == (126, b""), path
        assert b"cannot be run: " in done.stderr
        assert len(done.stderr.splitlines()) == 2


def test_its_options_are_its_own(run: Run) -> None:
    assert run("printf", "%s|", "--profile", "x", "-q", "--", "--help").stdout == b"--profile|x|-q|--|--help|"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_that_ends_the_program_is_what_the_caller_sees(run: Run, number: signal.Signals) -> None:
    assert run("sh", "-c", f"kill -{number.value} $$").returncode == -number


def test_a_signal_reaches_the_program_itself(pyz: str, signed_in: Command) -> None:
    program = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done"
    argv = [sys.executable, pyz, "exec", "--", "sh", "-c", program]
    with subprocess.Popen(argv, env=signed_in.env, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"caught\n"
        assert process.wait(LONGEST) == 3


def test_without_a_session_the_program_is_not_run(pyz: str, oauth_cli: Command) -> None:
    done = oauth_cli("exec", "--", "sh", "-c", "echo ran")

    assert (done.returncode, done.stdout) == (4, "")


def test_an_expired_session_is_refreshed_before(run: Run, signed_in: Command) -> None:
    before = signed_in.stored().access_token
    signed_in.expire()

    done = run("sh", "-c", 'printf %s "$OAUTH_ACCESS_TOKEN"')

    assert done.stdout.decode() == signed_in.stored().access_token != before


def test_what_was_unpacked_for_this_process_alone_is_removed(run: Run, signed_in: Command, tmp_path: Path) -> None:
    """An exec skips what Python does at its end; the temporary folder of a .pyz without a cache must go as well."""
    home = tmp_path / "home"
    shutil.copytree(os.path.join(signed_in.home, "sessions"), home / "sessions")
    (home / "cache").write_bytes(b"")  # a file: nothing can be unpacked there
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    done = run(
        "sh",
        "-c",
        'ls -A "$TMPDIR"',
        env={"TMPDIR": str(temporary), "OAUTH_CLI_HOME": str(home), "OAUTH_CLI_PROFILE": "mock"},
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
