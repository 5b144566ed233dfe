"""Faults of time: an answer that comes slowly, in part, or not at all. Each ends by itself, and with the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from oauth_cli_providers.mock.faults.fault import Catalogue, Exchange
from oauth_cli_providers.mock.messages import Response

faults = Catalogue()

LONGEST_SECONDS = 120
"""When such an answer has ended at the latest."""

PACE_SECONDS = 0.25
"""How long each byte takes: whoever only limits the wait for the next one never gives up."""


@faults.response()
def slow_drip(exchange: Exchange) -> Response:
    """The body comes a byte each quarter of a second, for two minutes at most."""

    def deliver(head: bytes, body: bytes) -> Iterator[tuple[float, bytes]]:
        yield 0, head
        yield from _drip(body)

    return replace(exchange.response, delivery=deliver)


@faults.response()
def slow_headers(exchange: Exchange) -> Response:
    """The answer comes a byte each quarter of a second from its status line on, for two minutes at most."""
    return replace(exchange.response, delivery=lambda head, body: _drip(head + body))


def _drip(data: bytes) -> Iterator[tuple[float, bytes]]:
    for position in range(min(len(data), int(LONGEST_SECONDS / PACE_SECONDS))):
        yield PACE_SECONDS, data[position : position + 1]


@faults.response()
def silence(exchange: Exchange) -> Response:
    """Nothing comes for two minutes; then the connection is closed. The work was done."""
    return replace(exchange.response, delivery=lambda _head, _body: iter([(LONGEST_SECONDS, b"")]))


@faults.response()
def hang_up(exchange: Exchange) -> Response:
    """The connection is closed without an answer. The work was done."""
    return replace(exchange.response, delivery=lambda _head, _body: iter(()))


@faults.response()
def cut_short(exchange: Exchange) -> Response:
    """The connection is closed in the middle of the body."""
    return replace(exchange.response, delivery=lambda head, body: iter([(0, head), (0, body[: len(body) // 2])]))
