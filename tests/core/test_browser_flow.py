"""The browser flow: which callback ends the wait, what becomes of the code, and what the person can do meanwhile."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from oauth_cli_login.browser_flow import redirect_target, redirect_uri
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import Settings
from oauth_cli_login.plugins import load

LOGIN = ("login", "--provider", "mock")


def replaced(callback, **changes):
    """Return the callback's address with other parameters; ``None`` leaves one out."""
    base, _, query = callback.partition("?")
    params = {**dict(parse_qsl(query)), **changes}
    return f"{base}?{urlencode({name: value for name, value in params.items() if value is not None})}"


# ---- strangers: the wait goes on


def test_many_strangers_do_not_flood_the_terminal(cli, server, robot):
    def deliver(url):
        for _ in range(15):
            robot.get(replaced(url, state="guessed"))
        robot.get(url)

    robot.deliver = deliver

    err = cli(*LOGIN).err

    assert err.count("Turned away a request") == 10
    assert err.count("Further ones are not mentioned.") == 1


def test_a_strangers_words_reach_neither_the_terminal_nor_the_page(cli, server, robot):
    def deliver(url):
        robot.get(replaced(url, state="<b>\x1b[2J", error="<script>", error_description="<script>"))
        robot.get(url)

    robot.deliver = deliver

    err = cli(*LOGIN).err

    assert "\x1b" not in err
    assert "<script>" not in err + robot.answers[0][1]


# ---- this login's own answer


def test_iss_that_is_right_is_accepted(cli, server):
    server.metadata = {"authorization_response_iss_parameter_supported": True}
    server.redirect = {"iss": server.issuer}

    assert cli(*LOGIN).status == 0


# ---- the exchange


def test_a_client_secret_that_is_wrong_is_told_with_a_next_step(cli, server, reply):
    server.queue("/token", reply(401, {"error": "invalid_client"}))

    done = cli(*LOGIN, OAUTH_CLI_MOCK_CLIENT_SECRET="hunter2-hunter2")

    assert done.failed(5, "invalid_client")
    assert "client secret" in done.next_step
    assert "hunter2" not in done.err


# ---- discovery


def test_an_issuer_without_a_document_says_what_to_check(cli, server, reply):
    server.queue("/.well-known/openid-configuration", reply(404))

    done = cli(*LOGIN)

    assert done.failed(3, "no discovery document", "HTTP 404")
    assert "Another program may have this port" in done.next_step


def test_a_server_that_is_down_is_a_network_failure(cli, free_port, environ, world):
    world(sleep=lambda _seconds: None)
    environ["OAUTH_CLI_MOCK_ISSUER"] = f"http://127.0.0.1:{free_port}"

    done = cli(*LOGIN)

    assert done.failed(7, "nothing answers at")
    assert "Is the server running" in done.next_step


def test_a_server_without_tls_where_it_should_be_is_a_network_failure(cli, server, environ, world):
    world(sleep=lambda _seconds: None)
    environ["OAUTH_CLI_MOCK_ISSUER"] = server.issuer.replace("http:", "https:")

    done = cli(*LOGIN)

    assert done.failed(7, "cannot be trusted")
    assert "--ca-file" in done.next_step


# ---- the browser


def test_a_browser_that_cannot_start_leaves_the_address_and_the_wait_goes_on(cli, server, robot):
    robot.starts = False

    done = cli(*LOGIN, "--timeout", "0.2")

    assert done.failed(6)
    assert robot.urls[0] in done.err
    assert "No browser could be started: open the address above yourself." in done.err


def test_without_a_browser_the_address_can_be_opened_by_hand(cli, server, robot, monkeypatch):
    """--no-browser prints the address, opens nothing, and takes the callback."""
    shown = []

    def show(terminal, text="", *_styles):
        shown.append(text.strip())
        robot.start(lambda: robot.get(robot.sign_in(shown[0])))

    monkeypatch.setattr("oauth_cli_login.adapters.terminal.Terminal.must_see", show)

    done = cli(*LOGIN, "--no-browser")

    assert done.status == 0, done.err
    assert "1. Open this address in a browser:" in done.err
    assert robot.urls == []


def test_the_browser_option_replaces_the_default_browser(cli, server, robot, monkeypatch):
    commands = []

    def browser_command(command):
        commands.append(command)
        return robot.open

    monkeypatch.setattr("oauth_cli_login.commands.login.browser_command", browser_command)

    assert cli(*LOGIN, "--browser", "firefox --private-window").status == 0
    assert commands == ["firefox --private-window"]


def test_the_time_limit_is_five_minutes(cli, server, robot, world):
    """Told in the message, after a wait that a test's clock makes short."""
    robot.starts = False
    ticks = iter([0.0, 299.99, *[300.5] * 20])
    world(monotonic=lambda: next(ticks) if robot.urls else 0.0)

    assert cli(*LOGIN).failed(6, "within 5:00 min")


def test_over_ssh_the_line_that_brings_the_callback_home_is_shown(cli, server, redirect_uri):
    port = urlsplit(redirect_uri).port

    err = cli(*LOGIN, SSH_CONNECTION="203.0.113.7 50022 198.51.100.5 22").err

    assert f"ssh -L {port}:localhost:{port} 198.51.100.5" in err


def test_an_ssh_connection_that_says_nothing_does_no_harm(cli, server, redirect_uri):
    port = urlsplit(redirect_uri).port

    assert f"ssh -L {port}:localhost:{port} HOST" in cli(*LOGIN, SSH_CONNECTION=" ").err


# ---- a pasted redirect


