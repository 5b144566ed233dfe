"""``token``: what is printed, and for which profile. How a token is renewed is in ../test_session.py."""

from __future__ import annotations

import pytest


def test_json_has_the_token_and_how_long_it_is_good_for(cli, signed_in, clock):
    signed_in()

    assert cli("token", "--json").json == {
        "profile": "mock",
        "access_token": "stored-access-token",
        "token_type": "Bearer",
        "expires_at": int(clock()) + 3600,
        "scopes": ["openid", "profile"],
    }


def test_a_token_that_never_ends_has_no_expires_at(cli, signed_in):
    signed_in(expires_at=0)

    assert cli("token", "--json").json["expires_at"] is None


def test_quiet_and_verbose_do_not_change_the_answer(cli, server, signed_in):
    signed_in(expires_at=1_700_000_000)

    assert cli("token", "-q").out == "access-token-1-secret\n"
    done = cli("token", "-vv")
    assert done.out == "access-token-1-secret\n"
    assert "secret" not in done.err


def test_a_refresh_that_is_told_about_shows_no_token(cli, server, signed_in):
    signed_in(expires_at=1_700_000_000)

    done = cli("token", "-v")

    assert "POST" in done.err
    for secret in ("access-token-1-secret", "stored-refresh-token", "refresh-token-1-secret"):
        assert secret not in done.err


def test_the_only_session_is_meant_where_nothing_names_one(cli, signed_in):
    signed_in("work", access_token="of-work")

    assert cli("token").out == "of-work\n"


def test_the_flag_beats_the_environment_beats_the_default(cli, signed_in, store):
    for name in ("one", "two", "three"):
        signed_in(name, access_token=f"of-{name}")
    store.set_default("one")

    assert cli("token").out == "of-one\n"
    assert cli("token", OAUTH_CLI_PROFILE="two").out == "of-two\n"
    assert cli("token", "--profile", "three", OAUTH_CLI_PROFILE="two").out == "of-three\n"


@pytest.mark.parametrize("command", ["token", "whoami", "logout"])
def test_several_sessions_and_none_named_is_usage(cli, server, signed_in, command):
    signed_in("work")
    signed_in("home")

    done = cli(command)

    assert done.failed(2, "there are several sessions: home, work")
    assert "--profile home" in done.next_step
    assert "oauth-cli use home" in done.next_step
    assert server.requests == []


@pytest.mark.parametrize("command", ["token", "whoami", "logout"])
def test_no_session_names_the_command_that_signs_in(cli, command):
    done = cli(command)
    named = cli(command, "--profile", "work")

    assert done.failed(4, "not signed in")
    assert "oauth-cli login --provider NAME" in done.next_step
    assert named.failed(4, "not signed in to work")
    assert "oauth-cli login --profile work" in named.next_step


def test_a_bad_name_in_the_environment_is_usage(cli):
    assert cli("token", OAUTH_CLI_PROFILE="../evil").failed(2, "cannot be the name of a profile")


@pytest.mark.parametrize("command", [["token"], ["token", "--quiet"], ["status"], ["login", "--help"], ["use", "mock"]])
def test_whoever_could_read_the_session_is_warned_of(command, cli, signed_in, session_file):
    signed_in()
    session_file().chmod(0o644)
    done = cli(*command)
    assert done.status == 0
    assert done.err.count("warning: others could read") == 1
    assert "warning" not in cli("token").err
