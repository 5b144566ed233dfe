from __future__ import annotations

import json
import time

import pytest
from answers import json_response, response

from oauth_cli_login.errors import ProtocolError, TransportError
from oauth_cli_login.protocol.body import (
    FORM,
    form,
    parse_json,
    parse_json_response,
    parse_object_response,
    text_field,
)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, 2.5, -3, 1e3, true, null]}', {"a": [1, 2.5, -3, 1000.0, True, None]}),
        (b" [] ", []),
        (b"null", None),
        (b'"\\u00e9 [[[[ \\" {{{"', '\N{LATIN SMALL LETTER E WITH ACUTE} [[[[ " {{{'),
        (b'{"a": {"x": 1}, "b": {"x": 2}}', {"a": {"x": 1}, "b": {"x": 2}}),
        (b"9" * 30, int("9" * 30)),
        (b"1." + b"5" * 28, float("1." + "5" * 28)),
        (b"[" + b"[]," * 100 + b"{}]", [*([[]] * 100), {}]),
        (b'{"a": "' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"}', {"a": "[" * 100 + '"' + "{" * 100}),
        (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    ],
)
def test_json_is_read(data, value):
    assert parse_json(data) == value


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"iss": "a", "iss": "b"}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b'{"exp": -Infinity}', "Infinity"),
        (b"1e999", "absurd"),
        (b"-1e999", "absurd"),
        (b"1" * 5000, "absurd"),
        (b"0." + b"1" * 5000, "absurd"),
        (b"9" * 31, "absurd"),
        (b"[" * 100_000, "deeply"),
        (b'{"a":' * 100_000, "deeply"),
        (b"[" * 33 + b"]" * 33, "deeply"),
        (b'["\\""' + b",[" * 32, "deeply"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"\xff"', "utf-8"),
        (b'"\xed\xa0\x80"', "utf-8"),
        ("{}".encode("utf-16"), "utf-8"),
        (b"", ""),
        (b"<html>", ""),
        (b"{} {}", ""),
        (b'{"a": 1,}', ""),
        (b"{'a': 1}", ""),
        (b'"a\nb"', ""),
        (b"]" * 100 + b"[" * 100, ""),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value,
)
def test_what_is_not_strict_json_is_refused(data, why):
    with pytest.raises(ValueError, match=f"(?i){why}"):
        parse_json(data)


@pytest.mark.parametrize("data", [b'"\\ud800"', b'{"\\udfff": 1}', b'[{"nonce": "a\\ud800b"}]'])
def test_half_a_surrogate_pair_is_refused(data):
    """It is no character: encoding it again, to compare or to print it, would fail far from here."""
    with pytest.raises(ValueError, match=r"(?i)utf-8|surrogate"):
        parse_json(data)


@pytest.mark.parametrize(
    "data",
    [b"[" * (1 << 20), b'"' * (1 << 20), b"1" * (1 << 20), b'"' + b"\\" * ((1 << 20) - 1), b'["a",' * (1 << 18)],
    ids=["nesting", "quotes", "digits", "escapes", "arrays"],
)
def test_a_mebibyte_of_nonsense_takes_no_noticeable_time(data):
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"deeply|absurd|Unterminated|Extra"):
        parse_json(data)
    assert time.monotonic() - started < 5


def test_an_object_is_returned_whatever_its_content_type():
    assert parse_object_response(response(body='{"a": 1}', content_type="text/plain"), "answer") == {"a": 1}
    assert parse_object_response(response(body='{"a": 1}', content_type=""), "answer") == {"a": 1}


def test_a_list_is_returned_where_any_json_will_do():
    assert parse_json_response(response(body="[1]"), "answer") == [1]


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "7", "true"])
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(ProtocolError, match="the token response is JSON, but not an object"):
        parse_object_response(response(body=body), "token response")


@pytest.mark.parametrize(
    "body", [b"", b"<html><title>Sign in to the Wi-Fi</title>", b"\xef\xbb\xbf{}", b"\xff\xfe", b'{"a":1,"a":2}']
)
@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_body_that_cannot_be_read_names_what_it_should_have_been_and_the_setting_to_check(body, status):
    with pytest.raises(ProtocolError, match=rf"the discovery document cannot be read \(HTTP {status}") as refused:
        parse_object_response(response(status, body, "text/html; charset=utf-8"), "discovery document")
    assert "'text/html'" in refused.value.message
    assert "Check the issuer or endpoint setting" in refused.value.hint


BUSY = (b"server_error", b"temporarily_unavailable")
"""The codes that say no more than the status does (RFC 6749 section 4.1.2.1)."""


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"message": "busy"}', b"[]", *(b'{"error": "%s"}' % code for code in BUSY)]
)
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status, body):
    with pytest.raises(TransportError, match=f"instead of the token response the server answered HTTP {status}") as e:
        parse_object_response(response(status, body), "token response")
    assert "later" in e.value.hint


@pytest.mark.parametrize("status", [400, 429, 503])
def test_an_error_in_the_terms_of_oauth_is_returned_whatever_the_status(status):
    answer = json_response(status, error="slow_down")
    assert parse_object_response(answer, "token response") == {"error": "slow_down"}


@pytest.mark.parametrize("content_type", [FORM, FORM + "; charset=utf-8", FORM.upper()])
def test_a_form_is_read_as_fields(content_type):
    answer = response(body="access_token=a%2Bb&scope=repo%20gist&empty=", content_type=content_type)
    fields = parse_object_response(answer, "token response")
    assert fields == {"access_token": "a+b", "scope": "repo gist", "empty": ""}


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"nothing", b"a=1&&b=2", b"a=\xff", b"&".join(b"a%d=1" % i for i in range(201))]
)
def test_a_form_that_is_none_is_refused(body):
    with pytest.raises(ProtocolError, match="the token response cannot be read"):
        parse_object_response(response(body=body, content_type=FORM), "token response")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"gho_canary", FORM),
        (b"token_type=bearer&gho_canary", FORM),
        (b"gho_canary\xff", FORM),
        (b"gho_canary", "application/json"),
        (b'{"access_token": "gho_canary\xff"}', "application/json"),
        (b'{"access_token": "gho_canary"', "application/json"),
        (b'{"gho_canary": 1, "gho_canary": 1}', "application/json"),
    ],
)
def test_a_body_that_cannot_be_read_is_not_quoted(body, content_type):
    with pytest.raises(ProtocolError) as refused:
        parse_object_response(response(body=body, content_type=content_type), "token response")
    assert "canary" not in refused.value.message + refused.value.hint
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_form_is_written_in_ascii():
    """RFC 6749 appendix B."""
    assert form({"scope": "a b", "x": "+&=%\N{POUND SIGN}"}) == b"scope=a+b&x=%2B%26%3D%25%C2%A3"


def test_a_text_field_may_be_missing_or_null():
    assert text_field({}, "error", "answer") is None
    assert text_field({"error": None}, "error", "answer") is None
    assert text_field({"error": "x y"}, "error", "answer") == "x y"


@pytest.mark.parametrize("value", [1, True, [], {}, "a\r\nb", "a\tb", "\x1b]0;title\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_a_text_field_that_is_no_printable_string_is_refused(value):
    with pytest.raises(ProtocolError, match="the answer has a error that is not a string of printable characters"):
        text_field({"error": value}, "error", "answer")
