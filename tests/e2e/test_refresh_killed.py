"""A process that is killed while it refreshes: the session is valid afterwards, or a person is told to sign in again.

It is killed before each system call that it makes while it holds the lock, and at random moments. Of what a kill may
cost, three cases are told apart by what the server saw and by what is stored:

- the server has not seen the refresh token: the session is as it was, and renews itself;
- the new session is stored: it is used, and the server is not asked again;
- in between: the refresh token is spent and its answer is lost. The provider ends the session, and we say so.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import HERE, LONGEST, Command, Finished
from servers import runtime
from servers.rotating import PROFILE, Rotating

AT_RANDOM = 200
OF_THE_FILE = 12
"""Kills of the built file itself: each of them costs its start, twice."""


class Killed:
    """One profile, commands that refresh it, and what has become of it."""

    def __init__(self, oauth_cli: Command, server: Rotating, python: str) -> None:
        self.oauth_cli, self.server = oauth_cli, server
        self.session = oauth_cli.session_file(PROFILE)
        self.outcomes: Counter[str] = Counter()
        build = os.path.join(oauth_cli.home, "cache", "pyz")
        assert oauth_cli("--version").returncode == 0  # unpacks it
        (name,) = os.listdir(build)
        argv = [python, os.path.join(HERE, "forked.py"), os.path.join(build, name, "site-packages")]
        self._process = subprocess.Popen(
            [*argv, oauth_cli.home],
            env={**oauth_cli.env, "OAUTH_CLI_PROFILE": PROFILE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.communicate(timeout=LONGEST)

    def expire(self) -> None:
        """Have a session whose access token is over, and nothing that an earlier run left."""
        folder = os.path.dirname(self.session)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            os.unlink(os.path.join(folder, name))
        self.oauth_cli.store(self.server.session_file(self.server.issue()), PROFILE)

    def start(self, how: str) -> int:
        """Start ``token`` in a child, and return the child's process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{how} token\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> Finished:
        """Return how the child ended; a signal is a negative exit status."""
        status = os.waitstatus_to_exitcode(int(self._line()))
        texts = []
        for name in ("stdout", "stderr"):
            with open(os.path.join(self.oauth_cli.home, name), encoding="utf-8") as file:
                texts.append(file.read())
        return Finished(status, *texts)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks has ended"
        return line

    def traced(self, *options: str) -> Finished:
        """Run ``token`` under strace, which sees no system call of before."""
        pid = self.start("hold")
        deadline = time.monotonic() + LONGEST
        while _state(pid) != "T":
            assert time.monotonic() < deadline, "it did not stop"
            time.sleep(0.001)
        argv = [runtime.command("strace"), "-f", *options, "-p", str(pid)]
        strace = subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert strace.stderr is not None
        first = strace.stderr.readline()
        os.kill(pid, signal.SIGCONT)
        done = self.end()
        strace.communicate(timeout=LONGEST)
        if "attached" not in first:
            runtime.missing(f"strace may not trace: {first.strip()}")
        return done

    def killed_after(self, seconds: float) -> Finished:
        """Run ``token``, and kill it so many seconds after its start, if it is still there."""
        pid = self.start("run")
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return self.end()

    def run_again(self) -> Finished:
        """Run ``token`` once more, to its end, and nobody kills it."""
        self.start("run")
        return self.end()

    def judge(self, again: Finished, spent: int, stored: bytes) -> None:
        """Hold what the second run did against what the server and the disk had seen when the first was killed."""
        before = self.server.refreshes - spent
        said = f"{spent} spent, then {before}: {again}"
        assert before <= 1, said
        renewed = stored == self._stored and again.returncode == 0
        if not spent:
            outcome = "as it was"
            assert (again.returncode, before) == (0, 1), said
        elif renewed:
            outcome = "renewed"
            assert before == 0, said
        else:
            outcome = "signs in again"
            assert again.returncode == 4, said
            assert "Sign in again: oauth-cli login --profile work" in again.stderr, said
            assert self._stored == stored, said
        if again.returncode == 0:
            assert again.stdout == self.oauth_cli.stored(PROFILE).access_token + "\n", said
            assert not self.server.family_has_ended, said
        assert not [name for name in os.listdir(os.path.dirname(self.session)) if name.endswith(".new")]
        self.outcomes[outcome] += 1

    def check(self) -> None:
        """Run again after a kill, and judge."""
        self.server.settle()
        spent, stored = self.server.refreshes, self._stored
        again = self.run_again()
        self.server.settle()
        self.judge(again, spent, stored)

    @property
    def _stored(self) -> bytes:
        with open(self.session, "rb") as file:
            return file.read()


