"""Disks that are full or closed, files that are not ours to trust, clocks and lifetimes that cannot be: real ones."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import LONGEST, ROBOT, Command, Finished
from servers import runtime
from servers.rotating import PROFILE, Rotating
from storage import NOBODY, Stranger, Tmpfs, need_root, tmpfs

TOKEN = ("token", "--profile", PROFILE)


@dataclass
class User:
    """One profile and its session file."""

    oauth_cli: Command
    server: Rotating

    @property
    def path(self) -> str:
        return self.oauth_cli.session_file(PROFILE)

    @property
    def lock(self) -> str:
        return self.beside(f".{PROFILE}.lock")

    def beside(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.path), name)

    def has_session(self, *, refresh_token: bool = True, expires_in: int = -10, issued_ago: int = 3610) -> bytes:
        """Store a session, and return the bytes of its file."""
        issued = self.server.issue()
        data = self.server.session_file(issued if refresh_token else None, expires_in=expires_in, issued_ago=issued_ago)
        self.oauth_cli.store(data, PROFILE)
        return data

    def token(self, *argv: str) -> Finished:
        return self.oauth_cli(*TOKEN, *argv)

    def login(self) -> tuple[Finished, bool]:
        """Try to sign in; return how it ended, and whether a browser was opened."""
        handed_over = self.oauth_cli.handed_over()
        done = self.oauth_cli.start_login(
            *("--profile", PROFILE, "--timeout", "1"), provider="oauth2", browser=handed_over.browser
        ).finish()
        return done, handed_over.was_started()

    def stored(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def assert_renewed(self, done: Finished) -> None:
        assert (done.returncode, done.stdout) == (0, self.oauth_cli.stored(PROFILE).access_token + "\n"), done.stderr
        assert self.server.refreshes == 1

    def assert_refused_before_anything(self, done: Finished, before: bytes, *words: str) -> None:
        """The storage is at fault, the server has seen nothing, and the file is what it was."""
        assert (done.returncode, done.stdout) == (9, ""), done.stderr
        for word in words:
            assert word in done.stderr
        assert self.server.requests == []
        assert self.stored() == before


@pytest.fixture
def user(oauth_cli: Command, rotating: Rotating) -> User:
    return User(oauth_cli, rotating)


# Umask


def test_threat_58_with_a_umask_of_0_all_is_private_from_its_first_byte(oauth_cli: Command, tmp_path: Path) -> None:
    """Seen from outside: with which mode the system was asked to make each file and folder.

    In the unpacked builds Python adds folders of its own; nobody else can enter the folder that they are in.
    """
    log = tmp_path / "log"
    strace = ("-f", "-o", str(log), "-e", "trace=open,openat,mkdir,umask")
    options = ("--port", str(oauth_cli.port), "--browser", f"{sys.executable} {ROBOT}")
    done = traced(oauth_cli, strace, "login", "--provider", "mock", *options, umask=0)
    assert done.returncode == 0, done.stderr
    modes, umask = {}, 0
    call = rf'umask\((0\d*)\)|(?:open|openat|mkdir)\((?:AT_FDCWD, )?"{oauth_cli.home}(\S*)", (?:.*O_CREAT.*, )?(0\d+)\b'
    for new_umask, name, mode in re.findall(call, log.read_text()):
        if new_umask:
            umask = int(new_umask, 8)
        elif not name.startswith("/cache/pyz/"):
            modes[name] = int(mode, 8) & ~umask
    assert {"", "/cache/pyz", "/.default.new", "/sessions", "/sessions/.mock.lock", "/sessions/.mock.new"} <= set(modes)
    assert {name for name, mode in modes.items() if mode & 0o077} == set()
    for name in modes:
        with contextlib.suppress(FileNotFoundError):  # it was renamed, or removed
            assert not stat.S_IMODE(os.lstat(oauth_cli.home + name).st_mode) & 0o077, name


def traced(oauth_cli: Command, strace: Sequence[str], *argv: str, umask: int = 0o022) -> Finished:
    """Run a command under strace."""
    done = subprocess.run(
        [runtime.command("strace"), *strace, sys.executable, oauth_cli.pyz, *argv],
        env=oauth_cli.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
        umask=umask,
    )
    if "Operation not permitted" in done.stderr and "ptrace" in done.stderr:
        runtime.missing(f"strace may not trace: {done.stderr.strip()}")
    return Finished(done.returncode, done.stdout, done.stderr)


# Links, and what belongs to somebody else


def test_threat_59_a_session_that_is_a_link_is_refused_and_its_target_untouched(user: User, tmp_path: Path) -> None:
    target = tmp_path / "target"
    before = user.has_session(expires_in=3600)
    os.rename(user.path, target)
    os.symlink(target, user.path)
    os.chmod(target, 0o644)
    user.assert_refused_before_anything(user.token(), before, "symbolic link")
    done, browser = user.login()
    assert (done.returncode, browser) == (9, False), done.stderr
    assert os.path.islink(user.path)
    assert target.read_bytes() == before
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_threat_59_a_lock_that_is_a_link_is_refused_and_its_target_untouched(user: User, tmp_path: Path) -> None:
    target = tmp_path / "target"
    before = user.has_session()
    os.symlink(target, user.lock)
    user.assert_refused_before_anything(user.token(), before, user.lock)
    assert not target.exists()


def test_threat_59_a_link_where_the_new_file_is_written_is_not_followed(user: User, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("theirs")
    user.has_session()
    os.symlink(target, user.beside(f".{PROFILE}.new"))
    user.assert_renewed(user.token())
    assert target.read_text() == "theirs"
    assert not os.path.islink(user.path)


def test_threat_59_a_session_folder_that_is_a_link_is_not_written_to(user: User, tmp_path: Path) -> None:
    before = user.has_session()
    folder, target = os.path.dirname(user.path), tmp_path / "target"
    os.rename(folder, target)
    os.symlink(target, folder)
    user.assert_refused_before_anything(user.token(), before, "not a folder")
    assert os.listdir(target) == [PROFILE]


@pytest.mark.parametrize("name", [PROFILE, f".{PROFILE}.lock", ""])
def test_threat_59_what_belongs_to_somebody_else_is_refused(name: str, user: User) -> None:
    """The session, its lock, the folder of both: a root who runs it must not be led on by a user, nor by another."""
    need_root("own what is somebody else's")
    before = user.has_session()
    path = user.beside(name)
    if not os.path.exists(path):
        Path(path).touch(0o600)
    os.chown(path, NOBODY, NOBODY)
    user.assert_refused_before_anything(user.token(), before, "belongs to another user")
    assert os.lstat(path).st_uid == NOBODY


def test_threat_59_somebody_elses_file_where_the_new_one_is_written_is_removed_not_used(user: User) -> None:
    need_root("own what is somebody else's")
    user.has_session()
    path = user.beside(f".{PROFILE}.new")
    Path(path).touch()
    os.chown(path, NOBODY, NOBODY)
    user.assert_renewed(user.token())
    assert os.lstat(user.path).st_uid == os.geteuid()


# Disks


@pytest.fixture
def disk(user: User, tmp_path: Path) -> Iterator[Tmpfs]:
    """64 KB, on which everything of the user's is kept."""
    with tmpfs(str(tmp_path / "disk"), size="64k") as mounted:
        user.oauth_cli.home = user.oauth_cli.env["OAUTH_CLI_HOME"] = os.path.join(mounted.folder, "home")
        yield mounted


