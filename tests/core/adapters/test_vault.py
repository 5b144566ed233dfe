"""The keyring: what it is given it must return, in bounded time, and what cannot be kept there is kept nowhere."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from fake_keyring import FakeKeyring, KeyringLocked

from oauth_cli_login import cached
from oauth_cli_login.adapters import files
from oauth_cli_login.adapters import vault as vault_module
from oauth_cli_login.adapters.session_file import Entry
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.adapters.vault import Vault, system_backend
from oauth_cli_login.errors import ConfigError, KeyringError, StoreError
from oauth_cli_login.model import Profile, SecretReference, Session

SERVICE = "oauth-cli/work/0123"
SESSION = Session(
    issuer="https://idp.example",
    client_id="cli-app",
    sub="248289761001",
    label="Zoë",
    scopes=("openid",),
    issued_at=1_800_000_000,
    expires_at=1_800_003_600,
    access_token="ACCESS-TOKEN" * 30,
    refresh_token="REFRESH-TOKEN",
    id_token="ID-TOKEN",
)
SECRETS = {
    "client_secret": SecretReference("value", "TYPED-SECRET-ß"),
    "other": SecretReference("env", "NAME"),
}
PROFILE = Profile("work", "oidc", {"client_id": "cli-app", "store": "keyring"}, SECRETS, SESSION)
RENEWED = replace(PROFILE, session=replace(SESSION, access_token="ACCESS-TOKEN-2", refresh_token="REFRESH-TOKEN-2"))
IN_FILE = replace(PROFILE, settings={"client_id": "cli-app", "store": "file"})
SIGNED_OUT = replace(PROFILE, session=None, secrets={"other": SECRETS["other"]})
ALL_SECRETS = ("ACCESS-TOKEN", "REFRESH-TOKEN", "ID-TOKEN", "TYPED-SECRET")


def come_back(keyring: FakeKeyring) -> None:
    """Let a keyring that hangs answer, and wait for the threads that have asked it."""
    keyring.released.set()
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(20)


@pytest.fixture
def keyring() -> Iterator[FakeKeyring]:
    fake = FakeKeyring()
    yield fake
    come_back(fake)


@pytest.fixture
def vault(keyring: FakeKeyring) -> Vault:
    return Vault({}, open_backend=lambda _environ: keyring)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"OAUTH_CLI_HOME": str(tmp_path / "home")}


@pytest.fixture
def path(environ: dict[str, str]) -> Path:
    return Path(cached.session_path("work", environ))


@pytest.fixture
def new_store(keyring: FakeKeyring, environ: dict[str, str]) -> Callable[[], Store]:
    """Return the store as another process has it."""
    return lambda: Store(environ, vault=Vault({}, open_backend=lambda _environ: keyring))


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fake take 200 characters an entry."""
    monkeypatch.setitem(vault_module._PART_SIZES, "fake_keyring.FakeKeyring", 200)


# --- one entry, or parts of it


@pytest.mark.parametrize("length", [1, 199, 200, 201, 20_000])
def test_a_text_comes_back_in_one_entry(length: int, vault: Vault, keyring: FakeKeyring) -> None:
    text = "".join(itertools.islice(itertools.cycle("0123456789abcdef"), length))
    entry = vault.write(SERVICE, text, in_use=None)
    assert vault.read(entry) == text
    assert len(keyring.entries) == entry.parts == 1


@pytest.mark.parametrize(("length", "parts"), [(1, 1), (200, 1), (201, 2), (20_000, 100)])
def test_a_text_comes_back_in_parts_where_an_entry_is_too_small_for_it(
    length: int, parts: int, small_parts: None, vault: Vault, keyring: FakeKeyring
) -> None:
    text = "".join(itertools.islice(itertools.cycle("0123456789abcdef-"), length))
    entry = vault.write(SERVICE, text, in_use=None)
    assert vault.read(entry) == text
    assert len(keyring.entries) == entry.parts == parts
    assert max(map(len, keyring.entries.values())) <= 200


def test_a_part_fits_into_the_credential_manager() -> None:
    """2,560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE)."""
    assert vault_module._PART_SIZES["keyring.backends.Windows.WinVaultKeyring"] * 2 <= 2560


