"""The mock's addresses: one port on 127.0.0.1 and on [::1], where the machine has both, and on nothing else."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys

from oauth_cli_login.errors import ConfigError

_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_ABSENT = frozenset([errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT])
_PROBE_SECONDS = 1.0
_FREE_PORT_TRIES = 20


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections at this port of either loopback address."""
    for family, address in _LOOPBACK:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_SECONDS)
            probe.connect((address, port))
            return True
    return False


def listen(port: int) -> list[socket.socket]:
    """Return listening sockets that share one port, any free one for 0; raise ``ConfigError``.

    Clients of ``localhost`` try both addresses: where somebody else holds one of them, the port is taken.
    """
    tries = 1 if port else _FREE_PORT_TRIES
    while True:
        tries -= 1
        try:
            return _listen(port)
        except OSError as error:
            if tries and error.errno == errno.EADDRINUSE:
                continue  # the port that was free at one address is taken at the other
            reason = error.strerror or str(error)
            raise ConfigError(
                f"The mock server cannot listen on port {port} of this machine: {reason}.",
                hint="Choose another port with --port, or end the program that holds this one.",
            ) from error


def _listen(port: int) -> list[socket.socket]:
    listening: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, address in _LOOPBACK:
            try:
                sock = opened.enter_context(_bind(family, address, port))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
                continue
            port = sock.getsockname()[1]
            listening.append(sock)
        if absent is not None and not listening:
            raise absent
        opened.pop_all()
    return listening


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of the last run that the system still remembers do not hold the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock
