"""Threats 27 to 42: what token, metadata, userinfo, revocation and device endpoints may answer, and how it comes."""

from __future__ import annotations

import gzip
import itertools
import json
import threading

import pytest
from raw_server import dripping, serving, serving_tls

LOGIN = ("login", "--provider", "mock", "--timeout", "10")
TOKENS = {"access_token": "new-access-token", "token_type": "Bearer", "expires_in": 3600}


@pytest.fixture
def expired(signed_in, clock):
    """Store a session whose access token has to be renewed."""

    def make(**changes):
        return signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600, id_token=None, **changes)

    return make


@pytest.fixture
def renewing(cli, expired, store):
    """Renew a session, and tell how that ended; where it fails, what is stored must be what it was."""

    def run(**variables):
        before = expired()
        done = cli("token", **variables)
        if done.status:
            assert store.read("mock") == before
        assert "Traceback" not in done.err
        return done

    return run


# ---- where a request never goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("path", "argv"),
    [
        ("/token", LOGIN),
        ("/token", ("token",)),
        ("/revoke", ("logout",)),
        ("/device_authorization", (*LOGIN, "--flow", "device")),
        ("/userinfo", ("whoami",)),
        ("/introspect", ("inspect", "--access-token", "--introspect")),
        ("/jwks", LOGIN),
        ("/.well-known/openid-configuration", LOGIN),
    ],
    ids=["token (code)", "token (refresh)", "revocation", "device", "userinfo", "introspection", "keys", "discovery"],
)
def test_threat_27_a_redirect_is_an_error_and_its_target_sees_nothing(
    cli, server, reply, signed_in, clock, path, argv, status
):
    """Codes, verifiers, tokens and secrets do not travel along a redirect, from no endpoint."""
    if argv[0] != "login":
        signed_in(expires_at=int(clock()) + (3600 if argv[0] in {"whoami", "inspect"} else -1), id_token=None)
    server.queue(path, reply(status, "", {"Location": f"{server.issuer}/stolen"}))

    done = cli(*argv)

    assert done.status == (7 if argv[0] == "inspect" else 8)  # there 8 says that a check of the token failed
    assert f"answered with a redirect (HTTP {status})" in done.err
    assert server.received("/stolen") == []
    assert len(server.received(path)) == 1


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


def test_threat_30_a_compressed_body_ends_at_one_mebibyte(server, reply, renewing):
    """32 KB that unpack to 32 MB are not unpacked."""
    bomb = gzip.compress(bytes(1 << 20)) * 32
    server.queue("/token", reply(200, bomb, {"Content-Encoding": "gzip"}))

    assert renewing().failed(7, "sends more than 1 MiB")


def test_threat_31_an_answer_that_drips_ends_at_a_deadline_for_all_of_it(cli, server, renewing, world):
    """A byte now and then keeps each read from timing out; the whole has an end as well. Here time flies."""
    seconds = itertools.count(step=2)
    world(monotonic=lambda: next(seconds))
    with serving(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" ")) as slow:
        server.metadata = {"token_endpoint": slow.url("/token")}

        assert renewing().failed(7, "did not finish its answer in time")


# ---- nonsense


NONSENSE = {
    "HTML": (200, "<!doctype html><h1>Welcome</h1>", 8),
    "an error beside tokens": (200, {**TOKENS, "error": "invalid_client"}, 5),
    "empty": (200, "", 8),
    "null": (200, "null", 8),
    "a list": (200, "[]", 8),
    "a string": (200, '"access_token"', 8),
    "a byte order mark": (200, b"\xef\xbb\xbf" + json.dumps(TOKENS).encode(), 8),
    "UTF-16": (200, json.dumps(TOKENS).encode("utf-16"), 8),
    "not UTF-8": (200, json.dumps(TOKENS).encode()[:-1] + b', "x": "\xff"}', 8),
    "half a surrogate pair": (200, json.dumps(TOKENS)[:-1] + r', "x": "\ud800"}', 8),
    "tokens with a status that is none": (400, TOKENS, 8),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_threat_32_what_is_no_token_response_leaves_the_stored_tokens(server, reply, renewing, nonsense):
    """Whatever comes with status 200: it is an error of one line, and the session stays as it is."""
    status, body, exit_status = NONSENSE[nonsense]
    server.queue("/token", reply(status, body))

    assert renewing().failed(exit_status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 418])
