"""Faults of the body of any answer for programs: what it says it is, what it is, how large it is (RFC 8259)."""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from oauth_cli_providers.mock.faults.fault import PROGRAMS, Catalogue, Exchange, changes_response
from oauth_cli_providers.mock.messages import Response

faults = Catalogue()

_MEBIBYTE = 1 << 20
_BOMB_MEBIBYTES = 200
_NESTING = 100_000
_DIGITS = 5000


def _with_body(exchange: Exchange, body: bytes, content_type: str = "application/json") -> Response:
    return replace(exchange.response, headers={**exchange.response.headers, "Content-Type": content_type}, body=body)


def _is_object(body: bytes) -> bool:
    """Tell whether this is still the JSON object that the mock or a fault of its members wrote."""
    return body.startswith(b"{") and body.endswith(b"}")


@faults.response()
def html(exchange: Exchange) -> Response:
    """The body is an HTML page."""
    page = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
    return _with_body(exchange, page, "text/html; charset=utf-8")


@faults.response()
def html_as_json(exchange: Exchange) -> Response:
    """The body is an HTML page that says it is JSON."""
    return _with_body(exchange, b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>")


@faults.response()
def wrong_content_type(exchange: Exchange) -> Response:
    """The body is right, its Content-Type text/plain."""
    return _with_body(exchange, exchange.response.body, "text/plain")


@faults.response()
def form_encoded(exchange: Exchange) -> Response:
    """The body's members are form-encoded (application/x-www-form-urlencoded)."""
    if not _is_object(exchange.response.body):
        return exchange.response
    members = urlencode({name: str(value) for name, value in json.loads(exchange.response.body).items()})
    return _with_body(exchange, members.encode("ascii"), "application/x-www-form-urlencoded")


def _body_fault(name: str, description: str, body: Callable[[bytes], bytes]) -> None:
    faults.declare(
        name,
        description,
        PROGRAMS,
        changes_response(lambda exchange: replace(exchange.response, body=body(exchange.response.body))),
    )


def _of_object(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return what changes an object, and leaves alone what another fault made of it."""
    return lambda body: change(body) if _is_object(body) else body


def _with_member(name: bytes, value: bytes) -> Callable[[bytes], bytes]:
    """Return what puts a member in front of an object's others."""
    return _of_object(lambda body: b'{"%s": %s%s' % (name, value, b"}" if body == b"{}" else b", " + body[1:]))


def _with_value(value: bytes) -> Callable[[bytes], bytes]:
    """Return what puts a value into an object that ``json`` would not write: as expires_in where it is there."""
    extra = _with_member(b"extra", value)

    def change(body: bytes) -> bytes:
        changed, count = re.subn(rb'(?<="expires_in": )[0-9]+', lambda _match: value, body)
        return changed if count else extra(body)

    return _of_object(change)


def _doubled(body: bytes) -> bytes:
    """Put the object's first member there a second time, with another value."""
    first = re.match(rb'\{"([a-z_]+)"', body)
    return _with_member(first[1], b'"doubled"')(body) if first else body


for _name, _what, _body in (
    ("empty-body", "empty", lambda _body: b""),
    ("null", "null", lambda _body: b"null"),
    ("array", "an empty array", lambda _body: b"[]"),
    ("empty-object", "an object without members", _of_object(lambda _body: b"{}")),
    ("string", "a string", lambda _body: b'"a string"'),
    ("cut-json", "cut in the middle", lambda body: body[: len(body) // 2]),
    ("trailing-json", "followed by a second JSON object", _of_object(lambda body: body + b'{"error": "server_error"}')),
    ("bom", "preceded by a byte order mark", lambda body: b"\xef\xbb\xbf" + body),
    ("utf-16", "UTF-16", _of_object(lambda body: body.decode("ascii").encode("utf-16"))),
    ("not-utf-8", "not UTF-8: a member holds the byte FF", _with_member(b"extra", b'"\xff"')),
    ("lone-surrogate", "an object with half a surrogate pair in it", _with_member(b"extra", b'"\\ud800"')),
    ("duplicate-keys", "an object with its first member twice", _doubled),
    ("nan", "an object with NaN in it (expires_in, where it has one)", _with_value(b"NaN")),
    ("infinity", "an object with 1e999 in it (expires_in, where it has one)", _with_value(b"1e999")),
    ("minus-infinity", "an object with -Infinity in it (expires_in, where it has one)", _with_value(b"-Infinity")),
    ("long-number", "an object with a number of 40 digits (expires_in)", _with_value(b"9" * 40)),
    ("long-fraction", "an object with a fraction of 5,000 digits (expires_in)", _with_value(b"0." + b"1" * _DIGITS)),
    ("huge-number", "an object with a number of 5,000 digits (expires_in)", _with_value(b"9" * _DIGITS)),
    ("deep-nesting", "an object with 100,000 arrays in one another", _with_value(b"[" * _NESTING + b"]" * _NESTING)),
    (
        "deep-objects",
        "an object with 100,000 in one another",
        _with_value(b'{"a":' * _NESTING + b"1" + b"}" * _NESTING),
    ),
    ("huge-body", "followed by 16 MiB of spaces", lambda body: body + b" " * (16 * _MEBIBYTE)),
):
    _body_fault(_name, f"The body is {_what}.", _body)


@functools.lru_cache(maxsize=4)
def _bomb(start: bytes) -> bytes:
    """Return gzip (RFC 1952) of the start and 200 MiB of spaces, one block of them many times over."""
    spaces = b" " * _MEBIBYTE
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = squeeze.compress(start) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(spaces) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(start)
    for _ in range(_BOMB_MEBIBYTES):
        checksum = zlib.crc32(spaces, checksum)
    size = (len(start) + _BOMB_MEBIBYTES * _MEBIBYTE) & 0xFFFFFFFF
    trailer = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
    gzip_header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return gzip_header + head + block * _BOMB_MEBIBYTES + squeeze.flush() + trailer


@faults.response()
def gzip_bomb(exchange: Exchange) -> Response:
    """The body is 200 KB of gzip, and 200 MiB when it is unpacked."""
    headers = {**exchange.response.headers, "Content-Encoding": "gzip"}
    return replace(exchange.response, headers=headers, body=_bomb(exchange.response.body))


@faults.response()
def gzip_garbage(exchange: Exchange) -> Response:
    """The body says that it is gzip, and is not."""
    return replace(exchange.response, headers={**exchange.response.headers, "Content-Encoding": "gzip"})
