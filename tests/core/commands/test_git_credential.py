"""``git-credential``: which session answers git, what ends it, and who gets nothing."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest


@pytest.fixture
def host(server) -> str:
    """The issuer's host as git spells it."""
    return urlsplit(server.issuer).netloc


@pytest.fixture
def git(cli, host, monkeypatch) -> Callable[..., object]:
    """Call the helper as git does; ``None`` leaves an attribute out."""

    def call(operation: str, *options: str, raw: bytes | None = None, environ=None, **attributes: str | None):
        known = {"protocol": "http", "host": host, **attributes}
        lines = "".join(f"{name}={value}\n" for name, value in known.items() if value is not None)
        data = lines.encode() if raw is None else raw
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data + b"\n")))
        return cli("git-credential", *options, operation, **(environ or {}))

    return call


def silent(done) -> bool:
    return (done.status, done.out, done.err) == (0, "", "")


# get


def test_the_hosts_session_answers(git, signed_in, clock):
    signed_in()

    done = git("get")

    expiry = int(clock()) + 3600
    assert (done.status, done.err) == (0, "")
    assert done.out == f"username=oauth2\npassword=stored-access-token\npassword_expiry_utc={expiry}\n"


def test_a_token_without_an_end_has_no_expiry(git, signed_in):
    signed_in(expires_at=0, refresh_token=None)

    assert git("get").out == "username=oauth2\npassword=stored-access-token\n"


def test_an_expired_token_is_renewed_first(git, signed_in, clock):
    signed_in(expires_at=int(clock()) - 1)

    assert "password=access-token-1-secret\n" in git("get").out


def test_github_and_a_plain_server_are_known_by_their_issuer_or_token_endpoint(git, signed_in, store):
    profile = signed_in("github", provider="github", settings={"client_id": "cli-app"})
    session = replace(profile.session, issuer="https://github.com/login/oauth", token_endpoint=None)
    store.write(replace(profile, session=session, settings={"client_id": "cli-app"}))

    assert "password=stored-access-token\n" in git("get", protocol="https", host="github.com").out
    assert silent(git("get", protocol="https", host="gist.github.com"))

    store.write(replace(profile, session=replace(session, issuer=None, token_endpoint="https://git.example/token")))
    assert silent(git("get", protocol="https", host="github.com"))
    assert "password=stored-access-token\n" in git("get", protocol="https", host="git.example").out


@pytest.mark.parametrize(
    "attributes",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:1"},
        {"protocol": "https"},
        {"protocol": "ftp"},
        {"protocol": None},
        {"host": None},
        {"host": ""},
    ],
)
@pytest.mark.parametrize("options", [(), ("--profile", "mock")])
def test_threat_69_no_other_host_gets_the_token(git, signed_in, attributes, options):
    signed_in()

    assert silent(git("get", *options, **attributes))


def test_threat_69_a_request_that_could_be_read_in_two_ways_gets_one_line(git, signed_in, host):
    signed_in()

    done = git("get", raw=f"protocol=http\nhost={host}\rhost=evil.example\n".encode())

    assert done.failed(2, "git's request is left unanswered: a line holds a carriage return")
    assert "stored-access-token" not in done.err


def test_more_than_a_request_is_not_read_to_its_end(git, signed_in):
    signed_in()

    assert git("get", raw=b"x=y\n" * 1_000_000).failed(2, "longer than 64 KiB")
    assert sys.stdin.buffer.tell() < 100_000
    assert git("get", raw=b"x=" + b"y" * 1_000_000).failed(2, "longer than 64 KiB")
    assert sys.stdin.buffer.tell() < 100_000


def test_a_host_that_setup_git_wrote_down_gets_the_profiles_token_and_no_others(git, signed_in):
    signed_in("work", access_token="of-work")
    signed_in("home", access_token="of-home")
    written = ("--profile", "work", "--host", "https://git.example.com")

    assert "password=of-work\n" in git("get", *written, protocol="https", host="git.example.com").out
    assert "password=of-work\n" in git("get", *written).out
    assert silent(git("get", *written, protocol="https", host="git.example.com.evil.example"))
    assert silent(git("get", "--profile", "home", protocol="https", host="git.example.com"))
    assert git("get", "--host", "https://git.example.com").failed(2, "--host needs --profile")


