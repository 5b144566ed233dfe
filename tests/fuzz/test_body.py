"""Bodies as such: JSON and forms, read and written."""

from __future__ import annotations

import json

from answers import response
from hypothesis import given
from hypothesis import strategies as st
from outside import TEXTS, VALUES, bodies, each, edited, encoded, only

from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.protocol.base64url import base64url, from_base64url
from oauth_cli_login.protocol.body import FORM, form, parse_json, parse_json_response, parse_object_response

DOCUMENT = {"a": [1, 2.5, {"b": None}], "c": "\u00e9\n", "error": "invalid_request", "d": True}
STATUSES = st.sampled_from([200, 204, 400, 429, 500])
CONTENT_TYPES = st.sampled_from(["application/json", "application/json; charset=utf-16", FORM, "text/html", "", "\0"])
WRITABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**28), 10**28) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
"""What has an inverse: text that is Unicode, and numbers that are no absurdity."""


DEEP = st.sampled_from(
    [b"[" * 50_000, b'{"a":' * 50_000, b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", b'["\\ud83d"]', b"1e999"]
)


@given(bodies(DOCUMENT) | DEEP)
@each("data", [b'["\\ud83d"]', b'"\\uDC00"', b"1e999", b"-1e999", b"NaN", b"\xef\xbb\xbf1", b"7" * 400])
def test_any_bytes_are_json_or_a_value_error(data):
    with only(ValueError):
        value = parse_json(data)
        assert not data.startswith(b"\xef\xbb\xbf")
        assert value == json.loads(data)
        assert is_writable(value)


def is_writable(value):
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except ValueError:
        return False
    return True


@given(WRITABLE)
def test_what_json_writes_is_read_back(value):
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(VALUES, st.booleans())
def test_whatever_is_read_can_be_written_and_read_again(value, ascii_only):
    with only(ValueError):
        read = parse_json(encoded(json.dumps(value, ensure_ascii=ascii_only)))
        assert parse_json(json.dumps(read).encode()) == read


@given(bodies(DOCUMENT) | edited(b"a=1&error=invalid_request&b=%20+x"), STATUSES, CONTENT_TYPES)
def test_any_answer_is_a_value_or_an_error_of_ours(body, status, content_type):
    with only(OAuthCliError):
        assert isinstance(parse_object_response(response(status, body, content_type), "answer"), dict)
    with only(OAuthCliError):
        parse_json_response(response(status, body, content_type), "answer")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), min_size=1, max_size=20))
def test_a_form_is_read_back(params):
    assert parse_object_response(response(200, form(params), FORM), "answer") == params


@given(st.binary(max_size=300))
def test_base64url_is_read_back(data):
    assert from_base64url(base64url(data)) == data


@given(TEXTS | st.binary(max_size=40).map(base64url) | edited(base64url(b"some bytes").encode()).map(repr))
def test_no_two_texts_mean_the_same(text):
    with only(ValueError):
        assert base64url(from_base64url(text)) == text
