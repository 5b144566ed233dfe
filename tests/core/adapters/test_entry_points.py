"""The entry points of installed distributions: always what ``importlib.metadata`` says, however seldom it is asked."""

from __future__ import annotations

import os
import shutil
import sys
import time
from importlib.metadata import MetadataPathFinder

import pytest

from oauth_cli_login.adapters import entry_points as module
from oauth_cli_login.adapters.entry_points import entry_points

GROUP = "oauth_cli.test"
LONG_AGO = 1_700_000_000


class Machine:
    """One folder on sys.path, the cache, and how often ``importlib.metadata`` was asked."""

    def __init__(self, tmp_path, monkeypatch):
        self.site = tmp_path / "site"
        self.site.mkdir()
        self.environ = {"OAUTH_CLI_HOME": str(tmp_path / "home")}
        self.cache = tmp_path / "home" / "cache"
        self.scans = 0
        self._scan = module.scan
        monkeypatch.setattr(sys, "path", [str(self.site)])
        monkeypatch.setattr(module, "scan", self.scan)
        self.settle()

    def scan(self, group):
        self.scans += 1
        MetadataPathFinder().invalidate_caches()  # each answer is that of a new process
        return self._scan(group)

    def settle(self, when=LONG_AGO):
        """Let what was changed have been changed some time ago."""
        os.utime(self.site, (when, when))

    def install(self, name, version="1.0", entries="acme = plugin_acme", kind="dist-info", settled=LONG_AGO):
        info = self.site / f"{name}-{version}.{kind}"
        info.mkdir()
        (info / ("METADATA" if kind == "dist-info" else "PKG-INFO")).write_text(f"Name: {name}\nVersion: {version}\n")
        self.write(info, entries)
        self.settle(settled)
        return info

    def write(self, info, entries, when=LONG_AGO):
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")
        os.utime(info / "entry_points.txt", (when, when))

    def ask(self, **options):
        return entry_points(GROUP, self.environ, **options)

    @property
    def kept(self):
        [file] = self.cache.iterdir()
        return file


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path, monkeypatch)
    machine.install("one")
    return machine


ONE = ("acme", "plugin_acme", "one 1.0")


def test_the_second_time_nothing_is_scanned(machine):
    assert machine.ask() == [ONE]
    assert machine.ask() == [ONE]
    assert machine.scans == 1


def test_what_is_kept_is_private(machine):
    machine.ask()
    assert machine.kept.stat().st_mode & 0o777 == 0o600
    assert machine.cache.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in machine.cache.iterdir()] == [machine.kept.name]  # nothing half-written beside it


def test_no_entry_points_at_all_is_an_answer_too(machine):
    shutil.rmtree(machine.site / "one-1.0.dist-info")
    machine.settle()
    assert (machine.ask(), machine.ask(), machine.scans) == ([], [], 1)


# --- what changes


def test_what_is_installed_later_is_found(machine):
    machine.ask()
    machine.install("two", entries="other = plugin_other", settled=LONG_AGO + 60)
    assert sorted(machine.ask()) == [ONE, ("other", "plugin_other", "two 1.0")]
    assert machine.scans == 2


def test_what_is_removed_is_gone(machine):
    machine.ask()
    shutil.rmtree(machine.site / "one-1.0.dist-info")
    machine.settle(LONG_AGO + 60)
    assert machine.ask() == []


def test_an_upgrade_is_seen(machine):
    machine.ask()
    shutil.rmtree(machine.site / "one-1.0.dist-info")
    machine.install("one", "2.0", "acme = plugin_acme.new", settled=LONG_AGO + 60)
    assert machine.ask() == [("acme", "plugin_acme.new", "one 2.0")]


def test_the_metadata_of_a_source_tree_is_watched_as_it_is_rewritten_in_its_place(machine):
    egg = machine.install("tree", kind="egg-info", entries="other = plugin_other")
    assert len(machine.ask()) == len(machine.ask()) == 2
    machine.write(egg, "other = plugin_new", when=LONG_AGO + 60)
    machine.settle()
    assert ("other", "plugin_new", "tree 1.0") in machine.ask()
    assert machine.scans == 2


def test_a_source_tree_that_has_no_entry_points_yet_is_watched(machine):
    egg = machine.install("tree", kind="egg-info")
    (egg / "entry_points.txt").unlink()
    machine.settle()
    assert machine.ask() == [ONE]
    machine.write(egg, "other = plugin_other")
    assert len(machine.ask()) == 2


def test_a_folder_that_joins_the_path_is_seen_and_one_that_leaves_it(machine, tmp_path, monkeypatch):
    """An editable installation adds one; so does PYTHONPATH."""
    more = tmp_path / "more"
    more.mkdir()
    machine.ask()
    machine.install("two", entries="other = plugin_other").rename(more / "two-1.0.dist-info")
    machine.settle()
    monkeypatch.setattr(sys, "path", [str(machine.site), str(more)])
    assert len(machine.ask()) == 2
    monkeypatch.setattr(sys, "path", [str(machine.site)])
    assert machine.ask() == [ONE]


