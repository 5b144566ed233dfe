"""What a sign-in knows of its server: the provider's own words, then the issuer's document; and embedded servers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pluggy
import pytest
from requests_mock import ANY, Mocker

from oauth_cli_login.adapters.documents import Documents
from oauth_cli_login.adapters.http import ATTEMPTS, Http
from oauth_cli_login.adapters.terminal import Terminal, claimed_stdout
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.discovery import discover, own_metadata, served
from oauth_cli_login.errors import ConfigError, PluginError, ProtocolError, TransportError
from oauth_cli_login.model import ServerMetadata, Settings
from oauth_cli_login.plugins import _registered
from oauth_cli_login.provider import Provider

hookimpl = pluggy.HookimplMarker("oauth_cli")
ISSUER = "https://idp.example/tenant"
OPENID_CONFIGURATION = "https://idp.example/tenant/.well-known/openid-configuration"
AUTHORIZATION_SERVER = "https://idp.example/.well-known/oauth-authorization-server/tenant"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://idp.example/authorize",
    "token_endpoint": "https://idp.example/token",
    "userinfo_endpoint": "https://idp.example/userinfo",
    "authorization_response_iss_parameter_supported": True,
    "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
}


def provider(**hooks: Callable[..., object]) -> Provider:
    """Return a provider with these hooks, named without their prefix."""
    module = ModuleType("plugin_acme")
    for name, implementation in hooks.items():
        implementation.__name__ = f"oauth_{name}"
        setattr(module, f"oauth_{name}", hookimpl(implementation))
    return Provider("acme", "the provider plugin 'acme' (acme 1.5)", _registered("acme", module))


def knowing(**metadata: object) -> Provider:
    return provider(server_metadata=lambda: metadata)


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection(lambda: Http({}, sleep=lambda _seconds: None)) as connection:
        yield connection


@pytest.fixture
def found(connection: Connection, requests_mock: Mocker) -> Callable[..., ServerMetadata]:
    """Discover with OpenID Connect's document changed so, at the issuer of the setting."""

    def found(issuer: str = ISSUER, changes: Mapping[str, object] | None = None) -> ServerMetadata:
        requests_mock.get(ANY, status_code=404)
        requests_mock.get(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration", json={**DOCUMENT, **(changes or {})}
        )
        return discover(provider(), Settings({"issuer": issuer}), connection)

    return found


# --- what the provider knows itself


def test_a_provider_that_names_its_token_endpoint_asks_nothing(connection: Connection, requests_mock: Mocker) -> None:
    requests_mock.get(ANY, json=DOCUMENT)
    metadata = discover(knowing(issuer=ISSUER, token_endpoint="https://x.example/token"), Settings({}), connection)
    assert metadata.token_endpoint == "https://x.example/token"
    assert metadata.userinfo_endpoint is None
    assert requests_mock.call_count == 0


def test_a_plain_oauth_2_server_has_no_issuer_to_ask(connection: Connection, requests_mock: Mocker) -> None:
    metadata = discover(knowing(token_endpoint="https://x.example/token"), Settings({}), connection)
    assert metadata.issuer is None
    assert requests_mock.call_count == 0


def test_what_the_provider_says_wins_over_the_document(connection: Connection, requests_mock: Mocker) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    own = knowing(
        issuer=ISSUER, userinfo_endpoint="https://api.example/me", revocation_endpoint="https://api.example/r"
    )
    metadata = discover(own, Settings({}), connection)
    assert metadata.userinfo_endpoint == metadata.document["userinfo_endpoint"] == "https://api.example/me"
    assert metadata.revocation_endpoint == "https://api.example/r"
    assert metadata.token_endpoint == "https://idp.example/token"


