"""Threats 10 to 26: the callback server, among strangers, browsers that guess, and programs that want its port."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from in_process import HEAD

LOGIN = ("login", "--provider", "mock", "--timeout", "10")
LIMIT = ("--timeout", "0.2")
"""For where nobody comes; with ``over_when_answered`` it is no limit to the browser."""
PATIENCE = 15
"""Seconds for an answer that is to come: a pause of the machine is shorter, and a test waits longer for its robot."""
LISTENING = "0A"
"""What /proc/net/tcp calls the state."""


def replaced(callback: str, **changes: str | None) -> str:
    """Return the callback's address with other parameters; ``None`` leaves one out."""
    base, _, query = callback.partition("?")
    params = {**dict(parse_qsl(query)), **changes}
    return f"{base}?{urlencode({name: value for name, value in params.items() if value is not None})}"


def status_of(answer: bytes) -> int:
    """Return the status of an answer, 0 where there is none."""
    return int(answer.split(b" ")[1]) if answer else 0


@pytest.fixture
def after(robot):
    """Let something happen at the callback before this login's own answer comes there."""

    def first(act) -> None:
        def deliver(url: str) -> None:
            act(url)
            robot.get(url)

        robot.deliver = deliver

    return first


@pytest.fixture
def again(robot):
    """Let the person sign in once more, in the same window, where the server's first answer is turned away."""

    def deliver(url: str) -> None:
        robot.get(url)
        robot.get(robot.sign_in(robot.urls[0]))

    robot.deliver = deliver


@pytest.fixture
def over_when_answered(cli, world, robot):
    """Let no time pass until the browser has its answer, or has failed to get one; then more than LIMIT has passed."""
    world(monotonic=lambda: 1001.0 if robot.answers or robot.problems else 1000.0)


def signed_in_once(done, server) -> bool:
    """The wait went on, and the one code was used once."""
    assert done.status == 0, done.err
    assert "Traceback" not in done.err
    assert len([request for request in server.requests if request.path.endswith("/token")]) == 1
    return True


# ---- the port


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="the system does not say who listens where")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_threat_10_nothing_but_loopback_is_listened_on(cli, server, after, free_port, host):
    """The port is open on the loopback addresses of this machine and on no other, in a container too."""
    loopback = {"0100007F", "00000000000000000000000001000000"}
    found = set()

    def look(_url: str) -> None:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with suppress(FileNotFoundError), open(table) as file:
                entries = [line.split() for line in list(file)[1:]]
                found.update(entry[1] for entry in entries if entry[3] == LISTENING)

    after(look)
    done = cli(*LOGIN, "--redirect-uri", f"http://{host}:{free_port}/callback", container="docker")

    assert signed_in_once(done, server)
    addresses = {
        address for address, _, port in (entry.partition(":") for entry in found) if int(port, 16) == free_port
    }
    assert addresses
    assert addresses <= loopback


