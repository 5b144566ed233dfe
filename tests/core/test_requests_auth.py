"""``OAuthCliAuth``: the token goes with the request, no further, and a refused one is renewed once."""

from __future__ import annotations

import io
import os
import threading

import pytest
import requests
from quiet_server import QuietHandler, QuietServer

import oauth_cli_login
from oauth_cli_login import OAuthCliAuth

NOW = 1_800_000_000
STORED = "Bearer stored-access-token"
RENEWED = "Bearer access-token-1-secret"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def program(environ, server, world, clock, monkeypatch):
    """Make this process the program: the test's clock and environment are its own."""
    world()
    monkeypatch.setattr("time.time", clock)
    for name in os.environ:
        if name.startswith("OAUTH_CLI_") or name.upper() in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("OAUTH_CLI_HOME", environ["OAUTH_CLI_HOME"])


@pytest.fixture
def api(server):
    """Return what sends a request to the server's /api with the profile ``mock``."""

    def send(method="GET", path="/api", **options):
        return requests.request(method, server.issuer + path, auth=OAuthCliAuth("mock"), timeout=20, **options)

    return send


@pytest.fixture
def sent(server):
    """Return the Authorization header of each request to a path."""
    return lambda path="/api": [request.headers.get("authorization") for request in server.received(path)]


@pytest.fixture
def elsewhere():
    """Another server: its address, the Authorization headers that it got, and the status that it answers with."""
    got, status = [], [401]

    class Handler(QuietHandler):
        def do_GET(self):
            got.append(self.headers.get("Authorization"))
            self.send_response(status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

    with QuietServer(Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}", got, status
        http_server.shutdown()
        thread.join()


def test_a_request_carries_the_token(api, sent, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(200, {"fine": True}))

    assert api().json() == {"fine": True}
    assert sent() == [STORED]
    assert server.received("/token") == []


def test_a_token_is_refreshed_before_it_ends(api, sent, reply, server, signed_in):
    signed_in(expires_at=NOW + 30)
    server.queue("/api", reply(200, {}))

    assert api().status_code == 200
    assert sent() == [RENEWED]


def test_a_session_asks_for_the_token_anew_each_time(sent, reply, server, signed_in, clock):
    signed_in()
    server.queue("/api", reply(200, {}), reply(200, {}))

    with requests.Session() as session:
        session.auth = OAuthCliAuth("mock")
        session.get(f"{server.issuer}/api", timeout=20)
        clock.now += 3600
        session.get(f"{server.issuer}/api", timeout=20)

    assert sent() == [STORED, RENEWED]


def test_whoever_is_not_signed_in_sends_nothing(api, server):
    with pytest.raises(oauth_cli_login.NotSignedIn):
        api()
    assert server.requests == []


# ---- refused


def test_a_refused_token_is_renewed_and_the_request_repeated(api, sent, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401, {"no": 1}), reply(200, {"yes": 1}))

    response = api()

    assert (response.status_code, response.json()) == (200, {"yes": 1})
    assert sent() == [STORED, RENEWED]
    assert [before.status_code for before in response.history] == [401]
    assert len(server.received("/token")) == 1


def test_a_second_refusal_is_the_answer(api, sent, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401), reply(401, {"still": "no"}))

    response = api()

    assert (response.status_code, response.json()) == (401, {"still": "no"})
    assert sent() == [STORED, RENEWED]
    assert len(server.received("/token")) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_another_status_is_no_refusal_of_the_token(api, reply, server, signed_in, status):
    signed_in()
    server.queue("/api", reply(status))

    assert api().status_code == status
    assert server.received("/token") == []


def test_where_nothing_renews_the_token_the_refusal_is_the_answer(api, sent, reply, server, signed_in):
    signed_in(refresh_token=None)
    server.queue("/api", reply(401, {"error": "wrong audience"}))

    assert api().json() == {"error": "wrong audience"}
    assert sent() == [STORED]


def test_a_session_that_has_ended_is_said_to_have(api, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401))
    server.queue("/token", reply(400, {"error": "invalid_grant"}))

    with pytest.raises(oauth_cli_login.NotSignedIn, match="does not renew the session mock any more"):
        api()


def test_a_hook_of_the_callers_own_sees_the_last_answer(api, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401), reply(200, {}))
    seen = []

    api(hooks={"response": lambda response, **_: seen.append(response.status_code)})

    assert seen == [200]