@pytest.mark.parametrize("document", [{}, {"issuer": ""}, {"authorization_endpoint": "https://idp.example/authorize"}])
def test_a_provider_that_names_neither_issuer_nor_token_endpoint_is_a_config_error(document: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="the provider acme names neither an issuer nor a token_endpoint"):
        own_metadata(knowing(**document), Settings({"issuer": None}))


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"issuer": "http://idp.example"}, "issuer"),
        ({"issuer": 5}, "issuer"),
        ({"issuer": "idp.example"}, "issuer"),
        ({"issuer": ISSUER, "token_endpoint": "http://idp.example/token"}, "token_endpoint"),
        ({"issuer": ISSUER, "authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    ],
)
def test_an_address_of_the_provider_that_may_not_be_used_is_a_config_error(
    document: dict[str, object], named: str, connection: Connection, requests_mock: Mocker
) -> None:
    with pytest.raises(ConfigError, match=f"the {named} ") as caught:
        discover(knowing(**document), Settings({}), connection)
    assert type(caught.value) is ConfigError
    assert requests_mock.call_count == 0


# --- what the issuer's document says


def test_the_document_is_read_at_the_place_of_openid_connect(
    found: Callable[..., ServerMetadata], requests_mock: Mocker
) -> None:
    metadata = found()
    assert metadata == ServerMetadata(
        document=DOCUMENT,
        issuer=ISSUER,
        authorization_endpoint="https://idp.example/authorize",
        token_endpoint="https://idp.example/token",
        userinfo_endpoint="https://idp.example/userinfo",
        iss_parameter_supported=True,
        token_endpoint_auth_methods=("none", "client_secret_basic"),
    )
    [request] = requests_mock.request_history
    assert request.headers["Accept"] == "application/json"


def test_an_issuer_that_ends_in_a_slash_keeps_it(found: Callable[..., ServerMetadata], requests_mock: Mocker) -> None:
    assert found("https://idp.example/", {"issuer": "https://idp.example/"}).issuer == "https://idp.example/"
    assert requests_mock.last_request.url == "https://idp.example/.well-known/openid-configuration"


@pytest.mark.parametrize("absent", [400, 403, 404, 405, 410])
def test_where_nothing_is_there_the_place_of_rfc_8414_is_asked(
    absent: int, connection: Connection, requests_mock: Mocker
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, status_code=absent)
    requests_mock.get(AUTHORIZATION_SERVER, json=DOCUMENT)
    metadata = discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert metadata.token_endpoint == "https://idp.example/token"
    assert [request.url for request in requests_mock.request_history] == [OPENID_CONFIGURATION, AUTHORIZATION_SERVER]


@pytest.mark.parametrize("second", [404, 500])
def test_where_no_place_has_a_document_the_first_answer_is_told(
    second: int, connection: Connection, requests_mock: Mocker
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, status_code=404)
    requests_mock.get(AUTHORIZATION_SERVER, status_code=second)
    with pytest.raises(ConfigError, match=r"no discovery document at the issuer .* \(HTTP 404\)") as caught:
        discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert "--provider oauth2" in caught.value.hint


@pytest.mark.parametrize(
    "says",
    [
        "https://idp.example/tenant/",
        "https://idp.example/Tenant",
        "https://IDP.example/tenant",
        "https://idp.example:443/tenant",
        "http://idp.example/tenant",
        "https://evil.example/tenant",
        "https://idp.example/%74enant",
        "",
        5,
        [ISSUER],
    ],
)
def test_a_document_about_another_issuer_is_refused_and_both_are_named(
    says: object, found: Callable[..., ServerMetadata]
) -> None:
    with pytest.raises(ConfigError) as caught:
        found(ISSUER, {"issuer": says})
    assert ascii(says) in caught.value.message
    assert repr(ISSUER) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("token_endpoint", "http://idp.example/token"),
        ("token_endpoint", "http://localhost/token"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "-flag"),
        ("device_authorization_endpoint", "file:///etc/passwd"),
        ("revocation_endpoint", "https://idp.example/\r\nX: y"),
        ("userinfo_endpoint", "https://user:pass@idp.example/"),
        ("jwks_uri", ["https://idp.example/jwks"]),
    ],
)
def test_an_endpoint_that_is_weaker_than_its_https_issuer_is_refused(
    name: str, address: object, found: Callable[..., ServerMetadata]
) -> None:
    with pytest.raises(ProtocolError, match=f"the {name} "):
        found(ISSUER, {name: address})


def test_an_issuer_on_this_machine_may_be_http_throughout(found: Callable[..., ServerMetadata]) -> None:
    issuer = "http://localhost:8080/default"
    local = {name: f"{issuer}/{name}" for name in DOCUMENT if name.endswith("endpoint")}
    assert found(issuer, {**local, "issuer": issuer}).token_endpoint == f"{issuer}/token_endpoint"


def test_a_web_page_in_the_place_of_the_document_is_a_protocol_error(
    connection: Connection, requests_mock: Mocker
) -> None:
    requests_mock.get(ANY, text="<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html"})
    with pytest.raises(ProtocolError, match=r"the discovery document cannot be read \(HTTP 200, 'text/html'\)"):
        discover(provider(), Settings({"issuer": ISSUER}), connection)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"\xff", b'{"issuer": NaN}'])