def test_threat_11_where_any_port_will_do_the_real_one_is_sent(cli, server, robot, install):
    """A port that is taken is passed over where the provider takes any, and the redirect_uri names the one in use."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        policy = {"host": "127.0.0.1", "port": taken, "any_port": True}
        install(
            "acme",
            f"{HEAD}@hookimpl\ndef oauth_server_metadata():\n    return {{'issuer': {server.issuer!r}}}\n"
            f"@hookimpl\ndef oauth_redirect_policy():\n    return {policy!r}\n",
        )
        done = cli("login", "--provider", "acme", "--client-id", "cli-app", "--timeout", "5")

    assert signed_in_once(done, server)
    port = urlsplit(robot.query["redirect_uri"]).port
    assert port not in {None, taken}
    assert f"callback on http://127.0.0.1:{port}/callback" in done.err


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="the system has no SO_REUSEPORT")
def test_threat_11_nobody_can_share_the_port(cli, server, after):
    """A program of the same user that asks to share our port (SO_REUSEPORT) does not get every other callback."""
    shared = []

    def share(url: str) -> None:
        with socket.socket() as stranger, suppress(OSError):
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                stranger.setsockopt(socket.SOL_SOCKET, option, 1)
            stranger.bind(("127.0.0.1", urlsplit(url).port))
            stranger.listen()
            shared.append(url)

    after(share)

    assert signed_in_once(cli(*LOGIN), server)
    assert shared == []


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_threat_12_a_stranger_on_either_loopback_address_has_the_port(
    cli, server, robot, redirect_uri, family, address
):
    """Browsers try both addresses of localhost, and the stranger would get the code: the browser is not opened."""
    robot.starts = False  # who came that far would be seen all the same
    with socket.socket(family) as stranger:
        stranger.bind((address, urlsplit(redirect_uri).port))
        stranger.listen()

        done = cli(*LOGIN[:3], "--timeout", "0.5")

    assert done.failed(3, f"port {urlsplit(redirect_uri).port} is taken by another program", address)
    assert "--port N" in done.next_step
    assert robot.urls == []


# ---- strangers: the wait goes on


@pytest.mark.parametrize("host", ["evil.example", "localhost", None, "", "127.0.0.1:1"])
def test_threat_13_another_host_than_ours_is_turned_away(cli, server, after, knock, request_of, host):
    """Whoever was lured here under another name (DNS rebinding), or names none, does not get as far as the query."""
    seen = []
    after(lambda url: seen.append(status_of(knock(url, request_of(url, host=host or None)))))

    done = cli(*LOGIN)

    assert seen == [400]
    assert "Turned away a request to the callback (400): its Host is not this address." in done.err
    assert signed_in_once(done, server)


def test_threat_13_two_hosts_are_turned_away(cli, server, after, knock, request_of):
    """Two Host headers, of which one is ours, are none."""
    seen = []
    after(lambda url: seen.append(status_of(knock(url, request_of(url, "Host: evil.example")))))

    assert signed_in_once(cli(*LOGIN), server)
    assert seen == [400]


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize("fault", ["wrong-state", "empty-state", "no-state"])
def test_threat_14_a_code_without_this_logins_state_does_not_end_the_wait(cli, mock, robot, fault):
    """Anybody can send a code here; without the state it is turned away in one line, and the real one still works."""
    mock.faults = f"{fault}:1"

    done = cli(*LOGIN)

    assert [status for status, _ in robot.answers] == [400, 200]
    assert len(re.findall(r"Turned away a request to the callback \(400\): it", done.err)) == 1
    assert signed_in_once(done, mock)


def test_threat_14_a_strangers_code_does_not_end_the_wait(cli, server, robot, after):
    """Nor does one that the server has never seen."""
    after(lambda url: robot.get(replaced(url, code="guessed", state="guessed")))

    assert signed_in_once(cli(*LOGIN), server)
    assert [status for status, _ in robot.answers] == [400, 200]


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize("fault", ["error-wrong-state", "error-without-state"])
def test_threat_15_an_error_without_this_logins_state_does_not_end_the_wait(cli, mock, robot, fault):
    """Nor does an error end it, whoever sent it."""
    mock.faults = f"{fault}:1"

    assert signed_in_once(cli(*LOGIN), mock)
    assert [status for status, _ in robot.answers] == [400, 200]


@pytest.mark.usefixtures("over_when_answered")
@pytest.mark.parametrize("fault", ["wrong-state", "no-state", "error-without-state"])
def test_threat_15_where_nobody_else_comes_the_time_is_over(cli, mock, robot, session_file, fault):
    """What strangers did changes nothing of how it ends."""
    mock.faults = fault

    done = cli(*LOGIN[:3], *LIMIT)

    assert done.failed(6, "nobody finished signing in within")
    assert [status for status, _ in robot.answers] == [400]
    assert "Run the same command to try again" in done.next_step
    assert mock.received("token") == []
    assert not session_file().exists()


# ---- this login's own answer


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        ("invalid_scope", "--scope"),
        ("unauthorized_client", "registered"),
        ("server_error", "Try again later"),
        ("temporarily_unavailable", "Try again later"),
    ],
)
def test_threat_16_an_error_with_this_logins_state_is_the_providers_refusal(
    cli, mock, robot, session_file, error, next_step
):
    """The provider's no ends the wait, is told with a next step, and asks for no token."""
    mock.faults = f"callback-{error.replace('_', '-')}"

    done = cli(*LOGIN)

    assert done.failed(5, f"the provider refused the sign-in: {error} (The server says no.)")
    assert next_step in done.next_step
    assert "You are not signed in" in robot.answers[0][1]
    assert mock.received("token") == []
    assert not session_file().exists()