@pytest.fixture
def killed(oauth_cli: Command, rotating: Rotating, bare_python: str) -> Iterator[Killed]:
    if not os.path.isdir("/proc/self"):
        runtime.missing("there is no /proc to see a process stop in")
    world = Killed(oauth_cli, rotating, bare_python)
    yield world
    world.close()


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def calls_under_the_lock(log: str) -> list[tuple[str, int]]:
    """Return each system call between lock and release: its name, and the how many-th of its thread it is."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], None] = {}
    handle, inside = None, False
    for line in log.splitlines():
        call = re.match(r"(\d+) +(\w+)\((.*)", line)
        if not call:
            continue  # the end of a call that another thread's came in between, or a signal
        thread, name, rest = call.groups()
        seen[thread, name] += 1
        if opened := re.search(rf'\.{PROFILE}\.lock".* = (\d+)$', rest):
            handle = opened[1]
        if inside:
            found[name, seen[thread, name]] = None
        if name == "flock" and rest.endswith("= 0"):
            inside = True
        elif name == "close" and rest.startswith(f"{handle})"):
            inside = False
    assert found
    assert not inside
    return list(found)


OUTCOMES = {"as it was", "renewed", "signs in again"}


def test_threat_60_killed_at_every_system_call_between_lock_and_release(killed: Killed, tmp_path: Path) -> None:
    log = tmp_path / "log"
    calls, before = [], None
    deadline = time.monotonic() + LONGEST
    while before is None or len(calls) < 0.95 * before:  # the first runs make what stays: what providers there are
        assert time.monotonic() < deadline, "each run makes fewer calls than the one before"
        before = len(calls) or None
        time.sleep(2.5)  # a folder that has just changed is looked at again
        killed.expire()
        assert killed.traced("-o", str(log)).returncode == 0
        killed.server.settle()
        calls = calls_under_the_lock(log.read_text())
    assert {"connect", "sendto", "recvfrom", "fsync", "rename"} <= {name for name, _ in calls}
    deaths = 0
    for name, number in calls:
        killed.expire()
        done = killed.traced("-o", os.devnull, "-e", f"inject={name}:signal=SIGKILL:when={number}")
        assert done.returncode in (0, -signal.SIGKILL), (name, number, done)
        deaths += done.returncode != 0  # threads do not wait for each other in the same way each time
        killed.check()
    assert deaths > 0.9 * len(calls)
    assert set(killed.outcomes) == OUTCOMES


def test_threat_63_what_a_kill_costs_depends_on_what_the_server_saw(killed: Killed) -> None:
    """The three cases, each at the call that begins it; a second ``token`` after "sign in again" says the same."""
    for call, outcome in {
        "fsync:signal=SIGKILL:when=1": "as it was",  # it is seen whether the store can be written
        "sendto:signal=SIGKILL:when=2": "as it was",  # the headers alone: half a request
        "recvfrom:signal=SIGKILL:when=1": "signs in again",
        "rename:signal=SIGKILL:when=1": "signs in again",
        "fsync:signal=SIGKILL:when=3": "renewed",  # the folder's
    }.items():
        killed.expire()
        killed.outcomes.clear()
        assert killed.traced("-o", os.devnull, "-e", f"inject={call}").returncode == -signal.SIGKILL
        killed.check()
        assert set(killed.outcomes) == {outcome}, call
        if outcome == "signs in again":
            sent = killed.server.refreshes
            done = killed.run_again()
            assert (done.returncode, done.stdout) == (4, "")
            assert killed.server.refreshes <= sent + 1


def test_threat_60_killed_at_two_hundred_random_moments(killed: Killed) -> None:
    lengths = []
    for _ in range(5):
        killed.expire()
        started = time.monotonic()
        assert killed.run_again().returncode == 0
        lengths.append(time.monotonic() - started)
        killed.server.settle()
    longest = 1.2 * statistics.median(lengths)
    for _ in range(AT_RANDOM):
        killed.expire()
        done = killed.killed_after(random.uniform(0, longest))
        assert done.returncode in (0, -signal.SIGKILL), done
        killed.check()
    assert len(killed.outcomes) > 1


def test_threat_60_the_built_file_killed_at_random_moments(killed: Killed) -> None:
    oauth_cli = killed.oauth_cli
    killed.expire()
    started = time.monotonic()
    assert oauth_cli("token", "--profile", PROFILE).returncode == 0
    length = time.monotonic() - started
    for _ in range(OF_THE_FILE):
        killed.server.settle()
        killed.expire()
        running = oauth_cli.start("token", "--profile", PROFILE)
        time.sleep(random.uniform(0.3 * length, length))
        running.kill()
        killed.check()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)]
)
def test_threat_60_asked_to_end_while_the_refresh_token_is_away_it_stores_the_answer_first(
    number: signal.Signals, status: int, oauth_cli: Command, rotating: Rotating
) -> None:
    """Ctrl-C, ``timeout 5 oauth-cli token``, a terminal that is closed: they cost nobody the session."""
    oauth_cli.store(rotating.session_file(rotating.issue()), PROFILE)
    rotating.answers.clear()
    running = oauth_cli.start("token", "--profile", PROFILE)
    deadline = time.monotonic() + LONGEST
    while not rotating.refreshes:
        assert time.monotonic() < deadline, "nobody refreshes"
        time.sleep(0.02)
    os.kill(running.pid, number)
    time.sleep(0.3)
    running.check_alive()
    rotating.answers.set()
    done = running.finish()
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    again = oauth_cli("token", "--profile", PROFILE)
    assert again == Finished(0, oauth_cli.stored(PROFILE).access_token + "\n", "")
    assert rotating.refreshes == 1