def fill(disk: Tmpfs) -> None:
    """Leave not a byte."""
    with open(os.path.join(disk.folder, "full"), "wb") as file:
        space = os.statvfs(disk.folder)
        file.write(bytes(space.f_bavail * space.f_frsize))
    assert os.statvfs(disk.folder).f_bavail == 0


def test_threat_61_on_a_full_disk_no_refresh_token_is_spent(user: User, disk: Tmpfs) -> None:
    before = user.has_session()
    fill(disk)
    user.assert_refused_before_anything(user.token(), before, "No space left", "OAUTH_CLI_HOME")
    disk.remount("size=64m")
    user.assert_renewed(user.token())


def test_threat_61_on_a_disk_too_small_for_a_session_no_refresh_token_is_spent(user: User, disk: Tmpfs) -> None:
    """There is room for an empty file, and for a small one."""
    before = user.has_session()
    user.assert_refused_before_anything(user.token(), before, "No space left")
    assert sorted(os.listdir(os.path.dirname(user.path))) == [f".{PROFILE}.lock", PROFILE]


def test_threat_61_on_a_full_disk_no_browser_is_opened(user: User, disk: Tmpfs) -> None:
    before = user.has_session()
    fill(disk)
    done, browser = user.login()
    assert not browser
    user.assert_refused_before_anything(done, before, "No space left")