def test_an_address_that_is_pasted_ends_the_wait(cli, server, robot, terminal, monkeypatch):
    """The browser runs elsewhere; what is typed before the right address does no harm."""
    with terminal() as person:

        def open_elsewhere(url):
            typed = f"\nhttp://localhost/?code=x&state=y\n{robot.sign_in(url)}\n"
            robot.start(lambda: person.type(typed))
            return False

        monkeypatch.setattr("oauth_cli_login.commands.login.default_browser", lambda _environ: open_elsewhere)
        done = cli(*LOGIN, "--timeout", "20")

    assert done.status == 0, person.seen
    assert "paste the address it ends at here" in person.seen
    assert "that is not the address at which this sign-in ends" in person.seen
    assert len(server.received("/token")) == 1


def test_a_refusal_that_is_pasted_ends_the_wait_too(cli, server, robot, terminal):
    server.redirect = {"code": None, "error": "access_denied"}
    with terminal() as person:
        robot.deliver = lambda url: person.type(url + "\n")
        done = cli(*LOGIN, "--timeout", "20")

    assert done.status == 5
    assert "access_denied" in person.seen


def test_on_a_terminal_the_time_left_is_shown(cli, server, terminal):
    with terminal() as person:
        cli(*LOGIN)

    assert "5:00 min left, Ctrl-C to give up" in person.seen


# ---- parameters


def test_the_users_parameters_reach_the_server(cli, server):
    cli(*LOGIN, "--param", "prompt=consent", "--param", "ui_locales=de en", "--param", "empty=")

    (request,) = server.received("/authorize")
    assert request.fields["prompt"] == "consent"
    assert request.fields["ui_locales"] == "de en"


@pytest.mark.parametrize(
    "name",
    [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ],
)
def test_a_parameter_that_core_sets_cannot_be_changed(cli, server, robot, name):
    assert cli(*LOGIN, "--param", f"{name}=x").failed(2, f"--param cannot set {name}")
    assert robot.urls == []


def test_the_accounts_name_is_suggested_and_not_kept(cli, server, store):
    cli(*LOGIN, "--login-hint", "ada@example.com")

    assert server.received("/authorize")[0].fields["login_hint"] == "ada@example.com"
    assert "login_hint" not in store.read("mock").settings


@pytest.fixture
def plugin_adds(monkeypatch):
    """Give the plugin of ``mock`` further authorization parameters."""

    def add(**params):
        monkeypatch.setattr("oauth_cli_login.provider.Provider.authorization_params", lambda *_args, **_kwargs: params)

    return add


def test_the_users_parameter_beats_the_plugins(cli, server, plugin_adds):
    plugin_adds(prompt="none", access_type="offline")

    cli(*LOGIN, "--param", "prompt=login")

    fields = server.received("/authorize")[0].fields
    assert (fields["prompt"], fields["access_type"]) == ("login", "offline")


def test_a_plugin_drops_the_suggested_account_with_none(cli, server, plugin_adds):
    plugin_adds(login_hint=None)

    cli(*LOGIN, "--login-hint", "ada")

    assert "login_hint" not in server.received("/authorize")[0].fields


def test_a_plugin_cannot_change_what_core_sets(cli, server, plugin_adds, robot):
    plugin_adds(state="mine")

    assert cli(*LOGIN).failed(3, "'mock' may not set the parameter state")
    assert robot.urls == []


# ---- the redirect URI


def settings(provider, **values):
    return Settings({**dict.fromkeys(provider.declared_settings()), **values})


@pytest.mark.parametrize(
    ("named", "port", "target"),
    [
        (None, None, ("localhost", "/callback", (8085,))),
        (None, 9000, ("localhost", "/callback", (9000,))),
        ("http://127.0.0.1:7000/cb", None, ("127.0.0.1", "/cb", (7000,))),
        ("http://127.0.0.1:7000/cb", 9000, ("127.0.0.1", "/cb", (9000,))),
        ("http://[::1]:7000/cb", None, ("::1", "/cb", (7000,))),
        ("http://127.0.0.1/cb", None, ("127.0.0.1", "/cb", (8085, 0))),  # RFC 8252 section 7.3: any port
    ],
)
def test_where_the_callback_is_served(named, port, target):
    provider = load("mock")

    assert redirect_target(provider, settings(provider, redirect_uri=named), port) == target


def test_a_provider_that_takes_any_port_gets_the_next_free_one_where_its_own_is_taken():
    provider = load("github")

    assert redirect_target(provider, settings(provider), None) == ("127.0.0.1", "/callback", (8085, 0))


@pytest.mark.parametrize(
    "named",
    [
        "https://localhost:8085/callback",
        "http://example.com/callback",
        "http://localhost@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://localhost:8085/callback?fixed=1",
        "http://localhost:8085/callback#fragment",
        "http://localhost:99999/callback",
        "app://callback",
        "callback",
    ],
)
def test_a_redirect_uri_that_is_not_loopback_is_a_setting_that_is_wrong(named):
    provider = load("mock")

    with pytest.raises(ConfigError, match="redirect_uri"):
        redirect_target(provider, settings(provider, redirect_uri=named), None)


def test_an_ipv6_host_stands_in_brackets():
    assert redirect_uri("::1", 8085, "/callback") == "http://[::1]:8085/callback"
    assert redirect_uri("localhost", 8085, "/callback") == "http://localhost:8085/callback"


def test_the_redirect_uri_that_is_sent_is_the_one_that_was_registered_to_the_letter(cli, server, free_port):
    """RFC 9700 section 2.1: servers compare it exactly, and an empty path is not ``/``."""
    registered = f"http://localhost:{free_port}"

    assert cli(*LOGIN, "--redirect-uri", registered).status == 0

    assert server.received("/authorize")[0].fields["redirect_uri"] == registered