# accounts side by side


@pytest.fixture
def two_accounts(signed_in) -> None:
    signed_in("home", access_token="of-alice", label="alice", sub="1")
    signed_in("work", access_token="of-acme", label="alice-at-acme", sub="2")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"username": "alice"}, "of-alice"),
        ({"username": "alice-at-acme"}, "of-acme"),
        ({"username": "work"}, "of-acme"),
        ({"path": "alice-at-acme/app.git"}, "of-acme"),
        ({"path": "Alice/app.git"}, "of-alice"),
    ],
)
def test_the_user_name_or_the_path_says_whose_it_is(git, two_accounts, attributes, expected):
    done = git("get", **attributes)

    assert f"password={expected}\n" in done.out
    assert done.out.startswith(f"username={attributes.get('username', 'oauth2')}\n")


def test_each_ones_helper_answers_for_its_own_account_alone(git, two_accounts):
    home, work = ("--profile", "home"), ("--profile", "work")

    assert "of-alice" in git("get", *home).out
    assert "of-acme" in git("get", *work).out
    assert silent(git("get", *home, username="alice-at-acme"))
    assert "of-acme" in git("get", *work, username="alice-at-acme").out
    assert silent(git("get", *home, path="alice-at-acme/app.git"))
    assert "of-acme" in git("get", *work, path="alice-at-acme/app.git").out


def test_where_nothing_says_whose_the_default_answers(git, two_accounts, store):
    store.set_default("work")

    assert "of-acme" in git("get").out
    assert "of-alice" in git("get", environ={"OAUTH_CLI_PROFILE": "home"}).out


def test_where_it_could_be_two_nobody_is_guessed(git, two_accounts, host):
    done = git("get")

    assert (done.status, done.out) == (0, "")
    assert "several sessions are for http://" in done.err
    assert f"git config --global credential.http://{host}.username NAME" in done.err


@pytest.mark.parametrize("options", [(), ("--profile", "home")])
def test_a_user_name_that_nobody_goes_by_is_told_who_is_there(git, two_accounts, options):
    done = git("get", *options, username="bob")

    assert (done.status, done.out) == (0, "")
    assert "git asks for 'bob' at http://" in done.err
    assert "home (alice), work (alice-at-acme)" in done.err


def test_a_profile_of_another_host_is_not_told_who_is_signed_in_here(git, two_accounts, signed_in):
    signed_in("elsewhere", issuer="https://other.example")

    assert silent(git("get", "--profile", "elsewhere", username="bob"))


def test_another_profiles_damage_is_none_of_gits_business(git, signed_in, session_file):
    signed_in()
    session_file("broken").write_text("?")

    assert "stored-access-token" in git("get").out
    assert git("get", "--profile", "broken").failed(9, "is left alone")


# what has ended


@pytest.mark.parametrize("options", [(), ("--profile", "mock")])
def test_an_ended_session_says_how_to_start_one_and_leaves_git_to_go_on(git, signed_in, clock, options):
    signed_in(expires_at=int(clock()) - 1, refresh_token=None)

    done = git("get", *options)

    assert (done.status, done.out) == (0, "")
    assert done.err == "oauth-cli: the session mock has ended. Sign in again: oauth-cli login --provider mock\n"


def test_a_refresh_token_that_was_revoked_is_the_same(git, signed_in, server, reply, clock):
    signed_in(expires_at=int(clock()) - 1)
    server.queue("/token", reply(400, {"error": "invalid_grant"}))

    done = git("get")

    assert (done.status, done.out) == (0, "")
    assert "Sign in again: oauth-cli login --provider mock" in done.err


def test_nobody_signed_in_is_told_where_a_profile_was_set_up(git):
    assert silent(git("get"))
    assert "you are not signed in to work. Sign in: oauth-cli login" in git("get", "--profile", "work").err


