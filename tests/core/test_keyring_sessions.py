"""Commands whose session is in the system's keyring: what they ask it, and what they do where it does not answer."""

from __future__ import annotations

import sys

import pytest
from fake_keyring import FakeKeyring, KeyringLocked

from oauth_cli_login.errors import KeyringError
from oauth_cli_login.model import SecretReference

LOGIN = ("login", "--provider", "mock")
KEYRING = {"settings": {"store": "keyring"}}


@pytest.fixture(autouse=True)
def keyring(monkeypatch):
    fake = FakeKeyring()
    monkeypatch.setattr("oauth_cli_login.adapters.vault.system_backend", lambda _environ: fake)
    return fake


@pytest.fixture
def no_library(monkeypatch):
    """The package is not there."""
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "keyring", None)


def on_disk(home):
    """Return all that is written in any file of ours."""
    return "".join(path.read_text() for path in home.rglob("*") if path.is_file())


def test_threat_67_no_secret_is_in_any_file_from_login_to_logout(cli, server, clock, home, keyring):
    assert cli(*LOGIN, "--store", "keyring").status == 0
    assert cli("token").out == "access-token-1-secret\n"
    clock.now += 3700
    assert cli("token").out == "access-token-2-secret\n"
    assert cli("whoami").status == 0
    assert server.received("/token")[-1].fields["refresh_token"] == "refresh-token-1-secret"
    assert "-secret" not in on_disk(home)
    assert "eyJ" not in on_disk(home)
    assert "refresh-token-2-secret" in "".join(keyring.entries.values())
    assert len(keyring.entries) == 1

    assert cli("logout").err == "mock: signed out, and the tokens were revoked\n"
    assert [r.fields["token"] for r in server.received("/revoke")] == [
        "refresh-token-2-secret",
        "access-token-2-secret",
    ]
    assert keyring.entries == {}


def test_the_store_is_kept_for_the_next_sign_in(cli, server, keyring, store):
    cli(*LOGIN, "--store", "keyring")
    cli("logout")
    cli(*LOGIN)
    assert store.peek("mock").store == "keyring"
    assert len(keyring.entries) == 1


def test_the_environment_and_the_configuration_name_the_store_too(cli, server, home, store):
    cli(*LOGIN, OAUTH_CLI_MOCK_STORE="keyring")
    assert store.peek("mock").store == "keyring"
    (home / "config.toml").write_text('[profiles.mock]\nstore = "file"\n')
    cli(*LOGIN)
    assert store.peek("mock").store == "file"


def test_a_store_that_does_not_exist_is_refused_before_the_browser(cli, server, robot, home):
    assert cli(*LOGIN, "--store", "cloud").failed(3, "store is 'cloud'", "the command line")
    assert robot.urls == []
    assert not (home / "sessions" / "mock").exists()


@pytest.mark.parametrize("first", ["file", "keyring"])
def test_the_next_sign_in_moves_the_session_and_until_then_it_stays(first, cli, server, clock, keyring, home, store):
    second = {"file": "keyring", "keyring": "file"}[first]
    cli(*LOGIN, "--store", first)
    clock.now += 3700
    assert cli("token", OAUTH_CLI_MOCK_STORE=second).out == "access-token-2-secret\n"
    assert store.peek("mock").store == first

    assert cli(*LOGIN, OAUTH_CLI_MOCK_STORE=second).status == 0
    assert store.peek("mock").store == second
    assert ("-secret" in on_disk(home)) == (second == "file")
    assert len(keyring.entries) == (1 if second == "keyring" else 0)
    assert cli("token").out == "access-token-3-secret\n"


def test_threat_67_a_keyring_that_cannot_be_used_is_told_before_the_browser(cli, server, robot, home, keyring):
    keyring.raises = KeyringLocked()
    done = cli(*LOGIN, "--store", "keyring")
    assert done.failed(9, "the keyring is locked")
    assert "--store file" in done.next_step
    assert robot.urls == []
    assert not (home / "sessions" / "mock").exists()


@pytest.mark.usefixtures("no_library")
def test_threat_67_without_the_library_nothing_is_stored(cli, server, robot, home):
    done = cli(*LOGIN, "--store", "keyring")
    assert done.failed(3, "the Python package keyring is not installed")
    assert "pip install keyring" in done.next_step
    assert robot.urls == []
    assert not (home / "sessions" / "mock").exists()


def test_a_refresh_token_is_not_spent_where_the_next_one_could_not_be_kept(
    cli, server, signed_in, clock, keyring, monkeypatch
):
    before = signed_in(**KEYRING)
    clock.now += 3700

    def read_only(service, username, password):
        raise PermissionError

    monkeypatch.setattr(keyring, "set_password", read_only)
    assert cli("token").failed(9, "cannot be used")
    assert server.received("/token") == []
    assert before.session.refresh_token in "".join(keyring.entries.values())


