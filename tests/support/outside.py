"""What may come from outside, for properties: documents and bytes that are nearly right, and what is nothing like them.

Random bytes seldom get past the first check of a parser. So most of what is made here begins as something valid, and
then has members taken away, doubled or replaced, or pieces of its bytes cut out and put in.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from hypothesis import example
from hypothesis import strategies as st

Test = TypeVar("Test", bound=Callable[..., object])

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


def odd(value: object) -> list[object]:
    """Return what a member may have instead of ``value``: what a careless parser would take for one."""
    text = value if isinstance(value, str) else json.dumps(value)
    return [
        *(None, True, False, [], {}, [value], [value, 5], [{}], {"": value}, [[]], [None]),
        *(0, 5, -1, -0.5, 0.5, 1e308, 1e999, float("nan"), 10**15, 10**29, 10**400),
        *("", text, f"{text} ", f"{text}\0", f"{text}\n", f"{text}\ud800", f"{text}\u00e9", text[:-1], text * 100),
        *("5", "\u0663", "\u00b2", "-1", "\0", "\x1b[2J", "\ud800", "\u00e9", "none", "http://x", "//", "7" * 400),
    ]


def near(value: object) -> st.SearchStrategy[object]:
    """Make what a member may have instead of ``value``."""
    return st.sampled_from(odd(value)) | VALUES


def neighbours(document: Mapping[str, object]) -> Iterator[bytes]:
    """Yield every JSON object that has one member less than ``document``, or an odd one."""
    for name, value in document.items():
        yield encoded(json.dumps({other: kept for other, kept in document.items() if other != name}))
        for other in odd(value):
            yield encoded(json.dumps({**document, name: other}))


def each(name: str, values: Iterable[object], **others: object) -> Callable[[Test], Test]:
    """Have a property tried with each of these values of one argument as well, whatever else is made up."""

    def add(test: Test) -> Test:
        for value in values:
            test = example(**{name: value}, **others)(test)
        return test

    return add


@st.composite
def edited(draw: st.DrawFn, data: bytes) -> bytes:
    """Make bytes that begin as ``data``: pieces of it are replaced, doubled or gone, mostly at one place."""
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20, len(data)])))
        piece = draw(PIECES | st.just(data[start:end] * 2) | st.just(b""))
        data = data[:start] + piece + data[end:]
    return data


@st.composite
def objects(draw: st.DrawFn, document: Mapping[str, object]) -> str:
    """Make the text of a JSON object that begins as ``document``; mostly one of its members is not as it was."""
    members = list(document.items())
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 3, 0]))):
        change = draw(st.sampled_from(["replace", "replace", "replace", "replace", "drop", "double", "add"]))
        if change == "add" or not members:
            members.append((draw(TEXTS), draw(VALUES)))
            continue
        place = draw(st.integers(0, len(members) - 1))
        name, value = members.pop(place)
        if change == "double":
            members.append((name, value))
        if change != "drop":
            members.insert(place, (name, draw(near(value))))
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
    changed = objects(document).map(encoded)
    return st.one_of(
        *(changed, changed, changed, edited(valid)),
        VALUES.map(lambda value: encoded(json.dumps(value))),
        st.sampled_from([b"", valid, b"\xef\xbb\xbf" + valid, valid.decode().encode("utf-16"), valid + valid]),
        st.binary(max_size=60),
    )
