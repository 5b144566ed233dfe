"""``token``: what is printed, and for which profile. How a token is renewed is in ../test_session.py."""

from __future__ import annotations

import os
import subprocess
import sys

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


# ---- forms


@pytest.mark.parametrize(
    ("argv", "out"),
    [
        ((), "stored-access-token\n"),
        (("--access-token",), "stored-access-token\n"),
        (("--format", "raw"), "stored-access-token\n"),
        (("--format", "header"), "Authorization: Bearer stored-access-token\n"),
        (
            ("--format", "env"),
            "export OAUTH_ACCESS_TOKEN=stored-access-token\nexport OAUTH_ACCESS_TOKEN_EXPIRES_AT=1800003600\n",
        ),
        (("--id-token",), "{id_token}\n"),
        (("--id-token", "--format", "header"), "Authorization: Bearer {id_token}\n"),
        (
            ("--id-token", "--format", "env"),
            "export OAUTH_ID_TOKEN={id_token}\nexport OAUTH_ID_TOKEN_EXPIRES_AT=1800000600\n",
        ),
    ],
)
def test_each_form_is_exact_on_standard_output(cli, signed_in, argv, out):
    profile = signed_in()

    done = cli("token", *argv)

    assert (done.status, done.out, done.err) == (0, out.format(id_token=profile.session.id_token), "")


def test_json_is_a_form_as_well(cli, signed_in):
    signed_in()
    expected = cli("token", "--json").out

    assert cli("token", "--format", "json").out == expected
    assert cli("token", "--format", "json", "--json").out == expected


def test_json_of_the_id_token_has_its_own_end(cli, signed_in):
    profile = signed_in()

    assert cli("token", "--id-token", "--json").json == {
        "profile": "mock",
        "id_token": profile.session.id_token,
        "token_type": "Bearer",
        "expires_at": 1_800_000_600,
        "scopes": ["openid", "profile"],
    }


@pytest.mark.parametrize(
    ("argv", "token", "end"),
    [((), "{id_token}", "2027-01-15T08:10:00Z"), (("--access-token",), "stored-access-token", "2027-01-15T09:00:00Z")],
)
@pytest.mark.parametrize("version", ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"])
def test_kubernetes_gets_the_id_token_unless_told_otherwise(cli, signed_in, argv, token, end, version):
    profile = signed_in()
    info = f'{{"kind": "ExecCredential", "apiVersion": "{version}", "spec": {{"interactive": false}}}}'

    assert cli("token", "--format", "kubernetes", *argv, KUBERNETES_EXEC_INFO=info).json == {
        "apiVersion": version,
        "kind": "ExecCredential",
        "status": {"token": token.format(id_token=profile.session.id_token), "expirationTimestamp": end},
    }


def test_what_client_go_cannot_mean_stops_before_the_network_and_is_no_business_of_the_other_forms(
    cli, server, signed_in
):
    signed_in(expires_at=1_700_000_000)

    assert cli("token", "--format", "kubernetes", KUBERNETES_EXEC_INFO="{").failed(3, "KUBERNETES_EXEC_INFO")
    assert server.requests == []
    assert cli("token", KUBERNETES_EXEC_INFO="{").status == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("--format", "xml"),
        ("--format", "header", "--json"),
        ("--format", "raw", "--json"),
        ("--id-token", "--access-token"),
        ("--min-valid", "-1"),
        ("--min-valid", "1.5"),
        ("--min-valid", "soon"),
        ("--min-valid", ""),
        ("--min-valid", "٣"),
        ("--min-valid", "86401"),
        ("--min-valid", "9" * 5000),
    ],
)
def test_options_that_cannot_be_meant_are_usage(cli, server, signed_in, argv):
    signed_in(expires_at=1_700_000_000)

    done = cli("token", *argv)

    assert done.failed(2)
    assert done.next_step.strip()
    assert len(done.err.splitlines()) == 2
    assert len(done.error) < 200
    assert server.requests == []


@pytest.mark.parametrize("form", ["raw", "json", "header", "env", "kubernetes"])
def test_a_reader_that_went_away_is_141_in_silence_whatever_the_form(environ, server, signed_in, form):
    """In a process of its own, whose end flushes what a closed pipe would refuse."""
    server.claims = {"iat": 1, "exp": 4_000_000_000}
    signed_in(expires_at=0, issued_at=1, id_token=server.id_token())
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "oauth_cli_login", "token", "--format", form],
        env={**os.environ, **environ},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", [["token"], ["token", "--quiet"], ["status"], ["login", "--help"], ["use", "mock"]])
def test_whoever_could_read_the_session_is_warned_of(command, cli, signed_in, session_file):
    signed_in()
    session_file().chmod(0o644)
    done = cli(*command)
    assert done.status == 0
    assert done.err.count("warning: others could read") == 1
    assert "warning" not in cli("token").err
