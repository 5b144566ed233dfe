"""Ports that stay free until a test binds them."""

from __future__ import annotations

import atexit
import random
import socket
from collections import deque
from functools import cache

_BELOW_EPHEMERAL = range(12_000, 32_000)
"""Linux gives outgoing connections the ports from 32768 on: one of those may be somebody's by the second login."""
_SHARE = 1_000
_given: deque[int] = deque(maxlen=_SHARE // 2)
"""The last ones: a test asks for several before it binds the first."""


def free_port() -> int:
    """Return a port that nobody was given lately, and nobody holds on 127.0.0.1 or, where there is one, on ::1."""
    while True:
        port = random.choice(_share())
        if port in _given:
            continue
        if _is_free(socket.AF_INET, "127.0.0.1", port) and (not has_ipv6() or _is_free(socket.AF_INET6, "::1", port)):
            _given.append(port)
            return port


def has_ipv6() -> bool:
    """Tell whether this machine has the loopback address ::1."""
    return _is_free(socket.AF_INET6, "::1", 0)


@cache
def _share() -> range:
    """The ports that no other run of the tests takes: whoever holds the first of a share has all of it."""
    for first in _BELOW_EPHEMERAL[::_SHARE]:
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", first))
            holder.listen()
        except OSError:
            holder.close()
            continue
        atexit.register(holder.close)
        return range(first + 1, first + _SHARE)
    raise AssertionError("every share of the ports is taken")


def _is_free(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((address, port))
    except OSError:
        return False
    return True
