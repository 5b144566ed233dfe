"""The deadline that cuts: what is open then, what is opened later, and nothing of the next exchange."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from oauth_cli_login.adapters.watchdog import Watchdog


class Timer:
    """A timer that the test lets run out; it cannot be cancelled, as one that is running out cannot."""

    made: list[Timer]
    daemon = False

    def __init__(self, seconds: float, function: Callable[..., None], args: tuple[object, ...]) -> None:
        self.seconds, self.started = seconds, False
        self.run_out = lambda: function(*args)
        self.made.append(self)

    def start(self) -> None:
        self.started = True

    def cancel(self) -> None:
        pass


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[Timer]:
    monkeypatch.setattr(Timer, "made", [], raising=False)
    monkeypatch.setattr("threading.Timer", Timer)
    return Timer.made


@pytest.fixture
def connect() -> Iterator[Callable[[], socket.socket]]:
    """Return a socket whose other end stays silent."""
    pairs: list[tuple[socket.socket, socket.socket]] = []

    def one() -> socket.socket:
        pairs.append(socket.socketpair())
        return pairs[-1][0]

    yield one
    for pair in pairs:
        for end in pair:
            end.close()


def is_cut(opened: socket.socket) -> bool:
    opened.setblocking(False)
    try:
        return opened.recv(1) == b""
    except BlockingIOError:
        return False


def test_what_is_open_at_the_deadline_is_cut_and_so_is_what_comes_later(timers, connect) -> None:
    watchdog, before, after = Watchdog(), connect(), connect()
    watchdog.note(before)
    with watchdog.cutting_after(7):
        [timer] = timers
        assert (timer.seconds, timer.started, timer.daemon) == (7, True, True)
        assert not is_cut(before)
        timer.run_out()
        assert is_cut(before)
        watchdog.note(after)
        assert is_cut(after)


def test_an_exchange_that_ended_as_its_time_ran_out_cuts_nothing_of_the_next_one(timers, connect) -> None:
    watchdog, first, second = Watchdog(), connect(), connect()
    with watchdog.cutting_after(7):
        watchdog.note(first)
    with watchdog.cutting_after(7):
        timers[0].run_out()
        watchdog.note(second)
        assert not is_cut(first)
        assert not is_cut(second)
        timers[1].run_out()
        assert is_cut(first)
        assert is_cut(second)


def test_after_a_cut_the_next_exchange_has_its_connections(timers, connect) -> None:
    watchdog, opened = Watchdog(), connect()
    with watchdog.cutting_after(-1):
        assert timers[0].seconds == 0
        timers[0].run_out()
    watchdog.note(opened)
    assert not is_cut(opened)


def test_a_socket_that_is_closed_already_is_no_error(timers, connect) -> None:
    watchdog, opened = Watchdog(), connect()
    watchdog.note(opened)
    opened.close()
    with watchdog.cutting_after(7):
        timers[0].run_out()


@pytest.mark.parametrize("late", [False, True], ids=["open at the deadline", "opened after it"])
def test_what_comes_in_clear_over_a_connection_that_was_cut_is_not_read(timers, certificates, late) -> None:
    """Somebody on the way has no key, but may append what they like behind the server's last record."""
    pem = certificates["localhost"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem.replace(".pem", ".key"))
    watchdog = Watchdog()
    with socket.create_server(("localhost", 0)) as listening, watchdog.cutting_after(7), ExitStack() as stack:
        accepted: list[ssl.SSLSocket] = []
        server = threading.Thread(target=lambda: accepted.append(context.wrap_socket(listening.accept()[0], True)))
        server.start()
        plain = socket.create_connection(listening.getsockname())
        with ssl.create_default_context(cafile=pem).wrap_socket(plain, server_hostname="localhost") as client:
            server.join()
            stack.enter_context(accepted[0])
            socket.socket.sendall(accepted[0], b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            if not late:
                watchdog.note(client)
            timers[0].run_out()
            watchdog.note(client)
            read = b""
            with suppress(OSError):  # what is no TLS, or a connection that the other side has reset for that
                read = client.recv(100)
    assert read == b""
