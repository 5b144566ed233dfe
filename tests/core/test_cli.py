"""The command line itself: help, bad options, and how each way of ending becomes an exit status."""

from __future__ import annotations

import os
import re
import sys

import pytest

from oauth_cli_login import __version__
from oauth_cli_login.cli import COMMANDS

A_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.fixture
def whoami_does(monkeypatch):
    """Replace what ``whoami`` does."""

    def replace(run):
        monkeypatch.setattr("oauth_cli_login.commands.whoami.run", run)

    return replace


def test_without_a_command_the_help_is_for_the_person(cli):
    done = cli()

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("usage: oauth-cli ")


def test_help_names_every_command_and_every_exit_status(cli):
    done = cli("--help")

    assert (done.status, done.err) == (0, "")
    for name, about in COMMANDS.items():
        assert f"    {name}" in done.out
        assert about.split(",")[0] in done.out
    for status in ("0 done", "2 usage", "3 conf", "4 sign", "5 ref", "6 no", "7 net", "8 the", "9 stor", "130 int"):
        assert status in done.out


@pytest.mark.parametrize("word", ["login", "token"])
def test_help_comes_where_a_command_is_taken_for_a_value(cli, word):
    done = cli("--provider", word, "--help")

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("usage: oauth-cli ")


def test_a_caller_needs_no_name_for_the_program(cli, monkeypatch):
    monkeypatch.setattr("sys.argv", [])

    assert cli("--version").out.startswith("oauth-cli ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("spelling", ["--help", "-h"])
def test_each_commands_help_explains_every_option(cli, command, spelling, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # argparse looks there: each explanation stays in one line

    done = cli(command, spelling)

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: oauth-cli {command}")
    assert COMMANDS[command].partition(" ")[2] in done.out
    options = re.findall(r"^  (-.*?)(?:  +|\n {20,}|$)(.*)", done.out, re.MULTILINE)
    assert {"-h, --help", "--profile NAME", "--json", "-q, --quiet", "-v, --verbose"} <= {name for name, _ in options}
    assert [name for name, about in options if len(about) < 10] == []
    assert "SUPPRESS" not in done.out
    assert "%" not in done.out.replace("%s", "")


@pytest.mark.parametrize(
    ("provider", "option"),
    [("github", "--client-secret-file FILE"), ("okta", "--domain VALUE"), ("oauth2", "--token-endpoint VALUE")],
)
def test_the_help_of_login_has_the_settings_of_the_provider(cli, provider, option):
    assert option in cli("login", "--provider", provider, "--help").out


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["login", "--provider", "okta", "--clientid=x"], "--client-id"),
        (["login", "--provider", "okta", "--domian", "x"], "--domain"),
        (["token", "--fromat", "raw"], "--format"),
        (["tokn"], "token"),
        (["--versoin"], "--version"),
        (["login", "--provider", "okta", "--add-scope", "a", "b", "--domian", "x"], "--domain"),
    ],
)
def test_a_typing_slip_names_what_is_near(cli, argv, near):
    done = cli(*argv)

    assert done.status == 2
    assert re.search(rf"; did you mean .*{near}\b.*\?$", done.error)


@pytest.mark.parametrize(
    "argv",
    [
        ["login", "--provider", "okta", f"--clientsecret={A_TOKEN}"],
        ["login", "--provider", "okta", "--clientsecret", A_TOKEN],
        ["login", "--provider", "okta", f"-s{A_TOKEN}"],
        ["whoami", A_TOKEN],
    ],
)
def test_what_may_be_a_secret_is_not_repeated(cli, argv):
    done = cli(*argv)

    assert done.status == 2
    assert A_TOKEN not in done.err
    assert "--client-secret" not in re.split(r"[ ,?\n]+", done.err), "that option refuses whatever it is given"


