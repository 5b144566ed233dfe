"""One holder at a time: between threads as between processes, and whatever becomes of the holder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from oauth_cli_login.adapters import lock as lock_module
from oauth_cli_login.adapters.lock import LockHeldError, locked

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and links mean something else there")

HOLDER = """
import sys
from oauth_cli_login.adapters.lock import locked
with locked(sys.argv[1], timeout=5):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


@pytest.fixture
def holder(path: str):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        process.stdout.readline()
        yield process
        process.kill()


def test_another_process_is_waited_for_no_longer_than_allowed(path, holder):
    started = time.monotonic()
    with pytest.raises(LockHeldError), locked(path, timeout=0.2):
        pytest.fail("it was had twice")
    assert time.monotonic() - started >= 0.2


class Clock:
    """Seconds that pass while somebody sleeps."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("patience", "told"), [(0, [100.0]), (2, [102.0]), (30, [])])
def test_whoever_waits_is_told_once_and_not_at_once(path, holder, monkeypatch, patience, told):
    clock, at = Clock(), []
    monkeypatch.setattr(lock_module, "time", clock)
    with pytest.raises(LockHeldError), locked(path, timeout=9, waiting=lambda: at.append(clock.now), patience=patience):
        pytest.fail("it was had twice")
    assert at == pytest.approx(told, abs=0.05)
    assert clock.now == pytest.approx(109)


def test_it_is_had_as_soon_as_the_other_process_lets_go(path, holder):
    threading.Timer(0.2, holder.stdin.close).start()
    with locked(path, timeout=30):
        pass


def test_threat_64_it_ends_with_a_process_that_is_killed(path, holder):
    holder.kill()
    holder.wait()
    with locked(path, timeout=1):
        pass


def test_threads_of_one_process_exclude_each_other(path):
    inside, most = 0, 0

    def enter():
        nonlocal inside, most
        with locked(path, timeout=30):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_it_is_let_go_where_the_block_fails(path):
    with pytest.raises(RuntimeError), locked(path, timeout=1):
        raise RuntimeError
    with locked(path, timeout=0):
        pass


def test_a_child_of_the_holder_does_not_hold_it(path):
    with locked(path, timeout=1):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with child, locked(path, timeout=0):
        child.communicate(b"\n")


@posix_only
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/etc/hostname", path)])
def test_what_is_no_file_is_refused(path, make):
    make(path)
    with pytest.raises(ValueError, match="not a regular file"), locked(path, timeout=1):
        pytest.fail("it was locked")


@posix_only
def test_somebody_elses_file_is_refused(path, monkeypatch):
    Path(path).touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(path).st_uid + 1)
    with pytest.raises(ValueError, match="another user"), locked(path, timeout=1):
        pytest.fail("it was locked")


@posix_only
def test_the_file_is_for_its_owner_whatever_the_umask(path):
    before = os.umask(0)
    try:
        with locked(path, timeout=1):
            assert os.stat(path).st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_file_system_without_locks_is_an_error_at_once(path, monkeypatch):
    def refuse(_handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock_module, "_try", refuse)
    started = time.monotonic()
    with pytest.raises(OSError, match="No locks available"), locked(path, timeout=30):
        pytest.fail("it was had")
    assert time.monotonic() - started < 10


FORKED = """
import os, sys, time
from oauth_cli_login.adapters.lock import locked
with locked(sys.argv[1], timeout=5):
    child = os.fork()
    if not child:
        os.closerange(0, 3)
        time.sleep(60)
        os._exit(0)
print(child, flush=True)
"""


@posix_only
def test_a_child_that_was_forked_meanwhile_does_not_keep_it(path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, path], stdout=subprocess.PIPE, text=True, check=True, timeout=30
    )
    child = int(done.stdout)
    try:
        with locked(path, timeout=0):
            pass
    finally:
        os.kill(child, 9)