def test_a_folder_of_the_path_that_appears_later_is_seen(machine, tmp_path, monkeypatch):
    later = tmp_path / "later"
    monkeypatch.setattr(sys, "path", [str(machine.site), str(later)])
    machine.ask()
    shutil.copytree(machine.site, later)
    os.rename(later / "one-1.0.dist-info", later / "three-1.0.dist-info")
    (later / "three-1.0.dist-info" / "METADATA").write_text("Name: three\nVersion: 1.0\n")
    assert len(machine.ask()) == 2


def test_two_distributions_of_one_name_are_both_told(machine):
    machine.install("two")
    for _ in range(2):
        assert sorted(machine.ask()) == [ONE, ("acme", "plugin_acme", "two 1.0")]
    assert machine.scans == 1


def test_a_change_of_this_very_moment_is_not_kept_because_the_next_would_leave_the_same_time(machine):
    now = time.time()
    machine.settle(now)
    machine.ask(clock=lambda: now)
    machine.install("two", entries="other = plugin_other", settled=now)
    assert len(machine.ask(clock=lambda: now)) == 2
    machine.ask(clock=lambda: now + 3)
    machine.ask(clock=lambda: now + 3)
    assert machine.scans == 3


def test_a_finder_that_is_not_pythons_own_cannot_be_watched(machine, monkeypatch):
    class Finder:
        @staticmethod
        def find_spec(*_):
            return None

        @staticmethod
        def find_distributions(*_):
            return []

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert (machine.ask(), machine.ask(), machine.scans) == ([ONE], [ONE], 2)


# --- what is kept and may not be believed


FORGED = ("acme", "evil", "one 1.0")


def forge(machine):
    machine.ask()
    machine.kept.write_text(machine.kept.read_text().replace("plugin_acme", "evil"))


def test_a_forgery_would_be_believed_if_it_were_ours(machine):
    """So that the tests below say something."""
    forge(machine)
    assert machine.ask() == [FORGED]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_could_write_is_not_read(machine, mode):
    forge(machine)
    machine.kept.chmod(mode)
    assert machine.ask() == [ONE]
    assert machine.kept.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_could_write_is_not_read(machine):
    forge(machine)
    machine.cache.chmod(0o777)
    assert machine.ask() == [ONE]


def test_what_belongs_to_another_user_is_not_read(machine, monkeypatch):
    forge(machine)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert machine.ask() == [ONE]


def test_a_link_is_not_followed(machine, tmp_path):
    forge(machine)
    kept, elsewhere = machine.kept, tmp_path / "elsewhere"
    kept.rename(elsewhere)
    kept.symlink_to(elsewhere)
    assert machine.ask() == [ONE]
    assert not kept.is_symlink()
    assert "evil" in elsewhere.read_text()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("1\n", "2\n", 1),
        lambda text: text.replace("\t", " "),
        lambda text: text.replace("plugin_acme\t", ""),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: "\x00\xff" * 100,
        lambda text: text + "more\n",
        lambda text: text * 40_000,
    ],
    ids=["empty", "half", "version", "no tabs", "a field less", "no border", "binary", "a line more", "huge"],
)
def test_a_damaged_file_is_made_anew(machine, damage):
    machine.ask()
    good = machine.kept.read_text()
    machine.kept.write_text(damage(good))
    assert machine.ask() == [ONE]
    assert machine.kept.read_text() == good
    assert machine.scans == 2


def test_where_nothing_can_be_kept_the_answer_is_the_same(machine, tmp_path):
    (tmp_path / "home").write_text("a file where the folder would be")
    assert (machine.ask(), machine.ask(), machine.scans) == ([ONE], [ONE], 2)


def test_where_the_disk_is_full_nothing_is_left_behind(machine, monkeypatch):
    def replace(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", replace)
    assert machine.ask() == [ONE]
    assert list(machine.cache.iterdir()) == []


def test_what_cannot_be_written_in_lines_is_not_kept(machine, tmp_path, monkeypatch):
    odd = tmp_path / "a\tb"
    odd.mkdir()
    os.utime(odd, (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(sys, "path", [str(machine.site), str(odd)])
    assert (machine.ask(), machine.ask(), machine.scans) == ([ONE], [ONE], 2)
    assert not machine.cache.exists()


def test_the_path_itself_is_compared_not_its_checksum_alone(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "crc32", lambda _data: 7)
    machine.ask()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(sys, "path", [str(other)])
    assert machine.ask() == []


def test_files_of_interpreters_that_are_gone_are_removed_after_a_month(machine):
    machine.ask()
    old, young, other = (machine.cache / name for name in (f"{GROUP}-00000000", f"{GROUP}-00000001", "pyz"))
    for file, days in ((old, 31), (young, 29), (other, 31)):
        file.write_text("")
        os.utime(file, (time.time() - days * 86400,) * 2)
    machine.install("two", settled=LONG_AGO + 60)
    machine.ask()
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_a_list_that_is_rewritten_in_its_place_is_noticed(machine):
    """By hand, or by an installer that changes files where they lie."""
    machine.ask()
    machine.write(machine.site / "one-1.0.dist-info", "other = plugin_other", when=LONG_AGO + 1)
    assert [name for name, _, _ in machine.ask()] == ["other"]
