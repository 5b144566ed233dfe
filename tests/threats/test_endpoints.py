"""Threats 27 to 42: what token, metadata, userinfo, revocation and device endpoints may answer, and how it comes."""

from __future__ import annotations

import itertools
import threading

import pytest
from raw_server import serving, serving_tls
from waiting import wait_until

LOGIN = ("login", "--provider", "mock", "--timeout", "10")


@pytest.fixture
def renewed(cli, store):
    """Renew the stored session, and tell how that ended; where it fails, what is stored must be what it was."""

    def run():
        before = store.read("mock")
        done = cli("token")
        if done.status:
            assert store.read("mock") == before
        assert "Traceback" not in done.err
        return done

    return run


@pytest.fixture
def renewing(signed_in, clock, renewed):
    """Store a session whose access token has to be renewed, and renew it."""

    def run():
        signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600, id_token=None)
        return renewed()

    return run


@pytest.fixture
def expired(signed_in_at_mock):
    """Have a session of the embedded server whose access token has just ended."""
    signed_in_at_mock()


# ---- where a request never goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("place", "argv"),
    [
        ("code", LOGIN),
        ("refresh", ("token",)),
        ("revoke", ("logout",)),
        ("device_authorization", (*LOGIN, "--flow", "device")),
        ("userinfo", ("whoami",)),
        ("introspect", ("inspect", "--access-token", "--introspect")),
        ("jwks", LOGIN),
        ("discovery", LOGIN),
    ],
)
def test_threat_27_a_redirect_is_an_error_and_its_target_sees_nothing(
    cli, mock, signed_in_at_mock, place, argv, status
):
    """Codes, verifiers, tokens and secrets do not travel along a redirect, from no endpoint."""
    if argv[0] != "login":
        signed_in_at_mock(age=3600 if argv[0] == "token" else 0)
    mock.faults = f"redirect-{status}@{place}"

    done = cli(*argv)

    assert done.status == (7 if argv[0] == "inspect" else 8)  # there 8 says that a check of the token failed
    assert f"answered with a redirect (HTTP {status})" in done.err
    assert len(mock.received("token" if place in {"code", "refresh"} else place)) == 1
    assert [request.target for request in mock.requests if "redirected" in request.target] == []


def test_threat_28_netrc_adds_no_credentials_of_its_own(cli, server, tmp_path, monkeypatch):
    """An entry for the host replaces no header of ours and adds none: a public client stays public."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert cli(*LOGIN).status == 0
    (exchange,), (asked,) = server.received("/token"), server.received("/userinfo")
    assert "authorization" not in exchange.headers
    assert asked.headers["authorization"] == "Bearer access-token-1-secret"


@pytest.fixture
def proxy(monkeypatch):
    """A proxy for everything, which lets nobody through."""
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{server.port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield server


def test_threat_29_what_is_for_this_machine_passes_no_proxy(cli, server, proxy):
    """A proxy would see the codes and tokens of a server on this machine, over http."""
    assert cli(*LOGIN).status == 0
    assert proxy.received == []


def test_threat_29_a_proxy_is_honoured_for_everything_else(cli, proxy, world):
    """Where a company's network wants a proxy, it is asked for the host and told nothing else."""
    world(sleep=lambda _seconds: None)

    done = cli("login", "--provider", "oidc", "--client-id", "x", "--issuer", "https://idp.example")

    assert done.failed(7, "the proxy for idp.example does not let us through")
    assert proxy.received[0].startswith(b"CONNECT idp.example:443 HTTP/1.")


# ---- too much, too slowly


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("fault", ["huge-body", "gzip-bomb"])
def test_threat_30_a_compressed_body_ends_at_one_mebibyte(mock, renewed, fault):
    """200 KB that unpack to 200 MB are not unpacked, and what is that large as it comes is not read."""
    mock.faults = fault

    assert renewed().failed(7, "sends more than 1 MiB")