@pytest.mark.parametrize("wrong", ["missing", "empty", "foreign", "swapped", "all missing"])
def test_parts_that_are_not_what_was_written_are_noticed(
    wrong: str, small_parts: None, vault: Vault, keyring: FakeKeyring
) -> None:
    entry = vault.write(SERVICE, "0123456789" * 50, in_use=None)
    first, second, _third = sorted(keyring.entries)
    match wrong:
        case "missing":
            del keyring.entries[second]
        case "empty":
            keyring.entries[second] = ""
        case "foreign":
            keyring.entries[second] = keyring.entries[second][::-1]
        case "swapped":
            keyring.entries[first], keyring.entries[second] = "x" + keyring.entries[second], keyring.entries[first][1:]
        case "all missing":
            keyring.entries.clear()
    with pytest.raises(KeyringError, match="as it was written") as caught:
        vault.read(entry)
    assert "oauth-cli login" in caught.value.hint


def test_new_text_never_takes_the_place_of_the_one_in_use(vault: Vault, keyring: FakeKeyring) -> None:
    entry, seen = None, set()
    for number in range(4):
        after = vault.write(SERVICE, f"text {number}", in_use=entry)
        if entry is not None:
            assert vault.read(entry) == f"text {number - 1}"
        seen.add(after.slot)
        entry = after
    assert seen == {"a", "b"}
    assert len(keyring.entries) == 2


def test_clearing_leaves_the_entry_in_use_and_what_is_not_ours(
    small_parts: None, vault: Vault, keyring: FakeKeyring
) -> None:
    keyring.entries.update({"somebody else": "x", SERVICE + "4/a0": "x"})
    others = set(keyring.entries)
    vault.write(SERVICE, "x" * 1000, in_use=Entry(SERVICE, "a", 1, ""))
    vault.write(SERVICE, "x" * 1000, in_use=None)
    entry = vault.write(SERVICE, "short", in_use=None)
    vault.clear(SERVICE, but=entry)
    assert set(keyring.entries) == {*others, f"{SERVICE}/a0"}
    assert vault.read(entry) == "short"
    vault.clear(SERVICE)
    assert set(keyring.entries) == others


# --- a keyring that does not work


def test_what_a_crash_leaves_of_a_check_is_removed_by_the_next_one(store: Store, keyring: FakeKeyring) -> None:
    store.write(PROFILE)
    before = dict(keyring.entries)
    keyring.power = 1
    with pytest.raises(KeyringError):
        store.check_writable("work")
    keyring.power = None
    assert keyring.entries != before
    store.check_writable("work")
    assert keyring.entries == before


def test_a_check_leaves_nothing_behind(vault: Vault, keyring: FakeKeyring) -> None:
    vault.check(SERVICE)
    assert keyring.entries == {}
    assert [call.split()[0] for call in keyring.calls] == ["set", "get", "delete"]


def test_a_keyring_that_hangs_costs_the_limit_once(keyring: FakeKeyring) -> None:
    vault = Vault({}, open_backend=lambda _environ: keyring, limit=0.2)
    keyring.hangs = True
    for _ in range(5):
        with pytest.raises(KeyringError, match=r"did not answer .* waits for somebody to unlock it"):
            vault.check(SERVICE)
    come_back(keyring)  # nobody is about to ask any more
    assert len(keyring.calls) == 1


def test_a_keyring_that_hangs_while_it_is_opened_is_given_up_as_well(keyring: FakeKeyring) -> None:
    vault = Vault({}, open_backend=lambda _environ: keyring.released.wait(20), limit=0.2)  # type: ignore[arg-type,return-value]  # it returns none in time
    with pytest.raises(KeyringError, match="did not answer"):
        vault.check(SERVICE)


def test_the_limit_is_three_seconds() -> None:
    assert vault_module.LIMIT == 3
    assert Vault({})._limit == vault_module.LIMIT


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (KeyringLocked("SECRET"), "the keyring is locked"),
        (RuntimeError("SECRET"), r"cannot be used \(RuntimeError\)"),
        (ConnectionRefusedError("SECRET"), r"cannot be used \(ConnectionRefusedError\)"),
        (SystemExit("SECRET"), r"cannot be used \(SystemExit\)"),
    ],
)
def test_what_a_keyring_raises_is_a_store_error_that_quotes_nothing(
    raised: BaseException, words: str, vault: Vault, keyring: FakeKeyring
) -> None:
    keyring.raises = raised
    with pytest.raises(StoreError, match=words) as caught:
        vault.write(SERVICE, "text", in_use=None)
    assert caught.value.exit_status == 9
    assert "--store file" in caught.value.hint
    assert "SECRET" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


