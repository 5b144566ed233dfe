"""The callback server among strangers: real sockets, and a clock of our own where time is the subject."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import TextIO

import pytest
from ports import free_port

from oauth_cli_login.adapters import sockets
from oauth_cli_login.adapters.loopback import HEAD_TIMEOUT, MAX_CONNECTIONS, CallbackServer, Reply
from oauth_cli_login.adapters.pages import HEADERS
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.protocol.callback import MAX_HEAD

CALLBACK = b"GET /callback?code=c HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = "<p>Signed in. é</p>"


def has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6_loopback(), reason="this machine has no ::1")


def respond(head: bytes) -> Reply[str]:
    """Take a GET of /callback for the real thing, and turn everything else away."""
    if head.startswith(b"GET /callback"):
        return Reply(200, PAGE, result=head.decode().split(" ")[1])
    return Reply(405 if head.startswith(b"PUT") else 400, "<p>Not you.</p>")


class Time:
    """A clock that goes on by ``step`` seconds whenever somebody looks."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def server() -> Iterator[CallbackServer]:
    with CallbackServer("127.0.0.1", [0]) as server:
        yield server


@contextmanager
def waiting(server: CallbackServer, **options: object) -> Iterator[Future[str | None]]:
    """Wait for the callback in another thread, for ten seconds at the most."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(server.wait, options.pop("respond", respond), seconds=10, **options)


def connect(server: CallbackServer, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((address, server.port), timeout=20)


def everything_from(peer: socket.socket) -> bytes:
    """Read until the server closes, kindly or not."""
    answer = b""
    try:
        while data := peer.recv(65536):
            answer += data
    except ConnectionError:
        pass
    return answer


def ask(server: CallbackServer, request: bytes = CALLBACK, address: str = "127.0.0.1") -> bytes:
    with connect(server, address) as peer:
        with suppress(ConnectionError):  # refused before the end of it
            peer.sendall(request)
        return everything_from(peer)


# --- listening


@needs_ipv6
def test_localhost_is_served_on_both_loopback_addresses() -> None:
    for address in ("127.0.0.1", "::1"):
        with CallbackServer("localhost", [0]) as server, waiting(server) as result:
            assert ask(server, address=address).startswith(b"HTTP/1.1 200 OK\r\n")
            assert result.result() == "/callback?code=c"


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
@needs_ipv6
def test_an_address_literal_is_served_there_alone(host: str, other: str) -> None:
    with CallbackServer(host, [free_port()]) as server:
        connect(server, host).close()
        with pytest.raises(ConnectionRefusedError):
            connect(server, other)


def test_no_address_but_loopback_is_listened_on() -> None:
    with CallbackServer("localhost", [0]) as server:
        assert {listener.getsockname()[0] for listener in server._listeners} <= {"127.0.0.1", "::1"}


@contextmanager
def stranger(address: str, port: int = 0) -> Iterator[int]:
    """Hold a port, as a web server of somebody else would: SO_REUSEADDR set, listening."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no port."""
    monkeypatch.setattr("oauth_cli_login.adapters.sockets.PATIENCE", 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_port_taken_on_either_address_is_taken(address: str) -> None:
    with stranger(address, free_port()) as port:
        with pytest.raises(ConfigError) as caught:
            CallbackServer("localhost", [port])
        shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        assert caught.value.message.endswith(f": port {port} is taken by another program ({shown})")
        assert "--port" in caught.value.hint


@pytest.mark.usefixtures("impatient")
@needs_ipv6
def test_a_port_taken_on_one_address_is_not_kept_on_the_other() -> None:
    with stranger("::1", free_port()) as port:
        with pytest.raises(ConfigError):
            CallbackServer("localhost", [port])
        with stranger("127.0.0.1", port):
            pass


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["0.0.0.0", pytest.param("::", marks=needs_ipv6)])
def test_a_port_that_somebody_serves_on_every_address_is_taken(address: str) -> None:
    with stranger(address) as port, pytest.raises(ConfigError, match="taken by another program"):
        CallbackServer("localhost", [port])