def test_threat_33_a_refusal_without_a_body_is_told_by_its_status(server, reply, renewing, status):
    """4xx and nothing else: the error names the status."""
    server.queue("/token", reply(status, ""))

    assert renewing().failed(8, f"HTTP {status}")


STRANGE = {
    "a member twice": '"access_token": "another", ',
    "NaN": '"x": NaN, ',
    "infinity": '"x": -Infinity, ',
    "1e999": '"x": 1e999, ',
    "5,000 digits": f'"x": {"9" * 5000}, ',
    "40 digits": f'"x": {"9" * 40}, ',
    "a fraction of 5,000 digits": f'"x": 0.{"1" * 5000}, ',
    "nesting of 100,000": f'"x": {"[" * 100_000}{"]" * 100_000}, ',
    "nesting of objects": f'"x": {"{" + chr(34) + "a" + chr(34) + ":"}' * 50 + "1" + "}" * 50 + ", ",
}


@pytest.mark.parametrize("strange", STRANGE)
def test_threat_34_json_that_parsers_disagree_on_is_refused(server, reply, renewing, strange):
    """Members that stand there twice, numbers that are none, nesting without end: an error, and no traceback."""
    server.queue("/token", reply(200, ("{" + STRANGE[strange] + json.dumps(TOKENS)[1:]).encode()))

    assert renewing().failed(8, "the token response cannot be read")


# ---- what a token response says


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_threat_35_bearer_is_taken_in_any_case(server, renewing, store, token_type):
    """Servers spell it as they like."""
    server.tokens = {"token_type": token_type, "id_token": None}

    assert renewing().status == 0
    assert store.read("mock").session.token_type == "Bearer"


@pytest.mark.parametrize("token_type", [None, "", "mac", "DPoP", "Bearer ", 7])
def test_threat_35_another_token_type_or_none_is_refused(server, renewing, token_type):
    """A token of an unknown kind would be sent in a way that its server did not mean."""
    server.tokens = {"token_type": token_type, "id_token": None}

    assert renewing().failed(8, "token_type")


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [(None, 3600), ("1200", 1200), (1200.9, 1200), (0, 0), (10**15, 315_360_000), (1e20, 315_360_000)],
)
def test_threat_36_a_lifetime_is_always_known(server, renewing, store, expires_in, lifetime):
    """Missing, quoted, absurd: what can be renewed lives an hour unless told otherwise, and nothing for ever."""
    server.tokens = {"expires_in": expires_in, "id_token": None}

    renewing()

    session = store.read("mock").session
    assert session.expires_at - session.issued_at == lifetime


@pytest.mark.parametrize("expires_in", [-1, "-1", "soon", True, [], "", "1e3", "٣"])
def test_threat_36_what_is_no_lifetime_is_refused(server, renewing, expires_in):
    """A negative number, words, and what merely looks like digits."""
    server.tokens = {"expires_in": expires_in, "id_token": None}

    assert renewing().failed(8, "expires_in")


