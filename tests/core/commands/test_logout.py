"""``logout``: revoked where the provider can, deleted here in any case, and the settings stay."""

from __future__ import annotations

import base64
import json

import pytest

from oauth_cli_login.adapters.lock import LockHeldError, locked
from oauth_cli_login.model import SecretReference
from oauth_cli_login.provider import RevocationRequest


def test_both_tokens_are_revoked_and_the_settings_stay(cli, server, signed_in, store, session_file):
    before = signed_in()

    done = cli("logout")

    assert (done.status, done.out) == (0, "")
    assert done.err == "mock: signed out, and the tokens were revoked\n"
    assert [request.fields for request in server.received("/revoke")] == [
        {"client_id": "cli-app", "token": "stored-refresh-token", "token_type_hint": "refresh_token"},
        {"client_id": "cli-app", "token": "stored-access-token", "token_type_hint": "access_token"},
    ]
    after = store.read("mock")
    assert (after.session, after.settings) == (None, before.settings)
    assert "stored-" not in session_file().read_text()


def test_the_real_embedded_server_takes_the_tokens_no_more(cli, mock, clock):
    cli("login", "--provider", "mock")
    token = cli("token").out.strip()

    assert cli("logout", "--json").json == {"sessions": [{"profile": "mock", "revocation": "revoked"}]}
    assert token
    assert cli("whoami").failed(4, "not signed in to mock")


@pytest.mark.parametrize(("others", "told"), [(("a", "b"), True), (("a",), False)])
@pytest.mark.parametrize("options", [(), ("--forget",)])
def test_who_has_no_default_any_more_and_needs_one_is_told(cli, server, signed_in, store, others, told, options):
    for name in ("mock", *others):
        signed_in(name)
    store.set_default("mock")

    done = cli("logout", *options)

    assert done.status == 0
    assert ("It was the default profile. Choose another: oauth-cli use NAME" in done.err) is told


def test_forget_deletes_the_settings_as_well_and_the_default(cli, server, signed_in, store, session_file):
    signed_in()
    store.set_default("mock")

    assert cli("logout", "--forget").status == 0
    assert not session_file().exists()
    assert store.default() == ""


def test_forget_works_after_a_plain_logout_too(cli, server, signed_in, session_file):
    signed_in()
    cli("logout")

    done = cli("logout", "--forget", "--profile", "mock")

    assert not session_file().exists()
    assert done.status == 0


def test_a_secret_that_was_typed_goes_and_a_reference_stays(cli, server, signed_in, store):
    signed_in("typed", secrets={"client_secret": SecretReference("value", "hunter2-hunter2")})
    signed_in("named", secrets={"client_secret": SecretReference("env", "THE_SECRET")})

    cli("logout", "--all", THE_SECRET="hunter2-hunter2")

    assert store.read("typed").secrets == {}
    assert store.read("named").secrets == {"client_secret": SecretReference("env", "THE_SECRET")}


def test_after_a_logout_login_goes_on_with_the_same_settings(cli, server, signed_in, redirect_uri):
    signed_in("work", settings={"redirect_uri": redirect_uri})
    cli("logout")

    assert cli("login", "--profile", "work", "--json").json["profile"] == "work"


def test_without_a_session_there_is_nothing_to_do(cli, signed_in, server):
    assert cli("logout").failed(4)
    assert cli("logout", "--all").failed(4)
    signed_in()
    cli("logout")
    assert cli("logout", "--profile", "mock").failed(4, "not signed in to mock")


def test_a_provider_that_cannot_revoke_says_so(cli, server, signed_in, store):
    server.metadata = {"revocation_endpoint": None}
    signed_in()

    done = cli("logout", "--json")

    assert done.status == 0
    assert done.json == {"sessions": [{"profile": "mock", "revocation": "unsupported"}]}
    assert "the provider cannot revoke tokens: they end by themselves" in done.err
    assert store.read("mock").session is None


