"""The device flow: what is shown, when it polls, and how each answer of the server ends or prolongs it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

LOGIN = ("login", "--provider", "mock", "--flow", "device")
PENDING = {"error": "authorization_pending"}
SLOW_DOWN = {"error": "slow_down"}


@dataclass
class Uptime:
    """A monotonic clock that only sleeping moves, and which says when the server was polled."""

    now: float = 1000.0
    polls: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1, "the time left is shown about once a second"
        self.now += seconds

    def note(self, received: object) -> None:
        if received.path == "/token":
            self.polls.append(self.now - 1000)


@pytest.fixture
def time_flies(cli, world):
    passing = Uptime()
    world(monotonic=lambda: passing.now, sleep=passing.sleep)
    return passing


@pytest.fixture
def uptime(time_flies, server):
    server.on_request = time_flies.note
    return time_flies


@pytest.fixture
def answers(server, reply):
    """Queue the answers to polls: an OAuth error each, whose status the client must not care about."""

    def queue(*bodies):
        server.queue("/token", *(reply(200 if number % 2 else 400, body) for number, body in enumerate(bodies)))

    return queue


def test_threat_44_the_code_is_shown_then_it_polls_every_five_seconds(cli, server, answers, uptime, store):
    answers(PENDING, PENDING)

    done = cli(*LOGIN)

    assert done.status == 0, done.err
    assert done.err.splitlines()[:5] == [
        "OAuth2 sign-in with mock",
        f"1. Open this address in any browser:  {server.issuer}/device",
        "2. Enter this code there:  BCDF-GHJK",
        "   Waiting for you, for 10:00 min at the most …",
        "3. Fetching your profile …",
    ]
    assert uptime.polls == [5, 10, 15]
    assert store.read("mock").session.redirect_uri is None


def test_requests_are_those_of_rfc_8628(cli, server, uptime):
    cli(*LOGIN, "--scope", "openid profile")

    (asked,), (poll,) = server.received("/device_authorization"), server.received("/token")
    assert asked.fields == {"client_id": "cli-app", "scope": "openid profile"}
    assert poll.fields == {
        "client_id": "cli-app",
        "device_code": "device-code-secret",
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    }


def test_the_real_embedded_server_signs_in_with_a_device_code(cli, mock, robot, clock, world, monkeypatch):
    """Somebody enters the code while the command waits."""
    shown: list[str] = []
    answered: list[None] = []

    def sleep(seconds: float) -> None:
        if not answered:
            answered.append(robot.post(shown[-1].split()[-1]))
        clock.now += seconds

    monkeypatch.setattr(
        "oauth_cli_login.adapters.terminal.Terminal.must_see", lambda _terminal, text, *_styles: shown.append(text)
    )
    world(monotonic=clock, sleep=sleep)

    done = cli(*LOGIN)

    assert done.status == 0, done.err
    assert "Signed in as demouser" in done.err
    assert f"{mock.issuer}/device?user_code=" in shown[-1]


@pytest.mark.parametrize("verbosity", ["--quiet", "--json"])
def test_threat_46_the_code_and_the_address_are_always_shown(cli, server, uptime, verbosity):
    err = cli(*LOGIN, verbosity).err

    assert "BCDF-GHJK" in err
    assert f"{server.issuer}/device" in err


def test_the_device_code_and_the_tokens_are_never_printed(cli, server, uptime, secrets_of):
    done = cli(*LOGIN, "-v")

    assert len(secrets_of()) == 4  # device code, access token, refresh token, ID token
    for secret in secrets_of():
        assert secret not in done.err + done.out


def test_an_address_with_the_code_filled_in_is_shown_beside_the_plain_one(cli, server, uptime):
    server.device = {"verification_uri_complete": f"{server.issuer}/device?user_code=BCDF-GHJK"}

    assert f"code filled in:  {server.issuer}/device?user_code=BCDF-GHJK" in cli(*LOGIN).err


@pytest.mark.parametrize("fault", ["javascript-verification-uri", "file-verification-uri"])
@pytest.mark.usefixtures("time_flies")
def test_threat_46_an_address_that_must_not_be_opened_is_not_offered_with_the_code(cli, mock, robot, fault):
    mock.faults = [fault, "device-denied"]

    done = cli(*LOGIN)

    assert re.search(r"Enter this code there:  [A-Z]{4}-[A-Z]{4}\n", done.err)
    assert "Open this address" not in done.err
    assert "with the code filled in" not in done.err
    assert robot.urls == []


def test_threat_46_an_address_in_words_is_shown_and_one_that_must_not_be_opened_is_not(cli, server, robot, uptime):
    server.device = {"verification_uri": "the page named in the manual", "verification_uri_complete": "javascript:a()"}

    done = cli(*LOGIN)

    assert "Open this address" not in done.err
    assert "(look at it first):  the page named in the manual\n" in done.err
    assert "BCDF-GHJK" in done.err
    assert "javascript" not in done.err
    assert robot.urls == []


def test_the_servers_interval_is_honoured(cli, server, answers, uptime):
    server.device = {"interval": 12}
    answers(PENDING)

    cli(*LOGIN)

    assert uptime.polls == [12, 24]


def test_threat_44_slow_down_adds_five_seconds_that_last(cli, server, answers, uptime):
    answers(SLOW_DOWN, PENDING, SLOW_DOWN, PENDING)

    cli(*LOGIN)

    assert uptime.polls == [5, 15, 25, 40, 55]


def test_slow_down_may_name_a_longer_interval(cli, server, answers, uptime):
    answers({**SLOW_DOWN, "interval": 30}, PENDING)

    cli(*LOGIN)

    assert uptime.polls == [5, 35, 65]


def test_threat_45_no_answer_doubles_the_interval_and_the_wait_goes_on(cli, server, reply, uptime):
    server.queue("/token", reply(503), reply(502), reply(500), reply(503), reply(503))

    done = cli(*LOGIN, "-v")

    assert done.status == 0
    assert uptime.polls == [5, 15, 35, 75, 135, 195]  # a minute at the most
    assert "HTTP 503" in done.err


def test_no_answer_never_makes_it_poll_more_often_than_the_server_asked(cli, server, reply, uptime):
    server.device = {"interval": 90}
    server.queue("/token", reply(503))

    cli(*LOGIN)

    assert uptime.polls[1] - uptime.polls[0] >= 90


@pytest.mark.usefixtures("time_flies")
def test_threat_45_a_server_that_says_the_code_expired(cli, mock, session_file):
    mock.faults = "device-expired"

    done = cli(*LOGIN)

    assert done.failed(6, "the device code expired")
    assert "new code" in done.next_step
    assert len(mock.received("token")) == 1
    assert not session_file().exists()


def test_threat_44_a_code_whose_time_is_over_is_not_polled_for(cli, server, answers, uptime):
    server.device = {"expires_in": 17}
    answers(*[PENDING] * 10)

    assert cli(*LOGIN).failed(6, "the device code expired")
    assert uptime.polls == [5, 10, 15]


def test_the_users_time_limit_ends_it_earlier(cli, server, answers, uptime):
    answers(*[PENDING] * 10)

    assert cli(*LOGIN, "--timeout", "12").failed(6, "nobody entered the code within 12 s")
    assert uptime.polls == [5, 10]


@pytest.mark.usefixtures("time_flies")
def test_threat_45_denied_consent_is_told(cli, mock, session_file):
    mock.faults = "device-denied"

    done = cli(*LOGIN)

    assert done.failed(5, "denied")
    assert "Nothing was stored" in done.next_step
    assert len(mock.received("token")) == 1
    assert not session_file().exists()


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unsupported_grant_type"])
def test_every_other_error_ends_it(cli, answers, uptime, error):
    answers({"error": error})

    assert cli(*LOGIN).failed(5, error)
    assert uptime.polls == [5]


@pytest.mark.parametrize(
    ("status", "body", "exit_status", "words"),
    [
        (400, {"error": "unauthorized_client", "error_description": "not for devices"}, 5, "not for devices"),
        (200, {"device_code": "x"}, 8, "lacks"),
        (200, "<h1>Sign in</h1>", 8, "cannot be read"),
        (500, "", 7, "HTTP 500"),
    ],
)
def test_a_server_that_gives_no_code(cli, server, reply, uptime, status, body, exit_status, words):
    server.queue("/device_authorization", reply(status, body))

    assert cli(*LOGIN).failed(exit_status, words)
    assert uptime.polls == []


def test_html_in_the_middle_of_polling_ends_it(cli, server, reply, uptime):
    server.queue("/token", reply(200, "<h1>Sign in to the hotel's network</h1>"))

    assert cli(*LOGIN).failed(8, "cannot be read")


def test_the_id_token_needs_no_nonce_and_is_checked_all_the_same(cli, server, uptime):
    server.claims = {"aud": "another-client"}

    assert cli(*LOGIN).failed(8, "another client")


def test_the_users_parameters_go_into_the_device_request(cli, server, uptime):
    cli(*LOGIN, "--param", "audience=api", "--login-hint", "ada")

    fields = server.received("/device_authorization")[0].fields
    assert (fields["audience"], fields["login_hint"]) == ("api", "ada")


@pytest.mark.parametrize("name", ["client_id", "client_secret", "scope"])
def test_a_parameter_that_core_sets_cannot_be_changed(cli, server, uptime, name):
    assert cli(*LOGIN, "--param", f"{name}=x").failed(2, f"--param cannot set {name}")
    assert server.received("/device_authorization") == []


def test_ctrl_c_while_waiting(cli, server, world, session_file):
    def interrupt(_seconds):
        raise KeyboardInterrupt

    world(sleep=interrupt)

    assert cli(*LOGIN).status == 130
    assert not session_file().exists()
