"""Which token is handed out: the ID token by its own end, and what is done where nothing better can be had."""

from __future__ import annotations

import pytest

NOW = 1_800_000_000


@pytest.fixture
def with_id_token(server, signed_in, store):
    """Store a session whose ID token lives from ``iat`` to ``exp``, both counted from now."""

    def make(iat=0, exp=600, **changes):
        server.claims = {"iat": NOW + iat, "exp": NOW + exp}
        profile = signed_in(id_token=server.id_token(), **changes)
        server.claims = {"jti": "renewed"}
        return profile.session.id_token

    return make


# ---- the ID token


@pytest.mark.parametrize("expires_at", [NOW + 3600, NOW - 10])
def test_a_good_id_token_is_printed_alone_whatever_the_access_token_is(cli, server, with_id_token, expires_at):
    stored = with_id_token(expires_at=expires_at, issued_at=NOW - 100)

    done = cli("token", "--id-token")

    assert (done.status, done.out, done.err) == (0, stored + "\n", "")
    assert server.requests == []


@pytest.mark.parametrize(
    ("exp", "argv", "refreshed"),
    [
        (61, (), False),
        (60, (), True),
        (-5, (), True),
        (600, ("--min-valid", "599"), False),
        (600, ("--min-valid", "600"), True),
        (30, ("--min-valid", "29"), False),
        (600, ("--refresh",), True),
    ],
)
def test_an_id_token_is_renewed_by_its_own_end(cli, server, with_id_token, store, exp, argv, refreshed):
    stored = with_id_token(iat=-100, exp=exp)

    done = cli("token", "--id-token", *argv)

    assert done.status == 0
    assert len(server.received("/token")) == refreshed
    assert (done.out != stored + "\n") is refreshed
    assert store.read("mock").session.id_token == done.out.removesuffix("\n")


def test_an_id_token_from_before_the_clock_was_turned_back_is_renewed(cli, server, with_id_token, clock):
    with_id_token(issued_at=NOW + 10)

    assert cli("token", "--id-token").status == 0
    assert len(server.received("/token")) == 1


def test_a_refresh_that_brings_no_id_token_is_named_and_the_old_one_is_not_handed_out(cli, server, with_id_token):
    with_id_token(iat=-600, exp=0)
    server.tokens = {"id_token": None}

    done = cli("token", "--id-token")

    assert done.failed(4, "ID token of the session mock is over", "the provider gives no ID token on refresh")
    assert done.next_step.strip() == "Sign in again: oauth-cli login --provider mock"
    assert len(server.received("/token")) == 1


def test_a_refresh_that_brings_no_id_token_leaves_the_old_one_while_it_is_good(cli, server, with_id_token):
    stored = with_id_token()
    server.tokens = {"id_token": None}

    assert cli("token", "--id-token", "--refresh").out == stored + "\n"
    assert len(server.received("/token")) == 1


def test_an_id_token_without_a_refresh_token_ends_and_says_so(cli, server, with_id_token):
    with_id_token(iat=-600, exp=60, refresh_token=None)

    done = cli("token", "--id-token")

    assert done.failed(4, "ID token", "no refresh token")
    assert "oauth-cli login --provider mock" in done.next_step
    assert server.requests == []


def test_no_new_id_token_can_be_had_without_a_refresh_token(cli, server, with_id_token):
    with_id_token(refresh_token=None)

    assert cli("token", "--id-token", "--refresh").failed(4, "no refresh token")


@pytest.mark.parametrize("argv", [("--id-token",), ("--format", "kubernetes")])
def test_without_an_id_token_the_scope_that_brings_one_is_named(cli, server, signed_in, argv):
    signed_in("work", id_token=None)

    done = cli("token", *argv)

    assert done.failed(4, "the session work has no ID token")
    assert "oauth-cli login --profile work --add-scope openid" in done.next_step
    assert server.requests == []


def test_settings_that_mean_another_client_hand_out_no_id_token(cli, server, with_id_token):
    with_id_token()

    assert cli("token", "--id-token", OAUTH_CLI_MOCK_CLIENT_ID="other").failed(3, "client id")


# ---- how long it is good for


@pytest.mark.parametrize(("min_valid", "refreshed"), [("0", False), ("99", False), ("100", True), ("3000", True)])
def test_a_token_is_good_for_as_long_as_was_asked(cli, server, signed_in, min_valid, refreshed):
    signed_in(issued_at=NOW - 3500, expires_at=NOW + 100)

    done = cli("token", "--min-valid", min_valid)

    assert (done.status, done.err) == (0, "")
    assert done.out == ("access-token-1-secret\n" if refreshed else "stored-access-token\n")


def test_a_new_token_is_asked_for_even_where_the_old_one_is_good(cli, server, signed_in):
    signed_in()

    assert cli("token", "--refresh").out == "access-token-1-secret\n"


@pytest.mark.parametrize("argv", [(), ("--id-token",)])
def test_a_fresh_token_that_lives_shorter_than_asked_comes_with_a_warning(cli, server, with_id_token, argv):
    with_id_token(iat=-100, exp=10, issued_at=NOW - 100, expires_at=NOW + 10)
    server.tokens = {"expires_in": 600}

    done = cli("token", *argv, "--min-valid", "3600", "-q")

    assert done.status == 0
    assert done.out.strip()
    assert done.err == "warning: this token is good for 600 s, not for more than 3600: a fresh one lives no longer\n"
    assert len(server.received("/token")) == 1


def test_a_short_life_is_no_news_where_nobody_asked_for_a_longer_one(cli, server, signed_in):
    signed_in(expires_at=NOW - 10)
    server.tokens = {"expires_in": 30}

    done = cli("token")

    assert (done.out, done.err) == ("access-token-1-secret\n", "")


def test_what_nothing_renews_has_ended_where_a_sign_in_would_bring_a_longer_life(cli, server, signed_in):
    signed_in(issued_at=NOW - 3500, expires_at=NOW + 100, refresh_token=None)

    assert cli("token", "--min-valid", "3599").failed(4, "has ended")
    assert cli("token", "--min-valid", "99").out == "stored-access-token\n"


@pytest.mark.parametrize("argv", [(), ("--id-token",)])
def test_what_nothing_renews_is_used_to_its_last_minute_where_a_sign_in_would_not_help(cli, with_id_token, clock, argv):
    with_id_token(iat=-3500, exp=100, issued_at=NOW - 3500, expires_at=NOW + 100, refresh_token=None)

    done = cli("token", *argv, "--min-valid", "3600")

    assert done.status == 0
    assert "warning: this token is good for 100 s" in done.err
    clock.now += 40
    assert cli("token", *argv, "--min-valid", "3600").status == 4


def test_an_id_token_that_no_refresh_renews_is_used_to_its_last_minute_where_a_sign_in_would_not_help(
    cli, server, with_id_token, clock
):
    with_id_token(iat=-3500, exp=100)
    server.tokens = {"id_token": None}

    assert cli("token", "--id-token", "--min-valid", "3600").status == 0
    assert cli("token", "--id-token", "--min-valid", "3599").status == 4


def test_a_token_without_an_end_is_good_for_as_long_as_anybody_asks(cli, server, signed_in):
    signed_in(expires_at=0, refresh_token=None)

    done = cli("token", "--min-valid", "86400")

    assert (done.out, done.err) == ("stored-access-token\n", "")
