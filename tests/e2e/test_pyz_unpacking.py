"""Where the one file unpacks itself, and that nothing half, old or foreign is ever imported from there."""

from __future__ import annotations

import os
import signal
import stat
import time

import pytest
from machine import DAY, Machine, last_used, write


def test_a_cached_token_is_printed_and_nothing_is_unpacked(machine: Machine) -> None:
    now = int(time.time())
    path = write(machine.home, "sessions/mock", f"1 {now + 3600} {now - 1} 5\ntoken\n{{}}\n")
    os.chmod(path, 0o600)
    assert machine.run("token", "--profile", "mock") == (0, "token\n", "")
    assert os.listdir(machine.home) == ["sessions"]
    assert os.listdir(machine.temporary) == []


def test_it_unpacks_for_its_user_alone_whatever_the_umask(machine: Machine) -> None:
    before = os.umask(0)
    try:
        build = machine.build()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(machine.builds).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(build).st_mode) == 0o700
    loose = [name for name in os.listdir(build) if os.stat(os.path.join(build, name)).st_mode & 0o022]
    assert not loose


def test_a_home_that_cannot_be_written_leaves_nothing_behind(machine: Machine) -> None:
    write(machine.folder, "home", "a file, where a folder would be")
    machine.version()
    assert os.listdir(machine.temporary) == []


def test_no_room_at_all_is_one_line(machine: Machine) -> None:
    write(machine.folder, "home", "a file, where a folder would be")
    # Python falls back from TMPDIR to /tmp and the current folder, and root may write to all of them.
    full = "import tempfile, errno, os\ndef mkdtemp(**_): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
    folder = os.path.join(machine.folder, "full")
    write(folder, "sitecustomize.py", full + "tempfile.mkdtemp = mkdtemp\n")
    status, stdout, stderr = machine.run("--version", PYTHONPATH=folder)
    assert (status, stdout, stderr.count("\n")) == (9, "", 1)
    assert "No space left" in stderr


def test_a_folder_that_others_can_write_is_not_used(machine: Machine) -> None:
    os.makedirs(machine.builds)
    os.chmod(machine.builds, 0o777)
    machine.version()
    assert os.listdir(machine.builds) == []
    assert os.listdir(machine.temporary) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("mode", [0o777, 0o755, 0o1777])
def test_a_folder_beneath_somebody_elses_is_not_used(machine: Machine, mode: int) -> None:
    """They could put another one in its place, between the look at it and the import."""
    above = os.path.dirname(machine.builds)
    os.makedirs(above)
    os.chmod(above, mode)
    os.chown(above, 65534, 65534)
    machine.version()
    assert not os.path.exists(machine.builds) or os.listdir(machine.builds) == []
    assert os.listdir(machine.temporary) == []


def test_a_folder_beneath_one_that_others_write_to_is_not_used(machine: Machine) -> None:
    above = os.path.dirname(machine.builds)
    os.makedirs(above)
    os.chmod(above, 0o777)
    machine.version()
    assert os.listdir(above) == []


def test_a_build_that_others_could_write_is_not_imported(machine: Machine) -> None:
    build = machine.build()
    os.chmod(build, 0o770)
    write(build, "site-packages/oauth_cli_login/cli.py", "raise SystemExit(99)\n")
    machine.version()


def test_a_build_behind_a_link_is_not_imported(machine: Machine) -> None:
    build = machine.build()
    elsewhere = os.path.join(machine.folder, "elsewhere")
    os.rename(build, elsewhere)
    os.symlink(elsewhere, build)
    write(elsewhere, "site-packages/oauth_cli_login/cli.py", "raise SystemExit(99)\n")
    machine.version()


def test_a_link_above_the_build_is_followed_once(machine: Machine) -> None:
    real = os.path.join(machine.folder, "real")
    os.mkdir(real)
    os.symlink(real, machine.home)
    build = machine.build()
    assert machine.witness()["path"][0] == os.path.join(os.path.realpath(build), "site-packages")
    assert os.path.realpath(build).startswith(real + os.sep)


def test_a_build_that_a_link_leads_to_beneath_an_open_folder_is_not_imported(machine: Machine) -> None:
    real = os.path.join(machine.folder, "open", "real")
    os.makedirs(real)
    os.symlink(real, machine.home)
    build = machine.build()
    write(build, "site-packages/oauth_cli_login/cli.py", "raise SystemExit(99)\n")
    os.chmod(os.path.dirname(real), 0o777)
    machine.version()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
