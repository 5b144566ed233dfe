"""Listening on this machine, and on nothing else.

A client that is told ``localhost`` tries both loopback addresses, and whoever holds one of them gets what was meant for
us: so either one held by somebody else is the port being taken.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from contextlib import ExitStack, suppress

ADDRESSES = {
    "localhost": ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")),
    "127.0.0.1": ((socket.AF_INET, "127.0.0.1"),),
    "::1": ((socket.AF_INET6, "::1"),),
}
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
PATIENCE = 1.0
"""Seconds for a port that is taken: one that was let go a moment ago is not everywhere free at once."""
_TRIES = 20
_PROBE_SECONDS = 1.0


class PortUnavailable(Exception):  # noqa: N818 - it names the port's state; callers say what to do about it
    """The port cannot be had; the text says where and why, in words that end a sentence."""


class PortTaken(PortUnavailable):
    """Somebody else has it."""


def listen(host: str, *ports: int) -> list[socket.socket]:
    """Return listening sockets on every address of ``host`` that this machine has, on the first of ``ports`` to be had.

    ``host`` is one of ADDRESSES, and port 0 any free one. Raises PortUnavailable, about the first port; where one is
    taken it is after PATIENCE.
    """
    end = time.monotonic() + PATIENCE
    while True:
        refusals: list[PortUnavailable] = []
        for port in ports:
            try:
                return _listen_on(host, port)
            except PortUnavailable as refusal:
                refusals.append(refusal)
        if time.monotonic() >= end or not any(isinstance(refusal, PortTaken) for refusal in refusals):
            raise refusals[0]
        time.sleep(0.02)


def answers(host: str, port: int) -> bool:
    """Tell whether somebody accepts connections at this port of any address of ``host``."""
    for family, address in ADDRESSES[host]:
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_SECONDS)
            probe.connect((address, port))
            return True
    return False


def _listen_on(host: str, port: int) -> list[socket.socket]:
    for _ in range(_TRIES if port == 0 else 1):
        try:
            return _listen(host, port)
        except OSError as error:  # a port that is free at one address may be taken at the other
            failure = error
    if failure.errno == errno.EADDRINUSE:
        raise PortTaken(f"port {port} is taken by another program ({failure.filename})") from None
    raise PortUnavailable(f"port {port} cannot be listened on: {failure.strerror}") from None


def _listen(host: str, port: int) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    with ExitStack() as opened:
        for family, address in ADDRESSES[host]:
            try:
                listener = _bind(family, address, port)
            except OSError as error:
                if error.errno not in _ABSENT:
                    error.filename = f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"
                    raise
                absent = error  # this machine does not have the address
                continue
            listeners.append(opened.enter_context(listener))
            port = listener.getsockname()[1]
        if absent is not None and not listeners:
            raise absent
        opened.pop_all()
    return listeners


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # lets us have a port whose last connections are still in TIME_WAIT; it never shares a listening one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener
