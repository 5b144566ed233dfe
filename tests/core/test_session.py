"""A valid access token, now: cached, refreshed under a lock, or the way to sign in again; and nothing half-stored."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from oauth_cli_login.adapters.lock import locked
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import StoreError
from oauth_cli_login.model import SecretReference
from oauth_cli_login.session import has_ended, is_fresh, valid_session


@pytest.fixture
def expired(signed_in, clock):
    """Store a session whose access token has just ended."""

    def make(*args, **changes):
        return signed_in(*args, **{"expires_at": int(clock()), "issued_at": int(clock()) - 3600, **changes})

    return make


# ---- cached


def test_a_token_that_is_good_is_printed_alone_and_nothing_is_asked(cli, server, signed_in):
    signed_in()

    done = cli("token")

    assert (done.status, done.out, done.err) == (0, "stored-access-token\n", "")
    assert server.requests == []


@pytest.mark.parametrize(
    ("changes", "refreshed"),
    [
        ({"expires_at": 1_800_000_061}, False),
        ({"expires_at": 1_800_000_060}, True),
        ({"expires_at": 1_799_999_000}, True),
        ({"expires_at": 0}, False),  # the server named no lifetime: good until refused
        ({"issued_at": 1_800_000_001}, True),  # the clock was turned back: nothing can be known
    ],
)
def test_a_token_with_less_than_a_minute_left_is_refreshed(cli, server, signed_in, changes, refreshed):
    profile = signed_in(**changes)

    assert cli("token").out == ("access-token-1-secret\n" if refreshed else "stored-access-token\n")
    assert len(server.received("/token")) == refreshed
    assert is_fresh(profile.session, 1_800_000_000) is not refreshed


def test_a_cached_token_does_not_need_the_client_secret(cli, signed_in, tmp_path):
    """Its variable is not set in every shell, and its command may ask a person for something."""
    ran = tmp_path / "ran"
    signed_in("a", secrets={"client_secret": SecretReference("env", "NOT_SET_IN_THIS_SHELL")})
    signed_in("b", secrets={"client_secret": SecretReference("command", f"touch {ran}")})

    assert cli("token", "--json", "--profile", "a").json["access_token"] == "stored-access-token"
    assert cli("token", "--json", "--profile", "b").json["access_token"] == "stored-access-token"
    assert not ran.exists()


# ---- refreshed


def test_an_expired_token_is_refreshed_and_the_rotated_refresh_token_replaces_the_old_one(
    cli, server, expired, store, clock
):
    before = expired()

    done = cli("token")

    assert (done.status, done.out, done.err) == (0, "access-token-1-secret\n", "")
    (request,) = server.received("/token")
    assert request.fields == {
        "client_id": "cli-app",
        "grant_type": "refresh_token",
        "refresh_token": "stored-refresh-token",
    }
    session = store.read("mock").session
    assert session == replace(
        before.session,
        access_token="access-token-1-secret",
        refresh_token="refresh-token-1-secret",
        issued_at=int(clock()),
        expires_at=int(clock()) + 3600,
        id_token=session.id_token,
    )


def test_the_real_embedded_server_rotates_as_well(cli, mock, clock, store):
    cli("login", "--provider", "mock")
    first = store.read("mock").session
    clock.now += 4000

    second = cli("token").out
    clock.now += 4000
    third = cli("token").out

    assert len({first.access_token + "\n", second, third}) == 3
    assert store.read("mock").session.refresh_token != first.refresh_token


def test_threat_63_without_a_new_refresh_token_the_old_one_goes_on(cli, mock, signed_in_at_mock, store):
    signed_in_at_mock()
    before = store.read("mock").session
    mock.faults = "no-rotation,no-id-token,narrower-scope,no-expires-in"

    cli("token")

    session = store.read("mock").session
    assert session.access_token != before.access_token
    assert (session.refresh_token, session.id_token) == (before.refresh_token, before.id_token)
    assert session.scopes == ("openid",)
    assert session.expires_at == session.issued_at + 3600  # unknown, and renewable: an hour


def test_a_client_secret_goes_with_the_refresh(cli, server, expired):
    expired(secrets={"client_secret": SecretReference("env", "THE_SECRET")})

    assert cli("token", THE_SECRET="hunter2-hunter2").status == 0
    assert server.received("/token")[0].headers["authorization"].startswith("Basic ")


def test_a_plugins_parameters_go_with_the_refresh_and_may_add_the_redirect_uri(cli, server, expired, monkeypatch):
    expired(redirect_uri="http://localhost:8085/callback")
    monkeypatch.setattr(
        "oauth_cli_login.provider.Provider.token_params",
        lambda *_args, redirect_uri, **_kwargs: {"redirect_uri": redirect_uri, "resource": "api"},
    )

    cli("token")

    fields = server.received("/token")[0].fields
    assert (fields["redirect_uri"], fields["resource"]) == ("http://localhost:8085/callback", "api")


def test_a_plugin_cannot_change_what_core_sets(cli, server, expired, monkeypatch):
    expired()
    monkeypatch.setattr(
        "oauth_cli_login.provider.Provider.token_params", lambda *_args, **_kwargs: {"refresh_token": "mine"}
    )

    assert cli("token").failed(3, "may not set the parameter refresh_token")
    assert server.received("/token") == []


# ---- refused


@pytest.mark.parametrize("fault", ["invalid-grant", "rotation-race"])
@pytest.mark.parametrize(
    ("name", "command"), [("mock", "oauth-cli login --provider mock"), ("work", "oauth-cli login --profile work")]
)
def test_threat_63_a_refresh_token_that_is_no_longer_valid_names_the_command_that_signs_in(
    cli, mock, signed_in_at_mock, session_file, name, command, fault
):
    signed_in_at_mock(name)
    before = session_file(name).read_bytes()
    mock.faults = fault

    done = cli("token", "--profile", name)

    assert done.failed(4, f"the session {name} has ended: The ")  # the rest is the server's own words
    assert command in done.next_step
    assert len(mock.received("token")) == 1
    assert session_file(name).read_bytes() == before


@pytest.mark.parametrize("command", ["token", "whoami"])
def test_without_a_refresh_token_an_expired_session_has_ended(cli, server, expired, session_file, command):
    expired(refresh_token=None)
    before = session_file().read_bytes()

    done = cli(command)

    assert done.failed(4, "has ended")
    assert "oauth-cli login --provider mock" in done.next_step
    assert server.requests == []
    assert session_file().read_bytes() == before


@pytest.mark.parametrize(
    ("status", "body", "exit_status", "sent"),
    [
        (401, {"error": "invalid_client"}, 5, 1),
        (400, {"error": "invalid_scope"}, 5, 1),
        (200, "<h1>Welcome</h1>", 8, 1),
        (200, {"token_type": "Bearer"}, 8, 1),
        (200, {"access_token": "", "token_type": "Bearer"}, 8, 1),
        (500, "", 7, 1),  # it may have been spent
        (503, "", 7, 3),  # it was not taken
        (429, "", 7, 3),
    ],
)
def test_a_refresh_that_fails_changes_nothing_that_is_stored(
    cli, server, reply, expired, session_file, status, body, exit_status, sent
):
    expired()
    before = session_file().read_bytes()
    server.queue("/token", *[reply(status, body, {"Retry-After": "0"})] * 3)

    assert cli("token").failed(exit_status)
    assert len(server.received("/token")) == sent
    assert session_file().read_bytes() == before


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("other-sub", "somebody else"),
        ("wrong-aud@refresh", "another client"),
        ("id-token-wrong-iss@refresh", "another issuer"),
    ],
)
def test_threat_53_a_refreshed_id_token_is_held_against_the_session(
    cli, mock, signed_in_at_mock, session_file, fault, words
):
    signed_in_at_mock()
    mock.faults = fault
    before = session_file().read_bytes()

    assert cli("token").failed(8, words)
    assert session_file().read_bytes() == before


@pytest.mark.parametrize(("wrong", "word"), [(-90, "future"), (700, "expired")])
def test_a_wrong_clock_costs_no_session(cli, server, expired, store, clock, wrong, word):
    """Nothing is handed out; the refresh token that replaces the spent one is kept for when the clock is right."""
    before = expired().session
    server.clock = lambda: clock.now - wrong

    assert cli("token").failed(8, word, "by this machine's clock")
    assert store.read("mock").session == replace(before, refresh_token="refresh-token-1-secret")
    server.clock = clock
    done = cli("token")

    assert (done.status, done.out) == (0, "access-token-2-secret\n")
    assert server.received("/token")[1].fields["refresh_token"] == "refresh-token-1-secret"


@pytest.mark.parametrize(("status", "body", "code"), [(503, "", 7), (404, "", 8), (302, "", 8), (200, "<p>", 8)])
def test_keys_that_cannot_be_had_cost_no_session(cli, server, reply, expired, store, world, status, body, code):
    """The server signs with a new key, and when it is asked for that it gives none."""
    world(sleep=lambda _seconds: None)
    before = expired().session
    older = {**server.keys[0], "kid": "older"}
    server.queue("/jwks", reply(200, {"keys": [older]}), *[reply(status, body)] * (3 if status == 503 else 1))

    assert cli("token").failed(code)
    assert store.read("mock").session == replace(before, refresh_token="refresh-token-1-secret")
    assert cli("token").out == "access-token-2-secret\n"


@pytest.mark.parametrize("keys", [[], [{"kid": "older"}]])
def test_a_key_that_is_not_published_yet_costs_no_session(cli, server, reply, expired, store, keys):
    """The server signs with a new key, and what it answers at jwks_uri is of a moment ago."""
    before = expired().session
    older = [{**server.keys[0], **key} for key in keys]
    server.queue("/jwks", *[reply(200, {"keys": older})] * 2)

    done = cli("token")
    assert done.failed(8, "no key of the provider's fits")
    assert "try again in a while" in done.next_step
    assert store.read("mock").session == replace(before, refresh_token="refresh-token-1-secret")
    assert cli("token").out == "access-token-2-secret\n"


@pytest.mark.parametrize("claims", [{"sub": "mallory"}, {"aud": "another-client"}, {"iss": "https://another.example"}])
@pytest.mark.parametrize("why", ["clock", "key"])
def test_nothing_is_kept_that_is_somebody_elses(cli, server, reply, expired, session_file, claims, why):
    expired()
    before = session_file().read_bytes()
    server.claims = claims
    if why == "clock":
        server.claims["exp"] = 1_700_000_000
    else:
        server.queue("/jwks", *[reply(200, {"keys": [{**server.keys[0], "kid": "older"}]})] * 2)

    assert cli("token").failed(8)
    assert session_file().read_bytes() == before


# ---- several processes


def renewed(profile, clock):
    session = replace(
        profile.session,
        access_token="from-another-process",
        refresh_token="rotated-by-another",
        issued_at=int(clock()),
        expires_at=int(clock()) + 3600,
    )
    return replace(profile, session=session)


def test_a_token_that_another_process_refreshed_meanwhile_is_used(cli, server, expired, store, clock, monkeypatch):
    profile = expired()
    lock = Store.lock

    @contextmanager
    def lock_after_another(self, name):
        store.write(renewed(profile, clock))
        with lock(self, name):
            yield

    monkeypatch.setattr(Store, "lock", lock_after_another)

    assert cli("token").out == "from-another-process\n"
    assert server.received("/token") == []


def test_a_refresh_token_that_was_replaced_alone_is_no_refresh(cli, server, signed_in, store, monkeypatch):
    """Another process could not judge what it got, and handed nothing out: nor is the old token handed out as new."""
    profile = signed_in()
    lock = Store.lock

    @contextmanager
    def lock_after_another(self, name):
        if not server.received("/token"):
            store.write(replace(profile, session=replace(profile.session, refresh_token="rotated-by-another")))
        with lock(self, name):
            yield

    monkeypatch.setattr(Store, "lock", lock_after_another)

    assert cli("token", "--refresh").out == "access-token-1-secret\n"
    assert server.received("/token")[0].fields["refresh_token"] == "rotated-by-another"


def test_an_error_code_that_the_answer_repeats_as_code_is_still_one(cli, server, reply, expired):
    expired()
    server.queue("/token", reply(400, {"error": "invalid_grant", "code": "invalid_grant"}))

    assert cli("token").failed(4, "has ended: invalid_grant")


def test_a_refresh_token_that_was_spent_without_our_lock_is_no_reason_to_give_up(
    cli, server, reply, expired, store, clock
):
    profile = expired()
    server.queue("/token", reply(400, {"error": "invalid_grant"}))
    server.on_request = lambda received: received.path == "/token" and store.write(renewed(profile, clock))

    assert cli("token").out == "from-another-process\n"
    assert store.read("mock").session.refresh_token == "rotated-by-another"


def test_threat_62_many_at_once_refresh_once(server, expired, environ, clock):
    """Each holds what it read before the first one refreshed; one refresh token is good for one use."""
    expired()

    assert at_once(4, lambda: valid(environ, clock).access_token) == ["access-token-1-secret"] * 4
    assert len(server.received("/token")) == 1
    assert len(server.received("/.well-known/openid-configuration")) == 1  # nothing is asked for by those who wait


def valid(environ, clock, **asked):
    return valid_session(Context(environ, _SilentTerminal(), clock=clock), Configuration.read(environ), "mock", **asked)


def at_once(number, work):
    """Return what ``work`` returns in each of so many threads that begin together."""
    start = threading.Barrier(number)
    results = []

    def one():
        start.wait()
        results.append(work())

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


class _SilentTerminal:
    def debug(self, _text):
        pass


def test_a_refusal_to_renew_a_token_that_is_good_yet_says_so(cli, mock, signed_in_at_mock, store, clock):
    signed_in_at_mock()
    clock.now = store.read("mock").session.issued_at
    mock.faults = "invalid-grant"

    done = cli("token", "--refresh")

    assert done.failed(4, "the provider does not renew the session mock any more: ")
    assert "Sign in again: oauth-cli login --provider mock" in done.next_step
    assert "Its access token ends in 30 min, if the provider takes it till then." in done.next_step
    assert cli("token").status == 0


def test_a_session_that_was_ended_while_waiting_for_the_lock_is_not_brought_back(
    cli, server, expired, store, session_file, monkeypatch
):
    expired()
    lock = Store.lock

    @contextmanager
    def lock_after_logout(self, name):
        store.forget(name)
        with lock(self, name):
            yield

    monkeypatch.setattr(Store, "lock", lock_after_logout)

    assert cli("token").failed(4, "you are not signed in to mock")
    assert server.received("/token") == []
    assert not session_file().exists()


def test_a_lock_that_is_never_released_is_a_storage_failure(cli, server, expired, session_file, monkeypatch):
    expired()
    monkeypatch.setattr("oauth_cli_login.adapters.store.LOCK_TIMEOUT", 0.1)
    monkeypatch.setattr("oauth_cli_login.adapters.store.PATIENCE", 0.05)
    path = session_file().parent / ".mock.lock"
    with locked(str(path), timeout=1):
        done = cli("token")

    assert done.failed(9, "another oauth-cli has held the session mock")
    assert str(path) in done.next_step
    assert "Another oauth-cli" not in done.err.replace(done.error, ""), "nobody watches"
    assert server.received("/token") == []


def test_who_watches_is_told_of_a_lock_that_is_waited_for(cli, expired, session_file, terminal, monkeypatch):
    expired()
    monkeypatch.setattr("oauth_cli_login.adapters.store.LOCK_TIMEOUT", 0.1)
    monkeypatch.setattr("oauth_cli_login.adapters.store.PATIENCE", 0.0)
    with terminal() as person, locked(str(session_file().parent / ".mock.lock"), timeout=1):
        assert cli("token").status == 9

    assert "Another oauth-cli is busy with the session mock: waiting for it. Ctrl-C to give up." in person.seen


def test_threat_61_where_the_store_cannot_be_written_no_refresh_token_is_spent(cli, server, expired, session_file):
    expired()
    before = session_file().read_bytes()
    (session_file().parent / ".mock.new").mkdir()  # where the probe would be: nobody can replace it

    done = cli("token")

    assert done.failed(9, "cannot be stored")
    assert "OAUTH_CLI_HOME" in done.next_step
    assert server.received("/token") == []
    assert session_file().read_bytes() == before


# ---- settings never cross


CHANGES = {
    "the client id in the environment": ({"OAUTH_CLI_MOCK_CLIENT_ID": "another"}, "", "client id 'cli-app'"),
    "the client id in config.toml": ({}, 'client_id = "another"', "(from config.toml)"),
    "the issuer in the environment": ({"OAUTH_CLI_MOCK_ISSUER": "http://127.0.0.1:9"}, "", "issuer 'http"),
    "the issuer in config.toml": ({"OAUTH_CLI_MOCK_ISSUER": ""}, 'issuer = "http://127.0.0.1:9"', "issuer 'http"),
    "the provider in config.toml": ({}, 'provider = "oidc"', "provider 'mock', not 'oidc'"),
}


@pytest.mark.parametrize("command", ["token", "whoami", "logout"])
@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_settings_that_mean_another_client_stop_before_the_network(
    cli, server, signed_in, expired, session_file, home, command, ended, change
):
    variables, config, words = CHANGES[change]
    (expired if ended else signed_in)()
    before = session_file().read_bytes()
    (home / "config.toml").write_text(f"[profiles.mock]\n{config}\n")

    done = cli(command, **variables)

    assert done.failed(3, "the session mock belongs to the", words)
    assert "oauth-cli login --profile NAME" in done.next_step
    assert server.requests == []
    assert session_file().read_bytes() == before


def test_a_token_endpoint_elsewhere_does_not_get_the_old_servers_refresh_token(cli, server, expired, session_file):
    """A plain OAuth 2 server has no issuer to compare: its token endpoint is what it is known by."""
    elsewhere = "http://127.0.0.1:9/token"
    settings = {"token_endpoint": elsewhere}
    expired("plain", provider="oauth2", settings=settings, issuer=None, id_token=None, token_endpoint=elsewhere)
    before = session_file("plain").read_bytes()
    variables = {"OAUTH_CLI_PLAIN_ISSUER": "", "OAUTH_CLI_PLAIN_TOKEN_ENDPOINT": f"{server.issuer}/token"}

    done = cli("token", "--profile", "plain", **variables)

    assert done.failed(3, "token_endpoint", elsewhere)
    assert server.requests == []
    assert session_file("plain").read_bytes() == before


# ---- files that are not to be trusted


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "cut in the token": lambda path: path.write_bytes(path.read_bytes()[:30]),
    "not ours": lambda path: path.write_bytes(b'{"access_token": "x"}'),
    "from a newer version": lambda path: path.write_bytes(b"2" + path.read_bytes()[1:]),
    "without its session": lambda path: path.write_bytes(re.sub(rb'"session"', b'"other"', path.read_bytes())),
    "not UTF-8": lambda path: path.write_bytes(path.read_bytes() + b"\xff"),
    "a link": lambda path: (path.rename(path.with_name("Elsewhere")), path.symlink_to(path.with_name("Elsewhere"))),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def contents(path):
    return sorted(
        (entry.name, entry.is_dir() or entry.read_bytes()) for entry in path.iterdir() if entry.name[0] != "."
    )


@pytest.mark.parametrize(
    "command",
    [
        ["token"],
        ["whoami"],
        ["logout"],
        ["logout", "--all"],
        ["status"],
        ["use", "mock"],
        ["login", "--provider", "mock"],
    ],
)
@pytest.mark.parametrize("damage", DAMAGE)
def test_threat_65_a_session_file_that_is_not_to_be_trusted_is_left_alone(
    cli, server, robot, signed_in, session_file, command, damage
):
    signed_in()
    DAMAGE[damage](session_file())
    before = contents(session_file().parent)

    done = cli(*command)

    assert done.failed(9, str(session_file()), "is left alone")
    assert "sign in again" in done.next_step
    assert contents(session_file().parent) == before
    assert server.requests == []


def test_a_session_has_ended_when_nothing_renews_it(signed_in):
    """At the very second from which ``token`` would not hand it out any more."""
    session = signed_in(expires_at=1_800_000_061, refresh_token=None).session

    assert has_ended(session, 1_800_000_001)
    assert not has_ended(session, 1_800_000_000)
    assert not has_ended(replace(session, refresh_token="r"), 1_900_000_000)
    assert not has_ended(replace(session, expires_at=0), 1_900_000_000)


# ---- another login in between


@pytest.mark.parametrize("fresh", [True, False])
def test_a_refresh_token_never_goes_to_the_server_of_an_earlier_session(
    cli, server, expired, signed_in, store, before_the_lock, environ, fresh
):
    """Somebody signs in anew, elsewhere, while this process waits for the lock."""
    expired()
    del environ["OAUTH_CLI_MOCK_ISSUER"]
    elsewhere = "http://127.0.0.1:9"  # where nobody answers
    new = {"issuer": elsewhere, "token_endpoint": f"{elsewhere}/token", "refresh_token": "canary"}
    ends = 1_900_000_000 if fresh else 1

    before_the_lock(
        lambda: signed_in(settings={"issuer": elsewhere}, expires_at=ends, access_token="new-token", **new),
    )

    done = cli("token")

    assert (done.status, done.out) == ((0, "new-token\n") if fresh else (7, ""))
    assert server.requests == []
    assert store.read("mock").session.refresh_token == "canary"


def test_settings_are_held_against_a_session_that_came_in_between(cli, server, expired, signed_in, before_the_lock):
    """The environment still names the server of the session that was there before."""
    expired()
    elsewhere = "https://elsewhere.example"
    new = {"issuer": elsewhere, "token_endpoint": f"{elsewhere}/token", "access_token": "new-token"}
    before_the_lock(lambda: signed_in(settings={"issuer": elsewhere}, expires_at=1_900_000_000, **new))

    assert cli("token").failed(3, "belongs to the issuer 'https://elsewhere.example'")
    assert server.requests == []


# ---- what is good enough


def test_more_time_than_is_left_is_refreshed_for(cli, server, signed_in, clock, environ):
    signed_in(expires_at=int(clock()) + 100)

    assert valid(environ, clock, min_valid=99).access_token == "stored-access-token"
    assert valid(environ, clock, min_valid=100).access_token == "access-token-1-secret"


def test_where_tokens_live_shorter_than_asked_each_call_has_one_that_is_new(server, signed_in, clock, environ):
    signed_in()
    server.tokens = {"expires_in": 30}

    assert valid(environ, clock, min_valid=7200).access_token == "access-token-1-secret"
    assert valid(environ, clock, min_valid=7200).access_token == "access-token-2-secret"


def test_many_that_wait_at_once_take_a_short_lived_token_as_it_is(server, expired, clock, environ):
    """Each asking again for what the server does not give would be a request for every process."""
    expired()
    server.tokens = {"expires_in": 30}

    tokens = at_once(4, lambda: valid(environ, clock).access_token)

    assert tokens == ["access-token-1-secret"] * 4
    assert len(server.received("/token")) == 1


def test_a_new_token_that_was_forced_meanwhile_is_taken(server, signed_in, clock, environ):
    signed_in()

    assert at_once(4, lambda: valid(environ, clock, refresh=True).access_token) == ["access-token-1-secret"] * 4


def test_a_server_that_sends_the_same_access_token_again_is_asked_once(server, expired, clock, environ):
    expired()
    server.tokens = {"access_token": "stored-access-token"}

    assert at_once(4, lambda: valid(environ, clock).access_token) == ["stored-access-token"] * 4
    assert len(server.received("/token")) == 1


def test_what_was_stored_by_a_clock_ahead_of_ours_is_told_where_nothing_renews_it(cli, signed_in, clock):
    signed_in(issued_at=int(clock()) + 10, refresh_token=None)

    assert cli("token").failed(4, "this machine's clock is before the time of the sign-in")


def test_threat_61_tokens_that_cannot_be_stored_are_not_lost_in_silence(cli, server, expired, store, monkeypatch):
    expired()

    def full(*_):
        raise StoreError("the session cannot be stored: No space left on device")

    monkeypatch.setattr(Store, "write", full)

    done = cli("token")

    assert done.failed(9, "the provider has renewed the session mock, and the new tokens are lost", "No space left")
    assert "oauth-cli login --provider mock" in done.next_step
    assert len(server.received("/token")) == 1


def test_a_good_token_that_nothing_renews_has_not_ended(cli, signed_in):
    signed_in(refresh_token=None)

    assert cli("token", "--refresh").failed(4, "its token is good for a while yet, but there is no refresh token")


def test_who_has_many_profiles_is_told_of_ten(cli, signed_in):
    for number in range(12):
        signed_in(f"p{number:02}")

    done = cli("token", "--profile", "none")

    assert "Other profiles: p00, p01, p02, p03, p04, p05, p06, p07, p08, p09 and 2 more" in done.next_step


def test_who_is_not_signed_in_is_told_of_the_profiles_there_are(cli, signed_in):
    signed_in("work")

    done = cli("token", "--profile", "wrok")

    assert done.failed(4, "you are not signed in to wrok")
    assert "did you mean work?" in done.error
    assert "Other profiles: work" in done.next_step
    assert "OAUTH_CLI_PROFILE" not in done.next_step


def test_the_variable_that_names_a_profile_without_a_session_is_told(cli, signed_in, environ):
    signed_in("work")
    environ["OAUTH_CLI_PROFILE"] = "home"

    done = cli("token")

    assert done.failed(4, "not signed in to home")
    assert "The variable OAUTH_CLI_PROFILE names it." in done.next_step


def test_profiles_that_nobody_is_signed_in_to_are_not_offered(cli, signed_in):
    signed_in("work")
    signed_in("gone")
    cli("logout", "--profile", "gone")

    assert "Other profiles: work" in cli("token", "--profile", "home").next_step