@pytest.mark.parametrize("theirs", ["the link", "the folder that it lies in"])
def test_a_link_that_somebody_else_could_lead_elsewhere_is_not_followed(machine: Machine, theirs: str) -> None:
    """They could do it between the look at the build and the import, or lead to what we unpacked from an archive."""
    real, shared = os.path.join(machine.folder, "real"), os.path.join(machine.folder, "shared")
    os.mkdir(real)
    os.mkdir(shared)
    link = os.path.join(shared, "home")
    os.symlink(real, link)
    if theirs == "the link":
        os.chmod(shared, 0o1777)
        os.lchown(link, 65534, 65534)
    else:
        os.chown(shared, 65534, 65534)
    machine.version(OAUTH_CLI_HOME=link)
    assert os.listdir(real) == []
    assert os.listdir(machine.temporary) == []


@pytest.mark.parametrize("call", ["os.path.realpath", "os.lstat", "tempfile.mkdtemp"])
def test_ctrl_c_before_the_command_line_is_there_ends_with_130(machine: Machine, call: str) -> None:
    module = call.rpartition(".")[0]
    folder = os.path.join(machine.folder, "interrupted")
    write(folder, "sitecustomize.py", f"import {module}\ndef stop(*_, **__): raise KeyboardInterrupt\n{call} = stop\n")
    assert machine.run("--version", PYTHONPATH=folder) == (130, "", "")
    assert os.listdir(machine.temporary) == []


def test_processes_that_start_first_at_once_all_work_and_leave_one_build(machine: Machine) -> None:
    processes = [machine.start("--version") for _ in range(6)]
    for process in processes:
        stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (0, "")
        assert stdout.startswith("oauth-cli ")
    assert len(os.listdir(machine.builds)) == 1


def test_a_process_killed_while_it_unpacks_does_not_harm_the_next(machine: Machine) -> None:
    for step in range(8):
        process = machine.start("--version")
        deadline = time.monotonic() + 60
        while not os.path.isdir(machine.builds) or not os.listdir(machine.builds):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(step * 0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        machine.version()
        for name in os.listdir(machine.builds):
            build = os.path.join(machine.builds, name)
            os.rename(build, os.path.join(machine.folder, f"seen-{step}-{name}"))


def test_half_a_build_is_replaced_when_nobody_can_be_at_work_on_it(machine: Machine) -> None:
    build = machine.build()
    os.unlink(os.path.join(build, "used"))
    os.unlink(os.path.join(build, "site-packages", "oauth_cli_login", "__init__.py"))
    machine.version()
    assert not os.path.exists(os.path.join(build, "used")), "it was there a moment ago: somebody may be at work on it"
    last_used(build, days=0.5)
    machine.version()
    assert os.path.exists(os.path.join(build, "used"))
    assert os.path.exists(os.path.join(build, "site-packages", "oauth_cli_login", "__init__.py"))


def test_builds_that_nobody_used_for_30_days_are_removed_and_others_stay(machine: Machine) -> None:
    for name, days in {"old": 31, "recent": 29}.items():
        last_used(write(machine.builds, f"{name}/used", ""), days)
        write(machine.builds, f"{name}/site-packages/module.py", "")
    os.chmod(machine.builds, 0o700)
    machine.version()
    left = os.listdir(machine.builds)
    assert "recent" in left
    assert "old" not in left


@pytest.mark.parametrize(("days", "noted"), [(2, True), (0.5, False)])
def test_a_use_is_noted_at_most_once_a_day(machine: Machine, days: float, noted: bool) -> None:
    used = os.path.join(machine.build(), "used")
    last_used(used, days)
    machine.version()
    assert (time.time() - os.stat(used).st_mtime < DAY / 4) is noted


def test_a_build_that_cannot_be_written_any_more_is_used_all_the_same(machine: Machine) -> None:
    last_used(os.path.join(machine.build(), "used"), days=2)
    folder = os.path.join(machine.folder, "read-only")  # pretended: root, who may run this, writes through modes
    refusal = (
        "import errno, os\ndef utime(*_): raise OSError(errno.EROFS, os.strerror(errno.EROFS))\nos.utime = utime\n"
    )
    write(folder, "sitecustomize.py", refusal)
    machine.version(PYTHONPATH=folder)
    assert os.listdir(machine.temporary) == []