def test_a_keyring_that_keeps_nothing_is_noticed_before_anything_refers_to_it(
    vault: Vault, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "set_password", lambda *_: None)
    with pytest.raises(KeyringError, match="does not return what it was given"):
        vault.check(SERVICE)
    with pytest.raises(KeyringError, match="does not return what it was given"):
        vault.write(SERVICE, "text", in_use=None)


# --- which keyring


class SystemKeyring(FakeKeyring):
    """Stands for one of the library's own."""


def backend(name: str, *bases: type) -> FakeKeyring:
    module, _, cls = name.rpartition(".")
    made: FakeKeyring = type(cls, bases or (FakeKeyring,), {"__module__": module})()
    return made


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The library ``keyring``, in which nobody has chosen anything; ``usable`` are the backends that can be used."""
    usable: dict[str, FakeKeyring] = {}

    def load_keyring(name: str) -> FakeKeyring:
        if name not in usable:
            raise RuntimeError("SecretStorage required")
        return usable[name]

    package = ModuleType("keyring")
    core = SimpleNamespace(
        load_env=lambda: None,
        load_config=lambda: None,
        load_keyring=load_keyring,
        usable=usable,
        get_keyring=pytest.fail,
    )
    package.core = core  # type: ignore[attr-defined]  # as an imported submodule is
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setattr(sys, "platform", "linux")
    return core


BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}


def test_the_systems_own_keyring_is_used(library: SimpleNamespace) -> None:
    library.usable["keyring.backends.kwallet.DBusKeyring"] = SystemKeyring()
    own = library.usable["keyring.backends.SecretService.Keyring"] = SystemKeyring()
    assert system_backend(BUS) is own


@pytest.mark.parametrize(
    ("platform", "name"),
    [("win32", "keyring.backends.Windows.WinVaultKeyring"), ("darwin", "keyring.backends.macOS.Keyring")],
)
def test_other_systems_have_theirs(
    platform: str, name: str, library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    own = library.usable[name] = SystemKeyring()
    assert system_backend({}) is own


def test_one_that_the_user_chose_is_used(library: SimpleNamespace) -> None:
    library.usable["keyring.backends.SecretService.Keyring"] = SystemKeyring()
    library.load_config = lambda: backend("their_pass.Keyring")
    assert type(system_backend(BUS)).__module__ == "their_pass"
    library.load_env = lambda: backend("another_vault.Keyring")
    assert type(system_backend(BUS)).__module__ == "another_vault"


@pytest.mark.parametrize("where", ["load_env", "load_config"])
@pytest.mark.parametrize(
    "chosen",
    [
        backend("keyring.backends.null.Keyring"),
        backend("keyring.backends.fail.Keyring"),
        backend("keyring.backends.chainer.ChainerBackend"),
        backend("keyrings.alt.file.PlaintextKeyring"),
        backend("keyrings.alt.file.EncryptedKeyring"),
        backend("somebody.PlainText"),
        backend("somebody.Keyring", type(backend("keyrings.alt.file.PlaintextKeyring"))),
    ],
    ids=lambda made: f"{type(made).__module__}.{type(made).__qualname__}",
)
def test_threat_67_one_that_keeps_nothing_or_plain_text_is_refused_by_name(
    chosen: FakeKeyring, where: str, library: SimpleNamespace
) -> None:
    library.usable["keyring.backends.SecretService.Keyring"] = SystemKeyring()
    setattr(library, where, lambda: chosen)
    with pytest.raises(ConfigError, match="plain text") as caught:
        system_backend(BUS)
    assert type(chosen).__qualname__ in caught.value.message
    assert chosen.calls == []


def test_one_that_the_user_chose_and_that_does_not_load_is_not_replaced_by_another(library: SimpleNamespace) -> None:
    library.usable["keyring.backends.SecretService.Keyring"] = SystemKeyring()
    library.load_env = lambda: library.load_keyring("their_pass.Keyring")
    with pytest.raises(ConfigError, match="PYTHON_KEYRING_BACKEND"):
        system_backend(BUS)


def test_without_a_session_bus_none_is_started(library: SimpleNamespace, tmp_path: Path) -> None:
    library.load_keyring = lambda _name: pytest.fail("it would start one")
    with pytest.raises(KeyringError, match="no session bus"):
        system_backend({"XDG_RUNTIME_DIR": str(tmp_path)})
    (tmp_path / "bus").touch()
    with pytest.raises(BaseException, match="it would start one"):
        system_backend({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_system_without_any_is_a_store_error(library: SimpleNamespace) -> None:
    with pytest.raises(KeyringError, match="no keyring of this system"):
        system_backend(BUS)


def test_threat_67_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="the Python package keyring is not installed") as caught:
        Vault({}).check(SERVICE)
    assert f"{sys.executable} -m pip install keyring" in caught.value.hint


# --- sessions in it


def test_a_profile_is_read_as_it_was_written(store: Store, new_store: Callable[[], Store]) -> None:
    for profile in (PROFILE, RENEWED, SIGNED_OUT, replace(PROFILE, session=None), PROFILE, IN_FILE, RENEWED):
        assert store.write(profile) is None
        assert new_store().read("work") == profile


def test_no_secret_is_in_the_file(store: Store, path: Path, keyring: FakeKeyring) -> None:
    store.write(PROFILE)
    written = path.read_text(encoding="ascii")
    assert not [secret for secret in ALL_SECRETS if secret in written]
    assert all(secret in "".join(keyring.entries.values()) for secret in ALL_SECRETS)
    assert written.startswith("1 1800003600 1800000000 0\n\n{")


def test_equal_secrets_have_other_digests_each_time(store: Store, path: Path) -> None:
    store.write(PROFILE)
    before = path.read_bytes()
    store.write(SIGNED_OUT)
    store.write(PROFILE)
    assert path.read_bytes() != before


def test_the_cached_path_leaves_it_to_the_full_program(store: Store, environ: dict[str, str]) -> None:
    store.write(PROFILE)
    assert cached.cached_token(["token", "--profile", "work"], environ, SESSION.issued_at + 1) is None


def test_a_look_at_it_needs_no_keyring(store: Store, keyring: FakeKeyring) -> None:
    store.write(PROFILE)
    keyring.calls.clear()
    seen = store.peek("work")
    assert seen is not None
    assert seen.session is not None
    assert (seen.store, seen.session.label, seen.session.refresh_token) == ("keyring", "Zoë", "")
    assert (seen.session.access_token, seen.secrets["client_secret"].target) == ("", "")
    assert keyring.calls == []
    with pytest.raises(ValueError, match="without its secrets"):
        store.write(seen)


def test_a_sign_in_goes_on_where_the_keyring_has_lost_the_secrets(store: Store, keyring: FakeKeyring) -> None:
    store.write(PROFILE)
    assert store.recall("work") == PROFILE
    keyring.entries.clear()
    recalled = store.recall("work")
    assert recalled is not None
    assert recalled.secrets == {"other": SECRETS["other"]}
    assert recalled.session == replace(SESSION, access_token="", refresh_token=None, id_token=None)
    assert store.recall("nobody") is None


def test_a_session_that_the_keyring_lost_says_sign_in_again_and_nothing_is_overwritten(
    store: Store, keyring: FakeKeyring, path: Path
) -> None:
    store.write(PROFILE)
    keyring.entries.clear()
    before = path.read_bytes()
    with pytest.raises(KeyringError) as caught:
        store.read("work")
    assert "Sign in again" in caught.value.hint
    assert path.read_bytes() == before
    store.write(RENEWED)
    assert store.read("work") == RENEWED


def test_threat_67_a_keyring_that_fails_leaves_the_old_session_and_no_plain_one(
    store: Store, keyring: FakeKeyring, path: Path
) -> None:
    store.write(PROFILE)
    before = path.read_bytes()
    keyring.raises = RuntimeError("the bus went away")
    for act in (lambda: store.write(RENEWED), lambda: store.check_writable("work")):
        with pytest.raises(KeyringError, match="cannot be used"):
            act()
    assert path.read_bytes() == before
    keyring.raises = None
    assert store.read("work") == PROFILE


def test_that_the_keyring_takes_an_entry_is_checked_where_it_is_going_to_be(store: Store, keyring: FakeKeyring) -> None:
    store.check_writable("work")
    store.check_writable("work", store="file")
    assert keyring.calls == []
    store.check_writable("work", store="keyring")
    store.write(PROFILE)
    keyring.calls.clear()
    store.check_writable("work", store="file")
    assert keyring.calls == []
    store.check_writable("work")
    assert keyring.calls


def test_two_folders_have_two_sessions(store: Store, keyring: FakeKeyring, tmp_path: Path) -> None:
    other = Store({"OAUTH_CLI_HOME": str(tmp_path / "other")}, vault=Vault({}, open_backend=lambda _: keyring))
    store.write(PROFILE)
    other.write(RENEWED)
    assert (store.read("work"), other.read("work")) == (PROFILE, RENEWED)
    other.forget("work")
    assert store.read("work") == PROFILE


def test_a_folder_that_was_moved_takes_its_sessions_along(store: Store, keyring: FakeKeyring, tmp_path: Path) -> None:
    store.write(PROFILE)
    (tmp_path / "home").rename(tmp_path / "moved")
    moved = Store({"OAUTH_CLI_HOME": str(tmp_path / "moved")}, vault=Vault({}, open_backend=lambda _: keyring))
    assert moved.read("work") == PROFILE
    moved.write(RENEWED)
    assert moved.read("work") == RENEWED
    assert len(keyring.entries) == 1


def test_what_is_larger_than_any_session_is_refused_before_the_keyring_is_asked(
    store: Store, keyring: FakeKeyring
) -> None:
    with pytest.raises(StoreError, match="larger than 1 MiB"):
        store.write(replace(PROFILE, session=replace(SESSION, access_token="x" * (1 << 20))))
    assert keyring.calls == []


@pytest.mark.parametrize("act", ["sign out", "forget", "move to the file"])
def test_what_the_keyring_could_not_remove_is_told_and_the_rest_is_done(
    act: str, store: Store, new_store: Callable[[], Store], keyring: FakeKeyring, path: Path
) -> None:
    store.write(PROFILE)
    keyring.raises = RuntimeError("gone")
    after = {"sign out": SIGNED_OUT, "forget": None, "move to the file": IN_FILE}[act]
    left_behind = store.write(after) if after else store.forget("work")
    assert left_behind is not None
    assert next(iter(keyring.entries)).removesuffix("/a0") in left_behind.message
    assert new_store().read("work") == after
    keyring.raises = None
    new_store().write(RENEWED)  # the next session cleans up
    assert len(keyring.entries) == 1
    assert new_store().forget("work") is None
    assert (keyring.entries, path.exists()) == ({}, False)


def test_a_reader_beside_a_writer_sees_the_old_session_or_the_new_one(
    store: Store, new_store: Callable[[], Store], keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer may replace the file and remove the old entry between the reader's two looks."""
    store.write(PROFILE)
    writes = iter([RENEWED, PROFILE, RENEWED])
    get, busy = keyring.get_password, []

    def get_late(service: str, username: str) -> str | None:
        if not busy and (profile := next(writes, None)):
            busy.append(True)
            new_store().write(profile)
            busy.clear()
        return get(service, username)

    monkeypatch.setattr(keyring, "get_password", get_late)
    assert store.read("work") == RENEWED
    assert next(writes, None) is None


