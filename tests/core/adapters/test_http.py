"""What goes over the wire, and what is refused: against answers made up by requests-mock, and against real servers."""

from __future__ import annotations

import gzip
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import requests
import urllib3
from raw_server import Server, dripping, serving, serving_tls
from requests_mock import ANY, Mocker
from waiting import wait_until

from oauth_cli_login import __version__
from oauth_cli_login.adapters.http import ATTEMPTS, MAX_BODY, MAX_RETRY_AFTER, STREAM_READ_TIMEOUT, Http, Repeat
from oauth_cli_login.errors import ConfigError, ProtocolError, TransportError
from oauth_cli_login.model import HttpRequest, HttpResponse

TOKEN_ENDPOINT = "https://idp.example/token"


@pytest.fixture
def http() -> Iterator[Http]:
    with Http({}, sleep=lambda _seconds: None) as http:
        yield http


def get(url: str, **headers: str) -> HttpRequest:
    return HttpRequest("GET", url, headers)


def test_an_answer_comes_whole_whatever_its_status(http: Http, requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_ENDPOINT, status_code=400, headers={"X-Request-ID": "7"}, content=b'{"error": "x"}')
    response = http.send(HttpRequest("POST", TOKEN_ENDPOINT, {"Accept": "application/json"}, b"grant_type=x"))
    assert response == HttpResponse(400, {"x-request-id": "7"}, b'{"error": "x"}')
    sent = requests_mock.last_request
    assert sent.body == b"grant_type=x"
    assert sent.headers["Accept"] == "application/json"
    assert sent.headers["User-Agent"] == f"oauth-cli/{__version__}"


@pytest.mark.parametrize("answer", [gzip.compress(b"{}"), b"{}"])
def test_a_compressed_body_is_decompressed(answer: bytes, http: Http) -> None:
    encoding = b"Content-Encoding: gzip\r\n" if answer != b"{}" else b""
    with serving(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (encoding, len(answer), answer)) as server:
        assert http.send(get(server.url())).body == b"{}"


def test_a_chunked_body_is_put_together(http: Http) -> None:
    with serving(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n") as server:
        assert http.send(get(server.url())).body == b"{}"


# --- where a request never goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_its_target_sees_nothing(status: int, http: Http) -> None:
    with serving() as target:
        location = target.url("/stolen").encode()
        with serving(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)) as server:
            request = HttpRequest("POST", server.url("/token?tenant=1"), body=b"code=SECRET")
            with pytest.raises(ProtocolError, match=rf"/token answered with a redirect \(HTTP {status}\)"):
                http.send(request, repeat="always")
        assert len(server.received) == 1
        assert target.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/token",
        "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/",
        "http://127.0.0.2/",
        "ftp://localhost/",
        "//idp.example/",
        "https://idp.example/#fragment",
    ],
)
def test_an_address_that_is_neither_https_nor_loopback_is_never_asked(
    url: str, http: Http, requests_mock: Mocker
) -> None:
    requests_mock.register_uri(ANY, ANY)
    with pytest.raises(ProtocolError):
        http.send(get(url))
    assert requests_mock.call_count == 0


