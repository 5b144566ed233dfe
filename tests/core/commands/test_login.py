"""``login``: which profile, settings from five layers, what is kept, what is refused before and after the browser."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from oauth_cli_login.errors import StoreError
from oauth_cli_login.model import SecretReference

LOGIN = ("login", "--provider", "mock")


@pytest.fixture
def config(home):
    """Write config.toml."""

    def write(text, mode=0o600):
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(text)
        (home / "config.toml").chmod(mode)

    return write


def authorization(server):
    """Return the parameters of the last authorization request."""
    return server.received("/authorize")[-1].fields


# ---- which profile


def test_a_profile_is_named_after_the_provider(cli, server):
    assert cli(*LOGIN, "--json").json["profile"] == "mock"


def test_for_oidc_it_is_named_after_the_issuers_host(cli, server, redirect_uri):
    done = cli(
        *("login", "--provider", "oidc", "--issuer", server.issuer, "--client-id", "cli-app"),
        *("--redirect-uri", redirect_uri, "--json"),
    )

    assert (done.json["profile"], done.json["provider"]) == ("127.0.0.1", "oidc")


def test_for_oauth2_it_is_named_after_the_token_endpoints_host(cli, server, redirect_uri):
    server.tokens = {"id_token": None}
    done = cli(
        *("login", "--provider", "oauth2", "--token-endpoint", f"{server.issuer}/token", "--client-id", "cli-app"),
        *("--authorization-endpoint", f"{server.issuer}/authorize", "--userinfo-endpoint", f"{server.issuer}/userinfo"),
        *("--username-claim", "sub", "--redirect-uri", redirect_uri, "--json"),
    )

    assert (done.status, done.json["profile"], done.json["sub"]) == (0, "127.0.0.1", "demouser")
    assert server.received("/.well-known/openid-configuration") == []


def test_profile_names_the_profile(cli, server, redirect_uri):
    done = cli(*LOGIN, "--profile", "work", "--issuer", server.issuer, "--redirect-uri", redirect_uri, "--json")

    assert done.json["profile"] == "work"


def test_the_environment_names_the_profile_and_the_flag_beats_it(cli, server, redirect_uri):
    options = ("--issuer", server.issuer, "--redirect-uri", redirect_uri, "--json")

    assert cli(*LOGIN, *options, OAUTH_CLI_PROFILE="home").json["profile"] == "home"
    assert cli(*LOGIN, *options, "--profile", "work", OAUTH_CLI_PROFILE="home").json["profile"] == "work"


def test_a_profile_that_is_called_like_a_provider_needs_no_provider(cli, server):
    assert cli("login", "--profile", "mock", "--json").json["provider"] == "mock"


def test_a_profile_of_config_toml_brings_its_provider(cli, server, config, redirect_uri):
    config(f'[profiles.work]\nprovider = "mock"\nissuer = "{server.issuer}"\nredirect_uri = "{redirect_uri}"\n')

    assert cli("login", "--profile", "work", "--json").json["provider"] == "mock"


@pytest.mark.parametrize("default", [True, False])
def test_login_alone_renews_the_default_session_or_the_only_one(cli, server, signed_in, store, redirect_uri, default):
    signed_in("work", settings={"redirect_uri": redirect_uri})
    if default:
        signed_in("another")
        store.set_default("work")

    assert cli("login", "--json").json["profile"] == "work"


def test_login_alone_says_which_providers_there_are(cli, signed_in):
    signed_in("work")
    signed_in("home")

    done = cli("login")

    assert done.failed(2, "which provider?")
    for name in ("auth0", "github", "google", "mock", "oauth2", "oidc", "okta"):
        assert name in done.next_step


def test_the_first_login_writes_the_default_and_later_ones_do_not(cli, server, store, redirect_uri):
    cli(*LOGIN)
    assert store.default() == "mock"

    cli(*LOGIN, "--profile", "work", "--issuer", server.issuer, "--redirect-uri", redirect_uri)
    assert store.default() == "mock"
    assert store.names() == ["mock", "work"]


@pytest.mark.parametrize(("name", "close"), [("gogle", "google"), ("gitub", "github"), ("MOCK", "")])
def test_an_unknown_provider_is_told_with_close_matches(cli, name, close):
    done = cli("login", "--provider", name)

    assert done.failed(3, f"there is no provider {name!r}", close)
    assert "oauth-cli providers" in done.next_step


# ---- five layers


def test_flag_beats_environment_beats_config_beats_last_login_beats_default(cli, server, config):
    """Each layer is put on top of the one before."""
    seen = []

    def ask(*argv, **variables):
        assert cli(*LOGIN, *argv, **variables).status == 0
        seen.append(authorization(server)["scope"])

    ask()
    ask("--scope", "openid kept")
    ask()
    config('[profiles.mock]\nscopes = "openid config"\n')
    ask()
    ask(OAUTH_CLI_MOCK_SCOPES="openid environment")
    ask("--scope", "openid flag", OAUTH_CLI_MOCK_SCOPES="openid environment")

    assert seen == [
        "openid profile email offline_access",
        "openid kept",
        "openid kept",
        "openid config",
        "openid environment",
        "openid flag",
    ]


@pytest.mark.parametrize(
    ("argv", "scope"),
    [
        (["--scope", "openid", "--scope", "a"], "openid a"),
        (["--scopes", "openid,a b"], "openid a b"),
        (["--add-scope", "a,b"], "openid profile email offline_access a b"),
        (["--scope", "openid a", "--add-scope", "a", "--add-scope", "b"], "openid a b"),
    ],
)
def test_scopes_are_repeated_or_separated_by_spaces_or_commas(cli, server, argv, scope):
    cli(*LOGIN, *argv)

    assert authorization(server)["scope"] == scope


def test_scopes_in_config_toml_may_be_a_list(cli, server, config):
    config('[profiles.mock]\nscopes = ["openid", "a"]\n')

    cli(*LOGIN)

    assert authorization(server)["scope"] == "openid a"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[profiles.mock]\nclient_idd = "x"\n', "client_idd"),
        ("[profiles.mock]\nclient_id = 7\n", "must be a string"),
        ("[profiles.mock]\nprovider = 7\n", "must be a string"),
        ('[profiles.mock]\nflow = "pigeon"\n', "pigeon"),
        ('[profiles.mock]\nprovider = "oidc"\n', "belongs to the provider oidc, not mock"),
        ('[profiles.mock]\nissuer = "http://idp.example"\n', "must be https"),
        ('[profiles.mock]\ntoken_endpoint_auth_method = "private_key_jwt"\n', "private_key_jwt"),
        ('[profiles.mock]\nca_file = "/nonexistent.pem"\n', "/nonexistent.pem"),
        ("[profiles.mock\n", "not valid TOML"),
    ],
)
def test_a_setting_that_is_wrong_stops_before_the_browser(cli, server, environ, robot, config, text, words):
    config(text)
    if "issuer" in text:
        del environ["OAUTH_CLI_MOCK_ISSUER"]

    assert cli(*LOGIN).failed(3, words)
    assert server.received("/authorize") == server.received("/token") == []
    assert robot.urls == []


def test_two_profiles_that_would_read_the_same_variables_are_refused_when_used(cli, server, signed_in):
    signed_in("a.b")
    signed_in("a-b")

    assert cli("token", "--profile", "a-b", OAUTH_CLI_A_B_SCOPES="x").failed(3, "a.b", "a-b")
    assert cli("token", "--profile", "a-b").status == 0


# ---- a setting that is missing


def test_a_missing_client_id_tells_where_to_register_and_how_to_give_it(cli, home):
    done = cli("login", "--provider", "github")

    assert done.failed(3, "github needs a client_id")
    for words in (
        "https://github.com/settings/applications/new",
        "http://127.0.0.1:8085/callback",
        "Enable Device Flow",
        "--client-id VALUE",
        "OAUTH_CLI_GITHUB_CLIENT_ID=…",
        f'in {home}/config.toml:  client_id = "…"  under [profiles.github]',
    ):
        assert words in done.next_step
    assert not (home / "sessions" / "github").exists()


def test_the_guide_names_the_port_that_was_chosen(cli):
    assert "http://127.0.0.1:9000/callback" in cli("login", "--provider", "github", "--port", "9000").next_step


def test_on_a_terminal_what_is_missing_is_asked_for_and_kept(cli, server, store, terminal, redirect_uri):
    with terminal() as person:
        person.type("  cli-app \n")
        done = cli("login", "--provider", "oidc", "--issuer", server.issuer, "--redirect-uri", redirect_uri)

    assert done.status == 0, person.seen
    assert "oidc (the profile 127.0.0.1) needs a client_id." in person.seen
    assert f"Redirect URI: {redirect_uri}" in person.seen
    assert store.read("127.0.0.1").settings["client_id"] == "cli-app"


def test_an_empty_answer_ends_it(cli, server, terminal, home):
    with terminal() as person:
        person.type("\n")
        done = cli("login", "--provider", "oidc", "--issuer", server.issuer)

    assert done.status == 3
    assert "Nothing was stored." in person.seen
    assert not (home / "sessions").exists()


def test_an_issuer_that_is_typed_names_the_profile_as_a_flag_does(cli, server, store, terminal, redirect_uri):
    with terminal() as person:
        person.type(server.issuer + "\n")
        done = cli("login", "--provider", "oidc", "--client-id", "cli-app", "--redirect-uri", redirect_uri)

    assert done.status == 0, person.seen
    assert store.names() == ["127.0.0.1"]


# ---- secrets


def basic(server):
    return "authorization" in server.received("/token")[-1].headers


def test_a_secret_from_standard_input_is_stored_as_it_was_typed(cli, server, store, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2-hunter2\nnot this\n"))

    done = cli(*LOGIN, "--client-secret-stdin")

    assert done.status == 0, done.err
    assert basic(server)
    assert store.read("mock").secrets == {"client_secret": SecretReference("value", "hunter2-hunter2")}
    assert "hunter2" not in done.err


def test_a_secret_in_the_environment_is_kept_as_a_reference(cli, server, store, session_file):
    cli(*LOGIN, OAUTH_CLI_MOCK_CLIENT_SECRET="hunter2-hunter2")

    assert basic(server)
    reference = SecretReference("env", "OAUTH_CLI_MOCK_CLIENT_SECRET")
    assert store.read("mock").secrets == {"client_secret": reference}
    assert "hunter2" not in session_file().read_text()


def test_a_secret_in_a_file_is_kept_as_a_reference(cli, server, store, session_file, tmp_path):
    (tmp_path / "secret").write_text("hunter2-hunter2\n")

    cli(*LOGIN, "--client-secret-file", str(tmp_path / "secret"))

    assert basic(server)
    assert store.read("mock").secrets == {"client_secret": SecretReference("file", str(tmp_path / "secret"))}
    assert "hunter2" not in session_file().read_text()


def test_a_secret_that_a_command_prints_is_kept_as_a_reference(cli, server, store, session_file):
    cli(*LOGIN, "--client-secret-command", "echo hunter2-'hunter2'")

    assert basic(server)
    assert store.read("mock").secrets["client_secret"].kind == "command"
    assert "hunter2-hunter2" not in session_file().read_text()


def test_a_secret_in_config_toml_stays_there_alone(cli, server, store, session_file, config):
    config('[profiles.mock]\nclient_secret = "hunter2-hunter2"\n')

    cli(*LOGIN)

    assert basic(server)
    assert store.read("mock").secrets == {}
    assert "hunter2" not in session_file().read_text()


def test_a_secret_in_a_config_toml_that_others_can_read_is_refused(cli, server, config):
    config('[profiles.mock]\nclient_secret = "hunter2-hunter2"\n', mode=0o644)

    done = cli(*LOGIN)

    assert done.failed(3, "others can read the file")
    assert "chmod 600" in done.next_step
    assert "hunter2" not in done.err
    assert server.requests == []


@pytest.mark.parametrize(
    "argv",
    [
        ["--client-secret-file", "/nonexistent"],
        ["--client-secret-command", "false"],
        ["--client-secret-command", "true"],
        ["--client-secret-stdin"],
    ],
)
def test_a_secret_that_is_not_there_is_a_setting_that_is_wrong(cli, server, argv, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert cli(*LOGIN, *argv).failed(3, "client_secret")
    assert server.requests == []


def test_a_secret_has_no_flag_of_its_own(cli, server):
    assert cli(*LOGIN, "--client-secret", "hunter2").failed(2)


# ---- what a login keeps


def test_every_setting_in_use_is_kept_for_the_next_login(cli, server, store, environ, redirect_uri):
    server.claims = {"aud": "another"}
    cli(*LOGIN, "--client-id", "another", "--scope", "openid", "--add-scope", "more", "--login-hint", "ada")

    assert store.read("mock").settings == {
        "client_id": "another",
        "issuer": server.issuer,
        "redirect_uri": redirect_uri,
        "scopes": "openid more",
    }
    del environ["OAUTH_CLI_MOCK_ISSUER"], environ["OAUTH_CLI_MOCK_REDIRECT_URI"]
    assert cli("login").status == 0
    assert authorization(server)["client_id"] == "another"
    assert authorization(server)["redirect_uri"] == redirect_uri
    assert "login_hint" not in authorization(server)


def test_a_port_is_kept_as_the_redirect_uri_that_it_made(cli, server, store, environ, free_port):
    del environ["OAUTH_CLI_MOCK_REDIRECT_URI"]

    cli(*LOGIN, "--port", str(free_port))

    assert store.read("mock").settings["redirect_uri"] == f"http://localhost:{free_port}/callback"
    cli(*LOGIN)
    assert authorization(server)["redirect_uri"] == f"http://localhost:{free_port}/callback"


@pytest.mark.parametrize(("argv", "kept"), [(["--flow", "browser"], "browser"), (["--flow", "auto"], None), ([], None)])
def test_a_flow_is_kept_where_somebody_chose_it(cli, server, store, argv, kept):
    cli(*LOGIN, *argv)

    assert store.read("mock").settings.get("flow") == kept


def test_auto_takes_a_flow_back(cli, server, store):
    cli(*LOGIN, "--flow", "browser")
    cli(*LOGIN, "--flow", "auto")

    assert "flow" not in store.read("mock").settings


def test_the_session_says_when_and_for_whom(cli, server, store, clock, redirect_uri):
    cli(*LOGIN)

    session = store.read("mock").session
    assert (session.issuer, session.client_id, session.sub, session.label) == (
        server.issuer,
        "cli-app",
        "demouser",
        "demouser",
    )
    assert (session.issued_at, session.expires_at) == (int(clock()), int(clock()) + 3600)
    assert session.redirect_uri == redirect_uri


# ---- settings and accounts never cross


@pytest.mark.parametrize(
    "argv",
    [
        ["--client-id", "another"],
        ["--issuer", "http://127.0.0.1:9"],
    ],
)
def test_another_client_or_issuer_is_refused_before_the_browser(cli, server, robot, signed_in, session_file, argv):
    signed_in()
    before = session_file().read_bytes()

    done = cli(*LOGIN, *argv)

    assert done.failed(3, "the session mock belongs to the", argv[1])
    assert "--profile NAME" in done.next_step
    assert "--switch-account" in done.next_step
    assert server.requests == []
    assert robot.urls == []
    assert session_file().read_bytes() == before


def test_another_provider_is_refused(cli, server, signed_in, session_file):
    signed_in("work")
    before = session_file("work").read_bytes()

    done = cli("login", "--provider", "google", "--profile", "work", "--client-id", "x", "--switch-account")

    assert done.failed(3, "the profile work belongs to the provider mock, not google")
    assert "--profile NAME" in done.next_step
    assert session_file("work").read_bytes() == before


def test_somebody_else_is_not_stored(cli, server, signed_in, session_file):
    signed_in()
    before = session_file().read_bytes()
    server.sub = "mallory"

    done = cli(*LOGIN)

    assert done.failed(3, "you signed in as mallory, but the session mock is demouser's; it was kept")
    assert "--profile NAME" in done.next_step
    assert "--switch-account" in done.next_step
    assert session_file().read_bytes() == before


def test_the_tokens_of_somebody_who_is_not_stored_are_revoked(cli, server, signed_in):
    signed_in()
    server.sub = "mallory"

    done = cli(*LOGIN)

    assert done.failed(3, "and the new tokens were revoked")
    assert [request.fields["token"] for request in server.received("/revoke")] == [
        "refresh-token-1-secret",
        "access-token-1-secret",
    ]


def test_they_are_not_where_another_profile_is_theirs(cli, server, signed_in, session_file):
    """Many providers end every session of an account with one of its tokens."""
    signed_in()
    signed_in("work", sub="mallory")
    server.sub = "mallory"

    done = cli(*LOGIN)

    assert done.failed(3, "you signed in as mallory")
    assert "revoked" not in done.error
    assert server.received("/revoke") == []


def test_a_revocation_that_fails_does_not_hide_the_refusal(cli, server, signed_in, reply):
    signed_in()
    server.sub = "mallory"
    server.queue("/revoke", reply(400, {"error": "invalid_request"}), reply(400, {"error": "invalid_request"}))

    done = cli(*LOGIN)

    assert done.failed(3, "you signed in as mallory")
    assert "revoked" not in done.error


# ---- which hosts may have the token


@pytest.mark.parametrize(("sub", "kept"), [("demouser", "api.example"), ("mallory", None)])
def test_the_hosts_of_another_account_are_forgotten(cli, server, signed_in, store, sub, kept):
    signed_in(settings={"api_hosts": "api.example"})
    server.sub = sub

    done = cli(*LOGIN, "--switch-account")

    assert done.status == 0
    assert store.read("mock").settings.get("api_hosts") == kept
    assert ("its api_hosts are forgotten" in done.err) is (kept is None)


def test_they_are_kept_where_the_same_client_signs_in_again_after_a_logout(cli, server, signed_in, store):
    signed_in(settings={"api_hosts": "api.example"})
    cli("logout")

    assert cli(*LOGIN).status == 0
    assert store.read("mock").settings["api_hosts"] == "api.example"


def test_they_are_forgotten_where_another_server_is_signed_in_to_after_one(cli, server, signed_in, store):
    signed_in(settings={"api_hosts": "api.example", "issuer": "https://elsewhere.example"})
    store.write(replace(store.read("mock"), session=None))

    assert cli(*LOGIN).status == 0
    assert "api_hosts" not in store.read("mock").settings


# ---- which account is meant


@pytest.fixture
def other(cli, server, redirect_uri):
    """Sign in to a second profile at the same server; return the prompt that was sent."""
    server.metadata = {"prompt_values_supported": ["login", "consent", "select_account"]}
    client = ("--provider", "oidc", "--issuer", server.issuer, "--client-id", "cli-app", "--redirect-uri", redirect_uri)

    def sign_in(*argv):
        done = cli("login", "--profile", "second", *client, *argv)
        assert done.status == 0, done.err
        return authorization(server).get("prompt", "").split()

    return sign_in


def test_a_new_profile_at_a_provider_that_has_one_asks_which_account(other, signed_in):
    signed_in("first", provider="oidc")

    assert other() == ["select_account", "consent"]


def test_the_first_profile_does_not_ask(other):
    assert other() == ["consent"]


def test_neither_does_one_where_the_account_is_suggested(other, signed_in):
    signed_in("first", provider="oidc")

    assert other("--login-hint", "somebody") == ["consent"]


def test_nor_one_that_renews_its_session(other, signed_in):
    signed_in("first", provider="oidc")
    signed_in("second", provider="oidc")

    assert other() == []


def test_nor_one_beside_a_session_of_another_server_or_provider(other, signed_in):
    signed_in("first", provider="oidc", issuer="https://elsewhere.example")
    signed_in("third", provider="okta")

    assert other() == ["consent"]


def test_switching_accounts_asks_which(other, signed_in):
    signed_in("second", provider="oidc")

    assert other("--switch-account") == ["select_account"]


def test_a_server_that_does_not_know_the_question_is_not_asked_it(other, signed_in, server):
    signed_in("first", provider="oidc")
    server.metadata = {"prompt_values_supported": ["login", "consent"]}

    assert other() == ["consent"]


def test_a_profile_that_cannot_be_read_does_not_stop_a_sign_in_to_another(other, session_file):
    session_file("first").parent.mkdir(parents=True)
    session_file("first").write_text("2 of a newer version")

    assert other() == ["consent"]


def test_switch_account_replaces_the_session_and_nothing_of_it_goes_on(cli, server, signed_in, store):
    signed_in()
    server.sub = "mallory"
    server.tokens = {"refresh_token": None}

    assert cli(*LOGIN, "--switch-account").status == 0
    session = store.read("mock").session
    assert (session.sub, session.refresh_token) == ("mallory", None)


def test_switch_account_takes_another_client_as_well(cli, server, signed_in, store):
    signed_in()
    server.claims = {"aud": "another"}

    assert cli(*LOGIN, "--client-id", "another", "--switch-account").status == 0
    assert store.read("mock").session.client_id == "another"


def test_the_same_account_keeps_a_refresh_token_that_is_not_sent_again(
    cli, server, signed_in, store, redirect_uri, monkeypatch
):
    """Google sends it once; whether one is stored is what its plugin is told."""
    told = []

    def params(*_args, refresh_token_stored, **_kwargs):
        told.append(refresh_token_stored)
        return {}

    monkeypatch.setattr("oauth_cli_login.provider.Provider.authorization_params", params)
    server.tokens = {"refresh_token": None}

    cli(*LOGIN, "--profile", "fresh", "--issuer", server.issuer, "--redirect-uri", redirect_uri)
    signed_in()
    cli(*LOGIN)

    assert told == [False, True]
    assert store.read("mock").session.refresh_token == "stored-refresh-token"


def test_a_refresh_token_of_somebody_unknown_does_not_join_a_new_access_token(cli, server, signed_in, store):
    """Where nobody said whose the old session is, it may be another person's."""
    signed_in(sub=None, id_token=None)
    server.tokens = {"refresh_token": None}
    server.sub = "mallory"

    cli(*LOGIN)

    session = store.read("mock").session
    assert (session.sub, session.refresh_token) in [("mallory", None), (None, "stored-refresh-token")]


