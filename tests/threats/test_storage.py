"""Threats 59, 60 and 64 in short; tests/e2e tries all of 58 to 67 with the built file, real disks and other users."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oauth_cli_login.adapters.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has none of what these are made of")

LOGIN = ("login", "--provider", "mock", "--timeout", "10")


@pytest.fixture
def expired(signed_in, clock):
    """Store a session whose access token has to be renewed."""
    return lambda **changes: signed_in(
        expires_at=int(clock()) - 10, issued_at=int(clock()) - 3610, id_token=None, **changes
    )


@pytest.mark.parametrize("command", [("token",), ("logout",), LOGIN], ids=lambda command: command[0])
@pytest.mark.parametrize("name", ["mock", ".mock.lock", ""], ids=["session", "lock", "folder"])
def test_threat_59_a_link_in_the_place_of_what_is_ours_is_refused(
    cli, server, robot, expired, session_file, tmp_path, name, command
):
    """Session, lock or folder is a link to somewhere else: that place is not read, not written and not chmodded."""
    expired()
    place, target = session_file(name), tmp_path / "target"
    if place.exists():
        place.rename(target)
    else:
        target.touch()
    os.chmod(target, 0o755 if target.is_dir() else 0o644)
    place.symlink_to(target)
    before = seen(target)

    done = cli(*command)

    assert done.failed(9)
    assert place.is_symlink()
    assert seen(target) == before
    if (name, command) != (".mock.lock", LOGIN):  # a login takes the lock when it has something to store
        assert server.received("/token") == []
        assert robot.urls == []


def seen(target: Path) -> list[object]:
    """Return all there is to see of a file or folder."""
    inside = sorted((path.name, path.read_bytes()) for path in target.iterdir()) if target.is_dir() else []
    return [stat.S_IMODE(target.stat().st_mode), inside, b"" if target.is_dir() else target.read_bytes()]


def test_threat_59_a_link_where_the_new_file_is_written_is_not_followed(cli, expired, server, session_file, tmp_path):
    """What lies at the temporary file's place is replaced, not written through."""
    expired()
    server.tokens = {"id_token": None}
    target = tmp_path / "target"
    target.write_text("theirs")
    session_file(".mock.new").symlink_to(target)

    assert cli("token").status == 0
    assert target.read_text() == "theirs"
    assert not session_file().is_symlink()


KILLED = """
import os, shutil, sys
import oauth_cli_login.adapters.http, oauth_cli_login.commands.token, oauth_cli_login.session
from oauth_cli_login.cli import main

template, homes = sys.argv[1:]
seen = 0

def step(name, last):
    global seen
    seen += 1
    if seen == last:
        os.write(2, f"killed at {name}\\n".encode())
        os.kill(os.getpid(), 9)

def die_at(last):
    def audited(event, arguments):
        ours = any(isinstance(argument, str) and argument.startswith(homes) for argument in arguments)
        if ours and event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod"):
            step(event, last)

    fsync = os.fsync
    os.fsync = lambda handle: (step("before fsync", last), fsync(handle), step("after fsync", last))
    sys.addaudithook(audited)

for number in range(1, 100):
    home = os.path.join(homes, str(number))
    shutil.copytree(template, home)
    child = os.fork()
    if not child:
        die_at(number)
        os._exit(main(["token"], {**os.environ, "OAUTH_CLI_HOME": home}))
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    assert os.WTERMSIG(status) == 9, status
"""
"""Renew copies of one session, each in a process that is killed at another step of what it does to the file system."""


def test_threat_60_killed_at_any_step_the_session_is_the_old_or_the_new_one(
    cli, environ, server, expired, clock, home, tmp_path
):
    """Between lock and release: whatever the moment, the file is whole, and the next command goes on from it."""
    clock.now = time.time()
    expired()
    server.tokens = {"id_token": None}
    homes = tmp_path / "homes"
    homes.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(homes)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    killed = done.stderr.splitlines()
    found = [Store({"OAUTH_CLI_HOME": str(homes / str(number))}).read("mock") for number in range(1, len(killed) + 2)]
    old = [profile.session.access_token == "stored-access-token" for profile in found]
    assert len(killed) >= 8, killed
    assert old == sorted(old, reverse=True), "once it is the new one it stays so"
    assert {True, False} == set(old)
    for number in range(1, len(killed) + 2):
        assert cli("token", OAUTH_CLI_HOME=str(homes / str(number))).status == 0


HOLDER = """
import sys, time
from oauth_cli_login.adapters.lock import locked
with locked(sys.argv[1], timeout=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_threat_64_where_the_holder_of_the_lock_is_killed_the_next_goes_on(cli, server, expired, session_file):
    """A lock ends with its process: nobody has to remove anything."""
    expired()
    server.tokens = {"id_token": None}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(session_file(".mock.lock"))], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()

    assert cli("token").status == 0
    assert len(server.received("/token")) == 1


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_threat_64_a_file_system_without_locks_is_told_at_once(cli, server, expired, monkeypatch, number):
    """It is not waited for, and nothing is spent."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    expired()
    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("oauth_cli_login.adapters.store.LOCK_TIMEOUT", 0.2)

    assert cli("token").failed(9, "cannot be locked", os.strerror(number))
    assert server.received("/token") == []


def test_threat_65_a_file_of_a_newer_version_is_left_alone(cli, server, robot, signed_in, session_file):
    """Another release's format is not guessed at, nor written over by a login."""
    signed_in()
    newer = b"2" + session_file().read_bytes()[1:]
    session_file().write_bytes(newer)

    for command in (("token",), LOGIN, ("logout", "--forget")):
        assert cli(*command).failed(9, "a newer oauth-cli wrote it")
    assert session_file().read_bytes() == newer
    assert robot.urls == []
    assert json.dumps(server.requests) == "[]"
