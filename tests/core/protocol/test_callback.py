from __future__ import annotations

import pytest

from oauth_cli_login.protocol.callback import BadRequest, CallbackRequest, parse_callback_request

REDIRECT_URI = "http://localhost:8085/callback"
TARGET = "/callback?code=x&state=y"


def head(line=f"GET {TARGET} HTTP/1.1", *headers, host="localhost:8085"):
    """Return the bytes of a request up to the empty line."""
    lines = [line, *([f"Host: {host}"] if host is not None else []), *headers]
    return "\r\n".join(lines).encode("latin-1")


def parse(data, redirect_uri=REDIRECT_URI):
    return parse_callback_request(data, redirect_uri=redirect_uri)


def refused(data, redirect_uri=REDIRECT_URI):
    with pytest.raises(BadRequest) as bad:
        parse(data, redirect_uri)
    assert str(bad.value).startswith(("it ", "its "))
    return bad.value.status


def test_a_browsers_request_is_read():
    browser = (
        "Connection: keep-alive",
        "Upgrade-Insecure-Requests: 1",
        "User-Agent: Mozilla/5.0",
        "Sec-Fetch-Mode: navigate",
        "Cookie: a=b",
    )
    assert parse(head(f"GET {TARGET} HTTP/1.1", *browser)).query == "code=x&state=y"
    assert parse(head(f"GET {TARGET} HTTP/1.0")).query == "code=x&state=y"


def test_a_request_without_a_query_is_read_too():
    assert parse(head("GET /callback HTTP/1.1")).query == ""
    assert parse(head("GET /callback?a=b?c HTTP/1.1")).query == "a=b?c"


def test_the_query_is_not_shown():
    assert "secret" not in repr(CallbackRequest("code=secret"))


@pytest.mark.parametrize(
    ("redirect_uri", "host"),
    [
        ("http://localhost:8085/callback", "LOCALHOST:8085"),
        ("http://127.0.0.1:8085/callback", "127.0.0.1:8085"),
        ("http://[::1]:8085/callback", "[::1]:8085"),
    ],
)
def test_the_host_is_the_redirect_uris(redirect_uri, host):
    assert parse(head(host=host), redirect_uri).query


def test_a_browser_leaves_the_port_80_out_of_the_host():
    """RFC 9110 section 7.2, with RFC 3986's authority: the scheme's own port is not spelled."""
    assert parse(head(host="localhost"), "http://localhost:80/callback").query


def test_a_redirect_uri_without_a_path_is_the_root():
    assert parse(head("GET /?code=x HTTP/1.1"), "http://localhost:8085").query == "code=x"


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8085",
        "localhost",
        "localhost:8086",
        "localhost.evil.example:8085",
        "127.0.0.1:8085",
        "[::1]:8085",
        "localhost:8085, evil.example",
        "localhost:8085\0",
        "user@localhost:8085",
    ],
)
def test_a_host_that_is_missing_or_not_ours_is_refused(host):
    """DNS rebinding: whoever is lured here comes under another name."""
    assert refused(head(host=host)) == 400


@pytest.mark.parametrize("second", ["localhost:8085", "evil.example"])
def test_two_hosts_are_refused(second):
    assert refused(head(f"GET {TARGET} HTTP/1.1", f"host: {second}")) == 400


@pytest.mark.parametrize("spelling", ["Host :localhost:8085", " Host: localhost:8085", "X-Host: localhost:8085"])
def test_a_misspelt_host_is_none(spelling):
    assert refused(head(f"GET {TARGET} HTTP/1.1", spelling, host=None)) == 400


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "POST", "DELETE", "PATCH", "TRACE", "get"])
def test_another_method_than_get_is_refused(method):
    assert refused(head(f"{method} {TARGET} HTTP/1.1")) == 405


@pytest.mark.parametrize(
    "target", ["/favicon.ico", "/", "/callback/", "/Callback", "/callback/../callback", "//callback", "/%63allback"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_another_page_is_not_found(target, method):
    assert refused(head(f"{method} {target} HTTP/1.1")) == 404


@pytest.mark.parametrize(
    "header",
    [
        "Sec-Purpose: prefetch",
        "Sec-Purpose: prefetch;prerender",
        "Purpose: prefetch",
        "X-Moz: Prefetch",
        "PURPOSE:prefetch",
    ],
)
def test_a_prefetch_does_not_use_the_code_up(header):
    assert refused(head(f"GET {TARGET} HTTP/1.1", header)) == 404


def test_another_purpose_than_a_prefetch_is_served():
    assert parse(head(f"GET {TARGET} HTTP/1.1", "Sec-Purpose: navigate", "X-Other: prefetch"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"GET",
        b"GET /callback",
        b"GET  /callback HTTP/1.1",
        b"GET /callback HTTP/1.1 x",
        b"GET /call back HTTP/1.1",
        b"GET /callback HTTP/2.0",
        b"GET /callback HTTP/0.9",
        b"GET /callback http/1.1",
        b"GET /callback?a=\0 HTTP/1.1",
        b"GET /callback?a=\x1b[31m HTTP/1.1",
        b"GET /callback?a=\xff HTTP/1.1",
        b"GET /callback?code=x HTTP/1.1\nHost: localhost:8085",
        b"GET http://localhost:8085/callback?code=x HTTP/1.1",
        b"GET callback HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT localhost:8085 HTTP/1.1",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"\0" * 1000,
        b"GET /callback?" + b"a" * 70_000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_request_for_a_callback_is_refused(data):
    assert refused(data + b"\r\nHost: localhost:8085") == 400


def test_bytes_that_are_not_ascii_are_refused_in_a_header_too():
    assert refused(head(f"GET {TARGET} HTTP/1.1", "X: \xff")) == 400


def test_two_hundred_headers_are_too_many():
    assert refused(head(f"GET {TARGET} HTTP/1.1", *(f"X-{n}: y" for n in range(200)))) == 431
    assert parse(head(f"GET {TARGET} HTTP/1.1", *(f"X-{n}: y" for n in range(99))))


def test_a_refusal_quotes_nothing_of_the_request():
    with pytest.raises(BadRequest) as bad:
        parse(head("GET /canary?code=canary HTTP/1.1", "X: canary"))
    assert "canary" not in str(bad.value)