def test_a_netrc_entry_for_the_host_leaves_authorization_alone(
    http: Http, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login mallory password hunter2\ndefault login mallory password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving() as server:
        assert requests.utils.get_netrc_auth(server.url()) == ("mallory", "hunter2")  # the trap is set
        http.send(get(server.url(), Authorization="Bearer ours"))
        http.send(get(server.url()))
    assert b"\r\nAuthorization: Bearer ours\r\n" in server.received[0]
    assert b"authorization:" not in server.received[1].lower()


def test_cookies_are_not_kept(http: Http) -> None:
    head = b"HTTP/1.1 503 Busy\r\nSet-Cookie: sid=1; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with serving(head) as server:
        http.send(get(server.url()), repeat="always")
    assert len(server.received) == ATTEMPTS
    assert b"cookie:" not in b"".join(server.received).lower()


# --- proxies


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{server.port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield server


def test_a_loopback_address_is_asked_directly_whatever_the_proxy(http: Http, proxy: Server) -> None:
    with serving() as server:
        assert http.send(get(server.url())).status == 200
        assert http.send(get(f"http://127.0.0.1:{server.port}/")).status == 200
    assert proxy.received == []


def test_any_other_address_is_asked_through_the_proxy_which_sees_no_header_of_ours(http: Http, proxy: Server) -> None:
    with pytest.raises(TransportError, match=r"the proxy for idp\.example does not let us through"):
        http.send(get(TOKEN_ENDPOINT, Authorization="Bearer ours"))
    [head] = proxy.received
    assert head.startswith(b"CONNECT idp.example:443 HTTP/1.")
    assert b"Bearer" not in head


def test_no_proxy_is_honoured(http: Http, proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "idp.example")
    monkeypatch.setattr(socket, "getaddrinfo", unresolvable)
    with pytest.raises(TransportError, match=r"there is no address for idp\.example"):
        http.send(get(TOKEN_ENDPOINT))
    assert proxy.received == []


# --- servers that send too much, too slowly, or nonsense


def test_a_body_of_exactly_the_limit_is_taken(http: Http, requests_mock: Mocker) -> None:
    requests_mock.get(TOKEN_ENDPOINT, content=b"x" * MAX_BODY)
    assert len(http.send(get(TOKEN_ENDPOINT)).body) == MAX_BODY


def test_a_body_beyond_the_limit_is_refused(http: Http, requests_mock: Mocker) -> None:
    requests_mock.get(TOKEN_ENDPOINT, content=b"x" * (MAX_BODY + 1))
    with pytest.raises(TransportError, match="sends more than 1 MiB"):
        http.send(get(TOKEN_ENDPOINT))


def test_a_gzip_bomb_is_refused_at_the_same_limit(http: Http) -> None:
    bomb = gzip.compress(bytes(64 * MAX_BODY))
    assert len(bomb) < MAX_BODY // 8
    with serving(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb) as server:  # noqa: SIM117 - one subject
        with pytest.raises(TransportError, match="sends more than 1 MiB"):
            http.send(get(server.url()))


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Drop: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "headers", "header", "interim answers"],
)
def test_threat_31_an_answer_that_drips_ends_at_the_deadline(begin: bytes, drop: bytes, http: Http) -> None:
    finished: list[bool] = []
    with serving(dripping(begin, drop, finished=finished)) as server:
        with pytest.raises(TransportError, match="in time"):
            http.send(get(server.url()), deadline=0.5)
        assert finished == []  # it was cut


def test_silence_ends_at_the_deadline(http: Http) -> None:
    with serving(lambda _connection, over: over.wait(5)) as server:  # noqa: SIM117 - one subject
        with pytest.raises(TransportError, match="localhost did not answer in time"):
            http.send(get(server.url()), deadline=0.2)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"\r\n",
    ],
    ids=["nothing", "no HTTP", "cut short", "cut chunk", "no chunk", "no gzip", "300 headers"],
)
def test_what_is_no_whole_http_answer_is_a_transport_error(answer: bytes, http: Http) -> None:
    with serving(answer) as server, pytest.raises(TransportError, match="the connection to localhost failed"):
        http.send(get(server.url()))


# --- servers that are not there


def test_a_port_where_nothing_listens_is_named_without_the_query(http: Http) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/token"
        with pytest.raises(TransportError) as caught:
            http.send(get(url + "?code=SECRET"))
    assert caught.value.message == f"nothing answers at {url}"


def unresolvable(*_arguments: object, **_options: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_without_an_address_is_named(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unresolvable)  # the resolver of this machine is not asked
    with pytest.raises(TransportError, match=r"there is no address for nonexistent\.invalid"):
        http.send(get("https://nonexistent.invalid/"))


# --- certificates


def test_a_certificate_that_nobody_vouches_for_is_refused_and_ca_file_named(
    http: Http, certificates: dict[str, str]
) -> None:
    with serving_tls(certificates["localhost"]) as server, pytest.raises(TransportError) as caught:
        http.send(get(server.url()))
    assert caught.value.message == "the TLS connection to localhost cannot be trusted"
    assert "--ca-file" in caught.value.hint
    assert server.received == []


@pytest.mark.parametrize(
    ("environ", "ca_file"),
    [
        ({}, "localhost"),
        ({"SSL_CERT_FILE": "localhost"}, None),
        ({"REQUESTS_CA_BUNDLE": "localhost"}, None),
        ({"SSL_CERT_FILE": "elsewhere.example"}, "localhost"),
    ],
    ids=["ca_file", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "ca_file beats the environment"],
)
def test_a_certificate_that_the_user_names_is_trusted(
    environ: dict[str, str], ca_file: str | None, certificates: dict[str, str]
) -> None:
    named = {variable: certificates[name] for variable, name in environ.items()}
    with serving_tls(certificates["localhost"]) as server:  # noqa: SIM117 - one subject
        with Http(named, ca_file=ca_file and certificates[ca_file]) as http:
            assert http.send(get(server.url())).status == 200


def test_a_folder_of_certificates_is_trusted(certificates: dict[str, str], tmp_path) -> None:
    pem = certificates["localhost"]
    digest = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", pem], capture_output=True, text=True, check=True
    ).stdout.strip()
    os.symlink(pem, tmp_path / f"{digest}.0")
    with serving_tls(pem) as server, Http({"REQUESTS_CA_BUNDLE": str(tmp_path)}) as http:
        assert http.send(get(server.url())).status == 200


