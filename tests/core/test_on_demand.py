"""``token --login``: one browser at a time, its outcome for all that wait, and none again where nobody answers."""

from __future__ import annotations

import threading

import pytest

from oauth_cli_login.adapters.store import FailedLogin
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import LoginTimeout, NotSignedIn, TokenError
from oauth_cli_login.on_demand import PAUSE, with_sign_in


@pytest.fixture(autouse=True)
def browser(robot, monkeypatch):
    monkeypatch.setattr("oauth_cli_login.on_demand.default_browser", lambda _environ: robot.open)
    return robot


@pytest.fixture
def over(signed_in, clock):
    """Store a session that has ended: only a person can go on."""

    def make(**changes):
        return signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600, refresh_token=None, **changes)

    return make


def test_without_it_no_browser_is_ever_opened(cli, over, robot, server):
    over()

    done = cli("token")

    assert done.failed(4, "the session mock has ended")
    assert "oauth-cli login --provider mock" in done.next_step
    assert (robot.urls, server.requests) == ([], [])


def test_with_it_a_person_signs_in_and_the_token_is_printed_alone(cli, over, robot, store):
    over()

    done = cli("token", "--login")

    assert (done.status, done.out) == (0, "access-token-1-secret\n")
    assert len(robot.urls) == 1
    assert "Signed in" not in done.out
    assert store.read("mock").session.access_token == "access-token-1-secret"


def test_a_session_that_renews_itself_needs_no_browser(cli, signed_in, clock, robot):
    signed_in(expires_at=int(clock()))

    assert cli("token", "--login").out == "access-token-1-secret\n"
    assert robot.urls == []


def test_a_refresh_token_that_is_refused_leads_to_the_browser(cli, server, signed_in, clock, robot, reply):
    signed_in(expires_at=int(clock()))
    server.queue("/token", reply(400, {"error": "invalid_grant"}))

    assert cli("token", "--login").out == "access-token-2-secret\n"
    assert len(robot.urls) == 1


def test_a_profile_that_was_never_signed_in_to_is_signed_in_to(cli, server, robot):
    assert cli("token", "--login", "--profile", "mock").out == "access-token-1-secret\n"
    assert len(robot.urls) == 1


def test_what_was_asked_for_is_not_asked_for_twice(cli, over, server):
    """The fresh token of the sign-in is new: ``--refresh`` has nothing left to do."""
    over()

    assert cli("token", "--login", "--refresh").out == "access-token-1-secret\n"
    assert len(server.received("/token")) == 1


def test_nothing_says_which_provider(cli, robot):
    done = cli("token", "--login", "--profile", "work")

    assert done.failed(4, "you are not signed in to work")
    assert robot.urls == []


def test_somebody_else_is_not_stored(cli, over, server, store):
    over()
    server.sub = "mallory"

    assert cli("token", "--login").failed(3, "you signed in as mallory")
    assert store.read("mock").session.sub == "demouser"


# ---- after an attempt


@pytest.fixture
def unanswered(cli, over, robot, monkeypatch):
    """One attempt that nobody answers."""
    over()
    robot.starts = False
    with monkeypatch.context() as patch:
        patch.setattr("oauth_cli_login.browser_flow.TIMEOUT", 0.2)
        done = cli("token", "--login")
    assert done.failed(6, "nobody finished signing in")
    robot.urls.clear()
    robot.starts = True


def test_after_one_that_nobody_answered_no_browser_opens_for_ten_minutes(cli, unanswered, robot, clock):
    clock.now += PAUSE - 1
    done = cli("token", "--login")

    assert done.failed(4, "nobody answered the last sign-in to mock")
    assert "oauth-cli login --profile mock" in done.next_step
    assert robot.urls == []

    clock.now += 1
    assert cli("token", "--login").status == 0
    assert len(robot.urls) == 1


def test_a_clock_that_was_set_back_does_not_make_it_longer(cli, unanswered, robot, clock):
    clock.now -= 100_000

    assert cli("token", "--login").status == 0


def test_a_sign_in_by_hand_opens_one_at_once_and_ends_the_pause(cli, unanswered, robot, clock, store):
    assert cli("login").status == 0
    assert len(robot.urls) == 1
    clock.now += 1
    store.write(_ended(store.read("mock"), clock))

    assert cli("token", "--login").status == 0


def test_after_one_that_somebody_answered_with_no_the_next_may_ask_at_once(cli, over, server, robot, clock):
    over()
    server.redirect = {"error": "access_denied", "code": None}
    assert cli("token", "--login").failed(5, "access_denied")
    clock.now += 1
    server.redirect = {}

    assert cli("token", "--login").status == 0


def test_logout_forgets_what_failed(cli, unanswered, store):
    assert store.failed_login("mock") is not None

    cli("logout", "--forget")

    assert store.failed_login("mock") is None