def test_threat_16_so_is_the_persons_own_no(cli, mock, session_file):
    """access_denied is told as what it is, and nothing is stored."""
    mock.faults = "access-denied"

    done = cli(*LOGIN)

    assert done.failed(5, "the provider refused the sign-in: access_denied")
    assert "Nothing was stored" in done.next_step
    assert mock.received("token") == []
    assert not session_file().exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("code-and-error", "both a code and an error"),
        ("no-code", "neither a code nor an error"),
        ("empty-code", "neither a code nor an error"),
    ],
)
def test_threat_17_an_answer_that_contradicts_itself_is_refused(cli, mock, fault, words):
    """A code and an error at once, or nothing of both, is no answer."""
    mock.faults = fault

    assert cli(*LOGIN).failed(8, words)
    assert mock.received("token") == []


@pytest.mark.parametrize("name", ["code", "iss"])
def test_threat_17_a_parameter_that_stands_there_twice_is_refused(cli, mock, name):
    """Nobody chooses between two codes, or two issuers."""
    mock.faults = f"repeated-{name}"

    assert cli(*LOGIN).failed(8, f"repeats {name}")
    assert mock.received("token") == []


@pytest.mark.usefixtures("again")
def test_threat_17_two_states_are_a_strangers(cli, mock, robot):
    """Nor between two states: it is not this login's answer."""
    mock.faults = "repeated-state:1"

    assert signed_in_once(cli(*LOGIN), mock)
    assert [status for status, _ in robot.answers] == [400, 200]


# ---- what browsers and scanners send beside it


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"target": "/favicon.ico?QUERY"}, 404),
        ({"target": "/?QUERY"}, 404),
        ({"target": "/callback/?QUERY"}, 404),
        ({"method": "HEAD"}, 405),
        ({"method": "OPTIONS"}, 405),
        ({"method": "PUT"}, 405),
        ({"header": "Sec-Purpose: prefetch;prerender"}, 404),
        ({"header": "Purpose: prefetch"}, 404),
        ({"header": "X-Moz: prefetch"}, 404),
    ],
    ids=str,
)
def test_threat_18_what_is_no_get_of_the_callback_leaves_the_code_unused(
    cli, server, after, knock, request_of, change, status
):
    """Pages beside it, other methods and prefetches get 404 or 405, whatever they carry; then the person comes."""
    seen = []

    def act(url: str) -> None:
        target = change["target"].replace("QUERY", urlsplit(url).query) if "target" in change else None
        headers = [change["header"]] if "header" in change else []
        request = request_of(url, *headers, method=change.get("method", "GET"), target=target)
        seen.append(status_of(knock(url, request)))

    after(act)

    assert signed_in_once(cli(*LOGIN), server)
    assert seen == [status]


@pytest.mark.parametrize("length", ["0", "65537", "99999999999999999999", "-1", "abc"])
def test_threat_19_a_post_is_refused_before_its_body(cli, server, after, knock, request_of, length):
    """No login of ours asks for form_post: a POST is answered without waiting for the body that it announces."""
    seen = []

    def act(url: str) -> None:
        seen.append(status_of(knock(url, request_of(url, f"Content-Length: {length}", method="POST"))))

    after(act)

    assert signed_in_once(cli(*LOGIN), server)
    assert seen == [405]


MALFORMED = {
    "a request line of 70 KB": lambda url, get: get.replace(b" HTTP", b"&x=" + b"x" * 70_000 + b" HTTP"),
    "70 KB without an end": lambda url, get: b"GET /callback?" + b"x" * 70_000,
    "200 headers": lambda url, get: get.replace(b"\r\nHost", b"\r\nX: 1" * 200 + b"\r\nHost"),
    "a NUL": lambda url, get: get.replace(b"?", b"?\0&"),
    "a NUL in a header": lambda url, get: get.replace(b"\r\nHost", b"\r\nX: \0\xff\r\nHost"),
    "no UTF-8": lambda url, get: get.replace(b"?", b"?\xff\xfe&"),
    "no UTF-8, percent-encoded": lambda url, get: get.replace(b"?", b"?x=%ff%fe&"),
    "a TLS hello": lambda url, get: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    "HTTP/2": lambda url, get: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "nothing": lambda url, get: b"\r\n\r\n",
}