@pytest.mark.usefixtures("expired")
def test_threat_31_an_answer_that_drips_ends_at_a_deadline_for_all_of_it(mock, renewed, world, monkeypatch):
    """A byte now and then keeps each read from timing out; the whole has an end as well. Here time flies."""
    monkeypatch.setattr("oauth_cli_providers.mock.faults.timing.PACE_SECONDS", 0.001)
    seconds = itertools.count(step=2)
    world(monotonic=lambda: next(seconds))
    mock.faults = "slow-drip"

    assert renewed().failed(7, "did not finish its answer in time")


# ---- nonsense


NONSENSE = {
    8: """
    html html-as-json empty-body null array string empty-object cut-json trailing-json bom utf-16 not-utf-8
    lone-surrogate http-400-after
    """,
    4: "error-with-200",
    5: "error-beside-tokens",
    7: "cut-short gzip-garbage",
}


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    ("fault", "status"), [(fault, status) for status, faults in NONSENSE.items() for fault in faults.split()]
)
def test_threat_32_what_is_no_token_response_leaves_the_stored_tokens(mock, renewed, fault, status):
    """Whatever comes with status 200: it is an error of one line, and the session stays as it is."""
    mock.faults = fault

    assert renewed().failed(status)


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("http-400", 400),
        ("http-401-empty", 401),
        ("http-403", 403),
        ("http-404", 404),
        ("http-405", 405),
        ("http-418", 418),
    ],
)
def test_threat_33_a_refusal_without_a_body_is_told_by_its_status(mock, renewed, fault, status):
    """4xx and nothing else: the error names the status."""
    mock.faults = fault

    assert renewed().failed(8, f"HTTP {status}")


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    "fault",
    [
        *("duplicate-keys", "nan", "infinity", "minus-infinity", "huge-number", "long-number", "long-fraction"),
        *("deep-nesting", "deep-objects"),
    ],
)
def test_threat_34_json_that_parsers_disagree_on_is_refused(mock, renewed, fault):
    """Members that stand there twice, numbers that are none, nesting without end: an error, and no traceback."""
    mock.faults = fault

    assert renewed().failed(8, "the token response cannot be read")


# ---- what a token response says


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("faults", [(), "lower-case-token-type", "upper-case-token-type"])
def test_threat_35_bearer_is_taken_in_any_case(mock, renewed, store, faults):
    """Servers spell it as they like."""
    mock.faults = faults

    assert renewed().status == 0
    assert store.read("mock").session.token_type == "Bearer"


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("kind", ["no", "empty", "unknown", "dpop", "padded", "number"])
def test_threat_35_another_token_type_or_none_is_refused(mock, renewed, kind):
    """A token of an unknown kind would be sent in a way that its server did not mean."""
    mock.faults = f"{kind}-token-type"

    assert renewed().failed(8, "token_type")


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    ("kind", "lifetime"),
    [("no", 3600), ("null", 3600), ("string", 1800), ("fraction", 1800), ("zero", 0), ("absurd", 315_360_000)],
)
def test_threat_36_a_lifetime_is_always_known(mock, renewed, store, kind, lifetime):
    """Missing, quoted, absurd: what can be renewed lives an hour unless told otherwise, and nothing for ever."""
    mock.faults = f"{kind}-expires-in"

    renewed()

    session = store.read("mock").session
    assert session.expires_at - session.issued_at == lifetime


def test_threat_36_a_lifetime_that_only_floating_point_can_hold_has_the_same_limit(server, renewing, store):
    """JSON has no integers: 1e20 seconds are ten years as well."""
    server.tokens = {"expires_in": 1e20, "id_token": None}

    renewing()

    session = store.read("mock").session
    assert session.expires_at - session.issued_at == 315_360_000


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("kind", ["negative", "words", "boolean"])
def test_threat_36_what_is_no_lifetime_is_refused(mock, renewed, kind):
    """A negative number, words, and what merely counts as a number somewhere."""
    mock.faults = f"{kind}-expires-in"

    assert renewed().failed(8, "expires_in")