def test_a_certificate_for_another_host_is_refused_even_where_it_is_trusted(certificates: dict[str, str]) -> None:
    other = certificates["elsewhere.example"]
    with serving_tls(other) as server, Http({}, ca_file=other) as http:  # noqa: SIM117 - one subject
        with pytest.raises(TransportError, match="cannot be trusted"):
            http.send(get(server.url()))
    assert server.received == []


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "SSL_CERT_FILE": ""},
        {"PYTHONHTTPSVERIFY": "0", "SSL_NO_VERIFY": "1", "NODE_TLS_REJECT_UNAUTHORIZED": "0"},
    ],
)
def test_no_environment_variable_turns_checking_off(
    environ: dict[str, str], certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with serving_tls(certificates["localhost"]) as server, Http(os.environ) as http:  # noqa: SIM117 - one subject
        with pytest.raises(TransportError, match="cannot be trusted"):
            http.send(get(server.url()))
    assert server.received == []


@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_certificates_that_cannot_be_read_are_a_config_error(content: str | None, tmp_path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"ca\.pem' cannot be read"):
        Http({}, ca_file=str(path))


def test_a_name_of_certificates_that_no_file_can_have_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Http({}, ca_file="ca\0.pem")  # config.toml can spell this


# --- sending again


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def patient(time: Time) -> Iterator[Http]:
    with Http({}, clock=time.clock, sleep=time.sleep) as http:
        yield http


REFUSED = {429, 503}
FAILED = {429, 500, 502, 503, 504}
AGAIN: dict[Repeat, set[int]] = {"never": set(), "if refused": REFUSED, "always": FAILED}


@pytest.mark.parametrize(("repeat", "status"), list(itertools.product(AGAIN, [400, 401, 404, 501, *sorted(FAILED)])))
def test_an_answer_is_asked_for_again_only_where_the_caller_allows_it(
    repeat: Repeat, status: int, patient: Http, requests_mock: Mocker
) -> None:
    requests_mock.post(TOKEN_ENDPOINT, status_code=status)
    assert patient.send(HttpRequest("POST", TOKEN_ENDPOINT), repeat=repeat).status == status
    assert requests_mock.call_count == (ATTEMPTS if status in AGAIN[repeat] else 1)


@pytest.mark.parametrize(("repeat", "calls"), [("never", 1), ("if refused", 1), ("always", ATTEMPTS)])
@pytest.mark.parametrize("error", [requests.ConnectionError, requests.ReadTimeout])
def test_a_failed_connection_is_tried_again_only_where_anything_may_be(
    repeat: Repeat, calls: int, error: type[Exception], patient: Http, requests_mock: Mocker
) -> None:
    requests_mock.post(TOKEN_ENDPOINT, exc=error)
    with pytest.raises(TransportError):
        patient.send(HttpRequest("POST", TOKEN_ENDPOINT), repeat=repeat)
    assert requests_mock.call_count == calls


def test_the_first_answer_that_will_do_is_returned(patient: Http, time: Time, requests_mock: Mocker) -> None:
    requests_mock.get(TOKEN_ENDPOINT, [{"exc": requests.ConnectionError}, {"status_code": 502}, {"text": "{}"}])
    assert patient.send(get(TOKEN_ENDPOINT), repeat="always").body == b"{}"
    assert time.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("3600", MAX_RETRY_AFTER),
        ("9" * 400, MAX_RETRY_AFTER),
        ("-1", 0.5),
        ("nan", 0.5),
        ("\xb2", 0.5),  # a superscript two: a digit, but no number
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    retry_after: str, seconds: float, patient: Http, time: Time, requests_mock: Mocker
) -> None:
    busy = {"status_code": 503, "headers": {"Retry-After": retry_after}}
    requests_mock.get(TOKEN_ENDPOINT, [busy, {"status_code": 200}])
    assert patient.send(get(TOKEN_ENDPOINT), repeat="if refused").status == 200
    assert time.slept == [seconds]