def test_version_is_an_answer(cli):
    done = cli("--version")

    assert (done.status, done.out, done.err) == (0, f"oauth-cli {__version__}\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        ["--quiet"],
        ["--nonsense"],
        ["nonsense"],
        ["token", "--nonsense"],
        ["token", "--prof", "work"],  # no abbreviations: a later option must not change what they mean
        ["token", "more"],
        ["token", "--profile"],
        ["use"],
        ["mock-server", "--port", "0"],
        ["mock-server", "--port", "65536"],
        ["login", "--provider", "mock", "--port", "http"],
        ["login", "--provider", "mock", "--port", "-1"],
        ["login", "--provider", "mock", "--timeout", "0"],
        ["login", "--provider", "mock", "--timeout", "soon"],
        ["login", "--provider", "mock", "--timeout", "nan"],
        ["login", "--provider", "mock", "--param", "novalue"],
        ["login", "--provider", "mock", "--param", "=value"],
        ["login", "--provider", "mock", "--flow", "carrier-pigeon"],
        ["login", "--provider", "mock", "--browser", ""],
        ["login", "--provider", "mock", "--browser", "'"],
        ["login"],
    ],
)
def test_a_command_line_that_cannot_be_carried_out_is_told_in_one_line(cli, argv):
    done = cli(*argv)

    assert (done.status, done.out) == (2, "")
    assert done.error
    assert done.next_step.strip()
    assert len(done.err.splitlines()) == 2


@pytest.mark.parametrize(
    "name", ["Work", "../evil", "a/../../evil", "-", "a/b", "nul", "com1.txt", "x" * 65, "wörk", "a b"]
)
@pytest.mark.parametrize("command", [["token"], ["status"], ["logout"], ["login", "--provider", "mock"]])
def test_threat_65_a_bad_profile_name_is_usage(cli, name, command):
    done = cli(*command, f"--profile={name}")

    assert done.failed(2, "cannot be the name of a profile")
    assert done.next_step


@pytest.mark.parametrize(
    "argv",
    [
        ["--profile", "work", "token"],
        ["token", "--profile", "work"],
        ["token", "--profile=work"],
        ["--profile", "other", "token", "--profile", "work"],
    ],
)
def test_the_profile_may_stand_before_or_after_the_command_and_the_last_one_wins(cli, signed_in, argv):
    signed_in("work", access_token="of-work")
    signed_in("other", access_token="of-other")

    assert cli(*argv).out == "of-work\n"


@pytest.mark.parametrize("argv", [["--json", "token"], ["token", "--json"], ["-q", "token", "--json", "-v"]])
def test_shared_options_may_stand_before_or_after_the_command(cli, signed_in, argv):
    signed_in()

    assert cli(*argv).json["access_token"] == "stored-access-token"


def test_a_bug_is_reported_without_anything_that_could_be_a_token(cli, whoami_does):
    def fail(_context, _args):
        local_secret = A_TOKEN
        raise ValueError(f"cannot use {local_secret} here")

    whoami_does(fail)

    done = cli("whoami")

    assert done.failed(1, "this is a bug in oauth-cli: ValueError")
    assert A_TOKEN not in done.err
    assert "Please report it" in done.next_step
    assert f"test_cli.py:{fail.__code__.co_firstlineno + 2} fail" in done.err
    assert f"oauth-cli {__version__}, Python {sys.version.split()[0]}" in done.err


def test_ctrl_c_is_130_and_no_traceback(cli, whoami_does):
    def interrupt(_context, _args):
        raise KeyboardInterrupt

    whoami_does(interrupt)

    done = cli("whoami")

    assert (done.status, done.out) == (130, "")
    assert done.err.startswith("Interrupted.")
    assert len(done.err.splitlines()) == 1


def test_a_reader_that_went_away_is_141_in_silence(cli, signed_in):
    signed_in()
    reader, writer = os.pipe()
    os.close(reader)
    stdout = os.dup(1)
    os.dup2(writer, 1)
    try:
        done = cli("token")
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(writer)

    assert (done.status, done.err) == (141, "")


def test_whatever_else_prints_goes_to_the_person(cli, whoami_does):
    def chatter(context, _args):
        print("a plugin")  # noqa: T201 - that is the point
        os.system("echo a program")
        context.terminal.answer("the answer")
        return 0

    whoami_does(chatter)

    done = cli("whoami")

    assert done.out == "the answer\n"
    assert {"a plugin", "a program"} <= set(done.err.splitlines())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # /dev/null stays open until the exit
def test_without_a_standard_error_the_answer_still_comes(cli, signed_in, monkeypatch):
    signed_in()
    monkeypatch.setattr("sys.stderr", None)

    assert cli("token").out == "stored-access-token\n"