# ---- storage


def test_threat_61_a_store_that_cannot_be_written_stops_before_the_browser(cli, server, robot, home):
    (home / "sessions" / ".mock.new").mkdir(parents=True)  # where a session is written

    done = cli(*LOGIN)

    assert done.failed(9, "cannot be stored")
    assert "OAUTH_CLI_HOME" in done.next_step
    assert server.requests == []
    assert robot.urls == []


def test_a_session_that_cannot_be_written_at_the_end_leaves_the_old_one(
    cli, server, signed_in, session_file, monkeypatch
):
    signed_in()
    before = session_file().read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    server.on_request = lambda received: received.path == "/userinfo" and monkeypatch.setattr("os.replace", full)

    done = cli(*LOGIN)
    monkeypatch.undo()

    assert done.failed(9, "No space left on device")
    assert session_file().read_bytes() == before


def test_threat_58_the_session_file_is_private_whatever_the_umask(cli, server, session_file):
    umask = os.umask(0)
    try:
        cli(*LOGIN)
    finally:
        os.umask(umask)

    assert session_file().stat().st_mode & 0o777 == 0o600
    assert session_file().parent.stat().st_mode & 0o777 == 0o700


# ---- every end names a next step


FAILURES = {
    "denied": {"redirect": {"code": None, "error": "access_denied"}},
    "an error that has no words of its own": {"redirect": {"code": None, "error": "interaction_required"}},
    "wrong iss": {"redirect": {"iss": "https://another.example"}},
    "wrong nonce": {"claims": {"nonce": "another"}},
    "another client's ID token": {"claims": {"aud": "another"}},
    "no access_token": {"tokens": {"access_token": None}},
    "no ID token": {"tokens": {"id_token": None}},
    "code refused": {"reply": (400, {"error": "invalid_grant"})},
    "wrong client secret": {"reply": (401, {"error": "invalid_client"})},
    "an error with status 200": {"reply": (200, {"error": "server_error"})},
    "HTML": {"reply": (200, "<h1>Welcome</h1>")},
    "5xx": {"reply": (500, "")},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_sign_in_that_fails_ends_in_one_line_with_a_next_step(cli, server, reply, failure):
    for name, change in FAILURES[failure].items():
        if name == "reply":
            server.queue("/token", reply(*change))
        else:
            setattr(server, name, change)

    done = cli(*LOGIN)

    assert done.status in (5, 7, 8)
    assert len(done.error) < 200
    assert done.next_step.strip()
    assert urlsplit(server.issuer).netloc in done.err


# ---- another login in between


def test_somebody_who_signed_in_meanwhile_is_not_replaced(cli, server, signed_in, store):
    def sign_in_meanwhile(received):
        if received.path == "/userinfo":
            signed_in(sub="bob", label="bob")

    server.on_request = sign_in_meanwhile

    done = cli(*LOGIN)

    assert done.failed(3, "is bob's; it was kept")
    assert store.read("mock").session.sub == "bob"


def test_a_parameter_that_is_given_twice_is_refused(cli, server, robot):
    done = cli(*LOGIN, "--param", "resource=a", "--param", "resource=b")

    assert done.failed(2, "--param resource is given twice")
    assert server.received("/authorize") == []


def test_a_stored_secret_does_not_go_to_another_server(cli, server, signed_in, store):
    secrets = {"client_secret": SecretReference("value", "canary")}
    signed_in(settings={"issuer": "https://another.example"}, secrets=secrets, issuer="https://another.example")

    assert cli(*LOGIN, "--switch-account").status == 0

    assert "canary" not in str(server.requests)
    assert all("authorization" not in request.headers for request in server.received("/token"))
    assert store.read("mock").secrets == {}


def test_a_default_that_cannot_be_written_is_a_warning_once_the_session_is_stored(cli, server, store, monkeypatch):
    def full(_store, _name):
        raise StoreError("the disk is full")

    monkeypatch.setattr("oauth_cli_login.adapters.store.Store.set_default", full)

    done = cli(*LOGIN)

    assert done.status == 0
    assert "warning: the disk is full; name the profile: --profile mock" in done.err
    assert store.read("mock").session is not None


# ---- what a person is told


def test_a_profile_that_is_not_called_as_its_provider_is_named(cli, server, redirect_uri):
    done = cli(*LOGIN, "--profile", "work", "--issuer", server.issuer, "--redirect-uri", redirect_uri)

    assert "Signed in as demouser   profile work · sub demouser" in done.err


@pytest.mark.parametrize("argv", [("--client-secret", "hunter2"), ("--client-secret=hunter2",), ("--client-secret",)])
def test_a_secret_as_an_argument_is_refused_without_being_repeated(cli, server, argv):
    done = cli(*LOGIN, *argv)

    assert done.failed(2, "--client-secret takes no secret")
    assert "--client-secret-stdin" in done.next_step
    assert "hunter2" not in done.err


def test_a_session_of_nobody_known_is_renewed_by_somebody(cli, server, signed_in, store):
    """Its provider may have learnt to say who signs in."""
    signed_in(sub=None)

    assert cli(*LOGIN).status == 0
    assert store.read("mock").session.sub == "demouser"