def test_each_line_for_the_person_is_one_and_begins_with_our_name(git, signed_in):
    signed_in()

    lines = git("get", "--profile", "nope").err.splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["oauth-cli:", "oauth-cli:"]
    assert lines[1] == "oauth-cli: Other profiles: mock"


def test_a_sentence_of_the_server_ends_once(git, signed_in, server, reply, clock):
    signed_in(expires_at=int(clock()) - 1)
    server.queue("/token", reply(400, {"error": "invalid_grant", "error_description": "It is over."}))

    assert "It is over. Sign in again" in git("get").err


def test_a_bad_profile_in_the_line_is_usage(git):
    assert git("get", "--profile", "../evil").failed(2, "cannot be the name of a profile")


def test_a_session_that_became_anothers_while_it_was_renewed_does_not_answer(
    git, signed_in, server, store, clock, before_the_lock
):
    """Somebody signs in to another server under the same name, between the first look and the lock."""
    profile = signed_in(expires_at=int(clock()) - 1)

    def replace_session() -> None:
        elsewhere = replace(profile.session, issuer="https://other.example", access_token="of-other")
        settings = {**profile.settings, "issuer": "https://other.example"}
        fresh = replace(elsewhere, expires_at=int(clock()) + 3600, token_endpoint="https://other.example/token")
        store.write(replace(profile, settings=settings, session=fresh))

    before_the_lock(replace_session)

    done = git("get", environ={"OAUTH_CLI_MOCK_ISSUER": ""})

    assert (done.status, done.out) == (0, ""), done.err


# store, erase, and what is to come


@pytest.mark.parametrize("operation", ["store", "capability", "something-new"])
def test_other_operations_do_nothing(git, signed_in, session_file, operation):
    signed_in()
    before = session_file().read_bytes()

    assert silent(git(operation, username="x", password="another"))
    assert silent(git(operation, raw=b"\r\0"))
    assert session_file().read_bytes() == before


def test_an_erased_token_is_renewed_on_the_next_use(git, signed_in, cli, store):
    signed_in()

    assert silent(git("erase", username="oauth2", password="stored-access-token"))

    session = store.read("mock").session
    assert (session.access_token, session.refresh_token) == ("stored-access-token", "stored-refresh-token")
    assert json.loads(cli("status", "--json").out)["sessions"][0]["state"] == "expired"
    assert "password=access-token-1-secret\n" in git("get").out


@pytest.mark.parametrize(
    "attributes",
    [
        {"password": "an-older-token"},
        {"password": None},
        {"password": ""},
        {"password": "stored-access-token", "host": "evil.example"},
        {"password": "stored-access-token", "protocol": "https"},
    ],
)
@pytest.mark.parametrize("options", [(), ("--profile", "mock")])
def test_nothing_else_can_be_erased(git, signed_in, session_file, attributes, options):
    signed_in()
    before = session_file().read_bytes()

    assert silent(git("erase", *options, username="oauth2", **attributes))
    assert session_file().read_bytes() == before


def test_only_the_refused_accounts_token_is_erased(git, two_accounts, store):
    git("erase", password="of-acme")
    git("erase", "--profile", "work", password="of-alice")

    assert store.read("work").session.expires_at < store.read("home").session.expires_at
    assert "of-alice" in git("get", username="alice").out


def test_a_token_that_nothing_renews_stays_and_the_person_is_told(git, signed_in, session_file, host):
    """GitHub's OAuth apps: no end, and no refresh token. Git's server does not decide that the session is over."""
    signed_in(expires_at=0, refresh_token=None)
    before = session_file().read_bytes()

    done = git("erase", password="stored-access-token")

    assert (done.status, done.out) == (0, "")
    said = f"http://{host} refused the token of the session mock, and nothing renews it"
    assert done.err == f"oauth-cli: {said}. Sign in again: oauth-cli login --provider mock\n"
    assert session_file().read_bytes() == before
