"""The mock's sockets, and what is no request."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time

import pytest
import requests
from ports import free_port

from oauth_cli_login.adapters.sockets import answers
from oauth_cli_login.errors import ConfigError
from oauth_cli_providers.mock import server as server_module
from oauth_cli_providers.mock.server import MockServer

WELL_KNOWN = "/default/.well-known/openid-configuration"


def exchange(port: int, data: bytes, address: str = "127.0.0.1") -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_it_listens_on_both_loopback_addresses_and_nothing_else(client, has_ipv6: bool) -> None:
    port = client.server.port
    assert requests.get(f"http://127.0.0.1:{port}{WELL_KNOWN}", timeout=5).status_code == 200
    if has_ipv6:
        assert requests.get(f"http://[::1]:{port}{WELL_KNOWN}", timeout=5).status_code == 200
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # a wildcard socket would hold this one as well


def test_the_issuer_is_the_configured_one_whatever_the_request_says(start) -> None:
    client = start()
    issuer = f"http://localhost:{client.server.port}/default"
    assert client.server.issuer == str(client.server) == issuer
    assert requests.get(f"http://127.0.0.1:{client.server.port}{WELL_KNOWN}", timeout=5).json()["issuer"] == issuer
    spelled = start(host="127.0.0.1")
    assert spelled.server.issuer == f"http://127.0.0.1:{spelled.server.port}/default"


def test_leaving_frees_the_port_at_once_and_ends_what_is_kept_alive(state_folder: str) -> None:
    with MockServer(free_port(), state_folder=state_folder) as server, requests.Session() as http_session:
        assert http_session.get(server.issuer + "/jwks").status_code == 200
        before = time.monotonic()
        server.__exit__(None, None, None)
        assert time.monotonic() - before < server_module._IDLE_SECONDS / 2, "it waited for nobody"
        assert not answers("localhost", server.port)
        with pytest.raises(requests.ConnectionError):
            http_session.get(server.issuer + "/jwks")
        with MockServer(server.port, state_folder=state_folder) as again:
            assert requests.get(again.issuer + "/jwks", timeout=5).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_taken_port_is_an_error_that_names_the_way_out(state_folder: str, has_ipv6: bool, address: str) -> None:
    if address == "::1" and not has_ipv6:
        pytest.skip("this machine has no IPv6 loopback address to take")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as stranger:
        port = free_port()
        stranger.bind((address, port))
        stranger.listen()
        with pytest.raises(ConfigError, match=str(port)) as caught, MockServer(port, state_folder=state_folder):
            pass
        assert "another port" in caught.value.hint
    assert not answers("localhost", port), "nothing is left listening"


def test_serve_forever_waits_until_the_server_is_left(state_folder: str) -> None:
    server = MockServer(0, state_folder=state_folder)
    with server:
        waiting = threading.Thread(target=server.serve_forever)
        waiting.start()
        waiting.join(0.6)
        assert waiting.is_alive()
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "LOCALHOST", "127.0.0.1:8080", "[::1]", "[::1]:8080"])
def test_a_loopback_host_is_answered(client, host: str) -> None:
    assert client.http.get(client.server.issuer + "/jwks", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["example.com", "localhost.example.com", "evil@localhost", "127.0.0.1.nip.io", "[::1", "0.0.0.0", "::1", ""]
)
def test_another_host_is_refused_so_that_no_site_is_rebound_to_us(client, host: str) -> None:
    head = f"GET /default/jwks HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert status(exchange(client.server.port, head.encode())) == 400


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /default/jwks HTTP/1.1\r\n\r\n", 400),
        (b"GET /default/jwks HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /default HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /default/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET http://[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /default/jwks?%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET /default/authorize?a=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /default/jwks HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /default/jwks HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
        (b"nonsense\r\n\r\n", 400),
        (b"DELETE /default/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n", 413),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_what_is_no_request_is_answered_in_protocol_and_without_a_traceback(
    client, capfd, data: bytes, expected: int
) -> None:
    answer = exchange(client.server.port, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status(answer) == expected
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"Traceback" not in body
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\xff\r\n\r\n",
        b"POST /default/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ncut short",
    ],
)
def test_what_breaks_off_is_closed_silently(client, capfd, data: bytes) -> None:
    answer = exchange(client.server.port, data)
    assert not answer or status(answer) == 400
    assert b"invalid_request" not in answer, "no endpoint has seen it"
    assert client.http.get(client.server.issuer + "/jwks").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_is_reset_is_not_worth_a_word(client, capfd) -> None:
    connection = socket.create_connection(("127.0.0.1", client.server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.sendall(b"GET /default/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.close()
    assert client.http.get(client.server.issuer + "/jwks").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_a_request_to_the_wrong_method_names_the_right_ones(client) -> None:
    for endpoint, allow in (("token", "POST"), ("jwks", "GET"), ("authorize", "GET, POST")):
        response = client.http.put(f"{client.server.issuer}/{endpoint}")
        assert (response.status_code, response.headers["Allow"]) == (405, allow)


def test_head_is_get_without_the_body(client) -> None:
    request = b"HEAD /default/jwks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = exchange(client.server.port, request).partition(b"\r\n\r\n")
    assert (status(head), body) == (200, b"")
    assert re.search(rb"Content-Length: [1-9]", head)


def test_one_connection_carries_many_requests(client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.server.port, timeout=5)
    for method, body in (("POST", b"a=b"), ("GET", b"a body that nobody asked for"), ("GET", None)):
        connection.request(method, "/default/jwks", body=body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (405 if method == "POST" else 200)
    connection.close()


def test_no_answer_lets_other_sites_read_it(client) -> None:
    for path in ("jwks", "userinfo", "authorize", "nothing"):
        headers = {"Origin": "https://example.com"}
        response = client.http.get(f"{client.server.issuer}/{path}", headers=headers)
        assert "Access-Control-Allow-Origin" not in response.headers


def test_the_log_gets_method_path_and_status_and_nothing_secret(start) -> None:
    seen: list[tuple[str, str, int]] = []

    def log(*line) -> None:
        time.sleep(0.2 if "/default/token" in line else 0)  # a line that is slow to write: its answer waits for it
        seen.append(line)

    client = start(log=log)
    client.tokens()
    exchange(client.server.port, b"nonsense\r\n\r\n")
    exchange(client.server.port, b"GET /\x1b[31m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert seen == [
        ("POST", "/default/authorize", 302),
        ("POST", "/default/token", 200),
        ("?", "-", 400),
        ("GET", "/?[31m", 404),
    ]


def test_a_bug_of_ours_is_answered_with_500_and_without_a_traceback(client, monkeypatch, capfd) -> None:
    def broken(*_):
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr("oauth_cli_providers.mock.storage.Storage.transaction", broken)
    response = client.refresh("a.b")
    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert capfd.readouterr() == ("", "")


def test_idle_connections_do_not_keep_others_waiting(client) -> None:
    with contextlib.ExitStack() as idle:
        for _ in range(20):
            idle.enter_context(socket.create_connection(("127.0.0.1", client.server.port)))
        url = f"http://127.0.0.1:{client.server.port}/default/jwks"  # the same listener: the other has its own thread
        assert requests.get(url, timeout=server_module._IDLE_SECONDS / 2).status_code == 200


def test_connections_are_bounded(client, monkeypatch) -> None:
    monkeypatch.setattr(server_module, "_MAX_CONNECTIONS", 0)
    try:
        answer = exchange(client.server.port, b"GET /default/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n")
    except OSError:  # closed before all was sent
        answer = b""
    assert answer == b""


def test_a_refusal_is_json_for_programs_and_a_page_for_people(client) -> None:
    assert json.loads(client.http.put(client.server.issuer + "/token").text)["error"] == "invalid_request"
    assert client.http.put(client.server.issuer + "/authorize").text.startswith("<!doctype html>")