@pytest.mark.parametrize("text", ["", "what", "1 2 3", "x unanswered", "9" * 2_000_000])
def test_a_note_that_cannot_be_read_is_none(store, session_file, over, text):
    over()
    (session_file().parent / ".mock.failed-login").write_text(text)

    assert store.failed_login("mock") is None


# ---- many at once


class _Silent:
    def __getattr__(self, _name):
        return lambda *_args, **_kwargs: None


def at_once(number, environ, clock, get):
    """Let so many threads ask at once; return what each got, or the error it ended with."""
    begun = threading.Barrier(number)  # whoever began after an attempt had failed would be no part of it
    results = []

    def get_at_once(wished):
        if wished:
            begun.wait(timeout=30)
        return get(wished)

    def one():
        context = Context(environ, _Silent(), clock=clock)
        try:
            results.append(with_sign_in(context, Configuration.read(environ), "mock", get_at_once))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.fixture
def asked(monkeypatch, signed_in):
    """Let signing in be what a test says; return how often somebody was asked."""
    calls = []

    def install(outcome):
        def sign_in(*_):
            calls.append(1)
            if outcome:
                raise outcome
            signed_in()

        monkeypatch.setattr("oauth_cli_login.on_demand._sign_in", sign_in)
        return calls

    return install


def getting(environ, clock):
    from oauth_cli_login.tokens import valid_access_token

    context = Context(environ, _Silent(), clock=clock)
    return lambda _wished: valid_access_token(context, Configuration.read(environ), "mock").value


def test_one_is_asked_and_all_have_the_token(environ, clock, over, asked):
    over()
    calls = asked(None)

    assert at_once(5, environ, clock, getting(environ, clock)) == ["stored-access-token"] * 5
    assert len(calls) == 1


@pytest.mark.parametrize("outcome", [LoginTimeout("nobody"), TokenError("no", error="access_denied", status=400)])
def test_one_is_asked_and_all_fail_with_it(environ, clock, over, asked, outcome):
    over()
    calls = asked(outcome)

    results = at_once(5, environ, clock, getting(environ, clock))

    assert len(calls) == 1
    assert sorted(type(result).__name__ for result in results) == sorted(["NotSignedIn"] * 4 + [type(outcome).__name__])
    assert all("another process began has failed" in r.message for r in results if isinstance(r, NotSignedIn))


def test_a_note_of_a_failure_is_kept_and_taken_back(store, over):
    over()
    store.note_failed_login("mock", FailedLogin(5, answered=False))
    assert store.failed_login("mock") == FailedLogin(5, answered=False)
    assert store.names() == ["mock"]

    store.note_failed_login("mock", None)
    store.note_failed_login("mock", None)
    assert store.failed_login("mock") is None


def _ended(profile, clock):
    from dataclasses import replace

    session = replace(profile.session, expires_at=int(clock()), issued_at=int(clock()) - 10, refresh_token=None)
    return replace(profile, session=session)


def test_an_id_token_that_a_refresh_does_not_bring_leads_to_the_browser(cli, server, signed_in, clock, robot):
    """The attempt itself renews the session: that is no sign-in that was waited for."""
    signed_in()
    clock.now += 601
    responses = iter([{"id_token": None}, {}])
    server.on_request = lambda received: received.path == "/token" and server.tokens.update(next(responses, {}))

    def forget(received):
        if received.path == "/authorize":
            server.tokens = {}

    first = server.on_request
    server.on_request = lambda received: (first(received), forget(received))

    done = cli("token", "--id-token", "--login")

    assert done.status == 0, done.err
    assert len(robot.urls) == 1


def test_whoever_waits_is_told(environ, clock, over, asked, store):
    over()
    asked(None)
    said = []

    class Telling(_Silent):
        def say(self, text, *_styles):
            said.append(text)

    with store.login_lock("mock"):
        context = Context(environ, Telling(), clock=clock)
        get, configuration = getting(environ, clock), Configuration.read(environ)
        waiting = threading.Thread(target=lambda: with_sign_in(context, configuration, "mock", get))
        waiting.start()
        for _ in range(500):
            if said:
                break
            waiting.join(0.01)
    waiting.join(timeout=30)

    assert said == ["Another oauth-cli is signing in to mock: waiting for it. Ctrl-C to give up."]


@pytest.mark.parametrize("content", ["", "now unanswered", "5", "7" * 400 + " unanswered", "5 unanswered\0 at all"])
def test_a_damaged_note_of_a_failed_sign_in_is_none(store, signed_in, content):
    store.note_failed_login("mock", FailedLogin(5, answered=False))
    with open(store._failed_login_path("mock"), "w", encoding="utf-8") as file:
        file.write(content)
    assert store.failed_login("mock") is None