def test_threat_61_a_full_disk_still_has_its_cached_token(user: User, disk: Tmpfs) -> None:
    user.has_session(expires_in=3600)
    fill(disk)
    assert user.token() == Finished(0, user.oauth_cli.stored(PROFILE).access_token + "\n", "")


def test_threat_61_a_read_only_home_has_its_cached_token_and_spends_nothing(user: User, disk: Tmpfs) -> None:
    disk.remount("size=64m")
    user.has_session(expires_in=3600)
    disk.remount("ro")
    assert user.token() == Finished(0, user.oauth_cli.stored(PROFILE).access_token + "\n", "")
    disk.remount("rw")
    before = user.has_session()
    disk.remount("ro")
    user.assert_refused_before_anything(user.token(), before, "Read-only file system")
    done, browser = user.login()
    assert not browser
    user.assert_refused_before_anything(done, before, "Read-only file system")
    disk.remount("rw")
    user.assert_renewed(user.token())


@pytest.fixture
def stranger(pyz: str) -> Iterator[Stranger]:
    somebody = Stranger(pyz)
    yield somebody
    somebody.close()


def test_threat_61_another_user_who_may_read_his_home_and_not_write_it(stranger: Stranger, rotating: Rotating) -> None:
    sessions = os.path.join(stranger.home, "sessions")
    os.makedirs(sessions)
    path = os.path.join(sessions, PROFILE)

    def store(expires_in: int) -> bytes:
        data = rotating.session_file(rotating.issue(), expires_in=expires_in)
        Path(path).write_bytes(data)
        stranger.own(path, 0o600)
        for folder in (sessions, stranger.home):
            stranger.own(folder, 0o500)
        return data

    store(3600)
    assert stranger(*TOKEN) == Finished(0, "access-token-of-the-sign-in\n", "")
    before = store(-10)
    done = stranger(*TOKEN)
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert "Permission denied" in done.stderr
    assert rotating.requests == []
    assert Path(path).read_bytes() == before
    os.chmod(sessions, 0o700)
    assert stranger(*TOKEN).returncode == 0


@pytest.mark.parametrize("command", [TOKEN, ("status",), ("logout", "--profile", PROFILE), ("use", PROFILE)])
@pytest.mark.parametrize(("closed", "status"), [("home", 3), ("home/sessions", 9)])
def test_threat_61_another_user_who_may_not_read_the_home_at_all(
    closed: str, status: int, command: tuple[str, ...], stranger: Stranger
) -> None:
    """In the home stands config.toml as well, and it comes first: what it says is not guessed."""
    os.makedirs(os.path.join(stranger.home, "sessions"))
    os.chmod(os.path.join(stranger.folder, closed), 0o700)
    done = stranger(*command)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert "Permission denied" in done.stderr
    assert os.path.join(stranger.folder, closed) in done.stderr


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_threat_59_another_users_session_is_of_no_use_to_somebody_else(
    mode: int, stranger: Stranger, rotating: Rotating
) -> None:
    sessions = os.path.join(stranger.home, "sessions")
    os.makedirs(sessions)
    path = Path(sessions, PROFILE)
    path.write_bytes(rotating.session_file(rotating.issue(), expires_in=3600))
    path.chmod(mode)
    done = stranger(*TOKEN)
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == mode