def test_nothing_is_sent_again_whose_answer_would_come_too_late(
    patient: Http, time: Time, requests_mock: Mocker
) -> None:
    """The refusal is the answer then; what would be spent by one more request is kept."""
    requests_mock.get(TOKEN_ENDPOINT, status_code=503, headers={"Retry-After": "9"})
    assert patient.send(get(TOKEN_ENDPOINT), repeat="if refused", deadline=12).status == 503
    assert time.slept == [9.0]
    assert requests_mock.call_count == 2


def test_nothing_is_tried_again_after_the_deadline(time: Time, patient: Http, requests_mock: Mocker) -> None:
    def too_late(_request: object, _context: object) -> bytes:
        time.now += 40
        raise requests.ConnectionError

    requests_mock.get(TOKEN_ENDPOINT, content=too_late)
    with pytest.raises(TransportError):
        patient.send(get(TOKEN_ENDPOINT), repeat="always")
    assert requests_mock.call_count == 1


# --- what is told of it


def test_the_log_names_each_exchange_without_query_headers_or_body(time: Time, requests_mock: Mocker) -> None:
    lines: list[str] = []
    requests_mock.post(TOKEN_ENDPOINT, [{"status_code": 503}, {"text": "SECRET", "headers": {"X": "SECRET"}}])
    with Http({}, log=lines.append, clock=time.clock, sleep=time.sleep) as http:
        request = HttpRequest("POST", TOKEN_ENDPOINT + "?code=SECRET", {"Authorization": "SECRET"}, b"SECRET")
        http.send(request, repeat="always")
    assert lines == [f"POST {TOKEN_ENDPOINT} -> {status} in 0.00 s" for status in (503, 200)]


@pytest.mark.parametrize("error", [requests.ConnectionError, requests.Timeout, requests.exceptions.ProxyError])
def test_an_error_quotes_nothing_of_the_request(error: type[Exception], patient: Http, requests_mock: Mocker) -> None:
    requests_mock.get(TOKEN_ENDPOINT, exc=error(f"{TOKEN_ENDPOINT}?code=SECRET"))
    with pytest.raises(TransportError) as caught:
        patient.send(get(TOKEN_ENDPOINT + "?code=SECRET"))
    assert "SECRET" not in caught.value.message + caught.value.hint
    assert caught.value.hint


# --- what a hostile server tried


def test_the_body_of_a_redirect_is_not_read_nor_its_place_parsed(http: Http) -> None:
    """requests does both for its own ``next``, without a bound and although no redirect is followed."""
    head = b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 2097152\r\n\r\n"
    with serving(head + b"x" * (2 << 20)) as server:  # noqa: SIM117 - one subject
        with pytest.raises(TransportError, match="more than 1 MiB"):
            http.send(get(server.url()))
    with serving(head.replace(b"2097152", b"0")) as server:  # noqa: SIM117 - one subject
        with pytest.raises(ProtocolError, match="redirect"):
            http.send(get(server.url()))


def test_an_answer_that_ends_its_connection_is_cut_at_the_deadline_too(http: Http) -> None:
    """http.client has let go of the socket by then."""
    begin = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    dripped_to_the_end = []

    def answer(connection: socket.socket, over: threading.Event) -> None:
        with suppress(OSError):
            dripping(begin, b"x")(connection, over)
            dripped_to_the_end.append(True)

    with serving(answer) as server:
        with pytest.raises(TransportError, match="in time"):
            http.send(get(server.url()), deadline=0.5)
        assert not dripped_to_the_end


# --- an answer that is streamed


