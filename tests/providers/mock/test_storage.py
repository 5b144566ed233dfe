"""What the mock keeps on disk, over restarts and between processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oauth_cli_login.errors import StoreError
from oauth_cli_providers.mock import state as state_module
from oauth_cli_providers.mock import storage as storage_module
from oauth_cli_providers.mock.server import MockServer
from oauth_cli_providers.mock.state import Code, Device, Grant, GrantKey, State
from oauth_cli_providers.mock.storage import Storage, default_folder

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and no owners of this kind")


def grant(expires_at: int = 100, **changes) -> Grant:
    return Grant("http://localhost:1/default", "ada", "openid", {}, 0, expires_at, **changes)


def test_what_an_earlier_run_issued_still_works(start, clock) -> None:
    client = start()
    used, revoked = client.tokens(), client.tokens()
    client.post("revoke", token=revoked["access_token"])
    unredeemed = client.code()
    device = client.post("device_authorization").json()
    client.server.__exit__(None, None, None)

    again = start(port=client.server.port)
    assert again.userinfo(used["access_token"]).json()["sub"] == "demouser"
    assert again.userinfo(revoked["access_token"]).status_code == 401
    refreshed = again.refresh(used["refresh_token"]).json()
    assert again.is_refused(again.refresh(used["refresh_token"]), "invalid_grant"), "spent stays spent"
    assert again.userinfo(refreshed["access_token"]).status_code == 401
    assert again.redeem(unredeemed).status_code == 200
    again.http.post(device["verification_uri_complete"], data={"username": "ada"})
    again.server.__exit__(None, None, None)

    third = start(port=client.server.port)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    assert third.post("token", **form).status_code == 200
    assert third.post("revoke", token=revoked["refresh_token"]).status_code == 200
    assert third.is_refused(third.refresh(revoked["refresh_token"]), "invalid_grant")


def test_no_code_and_no_token_is_kept_as_it_is(client, state_folder: str) -> None:
    code = client.code()
    tokens = client.tokens()
    device = client.post("device_authorization").json()
    kept = "".join(path.read_text() for path in Path(state_folder).iterdir())
    assert "demouser" in kept
    for secret in (code, *code.split("."), tokens["refresh_token"], *tokens["refresh_token"].split(".")):
        assert secret not in kept
    assert device["device_code"] not in kept
    assert tokens["access_token"] not in kept


@posix_only
def test_the_folder_and_its_files_are_for_their_owner_whatever_the_umask(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "chmod", lambda *_: None)  # from the first moment, not mended later
    before = os.umask(0)
    try:
        folder = tmp_path / "new" / "mock"
        with MockServer(0, state_folder=str(folder)) as server:
            assert server.port
            kept = Storage(str(folder))
            with kept.transaction(0) as state:
                state.grants[GrantKey("a")] = grant()
            for path in (tmp_path / "new", folder):
                assert stat.S_IMODE(path.stat().st_mode) == 0o700
            names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert names == {"key.json": 0o600, "state.json": 0o600, "lock": 0o600}


@posix_only
def test_a_folder_that_others_can_read_is_mended(state_folder: str) -> None:
    os.chmod(state_folder, 0o755)
    Storage(state_folder)
    assert stat.S_IMODE(os.stat(state_folder).st_mode) == 0o700


@posix_only
def test_a_link_in_the_place_of_the_folder_or_a_file_is_refused_and_its_target_untouched(
    tmp_path: Path, state_folder: str
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(StoreError, match="not a folder"):
        Storage(str(tmp_path / "link"))
    victim = tmp_path / "victim"
    victim.write_text("{}")
    os.symlink(victim, os.path.join(state_folder, "state.json"))
    with pytest.raises(StoreError), Storage(state_folder).transaction(0):
        pass
    assert victim.read_text() == "{}"


@posix_only
def test_a_folder_of_somebody_else_is_refused(state_folder: str, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StoreError, match="another user"):
        Storage(state_folder)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"grants": [], "devices": {}}',
        '{"grants": {"a": {}}, "devices": {}}',
        '{"grants": {"a": {"code": null}}, "devices": {}}',
        '{"grants": {"a": 1}, "devices": {}}',
    ],
)
def test_a_state_that_is_not_ours_stops_it_with_the_way_out_and_stays(state_folder: str, content: str) -> None:
    path = Path(state_folder, "state.json")
    path.write_text(content)
    with pytest.raises(StoreError, match=r"state\.json") as caught, Storage(state_folder).transaction(0):
        pass
    assert state_folder in caught.value.hint
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["", "[]", "{}", "1", '{"p": 1, "q": 2, "n": 3}'])
def test_a_key_that_is_none_stops_it_with_the_way_out(state_folder: str, content: str) -> None:
    Path(state_folder, "key.json").write_text(content)
    with pytest.raises(StoreError, match=r"key\.json"), MockServer(0, state_folder=state_folder):
        pass


def test_a_key_is_made_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "mock")
    assert Storage(folder).signing_key() == Storage(folder).signing_key()


def test_nothing_is_kept_and_nothing_left_behind_where_a_transaction_raises(state_folder: str, monkeypatch) -> None:
    kept = Storage(state_folder)

    def change() -> None:
        with kept.transaction(0) as state:
            state.grants[GrantKey("a")] = grant()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space left"), kept.transaction(0) as state:
        state.grants[GrantKey("a")] = grant()
    assert {path.name for path in Path(state_folder).iterdir()} <= {"key.json", "lock"}


def test_what_did_not_change_is_not_written(state_folder: str) -> None:
    kept = Storage(state_folder)
    with kept.transaction(0) as state:
        state.grants[GrantKey("a")] = grant()
    path = Path(state_folder, "state.json")
    before = path.stat().st_ino
    with kept.transaction(0):
        pass
    assert path.stat().st_ino == before


def test_a_lock_that_cannot_be_had_is_an_error_in_bounded_time(state_folder: str, monkeypatch) -> None:
    monkeypatch.setattr(storage_module, "_LOCK_SECONDS", 0.1)
    waiting = Storage(state_folder)
    with Storage(state_folder).transaction(0), pytest.raises(StoreError, match="lock"):
        waiting.signing_key()


def test_what_has_ended_is_forgotten() -> None:
    state = State(
        {GrantKey("old"): grant(100), GrantKey("new"): grant(101, revoked={"old": 100, "new": 101})},
        {
            "old": Device("i", "A", "", 100 - state_module.DEVICE_CODE_LIFETIME, 5),
            "expired": Device("i", "B", "", 101 - state_module.DEVICE_CODE_LIFETIME, 5),
        },
    )
    state.prune(100)
    assert set(state.grants) == {"new"}
    assert state.grants[GrantKey("new")].revoked == {"new": 101}
    assert set(state.devices) == {"expired"}


def test_the_state_comes_back_as_it_was() -> None:
    state = State(
        {GrantKey("a"): grant(nonce="n", code=Code("d", "r", "c")), GrantKey("b"): grant(refresh_token="r")},
        {"c": Device("i", "A", "s", 1, 5), "d": Device("i", "B", "s", 1, 5, 2.5, denied=False, grant=grant())},
    )
    assert State.decode(state.encode()) == state


def test_the_state_stays_readable_in_size_and_the_oldest_go_first() -> None:
    state = State()
    for number in range(100):
        state.grants[GrantKey(str(number))] = grant(number, code=Code("d" * 20_000, "r", "c"))
        state.devices[str(number)] = Device("i", "A", "s", number, 5)
    assert len(state.encode()) <= 1 << 19
    assert "99" in state.grants
    assert "0" not in state.grants


def test_device_codes_that_nobody_used_end_no_sign_in() -> None:
    """Any page in a browser can ask for them, as often as it likes."""
    state = State({GrantKey("signed in"): grant(1)})
    for number in range(300):
        state.devices[str(number)] = Device("i", "A", "s" * 5_000, 1_000 + number, 5)
    assert len(state.encode()) <= 1 << 19
    assert "signed in" in state.grants
    assert "299" in state.devices


def test_threads_do_not_lose_each_others_grants(client) -> None:
    def session(number: int) -> str:
        return client.redeem(client.code(username=f"user{number}")).json()["refresh_token"]

    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(session, range(24)))
    assert [client.refresh(token).status_code for token in tokens] == [200] * 24


def test_one_refresh_token_used_by_many_at_once_is_good_for_one(client) -> None:
    token = client.tokens()["refresh_token"]
    gate = threading.Barrier(6)

    def refresh(_: int) -> int:
        gate.wait()
        return client.refresh(token).status_code

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(refresh, range(6))) == [200, 400, 400, 400, 400, 400]


def test_processes_do_not_lose_each_others_grants(tmp_path: Path) -> None:
    """They start on an empty folder, so that they race for the key as well."""
    program = (
        "import sys\n"
        "from oauth_cli_providers.mock.storage import Storage\n"
        "from oauth_cli_providers.mock.state import Grant\n"
        "kept = Storage(sys.argv[1])\n"
        "print(kept.signing_key().kid)\n"
        "for number in range(20):\n"
        "    with kept.transaction(0) as state:\n"
        "        state.grants[f'{sys.argv[2]}-{number}'] = Grant('i', 's', '', {}, 0, 100)\n"
    )
    folder = str(tmp_path / "mock")
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program, folder, name], env=environ, stdout=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    kids = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(kids) == 1
    assert len(json.loads(Path(folder, "state.json").read_text())["grants"]) == 60


def test_the_folder_is_in_our_state_folder(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OAUTH_CLI_HOME", str(tmp_path))
    assert default_folder() == str(tmp_path / "mock")