# Locks


def test_threat_64_where_the_holder_of_the_lock_is_killed_the_next_goes_on(user: User) -> None:
    """The holder waits for its answer; the refresh token is spent, so that the next one can only say so."""
    user.has_session()
    user.server.answers.clear()
    holder = user.oauth_cli.start(*TOKEN)
    wait_for(lambda: user.server.refreshes == 1)
    waiting = user.oauth_cli.start(*TOKEN)
    wait_for(lambda: user.lock in open_files(waiting.pid))
    holder.kill()
    user.server.answers.set()
    done = waiting.finish()
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "Sign in again: oauth-cli login --profile work" in done.stderr
    user.has_session()
    assert os.path.exists(user.lock)
    user.assert_renewed(user.token())


def wait_for(condition) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def open_files(pid: int) -> set[str]:
    """Return the files that a process has open."""
    folder = f"/proc/{pid}/fd"
    if not os.path.isdir(folder):
        runtime.missing("there is no /proc to see from outside who waits for a lock")
    found = set()
    for handle in os.listdir(folder):
        try:
            found.add(os.readlink(os.path.join(folder, handle)))
        except FileNotFoundError:
            continue  # it was closed meanwhile
    return found


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_threat_64_a_file_system_without_locks_is_told_at_once(error: str, user: User, tmp_path: Path) -> None:
    before = user.has_session()
    log = tmp_path / "log"
    strace = ("-f", "-o", str(log), "-e", "trace=flock", "-e", f"inject=flock:error={error}")
    done = traced(user.oauth_cli, strace, *TOKEN)
    user.assert_refused_before_anything(done, before, "cannot be locked", user.lock)
    assert log.read_text().count("flock(") == 1


# Files that are not to be trusted


