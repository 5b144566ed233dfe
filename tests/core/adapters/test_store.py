"""The session files: whose they are, who can read them, and what is never touched."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oauth_cli_login import cached
from oauth_cli_login.adapters import files
from oauth_cli_login.adapters import lock as lock_module
from oauth_cli_login.adapters import store as store_module
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.errors import StoreError
from oauth_cli_login.model import Profile, SecretReference, Session

SESSION = Session(
    issuer="https://idp.example",
    client_id="cli-app",
    sub="248289761001",
    label="Zoë \U0001f600 \x1b[2J",
    scopes=("openid", "offline_access"),
    issued_at=1_800_000_000,
    expires_at=1_800_003_600,
    access_token="A~T." * 30,
    refresh_token="RT",
    id_token="a.b.c",
    redirect_uri="http://localhost:8085/callback",
)
PROFILE = Profile("work", "oidc", {"issuer": "https://idp.example", "client_id": "cli-app"}, {}, SESSION)

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes, owners and links as POSIX has them")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"OAUTH_CLI_HOME": str(tmp_path / "home")}


@pytest.fixture
def store(environ: dict[str, str]) -> Store:
    return Store(environ)


@pytest.fixture
def path(environ: dict[str, str]) -> Path:
    return Path(cached.session_path("work", environ))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@contextlib.contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


# --- what goes in comes out


@pytest.mark.parametrize(
    "profile",
    [
        PROFILE,
        replace(PROFILE, session=None),
        replace(PROFILE, session=replace(SESSION, issuer=None, sub=None, refresh_token=None, scopes=(), expires_at=0)),
        replace(
            PROFILE,
            settings={},
            secrets={
                "client_secret": SecretReference("value", "s\u00fc\u00df"),
                "one": SecretReference("env", "NAME"),
                "two": SecretReference("file", "~/secret"),
                "three": SecretReference("command", 'op read "op://x"'),
            },
        ),
    ],
    ids=["whole", "signed out", "plain OAuth 2", "secrets"],
)
def test_a_profile_is_read_as_it_was_written(profile: Profile, store: Store) -> None:
    store.write(profile)
    assert store.read("work") == profile


def test_writing_again_replaces_the_whole_file(store: Store, path: Path) -> None:
    store.write(replace(PROFILE, settings={"issuer": "x" * 5000}))
    store.write(PROFILE)
    assert store.read("work") == PROFILE
    assert sorted(os.listdir(path.parent)) == ["work"]


def test_the_access_token_is_where_the_cached_path_looks_for_it(store: Store, environ: dict[str, str]) -> None:
    store.write(PROFILE)
    token = cached.cached_token(["token", "--profile", "work"], environ, SESSION.issued_at + 1)
    assert token == SESSION.access_token


def test_no_profile_is_stored_at_first(store: Store) -> None:
    assert store.read("work") is None
    assert store.names() == []
    assert store.default() == ""


def test_names_are_sorted_and_leave_out_what_is_no_profile(store: Store, path: Path) -> None:
    for name in ("work", "home", "0"):
        store.write(replace(PROFILE, name=name))
    for stranger in ("UPPER", ".hidden", "work~", "con"):
        (path.parent / stranger).touch()
    with store.lock("work"):
        assert store.names() == ["0", "home", "work"]


def test_a_session_folder_that_cannot_be_listed_is_a_store_error(store: Store, path: Path) -> None:
    path.parent.parent.mkdir()
    path.parent.touch()
    with pytest.raises(StoreError, match="cannot be listed"):
        store.names()


def test_forget_removes_the_file_and_what_a_crash_left_and_the_default(store: Store, path: Path) -> None:
    store.write(PROFILE)
    store.set_default("work")
    (path.parent / ".work.new").write_text("half a tok")
    store.forget("work")
    store.forget("work")
    assert store.read("work") is None
    assert store.default() == ""
    assert [name for name in os.listdir(path.parent) if "work" in name] == []


def test_forget_leaves_another_default(store: Store) -> None:
    store.write(PROFILE)
    store.set_default("home")
    store.forget("work")
    assert store.default() == "home"


def test_a_file_that_cannot_be_removed_is_a_store_error(store: Store, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be removed"):
        store.forget("work")


def test_the_default_is_kept_as_the_cached_path_reads_it(store: Store, environ: dict[str, str]) -> None:
    store.set_default("work")
    store.set_default("home")
    assert store.default() == cached.default_profile(environ) == "home"
    assert Path(cached.default_profile_path(environ)).read_bytes() == b"home\n"


@pytest.mark.parametrize("content", [b"", b"../../etc/passwd", b"UPPER\n", b"two\nlines\n", b"\xff"])
def test_a_default_that_names_no_profile_is_none(content: bytes, store: Store, environ: dict[str, str]) -> None:
    store.set_default("work")
    Path(cached.default_profile_path(environ)).write_bytes(content)
    assert store.default() == ""


def test_a_profile_named_default_may_become_the_default_while_it_is_locked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT", 0.2)
    with store.lock("default"):
        store.set_default("default")
    assert store.default() == "default"


# --- private, whatever the umask


@posix_only
@pytest.mark.parametrize("value", [0o000, 0o022, 0o077])
def test_files_are_0600_in_folders_0700_whatever_the_umask(value: int, store: Store, path: Path) -> None:
    with umask(value):
        with store.lock("work"):
            store.write(PROFILE)
        store.set_default("work")
    home = path.parent.parent
    for folder, _, names in os.walk(home):
        assert mode(Path(folder)) == 0o700
        assert {name: mode(Path(folder, name)) for name in names} == dict.fromkeys(names, 0o600)
    assert path.exists()


@posix_only
def test_missing_folders_above_ours_are_nobody_elses_either(tmp_path: Path) -> None:
    """The XDG specification asks for 0700, and who can rename our folder can put another in its place."""
    with umask(0):
        Store({"HOME": str(tmp_path)}).write(PROFILE)
    for folder in (".local", ".local/state", ".local/state/oauth-cli", ".local/state/oauth-cli/sessions"):
        assert mode(tmp_path / folder) == 0o700


@posix_only
def test_threat_58_a_file_is_private_from_its_first_byte(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def fsync(handle: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(os, "fchmod", lambda *_: pytest.fail("made private afterwards"))
    monkeypatch.setattr(os, "fsync", fsync)
    with umask(0):
        store.write(PROFILE)
    assert seen[0] == 0o600


@posix_only
def test_a_folder_is_private_from_the_start(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "chmod", lambda *_: pytest.fail("made private afterwards"))
    with umask(0):
        store.write(PROFILE)
    assert mode(path.parent) == 0o700


@posix_only
@pytest.mark.parametrize("too_wide", [0o644, 0o640, 0o606])
def test_a_file_that_others_can_read_is_mended_and_warned_of_once(
    too_wide: int, environ: dict[str, str], path: Path
) -> None:
    warnings: list[str] = []
    store = Store(environ, warn=warnings.append)
    store.write(PROFILE)
    path.chmod(too_wide)
    assert store.read("work") == store.read("work") == PROFILE
    assert mode(path) == 0o600
    (warning,) = warnings
    assert str(path) in warning


@posix_only
def test_a_folder_that_others_can_enter_is_mended(store: Store, path: Path) -> None:
    store.write(PROFILE)
    path.parent.chmod(0o755)
    store.write(PROFILE)
    assert mode(path.parent) == 0o700


# --- what is not ours to trust is neither read nor touched

VALID = (
    b"1 9 5 1\nT\n"
    + json.dumps(
        {
            "provider": "oidc",
            "settings": {},
            "session": {"client_id": "c", "label": "l", "scopes": [], "token_type": "B"},
        }
    ).encode()
)


def with_document(**changes: object) -> bytes:
    document = {**json.loads(VALID.split(b"\n", 2)[2]), **changes}
    return b"1 9 5 1\nT\n" + json.dumps(document).encode()


def with_session(**changes: object) -> bytes:
    return with_document(session={**json.loads(VALID.split(b"\n", 2)[2])["session"], **changes})


ENTRY = {"service": "oauth-cli/work/0123456789ab", "slot": "a", "parts": 1, "digest": "0" * 64}


def with_keyring(
    entry: object,
    *,
    token: bytes = b"",
    settings: object = {"store": "keyring"},
    secrets: object = {},
    refresh_token: str = "",
    session: bool = True,
) -> bytes:
    document = json.loads(with_session(refresh_token=refresh_token).split(b"\n", 2)[2])
    document.update(settings=settings, secrets=secrets, keyring=entry)
    if not session:
        del document["session"]
    head = b"1 9 5 %d\n%s\n" % (len(token), token) if session else b"1 0 0 0\n\n"
    return head + json.dumps(document).encode()


DAMAGED = {
    "empty": b"",
    "zeros": b"\0" * 500,
    "no JSON": b"1 9 5 1\nT\nhello",
    "a list": b"1 9 5 1\nT\n[]",
    "nested": b"1 9 5 1\nT\n" + b"[" * 100_000,
    "no UTF-8": b"1 9 5 1\nT\n" + b'{"provider": "\xff"}',
    "length": VALID.replace(b"5 1\n", b"5 2\n"),
    "huge length": VALID.replace(b"5 1\n", b"5 " + b"9" * 5000 + b"\n"),
    "negative": VALID.replace(b"1 9 5", b"1 -9 5"),
    "no token": VALID.replace(b"5 1\nT", b"5 0\n"),
    "control character": VALID.replace(b"\nT\n", b"\n\x1b\n"),
    "no provider": with_document(provider=None),
    "settings": with_document(settings=[]),
    "setting": with_document(settings={"issuer": 5}),
    "secrets": with_document(secrets=[]),
    "secret": with_document(secrets={"client_secret": "s"}),
    "secret of two kinds": with_document(secrets={"client_secret": {"env": "A", "file": "B"}}),
    "secret of no kind": with_document(secrets={"client_secret": {"url": "A"}}),
    "secret no string": with_document(secrets={"client_secret": {"env": 5}}),
    "no session": VALID[:10] + b'{"provider": "oidc"}',
    "session": with_document(session=[]),
    "session null": with_document(session=None),
    "client_id": with_session(client_id=None),
    "label": with_session(label=5),
    "scopes": with_session(scopes="openid"),
    "scope": with_session(scopes=[5]),
    "refresh_token": with_session(refresh_token=5),
    "empty secret": with_session(access_token="").replace(b"1 9 5 1\nT\n", b"1 9 5 0\n\n"),
    "keyring": with_keyring([]),
    "keyring without a place": with_keyring({}),
    "keyring of no parts": with_keyring({**ENTRY, "parts": 0}),
    "keyring of parts without end": with_keyring({**ENTRY, "parts": 10**9}),
    "keyring of another slot": with_keyring({**ENTRY, "slot": "c"}),
    "keyring and a token": with_keyring(ENTRY, token=b"T"),
    "keyring and a refresh token": with_keyring(ENTRY, refresh_token="RT"),
    "keyring and a typed secret": with_keyring(ENTRY, secrets={"client_secret": {"value": "s"}}),
    "keyring that is not set": with_keyring(ENTRY, settings={}),
    "keyring that holds nothing": with_keyring(ENTRY, session=False),
    "keyring set, and a token": with_document(settings={"store": "keyring"}),
    "too large": VALID + b" " * cached.MAX_SESSION_BYTES,
}


def untouched(store: Store, path: Path, data: bytes, message: str) -> None:
    """Neither reading nor writing gets past it, and every byte of it stays."""
    for act in (lambda: store.read("work"), lambda: store.write(PROFILE)):
        with pytest.raises(StoreError, match=message) as caught:
            act()
        assert str(path) in caught.value.message
        assert caught.value.hint
    assert path.read_bytes() == data


def test_the_file_that_the_damaged_ones_are_made_from_is_good(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(VALID)
    assert store.read("work") is not None


def test_so_is_the_one_that_names_a_keyrings_entry(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(with_keyring(ENTRY))
    assert store.peek("work") is not None


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused_and_left_as_it_is(data: bytes, store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    untouched(store, path, data, "is left alone")


def test_a_file_cut_short_anywhere_is_refused(store: Store, path: Path) -> None:
    store.write(PROFILE)
    data = path.read_bytes()
    for length in itertools.chain(range(160), range(160, len(data) - 2, 23)):
        path.write_bytes(data[:length])
        with pytest.raises(StoreError, match="is left alone"):
            store.read("work")


@pytest.mark.parametrize("version", [b"2", b"10"])
def test_a_file_of_a_newer_version_says_so_and_is_left_as_it_is(version: bytes, store: Store, path: Path) -> None:
    data = version + b" something else\n"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    untouched(store, path, data, "a newer oauth-cli wrote it")


def test_no_error_quotes_what_stands_in_a_file(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"1 9 5 6\nSECRET\n" + b'{"a": SECRET, "b": "SECRET\xff"}')
    with pytest.raises(StoreError) as caught:
        store.read("work")
    assert "SECRET" not in caught.value.message + caught.value.hint


@posix_only
def test_a_session_that_is_a_link_is_refused_and_its_target_untouched(store: Store, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(VALID)
    target.chmod(0o644)
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    untouched(store, path, VALID, "it is a symbolic link")
    assert path.is_symlink()
    assert mode(target) == 0o644
    store.forget("work")
    assert target.read_bytes() == VALID


@posix_only
def test_a_dangling_link_is_refused_and_makes_no_file(store: Store, path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "target")
    with pytest.raises(StoreError, match="it is a symbolic link"):
        store.write(PROFILE)
    assert not (tmp_path / "target").exists()


@posix_only
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_session_that_is_no_file_is_refused(make, store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    make(path)
    with pytest.raises(StoreError, match="it is not a regular file"):
        store.read("work")


@posix_only
def test_a_link_in_the_place_of_the_new_file_is_not_followed(store: Store, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    path.parent.mkdir(parents=True)
    (path.parent / ".work.new").symlink_to(target)
    store.write(PROFILE)
    assert target.read_text() == "precious"
    assert store.read("work") == PROFILE
    assert not path.is_symlink()


@posix_only
def test_a_link_in_the_place_of_the_default_is_replaced_not_followed(
    store: Store, environ: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    default = Path(cached.default_profile_path(environ))
    default.parent.mkdir()
    default.symlink_to(target)
    store.set_default("work")
    assert target.read_text() == "precious"
    assert store.default() == "work"


@posix_only
@pytest.mark.parametrize("make", [lambda lock, target: lock.symlink_to(target), lambda lock, _target: lock.mkdir()])
def test_a_lock_that_is_no_file_is_refused_and_its_target_untouched(
    make, store: Store, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    target.chmod(0o644)
    path.parent.mkdir(parents=True)
    make(path.parent / ".work.lock", target)
    with pytest.raises(StoreError, match="it is not a regular file"), store.lock("work"):
        pytest.fail("the lock was had")
    assert target.read_text() == "precious"
    assert mode(target) == 0o644


@posix_only
def test_a_session_folder_that_is_a_link_is_refused(store: Store, path: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    path.parent.parent.mkdir()
    path.parent.symlink_to(tmp_path / "target")
    with pytest.raises(StoreError, match="it is not a folder"):
        store.write(PROFILE)
    assert os.listdir(tmp_path / "target") == []


root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file to somebody else"
)


@root_only
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(store: Store, path: Path) -> None:
    store.write(PROFILE)
    data = path.read_bytes()
    path.chmod(0o666)
    os.chown(path, 12345, 12345)
    untouched(store, path, data, "it belongs to another user")
    assert mode(path) == 0o666


@root_only
def test_a_folder_of_somebody_else_is_refused(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.chown(path.parent, 12345, 12345)
    for act in (lambda: store.write(PROFILE), lambda: store.check_writable("work")):
        with pytest.raises(StoreError, match="it belongs to another user"):
            act()
    assert os.listdir(path.parent) == []


# --- disks that are full, places that cannot be written


def test_a_place_below_a_file_can_be_neither_checked_nor_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store({"OAUTH_CLI_HOME": str(tmp_path / "file" / "home")})
    for act in (lambda: store.check_writable("work"), lambda: store.write(PROFILE), lambda: store.set_default("work")):
        with pytest.raises(StoreError) as caught:
            act()
        assert caught.value.hint


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that even root cannot write to, with a session in it."""
    place = tmp_path / "place"
    place.mkdir()
    mounted = (
        sys.platform == "linux"
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "mode=0700", "none", str(place)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("this user may not mount a file system to make it read-only")
    try:
        Store({"OAUTH_CLI_HOME": str(place)}).write(PROFILE)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_place_is_found_out_beforehand_and_its_sessions_can_be_read(read_only: Path) -> None:
    store = Store({"OAUTH_CLI_HOME": str(read_only)})
    assert store.read("work") == PROFILE
    for act in (lambda: store.check_writable("work"), lambda: store.write(PROFILE)):
        with pytest.raises(StoreError, match="Read-only file system"):
            act()
    with pytest.raises(StoreError), store.lock("work"):
        pytest.fail("the lock was had")
    assert store.read("work") == PROFILE


def test_check_writable_leaves_no_trace(store: Store, path: Path) -> None:
    store.check_writable("work")
    assert os.listdir(path.parent) == []
    assert store.names() == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_token_beside_it(
    call: str, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    store.write(PROFILE)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StoreError, match="No space left on device"):
            store.write(replace(PROFILE, session=replace(SESSION, access_token="new")))
    assert store.read("work") == PROFILE
    assert os.listdir(path.parent) == ["work"]


def test_a_session_too_large_to_be_read_again_is_not_written(store: Store) -> None:
    store.write(PROFILE)
    with pytest.raises(StoreError):
        store.write(replace(PROFILE, session=replace(SESSION, label="x" * cached.MAX_SESSION_BYTES)))
    assert store.read("work") == PROFILE


def test_what_a_killed_writer_left_is_no_obstacle(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    for leftover in (".work.new", ".work.lock"):
        (path.parent / leftover).write_text("half a tok")
    with store.lock("work"):
        store.check_writable("work")
        store.write(PROFILE)
    assert store.read("work") == PROFILE
    (path.parent / ".work.new").write_text("half a tok")
    (path.parent / ".work2.new").write_text("another's")
    store.forget("work")
    assert set(os.listdir(path.parent)) == {".work.lock", ".work2.new"}


# --- one writer at a time


def test_a_lock_that_is_held_is_waited_for_and_then_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT", 0.1)
    with store.lock("work"):
        with store.lock("home"):
            pass  # another profile's
        with pytest.raises(StoreError, match="another oauth-cli has held the session work") as caught:  # noqa: SIM117 - one subject
            with store.lock("work"):
                pytest.fail("the lock was had twice")
        assert ".work.lock" in caught.value.hint
    with store.lock("work"):
        pass


def test_a_lock_is_released_where_its_holder_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT", 0.1)
    with pytest.raises(RuntimeError), store.lock("work"):
        raise RuntimeError
    with store.lock("work"):
        pass


def test_a_file_system_without_locks_is_a_store_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock_module, "_try", refuse)
    with pytest.raises(StoreError, match="cannot be locked: No locks available"), store.lock("work"):
        pytest.fail("the lock was had")


WRITER = """
import os, sys
from dataclasses import replace
from oauth_cli_login.adapters.store import Store
store = Store(os.environ)
print(flush=True)
for _ in range(40):
    with store.lock("work"):
        profile = store.read("work")
        count = int(profile.settings["count"])
        store.write(replace(profile, settings={"count": str(count + 1)}))
"""


def test_two_processes_that_write_under_the_lock_lose_nothing(store: Store, environ: dict[str, str]) -> None:
    store.write(replace(PROFILE, settings={"count": "0"}))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], env={**os.environ, **environ}, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        with writer:
            while writer.poll() is None:
                assert store.read("work") is not None  # readers need no lock: the old file or the new one
                time.sleep(0.01)
        assert writer.returncode == 0
    profile = store.read("work")
    assert profile is not None
    assert profile.settings == {"count": "80"}


def test_the_lock_of_a_holder_that_was_killed_is_free(store: Store, environ: dict[str, str]) -> None:
    code = WRITER.replace("for _ in range(40):", "if True:").replace(
        "profile = ", "print(flush=True); input(); profile = "
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.stdout.readline()  # it has the lock
        holder.kill()
    with store.lock("work"):
        store.write(PROFILE)


def test_a_full_disk_is_noticed_before_anything_is_spent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file fits on a full disk: what is tried is larger than a session."""
    sizes: list[int] = []
    write_new = files.write_new

    def measured(path: str, data: bytes) -> None:
        sizes.append(len(data))
        write_new(path, data)

    monkeypatch.setattr(files, "write_new", measured)
    store.check_writable("work")
    assert sizes[0] >= 64 * 1024


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_newer_versions_file_keeps_its_mode_too(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"2 something else\n")
    path.chmod(0o644)
    with pytest.raises(StoreError, match="newer") as caught:
        store.read("work")
    assert "Update oauth-cli" in caught.value.hint
    assert mode(path) == 0o644