# --- power that goes away between any two steps


@pytest.fixture
def power_counts_for_files(keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what happens to files be steps too: once the power is away nothing has an effect, as after a crash."""
    replace_file, unlink = files.replace, os.unlink

    def replace_with_power(place: str, data: bytes) -> None:
        keyring.step("replace the file")
        replace_file(place, data)
        keyring.step("the file was replaced")

    def unlink_with_power(place: str) -> None:
        keyring.step("unlink a file")
        unlink(place)

    monkeypatch.setattr(files, "replace", replace_with_power)
    monkeypatch.setattr(os, "unlink", unlink_with_power)


@pytest.mark.parametrize("old", [None, PROFILE, IN_FILE], ids=["nothing", "keyring", "file"])
@pytest.mark.parametrize(
    "new", [RENEWED, IN_FILE, SIGNED_OUT, None], ids=["keyring", "file", "signed out", "forgotten"]
)
def test_a_crash_between_any_two_steps_leaves_the_old_session_or_the_new_one(
    old: Profile | None,
    new: Profile | None,
    small_parts: None,
    power_counts_for_files: None,
    keyring: FakeKeyring,
    new_store: Callable[[], Store],
) -> None:
    def change(profile: Profile | None) -> object:
        return new_store().write(profile) if profile else new_store().forget("work")

    for power in range(100):
        if old:
            change(old)
        keyring.power = power
        try:
            whole = change(new) is None
        except StoreError:
            whole = False
        keyring.power = None
        if whole or new is not None:
            assert new_store().read("work") in ((new,) if whole else (old, new))
        else:  # what forgets begins with the keyring, so that nothing is left there unnamed: it can be done again
            with suppress(KeyringError):
                assert new_store().read("work") in (old, None)
        change(RENEWED)
        assert new_store().read("work") == RENEWED
        assert len({name.rpartition("/")[2][0] for name in keyring.entries}) == 1, "the next write leaves no orphan"
        change(None)
        assert keyring.entries == {}
        if whole:
            assert power > 1
            return
    pytest.fail("no power was enough")