def test_showing_and_choosing_sessions_asks_no_keyring(cli, server, signed_in, keyring):
    signed_in(**KEYRING)
    signed_in("plain")
    keyring.calls.clear()
    shown = {session["profile"]: session for session in cli("status", "--json").json["sessions"]}
    assert (shown["mock"]["store"], shown["plain"]["store"]) == ("keyring", "file")
    assert shown["mock"]["renewable"]
    rows = {line.split()[0]: line for line in cli("status").err.splitlines()}
    assert " keyring " in rows["mock"]
    assert "itself" in rows["mock"]
    assert " file " in rows["plain"]
    assert cli("token").failed(2, "several sessions: mock, plain")
    assert cli("use", "mock").status == 0
    assert cli("login", "--profile", "mock", "--help").status == 0
    assert keyring.calls == []


@pytest.mark.parametrize("argv", [["token"], ["token", "--json"], ["whoami"]])
def test_a_session_that_the_keyring_lost_is_named_and_kept(argv, cli, server, signed_in, keyring, session_file):
    signed_in(**KEYRING)
    keyring.entries.clear()
    before = session_file().read_bytes()
    done = cli(*argv, "--profile", "mock")
    assert done.failed(9, "as it was written")
    assert "Sign in again" in done.next_step
    assert session_file().read_bytes() == before


def test_a_sign_in_mends_it(cli, server, signed_in, keyring):
    signed_in(**KEYRING)
    keyring.entries.clear()
    assert cli(*LOGIN).status == 0
    assert cli("token").out == "access-token-1-secret\n"


def test_a_session_in_a_keyring_that_does_not_answer_can_be_replaced_by_one_in_a_file(
    cli, server, signed_in, keyring, store
):
    signed_in(**KEYRING)
    keyring.raises = RuntimeError()
    done = cli(*LOGIN, "--store", "file")
    assert done.status == 0
    assert "the keyring may still hold oauth-cli/mock/" in done.err
    assert store.read("mock").session.access_token == "access-token-1-secret"


@pytest.mark.parametrize("options", [[], ["--forget"], ["--all"]])
def test_threat_66_a_keyring_that_does_not_answer_keeps_nobody_signed_in(
    options, cli, server, signed_in, keyring, store
):
    signed_in(**KEYRING)
    keyring.raises = RuntimeError()
    done = cli("logout", *options)
    assert done.status == 9
    assert "signed out here, but the tokens were NOT revoked" in done.err
    assert "the keyring may still hold oauth-cli/mock/" in done.err
    after = store.peek("mock")
    assert after is None or after.session is None
    assert cli("token", "--profile", "mock").failed(4, "not signed in")


@pytest.mark.usefixtures("no_library")
def test_threat_66_nor_does_a_library_that_was_uninstalled(cli, server, store, home):
    """The file is one that an earlier login left."""
    folder = home / "sessions"
    folder.mkdir(parents=True)
    (folder / "mock").write_text(
        '1 1800003600 1800000000 0\n\n{"provider": "mock", "settings": {"store": "keyring", "issuer": "'
        + server.issuer
        + '", "client_id": "cli-app"}, "session": {"issuer": "'
        + server.issuer
        + '", "client_id": "cli-app", "label": "demouser", "scopes": [], "token_type": "Bearer"},'
        ' "keyring": {"service": "oauth-cli/mock/0123456789ab", "slot": "a", "parts": 1, "digest": ""}}'
    )
    assert cli("token", "--profile", "mock").failed(3, "not installed")
    done = cli("logout", "--profile", "mock")
    assert done.status == 3
    assert "signed out here" in done.err
    assert store.peek("mock").session is None


def test_a_secret_that_was_typed_is_in_the_keyring_and_used(cli, server, signed_in, clock, home, keyring):
    signed_in(**KEYRING, secrets={"client_secret": SecretReference("value", "hunter2-hunter2")})
    assert "hunter2" not in on_disk(home)
    clock.now += 3700
    assert cli("token").status == 0
    assert server.received("/token")[0].headers["authorization"].startswith("Basic ")
    assert cli("logout").status == 0
    assert "hunter2" not in "".join(keyring.entries.values())


def test_what_keeps_the_old_entry_from_being_removed_does_not_cost_the_new_token(
    cli, server, signed_in, clock, keyring, monkeypatch
):
    signed_in(**KEYRING)
    clock.now += 3700
    delete = keyring.delete_password

    def refuse(service, username):
        if "check" in service:
            return delete(service, username)
        raise KeyringError("no")

    monkeypatch.setattr(keyring, "delete_password", refuse)
    assert cli("token").out == "access-token-1-secret\n"
    assert len(keyring.entries) == 2
