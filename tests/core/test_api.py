"""``get_token``: at once where it can be, else through the engine in this process, and never a word to anybody."""

from __future__ import annotations

import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import oauth_cli_login
from oauth_cli_login import api, get_token
from oauth_cli_login.api import other_token

NOW = 1_800_000_000


@pytest.fixture
def program(environ, server, world, clock, monkeypatch):
    """Make this process the program: the test's clock and environment are its own."""
    world()
    monkeypatch.setattr("time.time", clock)
    for name in [name for name in os.environ if name.startswith("OAUTH_CLI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OAUTH_CLI_HOME", environ["OAUTH_CLI_HOME"])


pytestmark = pytest.mark.usefixtures("program")


@pytest.fixture
def no_engine(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr("oauth_cli_login.tokens.valid_access_token", refuse)


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("min_valid", [0, 30, 60])
def test_a_good_token_comes_from_the_file_at_once(signed_in, min_valid):
    signed_in()

    assert get_token("mock", min_valid=min_valid) == "stored-access-token"


def test_the_profile_is_chosen_as_the_command_does(signed_in, store, monkeypatch):
    for name in ("one", "two", "three"):
        signed_in(name, access_token=f"of-{name}")

    with pytest.raises(oauth_cli_login.UsageError, match="several sessions: one, three, two"):
        get_token()
    store.set_default("one")
    assert get_token() == "of-one"
    monkeypatch.setenv("OAUTH_CLI_PROFILE", "two")
    assert get_token() == "of-two"
    assert get_token("three") == "of-three"


def test_an_expired_token_is_refreshed_in_this_process(server, signed_in, store):
    signed_in(expires_at=NOW - 10)

    assert get_token("mock") == "access-token-1-secret"
    assert get_token("mock") == "access-token-1-secret"
    assert len(server.received("/token")) == 1
    assert store.read("mock").session.refresh_token == "refresh-token-1-secret"


@pytest.mark.parametrize(
    ("asked", "refreshed"), [({"min_valid": 3599}, False), ({"min_valid": 3600}, True), ({"refresh": True}, True)]
)
def test_a_token_is_as_good_as_was_asked(server, signed_in, asked, refreshed):
    signed_in()

    assert get_token("mock", **asked) == ("access-token-1-secret" if refreshed else "stored-access-token")
    assert len(server.received("/token")) == refreshed


def test_a_token_is_used_to_the_second_that_was_asked_for(server, signed_in):
    signed_in(expires_at=NOW + 30)

    assert get_token("mock", min_valid=29) == "stored-access-token"
    assert server.requests == []


# ---- errors


def test_whoever_is_not_signed_in_gets_the_command_that_does(signed_in, store):
    store.write(replace(signed_in(), session=None))

    with pytest.raises(oauth_cli_login.NotSignedIn, match="not signed in to mock") as raised:
        get_token("mock")
    assert "oauth-cli login --provider mock" in raised.value.hint
    assert raised.value.exit_status == 4


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: get_token("../evil"), oauth_cli_login.UsageError),
        (lambda: get_token(""), oauth_cli_login.UsageError),
        (lambda: get_token("mock", min_valid=-1), oauth_cli_login.UsageError),
        (lambda: get_token("mock", refresh=True), oauth_cli_login.NotSignedIn),
    ],
)
def test_what_is_wrong_is_an_error_of_the_tree(signed_in, call, error):
    signed_in(refresh_token=None)

    with pytest.raises(error) as raised:
        call()
    assert raised.value.hint


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, oauth_cli_login.NotSignedIn),
        (401, {"error": "invalid_client"}, oauth_cli_login.TokenError),
        (500, "", oauth_cli_login.TransportError),
        (200, {}, oauth_cli_login.ProtocolError),
    ],
)
def test_what_the_server_answers_is_an_error_of_the_tree(server, reply, signed_in, status, body, error):
    signed_in(expires_at=NOW - 10)
    server.queue("/token", reply(status, body))

    with pytest.raises(error):
        get_token("mock")


