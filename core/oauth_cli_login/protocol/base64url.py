"""base64url without padding (RFC 7515 section 2), written and strictly read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def base64url(data: bytes) -> str:
    """Return the text of these bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the bytes of a text; raise ValueError where ``base64url`` would have written another one.

    So no two texts mean the same: no padding, no white space, no other alphabet, no unused bits that are set.
    """
    if not _ALPHABET.issuperset(text):
        raise ValueError("it is not base64url without padding")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("it is not canonical base64url")
    return data