@pytest.mark.parametrize("expires_in", ["-1", [], "", "1e3", "٣"])
def test_threat_36_nor_is_what_merely_looks_like_digits(server, renewing, expires_in):
    """A lifetime in a string is ASCII digits and nothing else."""
    server.tokens = {"expires_in": expires_in, "id_token": None}

    assert renewing().failed(8, "expires_in")


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("token-crlf", "access_token"),
        ("token-control-characters", "access_token"),
        ("token-not-ascii", "access_token"),
        ("access-token-number", "access_token"),
        ("refresh-token-crlf", "refresh_token"),
        ("id-token-crlf", "id_token"),
    ],
)
def test_threat_37_a_token_that_would_break_a_header_is_refused(mock, renewed, fault, name):
    """A line end in a token would make two headers of one, or two lines of a script's variable."""
    mock.faults = fault

    done = renewed()

    assert done.failed(8, name, "no header could carry")
    assert "X-Injected" not in done.err


@pytest.mark.parametrize("token", ["a\nb", "a\rb", "a\0b", "a\x1b[2Jb", "a\x7f", "tökén", 7, ["a"]])
@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_threat_37_so_is_each_such_character_in_any_token(server, renewing, name, token):
    """One by one, for each of the three."""
    server.tokens = {"id_token": None, name: token}

    assert renewing().failed(8, name, "no header could carry")


def test_threat_38_a_scope_that_is_not_named_is_what_was_asked_for(cli, mock, store):
    """RFC 6749 section 5.1: without the parameter, all was granted."""
    mock.faults = "no-scope"

    done = cli(*LOGIN, "--scope", "openid profile")

    assert "warning" not in done.err
    assert store.read("mock").session.scopes == ("openid", "profile")


# ---- the terminal


def is_inert(seen: str) -> bool:
    """Nothing in it moves a cursor, names a window or turns the text around; a terminal's own line ends are fine."""
    assert [c for c in seen.replace("\r\n", "").replace("\n", "") if not c.isprintable()] == []
    return "[bold]markup[/bold]" in seen


@pytest.mark.parametrize(
    ("fault", "flow"),
    [
        ("callback-escapes", "browser"),
        ("error-escapes@code", "browser"),
        ("error-escapes@device_authorization", "device"),
    ],
)
def test_threat_39_a_servers_words_are_inert_in_the_terminal(cli, mock, terminal, fault, flow):
    """Escape sequences, bidi and markup in an error are shown as what they are."""
    mock.faults = fault

    with terminal() as person:
        done = cli(*LOGIN, "--flow", flow, TERM="dumb")

    assert done.status == 5
    assert is_inert(person.seen)


def test_threat_39_so_is_a_persons_name(cli, mock, terminal, monkeypatch):
    """The name that a server gives somebody stands in a line, in a table, and below one: none is disturbed."""
    mock.faults = "userinfo-escapes"

    with terminal() as person:
        assert cli(*LOGIN, TERM="dumb").status == 0
        for columns in ("300", "60"):
            monkeypatch.setenv("COLUMNS", columns)
            assert cli("status", TERM="dumb").status == 0

    assert is_inert(person.seen)
    assert person.seen.count("\\x1b]0;title") >= 3


# ---- sending again


@pytest.mark.parametrize(
    ("faults", "exit_status", "words"),
    [
        ("invalid-grant", 5, "invalid_grant (The grant is unknown or has ended.)"),
        ("error-with-200", 5, "invalid_grant"),
        ("http-401", 5, "invalid_client"),
        ("html", 8, "the token response cannot be read"),
        ("array", 8, "not an object"),
        ("empty-object", 8, "no access_token"),
        ("empty-object,http-400-after", 8, "HTTP 400"),
        ("http-500", 7, "HTTP 500"),
        ("http-500-after", 7, "HTTP 500"),
        ("http-503", 7, "HTTP 503"),
        ("http-429", 7, "HTTP 429"),
        ("hang-up", 7, "localhost"),
        ("cut-short", 7, "localhost"),
    ],
)
def test_threat_40_a_code_is_sent_once_whatever_the_answer(cli, mock, world, session_file, faults, exit_status, words):
    """A code that may have been taken is never sent again: the second use would revoke what the first one brought."""
    world(sleep=lambda _seconds: None)
    mock.faults = faults

    assert cli(*LOGIN).failed(exit_status, words)
    assert len(mock.received("token")) == 1
    assert not session_file().exists()


