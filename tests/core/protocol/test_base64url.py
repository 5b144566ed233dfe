from __future__ import annotations

import pytest

from oauth_cli_login.protocol.base64url import base64url, from_base64url


@pytest.mark.parametrize(
    ("data", "encoded"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff", "-_8")],
)
def test_it_has_no_padding_and_its_own_two_characters(data, encoded):
    """RFC 4648 sections 5 and 10, RFC 7515 appendix C."""
    assert base64url(data) == encoded
    assert from_base64url(encoded) == data


@pytest.mark.parametrize(
    "text", ["Zg==", "Zh", "Zm9", "Z", "Zm9v\n", " Zm9v", "Zm9vZ", "+_8", "/_8", "Z.g", "Zm\u0661v", "\ud800", "Zm9v\0"]
)
def test_what_would_not_be_written_so_is_refused(text):
    with pytest.raises(ValueError, match="base64"):
        from_base64url(text)