def test_the_next_port_is_tried_and_the_real_one_known() -> None:
    with stranger("127.0.0.1") as taken, CallbackServer("localhost", [taken, 0]) as server:
        assert server.port not in (0, taken)
        connect(server).close()


@pytest.mark.usefixtures("impatient")
def test_where_all_ports_are_taken_the_first_is_named() -> None:
    """It is the one that the provider prefers; the error says how to choose another."""
    with stranger("127.0.0.1") as first, stranger("127.0.0.1") as second, pytest.raises(ConfigError) as caught:
        CallbackServer("localhost", [first, second])
    assert f"port {first} is taken" in caught.value.message


def test_a_port_that_is_being_let_go_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sign-ins, one right after the other: what the first has closed may take the system a moment to free."""
    port = free_port()
    before = socket.create_server(("127.0.0.1", port))
    clock = Time()

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > sockets.PATIENCE / 2:
            before.close()

    monkeypatch.setattr(sockets, "time", SimpleNamespace(monotonic=clock, sleep=sleep))
    with before, CallbackServer("127.0.0.1", [port]) as server:
        assert server.port == port
    assert clock.now > sockets.PATIENCE / 2


def refusing(number: int, *, family: socket.AddressFamily, times: int = 1000) -> Callable[..., socket.socket]:
    """Stand in for the kernel: fail this often for this family, and bind the rest."""
    real = sockets._bind
    left = times

    def bind(asked: socket.AddressFamily, address: str, port: int) -> socket.socket:
        nonlocal left
        if asked == family and left:
            left -= 1
            raise OSError(number, os.strerror(number))
        return real(asked, address, port)

    return bind


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_machine_without_ipv6_serves_localhost_on_the_other_address(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_bind", refusing(number, family=socket.AF_INET6))
    with CallbackServer("localhost", [0]) as server:
        assert len(server._listeners) == 1
    with pytest.raises(ConfigError, match="cannot be served: port 0 cannot be listened on"):
        CallbackServer("::1", [0])


def test_a_port_that_this_user_may_not_have_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_bind", refusing(errno.EACCES, family=socket.AF_INET))
    with pytest.raises(ConfigError, match="port 80 cannot be listened on: Permission denied"):
        CallbackServer("127.0.0.1", [80])


@needs_ipv6
def test_any_free_port_means_one_that_is_free_on_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger may hold on ::1 what the kernel chose on 127.0.0.1: another one is to be chosen then."""
    taken_once = refusing(errno.EADDRINUSE, family=socket.AF_INET6, times=1)
    monkeypatch.setattr(sockets, "_bind", taken_once)
    with CallbackServer("localhost", [0]) as server:
        assert len(server._listeners) == 2


def test_the_port_is_free_as_soon_as_the_server_is_closed() -> None:
    with CallbackServer("localhost", [free_port()]) as server, waiting(server) as result:
        port = server.port
        idle = connect(server)
        ask(server)
        result.result()
    with idle, CallbackServer("localhost", [port]) as again:
        assert again.port == port
        assert everything_from(idle) == b""


# --- the callback among strangers


def test_a_result_ends_the_wait_and_its_page_arrives_whole(server: CallbackServer) -> None:
    with waiting(server) as result:
        head, _, body = ask(server).partition(b"\r\n\r\n")
        assert result.result() == "/callback?code=c"
    assert body.decode() == PAGE
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    fields = dict(line.split(": ", 1) for line in lines[1:])
    assert fields == {
        **HEADERS,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }


def test_a_page_larger_than_the_sockets_buffer_arrives_whole(server: CallbackServer) -> None:
    page = "x" * (8 << 20)
    clock = Time()  # it stands still: a reader that is slow is the subject elsewhere
    with waiting(server, respond=lambda _head: Reply(200, page, result="done"), clock=clock):
        try:
            assert ask(server).endswith(b"\r\n\r\n" + page.encode())
        finally:
            clock.now += 1000