def test_a_session_file_that_cannot_be_trusted_is_an_error_of_the_tree(signed_in, session_file):
    signed_in()
    session_file().write_bytes(b"1 2 3")

    with pytest.raises(oauth_cli_login.StoreError):
        get_token("mock")


# ---- a good guest


class Untouchable(io.StringIO):
    """A standard input that nobody may look at."""

    def read(self, *_args):
        raise AssertionError("standard input was read")

    readline = read

    def isatty(self):
        return True


def test_nothing_is_printed_read_or_opened(server, reply, signed_in, world, capfd, robot, monkeypatch):
    world(sleep=lambda _seconds: None)
    monkeypatch.setattr("sys.stdin", Untouchable())
    signed_in(expires_at=NOW - 10)
    server.queue("/token", reply(503, ""), reply(400, {"error": "invalid_grant"}))

    for _ in range(2):  # one that fails after a repetition, one that refreshes
        try:
            get_token("mock")
        except oauth_cli_login.OAuthCliError as error:
            assert isinstance(error, oauth_cli_login.NotSignedIn)  # noqa: PT017 - the second time there is none

    assert capfd.readouterr() == ("", "")
    assert robot.urls == []
    assert len(server.received("/token")) == 3


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_engine_has_nobody_to_talk_to(signed_in, capfd, level):
    signed_in()
    context, _, _ = api._world("mock")
    context.terminal.verbosity = level

    context.terminal.warn("a warning")
    context.terminal.must_see("a question")
    context.terminal.debug("a line")
    context.terminal.answer("an answer")

    assert not context.terminal.can_ask
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "ask", [lambda: get_token("mock", refresh=True), lambda: other_token("mock", "stored-access-token")]
)
def test_one_thread_at_a_time_uses_the_engine(signed_in, monkeypatch, ask):
    """Its hooks put another stream in the place of standard output: two at once would leave it there."""
    signed_in()
    world, inside, seen = api._world, [], []

    def watched(profile):
        inside.append(profile)
        time.sleep(0.02)
        seen.append(len(inside))
        inside.pop()
        return world(profile)

    monkeypatch.setattr(api, "_world", watched)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _number: ask(), range(4)))

    assert seen == [1] * 4


def test_many_threads_refresh_once(server, signed_in):
    signed_in(expires_at=NOW - 10)
    together = threading.Barrier(8, timeout=20)

    def ask(_number):
        together.wait()
        return get_token("mock")

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(ask, range(8)))

    assert tokens == {"access-token-1-secret"}
    assert len(server.received("/token")) == 1


# ---- another token than one that was refused


def test_a_refused_token_is_refreshed_once_however_many_threads_were_refused(server, signed_in):
    signed_in()
    together = threading.Barrier(8, timeout=20)

    def ask(_number):
        together.wait()
        return other_token("mock", "stored-access-token")

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(ask, range(8)))

    assert tokens == {"access-token-1-secret"}
    assert len(server.received("/token")) == 1


@pytest.mark.parametrize("refresh_token", ["stored-refresh-token", None])
def test_a_token_that_somebody_renewed_meanwhile_is_the_other_one(server, signed_in, refresh_token):
    signed_in(access_token="newer", refresh_token=refresh_token)

    assert other_token("mock", "older") == "newer"
    assert server.requests == []


def test_where_nothing_renews_a_token_there_is_no_other(server, signed_in):
    signed_in(refresh_token=None)

    assert other_token("mock", "stored-access-token") is None
    assert server.requests == []


def test_a_server_that_gives_the_same_token_again_gives_no_other(server, signed_in):
    signed_in()
    server.tokens = {"access_token": "stored-access-token"}

    assert other_token("mock", "stored-access-token") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_while_a_thread_used_the_engine_uses_its_own():
    with api._engine:
        child = os.fork()
        if not child:
            os._exit(0 if api._engine.acquire(timeout=5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