DAMAGED = {
    "empty": lambda data: b"",
    "cut short in its first line": lambda data: data[:9],
    "cut short in its token": lambda data: data[:40],
    "cut short in its JSON": lambda data: data[:-9],
    "no JSON": lambda data: data.split(b"{", 1)[0] + b"{nonsense",
    "another format": lambda data: b'{"access_token": "x"}',
    "binary": lambda data: bytes(range(256)) * 4,
    "a newer version": lambda data: b"2" + data[1:],
    "larger than any session": lambda data: data + b" " * (1 << 20),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_threat_65_a_file_that_is_not_to_be_trusted_is_left_as_it_is(name: str, user: User) -> None:
    data = DAMAGED[name](user.has_session(expires_in=3600))
    user.oauth_cli.store(data, PROFILE)
    os.chmod(user.path, 0o640)
    user.assert_refused_before_anything(user.token(), data, user.path, "is left alone")
    done, browser = user.login()
    assert not browser
    user.assert_refused_before_anything(done, data, user.path, "is left alone")
    assert stat.S_IMODE(os.stat(user.path).st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_could_read_is_mended_and_warned_of_once(mode: int, user: User) -> None:
    user.has_session(expires_in=3600)
    os.chmod(user.path, mode)
    done = user.token()
    token = user.oauth_cli.stored(PROFILE).access_token + "\n"
    assert (done.returncode, done.stdout) == (0, token)
    assert done.stderr == (
        f"warning: others could read {user.path}; it is private now. If somebody did, sign in again.\n"
    )
    assert stat.S_IMODE(os.stat(user.path).st_mode) == 0o600
    assert user.token() == Finished(0, token, "")


NO_NAMES = {
    "above": "../x",
    "slash": "a/b",
    "dots": "..",
    "emoji": "🙂",
    "300 characters": "x" * 300,
    "empty": "",
    "line end": "a\nb",
    "lock": ".work.lock",
}


@pytest.mark.parametrize("name", NO_NAMES)
def test_threat_65_what_cannot_name_a_profile_is_usage_and_makes_no_file(name: str, user: User) -> None:
    user.has_session(expires_in=3600)
    value = NO_NAMES[name]
    commands = [["token", f"--profile={value}"], ["login", "--provider", "mock", f"--profile={value}"]]
    for argv in commands:
        done = user.oauth_cli(*argv)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "cannot be the name of a profile" in done.stderr
        assert len(done.stderr) < 400
    if value:
        assert user.oauth_cli("token", env={"OAUTH_CLI_PROFILE": value}).returncode == 2
    assert os.listdir(os.path.dirname(user.path)) == [PROFILE]


# Clocks and lifetimes


def test_a_token_from_the_future_is_not_handed_out_but_renewed(user: User) -> None:
    user.has_session(expires_in=90_000, issued_ago=-86_400)
    user.assert_renewed(user.token())
    assert user.token().returncode == 0
    assert user.server.refreshes == 1


def test_a_token_from_the_future_that_nothing_renews_is_told_with_its_reason(user: User) -> None:
    before = user.has_session(expires_in=90_000, issued_ago=-86_400, refresh_token=False)
    done = user.token()
    assert (done.returncode, done.stdout) == (4, "")
    assert "clock" in done.stderr
    assert user.stored() == before


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [(None, 3600), ("7200", 7200), (7200.9, 7200), (10**15, 315_360_000), (10**29, 315_360_000), (1e300, 315_360_000)],
)
def test_a_lifetime_that_is_missing_quoted_or_absurd_is_made_the_best_of(
    expires_in: object, lifetime: int, user: User
) -> None:
    user.has_session()
    user.server.answer = {"expires_in": expires_in}
    user.assert_renewed(user.token())
    _, expires_at, issued_at, _ = user.oauth_cli.stored(PROFILE).head.split(" ")
    assert int(expires_at) - int(issued_at) == lifetime
    assert user.token().returncode == 0
    assert user.server.refreshes == 1


@pytest.mark.parametrize("expires_in", [-5, "-5", "soon", "", True, [3600], float("nan"), float("inf"), "9" * 40])
def test_a_lifetime_that_is_none_breaks_the_protocol(expires_in: object, user: User) -> None:
    before = user.has_session()
    user.server.answer = {"expires_in": expires_in}
    done = user.token()
    assert (done.returncode, done.stdout) == (8, ""), done.stderr
    assert user.stored() == before
    assert "secret" not in done.stderr


# Readers


@pytest.mark.parametrize("argv", [(), ("--json",), ("--format", "header")])
@pytest.mark.parametrize("expires_in", [3600, -10])
def test_a_reader_that_went_away_is_told_by_the_exit_status_alone(
    expires_in: int, argv: tuple[str, ...], user: User
) -> None:
    """``token | head -0``, with nobody there from the start."""
    before = user.has_session(expires_in=expires_in)
    reader, writer = os.pipe()
    os.close(reader)
    running = user.oauth_cli.start(*TOKEN, *argv, stdout=writer)
    os.close(writer)
    assert running.finish() == Finished(141, "", "")
    assert (user.stored() == before) == (expires_in > 0), "a token that nobody read is stored all the same"
    assert user.token().returncode == 0


# Signing out


@pytest.mark.parametrize("answer", [(401, 0.0), (500, 0.0), (200, 12.0)], ids=["401", "500", "time-out"])
def test_threat_66_a_revocation_that_fails_deletes_all_the_same_and_warns(
    answer: tuple[int, float], user: User
) -> None:
    user.has_session(expires_in=3600)
    user.server.revocation = answer
    done = user.oauth_cli("logout", "--profile", PROFILE)
    assert done.returncode in (5, 7, 8), done.stderr
    assert "NOT revoked" in done.stderr
    assert "warning: " in done.stderr
    assert b"secret" not in user.stored()
    assert user.token().returncode == 4