def test_a_request_may_come_in_pieces(server: CallbackServer) -> None:
    with waiting(server) as result, connect(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in CALLBACK:
            peer.sendall(bytes([byte]))
        assert everything_from(peer).startswith(b"HTTP/1.1 200 OK\r\n")
        assert result.result() == "/callback?code=c"


def test_an_idle_connection_opened_first_keeps_nobody_waiting(server: CallbackServer) -> None:
    with connect(server), waiting(server) as result:
        ask(server)
        assert result.result(timeout=5) == "/callback?code=c"


def test_200_slow_connections_keep_nobody_waiting_and_take_no_thread(server: CallbackServer) -> None:
    with ExitStack() as peers, waiting(server) as result:
        ask(server, b"GET / HTTP/1.1\r\n\r\n")
        threads = threading.active_count()
        for _ in range(200):
            peers.enter_context(connect(server)).sendall(b"GET /callback?code=")
        ask(server, b"GET / HTTP/1.1\r\n\r\n")
        assert threading.active_count() == threads
        ask(server)
        assert result.result(timeout=5) == "/callback?code=c"


def test_of_more_connections_than_there_is_room_for_the_oldest_go(server: CallbackServer) -> None:
    with ExitStack() as peers, waiting(server) as result:
        first = peers.enter_context(connect(server))
        for _ in range(MAX_CONNECTIONS + 10):
            peers.enter_context(connect(server))
        ask(server)
        assert result.result() == "/callback?code=c"
        assert len(server._connections) <= MAX_CONNECTIONS
        assert everything_from(first) == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"\0" * 100 + b"\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["TLS", "70 KB", "NUL", "NULs", "no UTF-8", "favicon"],
)
def test_a_stranger_is_answered_or_dropped_and_the_wait_goes_on(request_: bytes, server: CallbackServer) -> None:
    with waiting(server) as result:
        answer = ask(server, request_)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert not result.done()
        ask(server)
        assert result.result() == "/callback?code=c"


def test_a_peer_that_goes_away_in_the_middle_is_forgotten(server: CallbackServer) -> None:
    with waiting(server) as result:
        with connect(server) as silent, connect(server) as half:
            half.sendall(b"GET /")
            # resets the connection instead of closing it
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ask(server)
        assert result.result() == "/callback?code=c"
    assert server._connections == []