@pytest.mark.parametrize("malformed", MALFORMED)
def test_threat_20_what_is_no_request_is_refused_or_closed(cli, server, after, knock, request_of, malformed):
    """However it is broken, it gets a 4xx or is closed, at once and without a traceback, and uses no code up."""
    seen = []
    after(lambda url: seen.append(status_of(knock(url, MALFORMED[malformed](url, request_of(url))))))

    assert signed_in_once(cli(*LOGIN), server)
    assert seen[0] in {0, 400, 431}


# ---- slow ones


def within_a_second(attempt: Callable[[], float]) -> bool:
    """Tell whether one of three attempts takes less; a machine that pauses does so in one, a defect shows in each."""
    return any(attempt() < 1 for _ in range(3))


def test_threat_21_an_idle_connection_keeps_nobody_waiting(cli, world, server, robot, knock, request_of):
    """Browsers open a connection that they may never use; the callback on the next one is answered within a second."""
    took = []

    def deliver(url: str) -> None:
        with socket.create_connection(("127.0.0.1", urlsplit(url).port)):
            before = time.monotonic()
            robot.answers.append((status_of(knock(url, request_of(url), timeout=PATIENCE)), ""))
            took.append(time.monotonic() - before)

    def login() -> float:
        server.requests.clear()
        robot.answers.clear()
        assert signed_in_once(cli(*LOGIN), server)
        assert robot.answers == [(200, "")]
        return took.pop()

    robot.deliver = deliver
    world(monotonic=lambda: 1100.0 if robot.problems else 1000.0)  # no time is over, so that none lets the idle one go

    assert within_a_second(login)


def test_threat_22_two_hundred_slow_connections_take_no_thread_and_keep_nobody_waiting(
    process, server, robot, knock, request_of
):
    """Its threads stay as many as they are, the real callback is answered within a second; then the port is free."""

    def attempt() -> float:
        server.requests.clear()
        login = process(*LOGIN[:3], "--timeout", "120", "--no-browser")
        callback = robot.sign_in(login.wait_for(r"http://\S*/authorize\S*"))
        login.wait_for(r"Waiting for the callback.*\n")
        with ExitStack() as slow:
            for number in range(200):
                peer = socket.create_connection(("127.0.0.1", urlsplit(callback).port), timeout=PATIENCE)
                slow.enter_context(peer)
                if number % 2:
                    peer.sendall(b"GET /callback?code=")
            # all those before were accepted
            assert status_of(knock(callback, request_of(callback, target="/"), timeout=PATIENCE)) == 404
            with suppress(FileNotFoundError), open(f"/proc/{login.pid}/status") as file:
                assert int(re.findall(r"Threads:\s+(\d+)", file.read())[0]) <= 2
            before = time.monotonic()
            assert status_of(knock(callback, request_of(callback), timeout=PATIENCE)) == 200
            took = time.monotonic() - before
            assert login.finish() == 0, login.err
            socket.create_server(("127.0.0.1", urlsplit(callback).port)).close()  # all two hundred are still there
        assert len(server.received("/token")) == 1
        return took

    assert within_a_second(attempt)


def test_threat_23_the_same_callback_twice_is_one_token_request(cli, server, robot, request_of):
    """The code is sent once, however often the browser comes with it, and be it at the same time."""

    def deliver(url: str) -> None:
        with ExitStack() as opened:
            peers = [
                opened.enter_context(socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=5))
                for _ in range(3)
            ]
            for peer in peers:
                with suppress(ConnectionError):  # the callback server may have gone already, which is as good
                    peer.sendall(request_of(url))
            with suppress(ConnectionError):
                while peers[0].recv(65536):
                    pass

    robot.deliver = deliver

    assert signed_in_once(cli(*LOGIN), server)


def test_threat_23_a_server_that_delivers_it_as_well_is_one_token_request(cli, mock, robot):
    """The authorization server itself comes with the callback; by the time the browser does, nobody listens."""
    mock.faults = "callback-twice"
    coming: list[str] = []
    robot.deliver = coming.append

    done = cli(*LOGIN)
    with pytest.raises(ConnectionError):
        robot.get(coming[0])

    assert signed_in_once(done, mock)


# ---- its pages