@pytest.mark.parametrize(
    ("fault", "exit_status"),
    [("http-400", 8), ("http-401", 5), ("http-401-empty", 8), ("http-404", 8), ("http-500", 7), ("http-503", 7)],
)
def test_threat_66_a_revocation_that_fails_deletes_all_the_same_and_is_not_0(
    cli, mock, signed_in_at_mock, world, store, fault, exit_status
):
    signed_in_at_mock(age=0)
    world(sleep=lambda _seconds: None)
    mock.faults = f"{fault}@revoke"

    done = cli("logout")

    assert "mock: signed out here, but the tokens were NOT revoked" in done.err
    assert "warning: mock: " in done.err
    assert store.read("mock").session is None
    assert done.status == exit_status


def test_threat_66_a_server_that_is_down_deletes_all_the_same(cli, environ, server, signed_in, store, free_port, world):
    world(sleep=lambda _seconds: None)
    environ["OAUTH_CLI_MOCK_ISSUER"] = issuer = f"http://127.0.0.1:{free_port}"
    signed_in(issuer=issuer)

    done = cli("logout")

    assert done.status == 7
    assert store.read("mock").session is None


def test_a_server_that_keeps_the_access_token_has_revoked_all_the_same(cli, server, reply, signed_in):
    """RFC 7009 section 2.2.1: it may refuse to revoke an access token on its own."""
    signed_in()
    server.queue("/revoke", reply(200), reply(400, {"error": "unsupported_token_type"}))

    assert cli("logout", "--json").json["sessions"][0]["revocation"] == "revoked"


def test_without_a_refresh_token_the_access_token_is_revoked(cli, server, signed_in):
    signed_in(refresh_token=None)

    assert cli("logout").status == 0
    assert [request.fields["token"] for request in server.received("/revoke")] == ["stored-access-token"]


def test_all_does_every_session_and_says_how_each_went(cli, server, reply, signed_in, store):
    signed_in("a")
    signed_in("b", refresh_token=None)
    signed_in("c", provider="oauth2", issuer=None, id_token=None, settings={"token_endpoint": f"{server.issuer}/token"})
    server.queue("/revoke", reply(200), reply(200), reply(400))
    environ = {"OAUTH_CLI_C_ISSUER": ""}

    done = cli("logout", "--all", "--json", **environ)

    assert done.json == {
        "sessions": [
            {"profile": "a", "revocation": "revoked"},
            {"profile": "b", "revocation": "failed"},
            {"profile": "c", "revocation": "unsupported"},
        ]
    }
    assert done.status == 8
    for line in ("a: signed out, and", "b: signed out here, but the tokens were NOT", "c: signed out; the provider"):
        assert line in done.err
    assert [store.read(name).session for name in "abc"] == [None, None, None]


def test_all_deletes_a_session_whose_settings_differ_without_asking_a_server(cli, server, signed_in, store):
    signed_in("work")

    done = cli("logout", "--all", OAUTH_CLI_WORK_CLIENT_ID="another")

    assert done.status == 3
    assert "client id 'cli-app', not 'another'" in done.err
    assert store.read("work").session is None
    assert server.requests == []


def test_all_forgets_all(cli, server, signed_in, store):
    signed_in("a")
    signed_in("b")

    assert cli("logout", "--all", "--forget").status == 0
    assert store.names() == []


def test_one_that_cannot_be_read_does_not_keep_the_others_signed_in(cli, server, signed_in, store, session_file):
    signed_in("a")
    signed_in("b")
    session_file("b").write_bytes(b"garbage")

    done = cli("logout", "--all")

    assert done.status == 9
    assert session_file("b").read_bytes() == b"garbage"
    assert store.read("a").session is None


@pytest.mark.parametrize("fails", [True, False])
def test_the_page_of_connected_apps_is_named(cli, server, reply, signed_in, fails, monkeypatch):
    signed_in()
    monkeypatch.setattr(
        "oauth_cli_login.provider.Provider.connected_apps_url", lambda *_args: "https://idp.example/apps"
    )
    if fails:
        server.queue("/.well-known/openid-configuration", reply(410), reply(410))

    done = cli("logout")

    assert "The applications with access to your account: https://idp.example/apps" in done.err
    assert (done.status == 0) is not fails


