"""``use``: which profile is the default."""

from __future__ import annotations


def test_it_changes_the_default(cli, signed_in, store):
    signed_in("work", access_token="of-work")
    signed_in("home", access_token="of-home")
    store.set_default("work")

    done = cli("use", "home")

    assert (done.status, done.out, done.err) == (0, "", "home is the default now: demouser\n")
    assert store.default() == "home"
    assert cli("token").out == "of-home\n"


def test_it_tells_that_a_variable_goes_before_it(cli, signed_in, environ):
    signed_in("work")
    signed_in("home")

    environ["OAUTH_CLI_PROFILE"] = "work"
    assert "OAUTH_CLI_PROFILE names another profile" in cli("use", "home").err
    assert "OAUTH_CLI_PROFILE" not in cli("use", "work").err
    environ["OAUTH_CLI_PROFILE"] = ""
    assert "OAUTH_CLI_PROFILE" not in cli("use", "home").err


def test_json_says_the_same(cli, signed_in):
    signed_in("home")

    assert cli("use", "home", "--json").json == {"default": "home"}


def test_the_file_is_flat(cli, signed_in, home):
    signed_in("work")

    cli("use", "work")

    assert (home / "default").read_bytes() == b"work\n"


def test_a_profile_without_a_session_cannot_be_the_default(cli, signed_in, store):
    signed_in("work")
    store.set_default("work")

    done = cli("use", "home")

    assert done.failed(4, "not signed in to home")
    assert "oauth-cli login --profile home" in done.next_step
    assert store.default() == "work"


def test_a_bad_name_is_usage(cli):
    assert cli("use", "../evil").failed(2, "cannot be the name of a profile")