def test_what_is_no_json_object_is_a_protocol_error(
    content: bytes, connection: Connection, requests_mock: Mocker
) -> None:
    requests_mock.get(ANY, content=content)
    with pytest.raises(ProtocolError, match="discovery document"):
        discover(provider(), Settings({"issuer": ISSUER}), connection)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_cannot_answer_now_is_asked_again_and_then_a_transport_error(
    status: int, connection: Connection, requests_mock: Mocker
) -> None:
    requests_mock.get(ANY, status_code=status)
    with pytest.raises(TransportError):
        discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert requests_mock.call_count == ATTEMPTS


# --- a provider that brings its server


class LocalServer(contextlib.AbstractContextManager):
    """Writes down what is done to it; its start or end may fail."""

    def __init__(self, *, start: BaseException | None = None, end: BaseException | None = None) -> None:
        self.start = start
        self.end = end
        self.log: list[str] = []

    def __enter__(self) -> object:
        self.log.append("started")
        if self.start:
            raise self.start
        return self

    def __exit__(self, *_exception: object) -> None:
        self.log.append("stopped")
        if self.end:
            raise self.end


@pytest.fixture
def context() -> Context:
    return Context({}, Terminal({}, answer=io.StringIO(), stream=io.StringIO()))


LOCAL = Settings({"issuer": "http://localhost:8080/default"})


def bringing(server: contextlib.AbstractContextManager[object] | None) -> Provider:
    return provider(local_server=lambda: server)


def test_a_local_server_runs_for_the_length_of_a_command_and_the_person_is_told(context: Context) -> None:
    server = LocalServer()
    with served(context, bringing(server), LOCAL):
        assert server.log == ["started"]
    assert server.log == ["started", "stopped"]
    told = context.terminal.stream.getvalue()
    assert told.startswith("Nothing answers at http://localhost:8080/default: ")


def test_a_local_server_without_the_setting_issuer_is_called_as_its_metadata_has_it(context: Context) -> None:
    server = LocalServer()
    own = provider(local_server=lambda: server, server_metadata=lambda: {"issuer": "http://localhost:9"})
    with served(context, own, Settings({})):
        pass
    assert context.terminal.stream.getvalue().startswith("Nothing answers at http://localhost:9: ")


def test_a_local_server_stops_where_the_provider_does_not_say_what_it_is(context: Context) -> None:
    def metadata() -> dict[str, object]:
        raise RuntimeError

    server = LocalServer()
    own = provider(local_server=lambda: server, server_metadata=metadata)
    with pytest.raises(PluginError), served(context, own, Settings({})):
        pytest.fail("it went on")
    assert server.log == ["started", "stopped"]


def test_a_local_server_stops_when_the_command_fails(context: Context) -> None:
    server = LocalServer()
    with pytest.raises(RuntimeError, match="ours"), served(context, bringing(server), LOCAL):
        raise RuntimeError("ours")
    assert server.log == ["started", "stopped"]


def test_a_local_server_made_of_a_generator_stops_when_the_command_fails(context: Context) -> None:
    log = []

    @contextlib.contextmanager
    def server() -> Iterator[None]:
        log.append("started")
        try:
            yield
        finally:
            log.append("stopped")

    with pytest.raises(RuntimeError, match="ours"), served(context, bringing(server()), LOCAL):
        raise RuntimeError("ours")
    assert log == ["started", "stopped"]


def test_without_a_local_server_nothing_is_said(context: Context) -> None:
    with served(context, bringing(None), LOCAL):
        pass
    assert context.terminal.stream.getvalue() == ""


def test_an_error_of_ours_at_the_start_comes_through(context: Context) -> None:
    with (
        pytest.raises(ConfigError, match=r"^ours$"),
        served(context, bringing(LocalServer(start=ConfigError("ours"))), LOCAL),
    ):
        pytest.fail("the command went on")


@pytest.mark.parametrize("error", [RuntimeError("token=SECRET"), SystemExit(3), OSError(98, "Address in use")])
def test_a_local_server_that_cannot_start_is_a_plugin_error(error: BaseException, context: Context) -> None:
    """It is the plugin's code that runs here, as in any hook."""
    server = LocalServer(start=error)
    with pytest.raises(PluginError) as caught, served(context, bringing(server), LOCAL):
        pytest.fail("the command went on")
    assert server.log == ["started"]
    assert "acme" in caught.value.message
    assert "SECRET" not in caught.value.message


def test_a_local_server_that_cannot_stop_is_a_plugin_error(context: Context) -> None:
    with pytest.raises(PluginError), served(context, bringing(LocalServer(end=RuntimeError())), LOCAL):
        pass