def test_threat_40_nor_where_no_answer_comes(cli, mock, robot, monkeypatch, session_file):
    """Nothing comes in time: the code was sent, and that was that."""
    mock.faults = "silence@code"

    def deliver(url: str) -> None:
        """Bring the callback; the one request behind it is the code's."""
        monkeypatch.setattr("oauth_cli_login.adapters.http.READ_TIMEOUT", 0.3)
        robot.get(url)

    robot.deliver = deliver

    assert cli(*LOGIN).failed(7)
    wait_until(lambda: mock.received("token"))  # nobody waited for the silent server to read it
    assert len(mock.received("token")) == 1
    assert not session_file().exists()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "SSL_CERT_FILE": ""},
        {"PYTHONHTTPSVERIFY": "0", "SSL_NO_VERIFY": "1", "NODE_TLS_REJECT_UNAUTHORIZED": "0", "GIT_SSL_NO_VERIFY": "1"},
    ],
)
@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
def test_threat_41_a_certificate_that_does_not_hold_ends_it(cli, certificates, monkeypatch, world, name, variables):
    """Nobody vouches for it, or it is another host's: no request is sent, and no variable changes that."""
    world(sleep=lambda _seconds: None)
    trusted = {"SSL_CERT_FILE": certificates[name]} if name != "localhost" else {}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    with serving_tls(certificates[name]) as untrusted:
        issuer = untrusted.url("")
        done = cli("login", "--provider", "oidc", "--client-id", "x", "--issuer", issuer, **{**variables, **trusted})

    assert done.failed(7, "the TLS connection to localhost cannot be trusted")
    assert untrusted.received == []


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("http-429", 1.0),
        ("http-503", 1.0),
        ("retry-after-an-hour", 10.0),
        ("retry-after-a-year", 10.0),
        ("retry-after-words", 0.5),
        ("retry-after-negative", 0.5),
    ],
)
def test_threat_42_a_server_that_asks_to_wait_is_waited_for_within_bounds(mock, renewed, world, fault, seconds):
    """Retry-After is honoured up to ten seconds; what it cannot mean counts as if it were not there."""
    slept = []
    world(sleep=slept.append, monotonic=lambda: 1000.0)
    mock.faults = f"{fault}:1"

    assert renewed().status == 0
    assert slept == [seconds]
    assert len(mock.received("token")) == 2


@pytest.mark.parametrize(("named", "seconds"), [("7", 7.0), ("0", 0.0), ("11", 10.0), ("9" * 400, 10.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_threat_42_it_is_the_named_time_up_to_ten_seconds(server, reply, renewing, world, status, named, seconds):
    """Whole seconds up to ten are waited for as they are, and no number makes it longer."""
    slept = []
    world(sleep=slept.append, monotonic=lambda: 1000.0)
    server.tokens = {"id_token": None}
    server.queue("/token", reply(status, "", {"Retry-After": named}))

    assert renewing().status == 0
    assert slept == [seconds]


@pytest.mark.usefixtures("expired")
def test_threat_42_a_server_that_goes_on_asking_is_given_up(mock, renewed, world):
    """Three times is enough."""
    world(sleep=lambda _seconds: None)
    mock.faults = "http-503"

    assert renewed().failed(7, "HTTP 503")
    assert len(mock.received("token")) == 3
    assert threading.active_count() < 20