def test_a_streamed_answer_is_there_before_its_end_and_has_no_bound(http: Http) -> None:
    rest = threading.Event()

    def answer(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 404 Not Here\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\nfirst")
        rest.wait(20)
        for _ in range(20):
            connection.sendall(bytes(MAX_BODY // 8))

    with serving(answer) as server:
        streamed = http.stream(get(server.url()))
        chunks = streamed.chunks
        assert next(chunks) == b"first"
        rest.set()
        assert sum(map(len, chunks)) == 20 * (MAX_BODY // 8)
        streamed.close()
    assert (streamed.status, streamed.status_line) == (404, "HTTP/1.1 404 Not Here")
    assert streamed.headers == (("X-A", "1"), ("X-A", "2"), ("Connection", "close"))
    assert streamed.header("x-a") == "1"


def test_a_streamed_answer_that_falls_silent_is_given_up(http: Http) -> None:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")
        over.wait(30)

    with serving(answer) as server:
        streamed = http.stream(get(server.url()))
        assert next(streamed.chunks) == b"first"
        (connection,) = http._watchdog._open
        assert connection.gettimeout() == STREAM_READ_TIMEOUT
        connection.settimeout(0.2)
        with pytest.raises(TransportError, match="did not answer in time"):
            next(streamed.chunks)
        streamed.close()


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n"], ids=["body", "headers"])
def test_an_answer_that_was_cut_is_not_taken_for_whole_whatever_our_clock_says(begin: bytes) -> None:
    """The timer that cuts has a clock of its own."""
    with (
        serving(dripping(begin, b"x: 1\r\n")) as server,
        Http({}, clock=lambda: 1000.0) as http,
        pytest.raises(TransportError, match="did not answer in time"),
    ):
        http.send(get(server.url()), deadline=0.2)


@pytest.mark.parametrize("send", [partial(Http.send, deadline=0.2), Http.stream], ids=["whole", "streamed"])
def test_a_connection_that_is_reset_after_the_cut_is_late_as_well(
    send: Callable[[Http, HttpRequest], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose peer goes on sending may get a reset instead of an end."""
    monkeypatch.setattr("oauth_cli_login.adapters.http.STREAM_DEADLINE", 0.2)

    with Http({}, clock=lambda: 1000.0) as http:

        def reset(*_: object, **__: object) -> None:
            wait_until(lambda: http._watchdog._exchange.was_cut)
            raise ConnectionResetError

        monkeypatch.setattr("requests.Session.request", reset)
        with pytest.raises(TransportError, match="did not answer in time"):
            send(http, get("http://localhost:9/"))


def test_a_proxy_that_is_reached_by_tls_and_drips_is_cut_at_the_deadline(
    certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[bool] = []
    dripped = dripping(b"HTTP/1.1 200 OK\r\nX-Drop: ", b"x", finished=finished)
    with serving_tls(certificates["localhost"], dripped) as proxy, Http({}, ca_file=certificates["localhost"]) as http:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url().replace("http:", "https:"))
        with pytest.raises(TransportError, match="did not answer in time"):
            http.send(get("https://idp.example/token"), deadline=0.5)
        assert finished == []
        assert [head.split()[0] for head in proxy.received] == [b"CONNECT"], "its certificate is judged as any other"


def test_a_redirect_is_a_streamed_answer_and_is_not_followed(http: Http) -> None:
    with serving() as target:
        location = target.url().encode()
        with serving(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location) as server:
            streamed = http.stream(get(server.url()))
            streamed.close()
        assert (streamed.status, streamed.header("location"), target.received) == (302, target.url(), [])


def test_nothing_is_streamed_from_where_no_request_goes(http: Http) -> None:
    with pytest.raises(ProtocolError, match="must be https"):
        http.stream(get("http://idp.example/"))


def test_headers_that_never_end_are_given_up(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def continue_without_end(connection: socket.socket, over: threading.Event) -> None:
        while not over.wait(0.01):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    monkeypatch.setattr("oauth_cli_login.adapters.http.STREAM_DEADLINE", 0.5)
    with serving(continue_without_end) as server, pytest.raises(TransportError, match="did not answer in time"):
        http.stream(get(server.url()))


@pytest.mark.parametrize("send", [partial(Http.send, deadline=0.1), Http.stream], ids=["whole", "streamed"])
def test_a_connection_that_is_made_after_the_deadline_is_cut(
    send: Callable[[Http, HttpRequest], object], http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that is slow, or an address that does not answer before the next one does."""
    connect = urllib3.util.connection.create_connection

    def slow(*args: Any, **options: Any) -> socket.socket:
        threading.Event().wait(0.3)  # past the deadline
        return connect(*args, **options)

    monkeypatch.setattr("urllib3.util.connection.create_connection", slow)
    monkeypatch.setattr("oauth_cli_login.adapters.http.STREAM_DEADLINE", 0.1)
    finished: list[bool] = []
    with serving(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", finished=finished)) as server:
        with pytest.raises(TransportError, match="did not answer in time"):
            send(http, get(server.url()))
        assert finished == []
