"""``whoami``: the provider's own answer, with one refresh where it does not take the token."""

from __future__ import annotations

import pytest


def test_it_asks_the_provider_with_the_stored_token(cli, server, signed_in):
    signed_in()
    server.userinfo = {"name": "Demo User", "email": "demo@example.com", "picture": None}

    done = cli("whoami")

    assert (done.status, done.out) == (0, "")
    assert done.err.splitlines() == [
        "demouser",
        "  profile   mock",
        "  sub       demouser",
        "  username  demouser",
        "  name      Demo User",
        "  email     demo@example.com",
    ]
    assert server.received("/userinfo")[0].headers["authorization"] == "Bearer stored-access-token"


@pytest.mark.parametrize("argv", [[], ["--json"]])
def test_a_person_sees_what_is_waited_for_and_it_goes_away(cli, server, signed_in, terminal, argv):
    signed_in()
    seen = []
    with terminal() as person:
        server.on_request = lambda received: seen.append(person.seen) if received.path == "/userinfo" else None
        assert cli("whoami", *argv).status == 0

    assert person.seen.startswith("\r\x1b[2K\x1b[2mAsking the provider of mock …\x1b[0m\r\x1b[2K")


def test_json_has_all_claims(cli, server, signed_in):
    signed_in()
    server.userinfo = {"groups": ["a", "b"]}

    assert cli("whoami", "--json").json == {
        "profile": "mock",
        "sub": "demouser",
        "username": "demouser",
        "name": None,
        "email": None,
        "picture": None,
        "claims": {"sub": "demouser", "preferred_username": "demouser", "groups": ["a", "b"]},
    }


@pytest.mark.parametrize("id_token", [None, ...])
def test_an_answer_about_somebody_else_than_the_session_is_refused(cli, server, signed_in, id_token):
    """Core 5.3.2, and the same where there is no ID token to say it (GitHub)."""
    signed_in(**({} if id_token is ... else {"id_token": id_token}))
    server.sub = "mallory"

    done = cli("whoami")

    assert done.failed(8, "two different people")
    assert "mallory" not in done.err


def test_the_real_embedded_server_knows_the_person(cli, mock):
    cli("login", "--provider", "mock")

    assert cli("whoami", "--json").json["sub"] == "demouser"


def test_a_token_that_is_refused_is_refreshed_once(cli, server, reply, signed_in, store):
    signed_in()
    server.queue("/userinfo", reply(401))

    assert cli("whoami").status == 0
    assert [request.headers["authorization"] for request in server.received("/userinfo")] == [
        "Bearer stored-access-token",
        "Bearer access-token-1-secret",
    ]
    assert store.read("mock").session.access_token == "access-token-1-secret"


def test_a_new_token_that_is_refused_as_well_names_the_command_that_signs_in(cli, server, reply, signed_in):
    signed_in()
    server.queue("/userinfo", reply(401), reply(401))

    done = cli("whoami")

    assert done.failed(4, "does not accept the access token")
    assert len(server.received("/token")) == 1
    assert "oauth-cli login --provider mock" in done.next_step


def test_a_token_that_is_refused_and_cannot_be_renewed_is_the_sessions_end(cli, server, reply, signed_in, session_file):
    signed_in(refresh_token=None)
    before = session_file().read_bytes()
    server.queue("/userinfo", reply(401))

    done = cli("whoami")

    assert done.failed(4, "has ended")
    assert "oauth-cli login --provider mock" in done.next_step
    assert session_file().read_bytes() == before


def test_an_expired_token_is_refreshed_before_it_is_sent(cli, server, signed_in):
    signed_in(expires_at=1_700_000_000)

    assert cli("whoami").status == 0
    assert len(server.received("/userinfo")) == 1


def test_somebody_else_than_the_session_is_told(cli, server, signed_in):
    signed_in()
    server.sub = "mallory"

    assert cli("whoami").failed(8, "two different people")


@pytest.mark.parametrize(
    ("status", "body", "exit_status"),
    [(403, {}, 8), (200, "<h1>Welcome</h1>", 8), (200, [], 8), (302, "", 8)],
)
def test_an_answer_that_is_none(cli, server, reply, signed_in, status, body, exit_status):
    signed_in()
    server.queue("/userinfo", reply(status, body))

    assert cli("whoami").failed(exit_status)


def test_a_token_that_became_another_servers_meanwhile_is_not_sent(cli, server, reply, signed_in):
    """Somebody signs in elsewhere under the same name while the old server takes its time to refuse."""
    signed_in()
    elsewhere = "https://elsewhere.example"

    def sign_in_elsewhere(received):
        if received.path == "/userinfo":
            new = {"issuer": elsewhere, "token_endpoint": f"{elsewhere}/token", "access_token": "of-another"}
            signed_in(settings={"issuer": elsewhere}, **new)

    server.on_request = sign_in_elsewhere
    server.queue("/userinfo", reply(401))

    assert cli("whoami", OAUTH_CLI_MOCK_ISSUER="").failed(3, "somebody signed in to mock as another account")
    assert [r.headers["authorization"] for r in server.received("/userinfo")] == ["Bearer stored-access-token"]