class Unseekable(io.RawIOBase):
    """A pipe: what was read is gone."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)

    def __len__(self):
        return 7

    def tell(self):
        raise OSError("not seekable")


def positioned(data, position):
    file = io.BytesIO(data)
    file.seek(position)
    return file


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (None, ""),
        (b"a=1&b=2", "a=1&b=2"),
        ({"a": "1"}, "a=1"),
        (io.BytesIO(b"a=1&b=2"), "a=1&b=2"),
        (positioned(b"skipped a=1", 8), "a=1"),
    ],
    ids=["nothing", "bytes", "form", "file", "file read from its middle"],
)
def test_the_repeated_request_has_the_whole_body(api, reply, server, signed_in, body, arrives):
    signed_in()
    server.queue("/api", reply(401), reply(200, {}))

    assert api("POST", data=body).status_code == 200
    assert [request.body for request in server.received("/api")] == [arrives, arrives]


def test_a_stream_that_cannot_be_wound_back_is_not_sent_again_but_the_next_request_has_the_new_token(
    api, sent, reply, server, signed_in
):
    signed_in()
    server.queue("/api", reply(401), reply(200, {}))

    assert api("POST", data=Unseekable(b"a=1&b=2")).status_code == 401
    assert api().status_code == 200
    assert sent() == [STORED, RENEWED]


# ---- no further


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("as_session", [False, True])
def test_a_redirect_to_another_host_gets_no_token_whatever_it_answers(
    reply, server, signed_in, elsewhere, status, as_session
):
    """requests takes the header off; an answer of 401 there must not put it back, nor cost a refresh."""
    signed_in()
    address, got, _ = elsewhere
    server.queue("/api", reply(status, "", {"Location": f"{address}/trap"}))

    with requests.Session() as session:
        if as_session:
            session.auth = OAuthCliAuth("mock")
        response = session.get(f"{server.issuer}/api", auth=None if as_session else OAuthCliAuth("mock"), timeout=20)

    assert response.status_code == 401
    assert got == [None]
    assert server.received("/token") == []


def test_a_redirect_after_the_repetition_gets_no_token_either(api, reply, server, signed_in, elsewhere):
    signed_in()
    address, got, _ = elsewhere
    server.queue("/api", reply(401), reply(307, "", {"Location": f"{address}/trap"}))

    assert api().status_code == 401
    assert got == [None]
    assert len(server.received("/token")) == 1


def test_a_redirect_on_the_same_host_carries_the_token_that_is_good(api, sent, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401), reply(307, "", {"Location": "/moved"}))
    server.queue("/moved", reply(200, {}))

    assert api().status_code == 200
    assert sent("/moved") == [RENEWED]


def test_a_refusal_behind_a_redirect_on_the_same_host_is_repeated_once(api, sent, reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(307, "", {"Location": "/moved"}))
    server.queue("/moved", reply(401), reply(302, "", {"Location": "/again"}))
    server.queue("/again", reply(401))

    assert api().status_code == 401
    assert (sent("/moved"), sent("/again")) == ([STORED, RENEWED], [RENEWED])
    assert len(server.received("/token")) == 1


def test_a_header_that_is_not_ours_is_left_alone(reply, server, signed_in):
    signed_in()
    server.queue("/api", reply(401))
    prepared = requests.Request("GET", f"{server.issuer}/api", auth=OAuthCliAuth("mock")).prepare()
    prepared.headers["Authorization"] = "Basic bWU6bWU="

    with requests.Session() as session:
        assert session.send(prepared).status_code == 401
    assert len(server.received("/api")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "http://api.example.com#@127.0.0.1/",
        "http://[::2]/",
        "HTTP://API.EXAMPLE.COM/",
        "ftp://127.0.0.1/",
    ],
)
def test_no_token_goes_where_it_could_be_read_on_the_way(url, signed_in):
    signed_in()

    with pytest.raises(oauth_cli_login.UsageError, match="only sent over https") as raised:
        requests.Request("GET", url, auth=OAuthCliAuth("mock")).prepare()
    assert raised.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/",
        "HTTPS://API.example.com/",
        "http://127.0.0.1:8/",
        "http://[::1]/",
        "http://localhost/#top",
    ],
)
def test_https_and_this_machine_are_safe(url, signed_in):
    signed_in()

    prepared = requests.Request("GET", url, auth=OAuthCliAuth("mock")).prepare()

    assert prepared.headers["Authorization"] == STORED


def test_a_proxy_does_not_get_to_read_what_is_for_this_machine(signed_in, monkeypatch):
    signed_in()
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    request = requests.Request("GET", "http://localhost:8000/", auth=OAuthCliAuth("mock"))

    with pytest.raises(oauth_cli_login.UsageError, match="a proxy stands between") as raised:
        request.prepare()
    assert raised.value.hint == "Set NO_PROXY=localhost"
    requests.Request("GET", "https://localhost:8000/", auth=OAuthCliAuth("mock")).prepare()  # it sees TLS only
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert request.prepare().headers["Authorization"] == STORED


def test_nothing_of_it_shows_the_token(signed_in):
    signed_in()
    auth = OAuthCliAuth("mock")
    requests.Request("GET", "https://api.example.com/", auth=auth).prepare()

    assert "stored" not in repr(auth) + repr(vars(auth))
