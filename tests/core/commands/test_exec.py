"""``exec``: which program gets which environment. That it takes the process's place is in ../../e2e/test_exec.py."""

from __future__ import annotations

import pytest


@pytest.fixture
def ran(monkeypatch) -> list[tuple[list[str], dict[str, str]]]:
    """What would have taken this process's place: the words, and the environment."""
    calls = []

    def note(command, environ, *, answer):
        calls.append((command, dict(environ)))
        return 42

    monkeypatch.setattr("oauth_cli_login.commands.exec.run_instead", note)
    return calls


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["--", "cmd"], ["cmd"]),
        (["cmd"], ["cmd"]),
        (
            ["--", "cmd", "-v", "--profile", "other", "--env", "X", "--help"],
            ["cmd", "-v", "--profile", "other", "--env", "X", "--help"],
        ),
        (
            ["cmd", "-v", "--profile", "other", "--env", "X", "-h"],
            ["cmd", "-v", "--profile", "other", "--env", "X", "-h"],
        ),
        (["-q", "--", "git", "log", "--", "file"], ["git", "log", "--", "file"]),
        (["git", "log", "--", "file"], ["git", "log", "--", "file"]),
        (["--", "cmd", "--profile"], ["cmd", "--profile"]),
        (["cmd", "--profile"], ["cmd", "--profile"]),
        (["cmd", "--provider=x"], ["cmd", "--provider=x"]),
        (["--", "--cmd"], ["--cmd"]),
        (["--", ""], [""]),
    ],
)
def test_from_the_program_on_every_word_is_its_own(cli, signed_in, ran, argv, command):
    signed_in()

    done = cli("exec", *argv)

    assert (done.status, done.out, done.err) == (42, "", "")
    assert [words for words, _ in ran] == [command]


@pytest.mark.parametrize(
    ("argv", "name"), [([], "OAUTH_ACCESS_TOKEN"), (["--env", "GH_TOKEN"], "GH_TOKEN"), (["--env=_x1"], "_x1")]
)
def test_the_environment_has_the_token_and_is_unchanged_otherwise(cli, signed_in, ran, environ, argv, name):
    """Its own settings with a secret among them: the program may call oauth-cli itself."""
    signed_in()

    cli("exec", *argv, "--", "cmd", OAUTH_CLI_MOCK_CLIENT_SECRET="s3cret", **{name: "stale"})

    [(command, given)] = ran
    assert command == ["cmd"]
    assert given == {**environ, "OAUTH_CLI_MOCK_CLIENT_SECRET": "s3cret", name: "stored-access-token"}


def test_a_stale_token_is_refreshed_first(cli, server, signed_in, ran):
    signed_in(expires_at=1_700_000_000)

    assert cli("exec", "--", "cmd").status == 42
    assert ran[0][1]["OAUTH_ACCESS_TOKEN"] == "access-token-1-secret"


def test_the_profile_stands_before_the_program(cli, signed_in, ran):
    signed_in("work", access_token="of-work")
    signed_in("home", access_token="of-home")

    cli("exec", "--profile", "home", "--", "cmd", "--profile", "work")

    assert ran[0][1]["OAUTH_ACCESS_TOKEN"] == "of-home"


@pytest.mark.parametrize("name", ["", "1X", "A-B", "A B", "A=B", "Ä", "OAUTH_CLI_WORK_CLIENT_ID", "oauth_cli_x", "A\n"])
def test_a_name_that_no_variable_has_or_that_a_setting_of_ours_has_is_usage(cli, signed_in, ran, name):
    signed_in()

    assert cli("exec", f"--env={name}", "--", "cmd").failed(2)
    assert ran == []


@pytest.mark.parametrize("argv", [[], ["--"], ["--env", "X"], ["--env", "X", "--"]])
def test_without_a_program_it_is_usage(cli, signed_in, ran, argv):
    signed_in()

    assert cli("exec", *argv).failed(2, "CMD")


def test_without_a_session_nothing_is_run(cli, ran):
    done = cli("exec", "--", "cmd")

    assert done.failed(4, "not signed in")
    assert ran == []


def test_the_default_variable_is_no_setting_of_any_profile(cli, signed_in, ran):
    """A profile named ``access`` would read OAUTH_CLI_ACCESS_TOKEN as a setting of its own."""
    from oauth_cli_login.commands.exec import VARIABLE

    assert not VARIABLE.startswith("OAUTH_CLI_")