@pytest.mark.parametrize("token", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x1b[2Jb", "a\x7f", "tökén", 7, ["a"]])
@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_threat_37_a_token_that_would_break_a_header_is_refused(server, renewing, name, token):
    """A line end in a token would make two headers of one, or two lines of a script's variable."""
    server.tokens = {"id_token": None, name: token}

    done = renewing()

    assert done.failed(8, name, "no header could carry")
    assert "X: y" not in done.err


def test_threat_38_a_scope_that_is_not_named_is_what_was_asked_for(cli, server, store):
    """RFC 6749 section 5.1: without the parameter, all was granted."""
    server.tokens = {"scope": None}

    done = cli(*LOGIN, "--scope", "openid profile")

    assert "warning" not in done.err
    assert store.read("mock").session.scopes == ("openid", "profile")


# ---- the terminal


EVIL = "\x1b]0;owned\x07\x1b[2J\u202eeno\r\n\x9b1m[red]markup[/red]"


def is_inert(seen: str) -> bool:
    """Nothing in it moves a cursor, names a window or turns the text around; a terminal's own line ends are fine."""
    assert [c for c in seen.replace("\r\n", "").replace("\n", "") if not c.isprintable()] == []
    return "[red]markup[/red]" in seen


@pytest.mark.parametrize("path", ["/authorize", "/token", "/device_authorization"])
def test_threat_39_a_servers_words_are_inert_in_the_terminal(cli, server, reply, terminal, path):
    """Escape sequences, bidi and markup in an error are shown as what they are."""
    words = {"error": "access_denied", "error_description": EVIL}
    if path == "/authorize":
        server.redirect = {"code": None, **words}
    else:
        server.queue(path, reply(400, words))

    with terminal() as person:
        done = cli(*LOGIN, *(["--flow", "device"] if path.startswith("/device") else []), TERM="dumb")

    assert done.status == 5
    assert is_inert(person.seen)


def test_threat_39_so_is_a_persons_name(cli, server, terminal):
    """The name that a server gives somebody stands in a line and in a table: neither is disturbed."""
    server.userinfo = {"preferred_username": EVIL, "name": EVIL}

    with terminal() as person:
        assert cli(*LOGIN, TERM="dumb").status == 0
        assert cli("status", TERM="dumb").status == 0

    assert is_inert(person.seen)
    assert person.seen.count("\\x1b]0;owned") >= 2


# ---- sending again


@pytest.mark.parametrize(
    ("status", "body", "exit_status", "words"),
    [
        (400, {"error": "invalid_grant", "error_description": "used"}, 5, "invalid_grant (used)"),
        (200, {"error": "invalid_grant"}, 5, "invalid_grant"),
        (401, {"error": "invalid_client"}, 5, "invalid_client"),
        (200, "<!doctype html><h1>Welcome</h1>", 8, "the token response cannot be read"),
        (200, [], 8, "not an object"),
        (200, {}, 8, "no access_token"),
        (400, {}, 8, "HTTP 400"),
        (500, "", 7, "HTTP 500"),
        (503, {"maintenance": True}, 7, "HTTP 503"),
        (429, "", 7, "HTTP 429"),
    ],
)
def test_threat_40_a_code_is_sent_once_whatever_the_answer(
    cli, server, reply, session_file, status, body, exit_status, words
):
    """A code that may have been taken is never sent again: the second use would revoke what the first one brought."""
    server.queue("/token", *[reply(status, body, {"Retry-After": "0"})] * 3)

    assert cli(*LOGIN).failed(exit_status, words)
    assert len(server.received("/token")) == 1
    assert not session_file().exists()


@pytest.mark.parametrize("answer", [b"", lambda _connection, over: over.wait(5)], ids=["closed", "silent"])
def test_threat_40_nor_where_no_answer_comes(cli, server, monkeypatch, answer):
    """The connection ends, or nothing comes in time: the code was sent, and that was that."""
    monkeypatch.setattr("oauth_cli_login.adapters.http.READ_TIMEOUT", 0.3)
    with serving(answer) as silent:
        server.metadata = {"token_endpoint": silent.url("/token")}

        assert cli(*LOGIN).failed(7)
    assert len(silent.received) == 1  # now that all has been read that was sent


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


@pytest.mark.parametrize(
    ("named", "seconds"), [("7", 7.0), ("0", 0.0), ("3600", 10.0), ("soon", 0.5), ("-5", 0.5), ("9" * 400, 0.5)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_threat_42_a_server_that_asks_to_wait_is_waited_for_within_bounds(
    server, reply, renewing, world, status, named, seconds
):
    """Retry-After is honoured up to ten seconds; what it cannot mean counts as if it were not there."""
    slept = []
    world(sleep=slept.append, monotonic=lambda: 1000.0)
    server.tokens = {"id_token": None}
    server.queue("/token", reply(status, "", {"Retry-After": named}))

    assert renewing().status == 0
    assert slept == [seconds]
    assert len(server.received("/token")) == 2


def test_threat_42_a_server_that_goes_on_asking_is_given_up(server, reply, renewing, world):
    """Three times is enough."""
    world(sleep=lambda _seconds: None)
    server.queue("/token", *[reply(503, "", {"Retry-After": "1"})] * 10)

    assert renewing().failed(7, "HTTP 503")
    assert len(server.received("/token")) == 3
    assert threading.active_count() < 20