def test_a_plugin_that_cannot_be_loaded_deletes_all_the_same(cli, server, signed_in, store):
    signed_in("work", provider="gone")

    done = cli("logout")

    assert done.status == 3
    assert "there is no provider 'gone'" in done.err
    assert store.read("work").session is None


def test_a_quiet_logout_still_warns(cli, server, reply, signed_in):
    signed_in()
    server.queue("/revoke", reply(400))

    assert cli("logout", "--quiet").err.startswith("warning: mock: ")


# ---- requests that a plugin describes


def revocation(server, **fields):
    request = {"method": "POST", "headers": {"X-Version": "1"}, "form": None, "json": None, "auth": "none", **fields}
    return RevocationRequest(url=f"{server.issuer}/revoke", **request)


@pytest.fixture
def log_out_with(cli, server, signed_in, monkeypatch):
    """Sign out with a revocation that the plugin describes, and return the request that was sent."""

    def run(request):
        monkeypatch.setattr(
            "oauth_cli_login.provider.Provider.revocation_requests", lambda *_args, **_kwargs: (request,)
        )
        signed_in(refresh_token=None, secrets={"client_secret": SecretReference("value", "hunter2")})
        assert cli("logout").status == 0
        (sent,) = server.received("/revoke")
        assert sent.headers["x-version"] == "1"
        return sent

    return run


def test_json_with_the_clients_basic_authentication(server, log_out_with):
    sent = log_out_with(revocation(server, method="DELETE", json={"access_token": "t"}, auth="basic"))

    assert sent.method == "DELETE"
    assert sent.headers["authorization"] == "Basic " + base64.b64encode(b"cli-app:hunter2").decode()
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.body) == {"access_token": "t"}


def test_a_form_with_the_clients_own_authentication(server, log_out_with):
    server.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

    sent = log_out_with(revocation(server, form={"token": "t"}, auth="client"))

    assert sent.fields == {"client_id": "cli-app", "client_secret": "hunter2", "token": "t"}


def test_a_form_with_no_authentication(server, log_out_with):
    sent = log_out_with(revocation(server, form={"token": "t"}))

    assert sent.fields == {"token": "t"}
    assert "authorization" not in sent.headers


@pytest.mark.parametrize("options", [(), ("--forget",)])
def test_nobody_refreshes_or_signs_in_between_the_revocation_and_the_end(cli, server, signed_in, session_file, options):
    """What they got would be deleted without being revoked."""
    signed_in()
    held = []

    def look(received):
        if received.path == "/revoke":
            with pytest.raises(LockHeldError), locked(str(session_file().parent / ".mock.lock"), timeout=0):
                pass
            held.append(session_file().exists())

    server.on_request = look

    assert cli("logout", *options).status == 0
    assert held == [True, True]


def test_all_and_one_are_two_different_things(cli, server, signed_in, store):
    signed_in()
    signed_in("work")

    assert cli("logout", "--all", "--profile", "work").failed(2, "--all and --profile")
    assert store.read("mock").session
    assert server.requests == []


def test_where_nothing_can_be_written_nothing_is_revoked(cli, server, signed_in, session_file):
    signed_in()
    (session_file().parent / ".mock.new").mkdir()

    assert cli("logout").failed(9, "cannot be stored")
    assert server.requests == []


@pytest.mark.parametrize("text", ["garbage", "1 2 3", ""])
def test_forget_removes_a_file_that_cannot_be_read(cli, server, session_file, text):
    session_file().parent.mkdir(parents=True)
    session_file().write_text(text)
    done = cli("token", "--profile", "mock")
    assert done.failed(9, "is left alone")
    assert "oauth-cli logout --forget --profile mock" in done.next_step

    done = cli("logout", "--forget", "--profile", "mock")

    assert (done.status, done.out) == (0, "")
    assert "were NOT revoked" in done.err
    assert not session_file().exists()
