"""Types of command-line options that several commands have."""

from __future__ import annotations

from argparse import ArgumentTypeError

_DAY = 24 * 3600


def port(text: str) -> int:
    """Return a TCP port; ArgumentTypeError for what is none."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):  # noqa: PLR2004 - 16 bits
        raise ArgumentTypeError(f"{text[:20]!a} is not a port")
    return int(text)


def seconds(text: str) -> float:
    """Return a time of up to a day, in seconds; ArgumentTypeError for what is none."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _DAY:
        raise ArgumentTypeError(f"{text[:20]!a} is not a number of seconds from just above 0 to 86400")
    return value


def whole_seconds(text: str) -> int:
    """Return a number of seconds of up to a day; ArgumentTypeError for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_DAY)) and int(text) <= _DAY):
        raise ArgumentTypeError(f"{text[:20]!a} is not a whole number of seconds from 0 to {_DAY}")
    return int(text)