def test_a_local_server_that_cannot_stop_does_not_hide_what_went_wrong_before(context: Context) -> None:
    with (
        pytest.raises(ConfigError, match=r"^first$"),
        served(context, bringing(LocalServer(end=RuntimeError())), LOCAL),
    ):
        raise ConfigError("first")


def test_what_a_local_server_prints_does_not_reach_standard_output(
    context: Context, capfd: pytest.CaptureFixture[str]
) -> None:
    class Chatty(LocalServer):
        def __enter__(self) -> object:
            print("listening")  # noqa: T201 - it is the test
            return self

        def __exit__(self, *_exception: object) -> None:
            print("bye")  # noqa: T201 - it is the test

    with claimed_stdout(), served(context, bringing(Chatty()), LOCAL):
        pass
    assert capfd.readouterr() == ("", "listening\nbye\n")


# --- documents that are kept


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Connection]:
    """Return what makes the connection of a further command, which keeps documents where the earlier ones did."""

    def command(*, believing: bool = True) -> Connection:
        documents = Documents({"OAUTH_CLI_HOME": str(tmp_path)}, None, clock=lambda: 1_800_000_000.0)
        return Connection(lambda: Http({}, sleep=lambda _seconds: None), documents, believing=believing)

    return command


def test_the_next_command_asks_nothing_and_knows_the_same(
    command: Callable[[], Connection], requests_mock: Mocker
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    known = []
    for _ in range(3):
        with command() as connection:
            known.append(discover(provider(), Settings({"issuer": ISSUER}), connection))
    assert known[0] == known[1] == known[2]
    assert requests_mock.call_count == 1


def test_what_spends_a_refresh_token_asks_anew(command: Callable[..., Connection], requests_mock: Mocker) -> None:
    """What moved meanwhile would be found out behind the token endpoint's answer."""
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    for _ in range(2):
        with command(believing=False) as connection:
            discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert requests_mock.call_count == 2


def test_what_the_provider_says_wins_over_a_kept_document_too(
    command: Callable[[], Connection], requests_mock: Mocker
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    for userinfo in ("https://api.example/1", "https://api.example/2"):
        with command() as connection:
            own = knowing(issuer=ISSUER, userinfo_endpoint=userinfo)
            assert discover(own, Settings({}), connection).userinfo_endpoint == userinfo
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("failure", [TransportError("the token endpoint is gone"), KeyboardInterrupt()])
def test_a_command_that_fails_with_a_kept_document_has_the_next_one_ask_again(
    failure: BaseException, command: Callable[[], Connection], requests_mock: Mocker
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    with command() as connection:
        discover(provider(), Settings({"issuer": ISSUER}), connection)
    with contextlib.suppress(type(failure)), command() as connection:
        discover(provider(), Settings({"issuer": ISSUER}), connection)
        raise failure
    moved = {**DOCUMENT, "token_endpoint": "https://idp.example/moved"}
    requests_mock.get(OPENID_CONFIGURATION, json=moved)
    for _ in range(2):
        with command() as connection:
            metadata = discover(provider(), Settings({"issuer": ISSUER}), connection)
            assert metadata.token_endpoint == "https://idp.example/moved"
    assert requests_mock.call_count == 2


def test_a_kept_document_is_checked_as_a_new_one(command: Callable[[], Connection], requests_mock: Mocker) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    command().keep_document(ISSUER, {**DOCUMENT, "token_endpoint": "http://idp.example/token"})
    with pytest.raises(ProtocolError, match="the token_endpoint "), command() as connection:
        discover(provider(), Settings({"issuer": ISSUER}), connection)
    with command() as connection:
        assert (
            discover(provider(), Settings({"issuer": ISSUER}), connection).token_endpoint == DOCUMENT["token_endpoint"]
        )


def test_a_kept_document_of_another_issuer_is_none(command: Callable[[], Connection], requests_mock: Mocker) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json=DOCUMENT)
    command().keep_document(ISSUER, {**DOCUMENT, "issuer": "https://evil.example", "token_endpoint": "https://evil"})
    with command() as connection:
        found = discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert (found.issuer, found.token_endpoint) == (ISSUER, DOCUMENT["token_endpoint"])


@pytest.mark.parametrize("wrong", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://idp.example/token"}])
def test_a_document_that_is_refused_is_not_kept(
    wrong: Mapping[str, str], command: Callable[[], Connection], requests_mock: Mocker, tmp_path: Path
) -> None:
    requests_mock.get(OPENID_CONFIGURATION, json={**DOCUMENT, **wrong})
    with pytest.raises((ConfigError, ProtocolError)), command() as connection:
        discover(provider(), Settings({"issuer": ISSUER}), connection)
    assert list(tmp_path.rglob("document-*")) == []
