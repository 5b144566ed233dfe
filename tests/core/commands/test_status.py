"""``status``: every session and how long it is good for, without asking a server."""

from __future__ import annotations

import pytest


@pytest.fixture
def several(signed_in, store, clock):
    """Sessions in every state there is."""
    now = int(clock())
    signed_in("days", expires_at=now + 3 * 86400)
    signed_in("hours", expires_at=now + 2 * 3600 + 5)
    signed_in("minutes", expires_at=now + 150)
    signed_in("seconds", expires_at=now + 42)
    signed_in("expired", expires_at=now - 1)
    signed_in("forever", expires_at=0, refresh_token=None)
    store.set_default("hours")


def test_a_table_for_people(cli, server, several):
    done = cli("status")

    assert (done.status, done.out) == (0, "")
    header, *rows = done.err.splitlines()
    assert header.split() == ["profile", "provider", "account", "access", "token", "renews", "store", "scopes"]
    shown = {row.split()[0]: row for row in rows}
    assert list(shown) == ["days", "expired", "forever", "hours", "minutes", "seconds"]
    for name, words in {
        "days": "3 d left",
        "hours": "2 h left",
        "minutes": "2 min left",
        "seconds": "42 s left",
        "expired": "renewed on use",
        "forever": "until revoked",
    }.items():
        assert words in shown[name]
        assert "demouser" in shown[name]
    assert shown["hours"].startswith("hours * ")
    assert " * " not in shown["days"]
    assert "by login" in shown["forever"]
    assert "itself" in shown["days"]
    assert server.requests == []


def test_json_has_every_session_and_no_token(cli, server, several, clock):
    done = cli("status", "--json")

    sessions = {session["profile"]: session for session in done.json["sessions"]}
    assert sessions["hours"] == {
        "profile": "hours",
        "default": True,
        "provider": "mock",
        "account": "demouser",
        "sub": "demouser",
        "issuer": server.issuer,
        "client_id": "cli-app",
        "scopes": ["openid", "profile"],
        "state": "valid",
        "expires_at": int(clock()) + 2 * 3600 + 5,
        "renewable": True,
        "store": "file",
    }
    assert {name: session["state"] for name, session in sessions.items()} == {
        "days": "valid",
        "hours": "valid",
        "minutes": "valid",
        "seconds": "expired",
        "expired": "expired",
        "forever": "valid",
    }
    assert sessions["forever"]["expires_at"] is None
    assert "stored-" not in done.out


@pytest.mark.parametrize("argv", [[], ["--json"], ["--profile", "over"]])
def test_a_session_that_has_ended_makes_it_exit_4(cli, signed_in, argv):
    signed_in("good")
    signed_in("over", expires_at=1_700_000_000, refresh_token=None)

    done = cli("status", *argv)

    assert done.status == 4
    assert "ended" in done.out + done.err


def test_a_session_that_is_not_shown_does_not_count(cli, signed_in):
    signed_in("good")
    signed_in("over", expires_at=1_700_000_000, refresh_token=None)

    done = cli("status", "--profile", "good", "--json")

    assert done.status == 0
    assert [session["profile"] for session in done.json["sessions"]] == ["good"]


def test_nobody_signed_in_is_4_and_an_empty_list(cli):
    done = cli("status")
    assert (done.status, done.out) == (4, "")
    assert "oauth-cli login --provider NAME" in done.err

    assert (cli("status", "--json").status, cli("status", "--json").json) == (4, {"sessions": []})


def test_a_profile_without_a_session_is_4_and_names_the_command(cli):
    done = cli("status", "--profile", "work")

    assert done.failed(4, "not signed in to work")
    assert "oauth-cli login --profile work" in done.next_step


def test_a_session_that_was_ended_is_not_shown(cli, server, signed_in):
    signed_in("good")
    signed_in("gone")
    cli("logout", "--profile", "gone")

    assert [session["profile"] for session in cli("status", "--json").json["sessions"]] == ["good"]


def test_one_that_cannot_be_read_does_not_hide_the_others(cli, signed_in, session_file):
    signed_in("good")
    signed_in("bad")
    session_file("bad").write_bytes(b"garbage")

    done = cli("status", "--json")

    assert done.status == 9
    assert [session["profile"] for session in done.json["sessions"]] == ["good"]
    assert str(session_file("bad")) in done.error
    assert session_file("bad").read_bytes() == b"garbage"


def test_what_a_server_said_cannot_forge_a_line(cli, signed_in):
    signed_in(label="ada\x1b[2J\nmallory [bold]x[/bold]")

    err = cli("status").err

    assert "\x1b" not in err
    assert len(err.splitlines()) == 2
    assert "[bold]x[/bold]" in err


def test_a_session_that_token_would_not_renew_is_not_called_renewable(cli, signed_in, clock):
    """Less than a minute left, and nothing to renew it with: ``token`` says that it has ended, and so does this."""
    signed_in(expires_at=int(clock()) + 30, refresh_token=None)

    assert cli("token").status == 4
    assert cli("status").status == 4


# ---- what the server says


def test_check_asks_each_server_and_refreshes_what_has_to_be(cli, server, signed_in, clock):
    signed_in("valid")
    signed_in("expired", expires_at=int(clock()) - 1)
    signed_in("nobody-to-ask", scopes=("email",))

    done = cli("status", "--check", "--json")

    shown = {session["profile"]: (session["server"], session["state"]) for session in done.json["sessions"]}
    assert shown == {
        "valid": ("confirmed", "valid"),
        "expired": ("confirmed", "valid"),
        "nobody-to-ask": ("cannot be asked", "valid"),
    }
    assert done.status == 0
    assert len(server.received("/userinfo")) == 2
    assert len(server.received("/token")) == 1


def test_check_tells_what_is_refused_and_what_does_not_answer(cli, server, signed_in, reply):
    signed_in("a-good-one")
    signed_in("b-refused", refresh_token=None)
    signed_in("c-elsewhere", settings={"issuer": "http://127.0.0.1:9"}, issuer="http://127.0.0.1:9")
    server.queue("/userinfo", reply(200, {"sub": "demouser"}), reply(401, {}))

    done = cli("status", "--check", OAUTH_CLI_MOCK_ISSUER="")

    rows = {line.split()[0]: line for line in done.err.splitlines() if not line.startswith((" ", "error"))}
    assert "confirmed" in rows["a-good-one"]
    assert "refused" in rows["b-refused"]
    assert "no answer" in rows["c-elsewhere"]
    assert done.status == 4
    assert "the session b-refused has ended" in done.err
    assert "nothing answers at http://127.0.0.1:9" in done.err


def test_without_check_the_server_is_not_spoken_of(cli, signed_in):
    signed_in()

    assert "server" not in cli("status", "--json").json["sessions"][0]
    assert "server" not in cli("status").err.splitlines()[0]


def test_a_session_that_its_provider_refuses_is_no_valid_one(cli, server, signed_in, reply):
    signed_in(refresh_token=None)
    server.queue("/userinfo", reply(401, {}))

    session = cli("status", "--check", "--json").json["sessions"][0]

    assert (session["server"], session["state"]) == ("refused", "ended")


def test_a_server_that_was_not_asked_did_not_fail_to_answer(cli, server, signed_in):
    signed_in()

    done = cli("status", "--check", "--json", OAUTH_CLI_MOCK_CLIENT_ID="other")

    assert (done.status, done.json["sessions"][0]["server"]) == (3, "not asked")
    assert server.requests == []
