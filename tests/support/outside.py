"""What may come from outside, for properties: documents and bytes that are nearly right, and what is nothing like them.

Random bytes seldom get past the first check of a parser. So most of what is made here begins as something valid, and
then has members taken away, doubled or replaced, or pieces of its bytes cut out and put in.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from hypothesis import strategies as st

SECONDS = 10
"""Of processor time for one call: thousands of times what one needs, so that only what never ends goes beyond."""

PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([
        *(b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe2\x80\xae"),
        *(b"\n", b"\r", b"\r\n", b"\n\n", b" ", b"\t", b"\x1b[2J", b"\x7f", b"\x85", b"\xc2\xa0"),
        *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b".", b"=", b"&", b"%", b"+", b";", b"#", b"-", b"/", b"'"),
        *(b"\\ud800", b"\\uDFFF", b"\\u0000", b"%00", b"%ff", b"%ED%A0%80", b"%", b"%zz", b"&&", b"=="),
        *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"1.5", b"-1", b"0x10", b"1_0", b"\xd9\xa3"),
        *(b"7" * 11, b"7" * 31, b"7" * 400, b"7" * 5000, b"[" * 40, b"[" * 50_000, b'{"a":' * 40, b"a" * 70_000),
    ]),
)  # fmt: skip
"""What breaks a text apart: ends of lines and strings, half characters, absurd numbers, nesting without end."""

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(exclude_categories=()), max_size=6),  # with halves of surrogate pairs
    st.sampled_from(
        ["", " ", "\0", "\ufeff", "\ud800", "\x1b[2J", "a\r\nb", "\u202e", "A" * 70_000, "none", "0", "-1"]
    ),
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31, 2**53 + 1, 2**63, 10**29, 10**30, 10**308, 10**400, -(10**400)]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
"""Whatever JSON can write, and what Python's writes beside it: NaN, infinities, half surrogate pairs."""


@contextmanager
def only(*errors: type[Exception]) -> Iterator[None]:
    """Let nothing but these errors come out of a call, and have it end."""
    previous = signal.signal(signal.SIGVTALRM, _never_ends) if hasattr(signal, "SIGVTALRM") else None
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with suppress(*errors):
            yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, previous)


def _never_ends(*_: object) -> None:
    raise AssertionError(f"it has not ended after {SECONDS} seconds")


@st.composite
def edited(draw: st.DrawFn, data: bytes) -> bytes:
    """Make bytes that begin as ``data``: pieces of it are replaced, doubled or gone, at one to four places."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 30)) | st.just(start) | st.just(len(data)))
        piece = draw(PIECES | st.just(data[start:end] * 2))
        data = data[:start] + piece + data[end:]
    return data


@st.composite
def objects(draw: st.DrawFn, document: Mapping[str, object]) -> str:
    """Make the text of a JSON object that begins as ``document``; up to three of its members are not as they were."""
    members = list(document.items())
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(["drop", "replace", "replace", "double", "add"]))
        place = draw(st.integers(0, max(0, len(members) - 1)))
        if change == "add" or not members:
            members.append((draw(TEXTS), draw(VALUES)))
        elif change == "drop":
            del members[place]
        else:
            name, value = members[place]
            near = st.sampled_from([[value], {"": value}, str(value), f"{value} ", f"{value}\0", ""])
            member = name, draw(VALUES | near)
            members[place : place + (change == "replace")] = [member]
    ascii_only = draw(st.booleans())
    return "{" + ", ".join(f"{_text(name, ascii_only)}: {_text(value, ascii_only)}" for name, value in members) + "}"


def _text(value: object, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)


def encoded(text: str) -> bytes:
    """Return the bytes of a text, half surrogate pairs and all."""
    return text.encode("utf-8", "surrogatepass")


def bodies(document: Mapping[str, object]) -> st.SearchStrategy[bytes]:
    """Make bodies of answers that should be this JSON object."""
    valid = json.dumps(document).encode()
    return st.one_of(
        objects(document).map(encoded),
        edited(valid),
        VALUES.map(lambda value: encoded(json.dumps(value))),
        st.sampled_from([b"", valid, b"\xef\xbb\xbf" + valid, valid.decode().encode("utf-16"), valid + valid]),
        st.binary(max_size=60),
    )