@pytest.fixture
def answered(cli, robot, knock, request_of):
    """Deliver this login's own callback, and return it with the headers and the page of its answer."""

    def run() -> tuple[str, bytes, bytes]:
        seen = []
        robot.deliver = lambda url: seen.append((url, knock(url, request_of(url, "Origin: https://evil.example"))))
        cli(*LOGIN)
        ((callback, answer),) = seen
        head, _, page = answer.partition(b"\r\n\r\n")
        return callback, head, page

    return run


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ("callback-markup", b"&lt;script&gt;alert(document.domain)&lt;/script&gt;"),
        ("callback-markup-in-code", b"&lt;img src=x onerror=alert(1)&gt;"),
    ],
)
def test_threat_24_the_words_of_an_error_are_text_on_the_page(mock, answered, fault, shown):
    """Markup in the error and its description is shown, not run."""
    mock.faults = fault

    _, _, page = answered()

    assert shown in page
    assert b"<script" not in page
    assert b"<img" not in page


@pytest.mark.parametrize("faults", [(), "access-denied", "wrong-iss"])
def test_threat_24_a_page_loads_nothing_is_kept_nowhere_and_holds_no_code(mock, answered, faults):
    """Whatever it says: nothing is loaded or run in it, no cache keeps it, no referrer tells its address on."""
    mock.faults = faults

    callback, head, page = answered()

    headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert headers[b"Content-Security-Policy"].startswith(b"default-src 'none'; ")
    assert b"script" not in headers[b"Content-Security-Policy"]
    assert headers[b"Cache-Control"] == b"no-store"
    assert headers[b"Referrer-Policy"] == b"no-referrer"
    secret = [value for name, value in parse_qsl(urlsplit(callback).query) if name in {"code", "state"}]
    assert secret
    assert [value for value in secret if value.encode() in page] == []


def test_threat_25_no_other_site_may_read_an_answer(cli, server, robot, knock, request_of):
    """No answer, to a preflight, a stranger or the callback, has an Access-Control header."""
    answers = []

    def deliver(url: str) -> None:
        origin = ("Origin: https://evil.example", "Access-Control-Request-Method: GET")
        answers.append(knock(url, request_of(url, *origin, method="OPTIONS")))
        answers.append(knock(url, request_of(url, *origin, target="/")))
        answers.append(knock(url, request_of(url, *origin)))

    robot.deliver = deliver

    assert signed_in_once(cli(*LOGIN), server)
    assert [status_of(answer) for answer in answers] == [405, 404, 200]
    assert b"access-control" not in b"".join(answers).lower()


# ---- the end


@pytest.mark.usefixtures("over_when_answered")
def test_threat_26_a_time_limit_has_its_own_exit_status_and_frees_the_port(cli, server, robot, redirect_uri):
    """Nobody came: the exit status is 6, and the port is free, though somebody is still connected."""
    port = urlsplit(redirect_uri).port
    with ExitStack() as kept:

        def deliver(url: str) -> None:
            kept.enter_context(socket.create_connection(("127.0.0.1", port)))
            robot.get(urljoin(url, "/"))  # once this is answered, the one before it was accepted

        robot.deliver = deliver

        assert cli(*LOGIN[:3], *LIMIT).failed(6, "nobody finished signing in")
        gc.collect()
        assert is_free(port)


def test_threat_26_ctrl_c_has_its_own_exit_status_and_frees_the_port(cli, server, redirect_uri, monkeypatch):
    """Somebody gave up: the exit status is 130, and the port is free."""

    def interrupt(_url: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("oauth_cli_login.commands.login.default_browser", lambda _environ: interrupt)

    done = cli(*LOGIN)

    assert (done.status, done.out) == (130, "")
    assert is_free(urlsplit(redirect_uri).port)


def test_threat_26_ctrl_c_ends_a_process_and_the_next_one_has_its_port(process, server, redirect_uri):
    """The same from outside: a signal ends the process, and its port can be had while its connections linger."""
    port = urlsplit(redirect_uri).port
    login = process(*LOGIN[:3], "--timeout", "20", "--no-browser")
    login.wait_for(r"Waiting for the callback.*\n")
    with socket.create_connection(("127.0.0.1", port)):
        login.interrupt()

        assert login.finish() == 130
        assert is_free(port)
    assert "Interrupted." in login.err
    assert "Traceback" not in login.err
    assert login.out == ""


def is_free(port: int) -> bool:
    """Tell whether the next login would get the port; connections that are ending do not count."""
    with contextlib.closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            return False
    return True
