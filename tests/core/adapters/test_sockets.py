"""Listening on the loopback addresses."""

from __future__ import annotations

import errno
import socket

import pytest
from ports import free_port

from oauth_cli_login.adapters import sockets
from oauth_cli_login.adapters.sockets import PortUnavailable, answers, listen

ABSENT = (socket.AF_INET, "192.0.2.1")  # RFC 5737: no machine has it
V4 = (socket.AF_INET, "127.0.0.1")


def test_localhost_is_every_loopback_address_that_the_machine_has() -> None:
    listening = listen("localhost", 0)
    addresses = [listener.getsockname()[:2] for listener in listening]
    for listener in listening:
        listener.close()
    assert {port for _, port in addresses} == {addresses[0][1]}
    assert "127.0.0.1" in {host for host, _ in addresses} <= {"127.0.0.1", "::1"}


def test_a_machine_with_one_of_the_addresses_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sockets.ADDRESSES, "localhost", (ABSENT, V4))
    (listening,) = listen("localhost", 0)
    with listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_machine_with_none_of_them_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sockets.ADDRESSES, "localhost", (ABSENT,))
    with pytest.raises(PortUnavailable, match="cannot be listened on"):
        listen("localhost", 0)


def test_a_taken_port_is_named_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PortUnavailable, match=rf"port {port} is taken .*127\.0\.0\.1:{port}"):
            listen("localhost", port)


def test_nothing_is_left_listening_when_the_second_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", free_port())) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setitem(sockets.ADDRESSES, "localhost", (V4, (socket.AF_INET, "127.0.0.2")))
        with pytest.raises(PortUnavailable, match=rf"127\.0\.0\.2:{port}"):
            listen("localhost", port)
        assert not answers("127.0.0.1", port)


def test_a_free_port_is_free_on_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first free port is taken at the other address; another one is tried."""
    tried = []
    really = sockets._listen

    def taken_once(host: str, port: int) -> list[socket.socket]:
        tried.append(port)
        if len(tried) == 1:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return really(host, port)

    monkeypatch.setattr(sockets, "_listen", taken_once)
    for listening in listen("localhost", 0):
        listening.close()
    assert tried == [0, 0]


def test_whether_somebody_answers() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as somebody:
        port = somebody.getsockname()[1]
        assert answers("localhost", port)
    assert not answers("localhost", port)