def test_a_peer_that_goes_away_in_the_middle_of_its_answer_is_forgotten(server: CallbackServer) -> None:
    def verbose(head: bytes) -> Reply[str]:
        return respond(head) if b"callback" in head else Reply(400, "x" * (16 << 20))

    with waiting(server, respond=verbose) as result:
        with connect(server) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            peer.recv(1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ask(server)
        assert result.result() == "/callback?code=c"
    assert server._connections == []


def test_a_connection_that_cannot_be_accepted_ends_nothing(
    server: CallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went away before, or this process has too many open files for a moment."""
    accept = socket.socket.accept
    failures = [errno.ECONNABORTED, errno.EMFILE]

    def failing(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise OSError(failures.pop(), "not now")
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)
    with waiting(server) as result:
        ask(server)
        assert result.result() == "/callback?code=c"
    assert failures == []


def test_the_head_is_handed_on_without_its_empty_line_and_bounded(server: CallbackServer) -> None:
    heads: list[bytes] = []

    def remember(head: bytes) -> Reply[str]:
        heads.append(head)
        return Reply(400, "", result="done" if len(heads) == 2 else None)

    with waiting(server, respond=remember):
        ask(server, b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nbody")
        ask(server, b"x" * (MAX_HEAD * 2))
    assert heads[0] == b"POST / HTTP/1.1\r\nHost: localhost"
    assert heads[1] == b""


def test_405_names_the_method_that_is_allowed(server: CallbackServer) -> None:
    with waiting(server):
        assert b"\r\nAllow: GET\r\n" in ask(server, b"PUT / HTTP/1.1\r\n\r\n")
        assert b"Allow" not in ask(server)


def test_the_second_of_two_callbacks_makes_no_second_result(server: CallbackServer) -> None:
    seen: list[bytes] = []

    def remember(head: bytes) -> Reply[str]:
        seen.append(head)
        return respond(head)

    with connect(server) as first, connect(server) as second:
        first.sendall(CALLBACK)
        assert server.wait(remember, seconds=10) == "/callback?code=c"
        second.sendall(CALLBACK)
        server.close()
        assert everything_from(first).startswith(b"HTTP/1.1 200 OK\r\n")
        assert everything_from(second) == b""
    assert len(seen) == 1


def test_the_server_can_be_waited_on_again(server: CallbackServer) -> None:
    for _ in range(2):
        with waiting(server) as result:
            ask(server)
            assert result.result() == "/callback?code=c"


def test_what_respond_raises_comes_out_and_the_port_is_freed() -> None:
    def fail(_head: bytes) -> Reply[str]:
        raise RuntimeError("ours")

    with connect_and_send() as (server, _peer), pytest.raises(RuntimeError, match="ours"), server:
        server.wait(fail, seconds=10)
    with CallbackServer("127.0.0.1", [server.port]):
        pass


@contextmanager
def connect_and_send() -> Iterator[tuple[CallbackServer, socket.socket]]:
    server = CallbackServer("127.0.0.1", [free_port()])
    with connect(server) as peer:
        peer.sendall(CALLBACK)
        yield server, peer


def test_close_ends_every_connection_and_may_be_called_twice(server: CallbackServer) -> None:
    with connect(server) as peer:
        server.wait(respond, seconds=10, clock=Time(step=3))
        server.close()
        server.close()
        assert everything_from(peer) == b""
        assert peer.recv(1) == b""


# --- time


def test_the_wait_ends_with_nothing_when_the_time_is_over(server: CallbackServer) -> None:
    assert server.wait(respond, seconds=0.05) is None


def test_tick_is_told_the_seconds_that_are_left(server: CallbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    asked: list[float] = []

    def select(timeout: float) -> list[object]:
        asked.append(timeout)
        time.now += timeout
        return []

    monkeypatch.setattr(server._selector, "select", select)
    told: list[float] = []
    assert server.wait(respond, seconds=2.5, tick=told.append, clock=time) is None
    assert told == [2.5, 1.5, 0.5]
    assert asked == [1.0, 1.0, 0.5]


def test_a_connection_that_never_finishes_its_request_is_dropped(server: CallbackServer) -> None:
    time = Time()
    opened = threading.Event()

    def tick(_left: float) -> None:
        if server._connections:
            opened.set()
            time.now += HEAD_TIMEOUT + 1

    with waiting(server, tick=tick, clock=time), connect(server) as peer:
        peer.sendall(b"GET /callback?code=")
        assert everything_from(peer) == b""
        assert opened.is_set()
        time.now += 1000


def test_a_browser_that_reads_nothing_delays_the_result_for_two_seconds_at_the_most() -> None:
    with CallbackServer("127.0.0.1", [0]) as server, connect(server) as peer:
        peer.sendall(CALLBACK)
        page = "x" * (16 << 20)  # more than any socket holds
        time = Time(step=0.5)
        assert server.wait(lambda _head: Reply(200, page, result="done"), seconds=10, clock=time) == "done"


# --- typed lines


@contextmanager
def keyboard() -> Iterator[tuple[int, TextIO]]:
    """Yield the end that a person types at, and the terminal as the program has it."""
    master, slave = os.openpty()
    with open(slave, encoding="utf-8") as source:
        try:
            yield master, source
        finally:
            with suppress(OSError):  # the test hung up already
                os.close(master)


def parse(line: str) -> str | None:
    return line if line.startswith("http") else None


def test_a_typed_line_can_be_the_result(server: CallbackServer) -> None:
    with keyboard() as (master, source):
        os.write(master, b"what?\n\n  http://localhost/callback?code=c  \n")
        assert server.wait(respond, seconds=10, typed=(source, parse)) == "http://localhost/callback?code=c"


def test_the_callback_comes_though_nothing_is_typed(server: CallbackServer) -> None:
    with keyboard() as (_master, source), waiting(server, typed=(source, parse)) as result:
        ask(server)
        assert result.result() == "/callback?code=c"


def test_the_wait_goes_on_after_the_end_of_input(server: CallbackServer) -> None:
    with keyboard() as (master, source), waiting(server, typed=(source, parse)) as result:
        os.write(master, b"\x04")
        ask(server, b"GET / HTTP/1.1\r\n\r\n")
        ask(server)
        assert result.result() == "/callback?code=c"


def test_after_the_end_of_input_the_wait_is_as_quiet_as_before(server: CallbackServer) -> None:
    """A terminal at its end is always ready to be read: asked for ever, it would keep the processor busy."""
    ticks: list[float] = []
    with keyboard() as (master, source):
        os.close(master)
        assert server.wait(respond, seconds=0.3, tick=ticks.append, typed=(source, parse)) is None
    assert len(ticks) < 10


def test_lines_that_come_in_pieces_or_several_at_once_are_told_apart(server: CallbackServer) -> None:
    with keyboard() as (master, source):
        os.write(master, b"http\x04://one\nhttp://two\n")
        assert server.wait(respond, seconds=10, typed=(source, parse)) == "http://one"
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as source, open(writer, "wb") as sender:
        sender.write(b"what?\n\nhttp://two\n")
        sender.flush()
        assert server.wait(respond, seconds=10, typed=(source, parse)) == "http://two"


def test_the_wait_goes_on_where_the_terminal_hangs_up(server: CallbackServer) -> None:
    with keyboard() as (master, source), waiting(server, typed=(source, parse)) as result:
        os.close(master)
        ask(server, b"GET / HTTP/1.1\r\n\r\n")
        ask(server)
        assert result.result() == "/callback?code=c"


def test_the_wait_goes_on_after_a_line_that_is_not_utf_8(server: CallbackServer) -> None:
    with keyboard() as (master, source), waiting(server, typed=(source, parse)) as result:
        os.write(master, b"\xff\xfe\n")
        ask(server, b"GET / HTTP/1.1\r\n\r\n")
        assert not result.done()
        ask(server)
        assert result.result() == "/callback?code=c"


def test_a_line_that_is_typed_but_not_ended_keeps_the_callback_waiting_no_longer(server: CallbackServer) -> None:
    """Ctrl-D behind a few letters hands them over without an end of line."""
    with keyboard() as (master, source), waiting(server, typed=(source, parse)) as result:
        os.write(master, b"abc\x04")
        try:
            with connect(server) as peer:
                peer.settimeout(9)  # below the wait's own end, which would let go of the line as well
                peer.sendall(CALLBACK)
                assert peer.recv(12) == b"HTTP/1.1 200"
            assert result.result(timeout=9) == "/callback?code=c"
        finally:
            os.write(master, b"\nhttp://end\n")


def test_typed_lines_can_be_read_in_a_second_wait(server: CallbackServer) -> None:
    with keyboard() as (master, source):
        for _ in range(2):
            os.write(master, b"http://end\n")
            assert server.wait(respond, seconds=10, typed=(source, parse)) == "http://end"


def test_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[selectors.BaseSelector] = []
    real = selectors.DefaultSelector
    monkeypatch.setattr(selectors, "DefaultSelector", lambda: made.append(real()) or made[-1])
    before = set(os.listdir("/dev/fd"))
    with stranger("127.0.0.1") as port, pytest.raises(ConfigError):
        CallbackServer("localhost", [port])
    with CallbackServer("localhost", [0]) as server, waiting(server), connect(server):
        ask(server)
    assert set(os.listdir("/dev/fd")) == before
    assert [selector.get_map() for selector in made] == [None, None]


def test_where_descriptors_are_few_the_oldest_connection_makes_room(
    server: CallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = socket.socket.accept
    failures = [OSError(errno.EMFILE, "Too many open files")]

    def failing(listener: socket.socket) -> tuple[socket.socket, object]:
        if server._connections and failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)
    with waiting(server) as result, connect(server) as idle:
        time.sleep(0.2)
        ask(server)
        assert result.result() == "/callback?code=c"
        assert idle.recv(1) == b""
