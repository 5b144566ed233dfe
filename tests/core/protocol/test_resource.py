"""Requests to an API, and where one may go: the rules, with no network."""

from __future__ import annotations

import pytest

from oauth_cli_login.errors import ConfigError, UsageError
from oauth_cli_login.protocol.resource import (
    check_host,
    check_url,
    host_in,
    method_of,
    parse_headers,
    redirect_target,
    resource_request,
)


def build(**changes: object):
    parts = {"method": "GET", "url": "https://api.example/", "headers": {}, "data": None, **changes}
    return resource_request(parts.pop("method"), parts.pop("url"), access_token="the-token", **parts)


# --- what is sent


@pytest.mark.parametrize(
    ("text", "has_data", "method"),
    [
        (None, False, "GET"),
        (None, True, "POST"),
        ("patch", True, "PATCH"),
        ("GET", True, "GET"),
        ("M-SEARCH", False, "M-SEARCH"),
    ],
)
def test_the_method_is_curls_unless_it_is_named(text, has_data, method):
    assert method_of(text, has_data=has_data) == method


@pytest.mark.parametrize("text", ["", "GET /evil", "GET\r\nHost: evil", "TRACE", "connect", "GÉT", "G@T"])
def test_what_is_no_method_of_an_api_is_usage(text):
    if text:
        with pytest.raises(UsageError):
            method_of(text, has_data=False)
    else:
        assert method_of(text, has_data=False) == "GET"


def test_headers_are_lines_of_a_name_and_a_value():
    assert parse_headers(["Accept: text/html", "X-Empty:", "x-colon:a:b ", "If-Match:\t*"]) == {
        "Accept": "text/html",
        "X-Empty": "",
        "x-colon": "a:b",
        "If-Match": "*",
    }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Accept",
        ": value",
        "Accept : text/html",
        " Accept: text/html",
        "Accept: a\r\nAuthorization: b",
        "Accept: a\nHost: b",
        "Accept\r\nHost: b",
        "X: \x00",
        "X: \x1b[2J",
        "X: é",
        "Ä: b",
    ],
)
def test_threat_69_a_header_that_would_forge_another_is_refused_and_not_shown(line):
    with pytest.raises(UsageError) as refused:
        parse_headers([line])
    assert refused.value.message == "a header is no 'Name: value' in printable ASCII"


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "authorization", "Proxy-Authorization", "Cookie", "HOST", "Content-Length"),
        *("Transfer-Encoding", "Trailer", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "Expect"),
    ],
)
def test_a_header_that_is_not_the_callers_is_refused(name):
    with pytest.raises(UsageError, match=f"the header {name} is not yours"):
        parse_headers([f"{name}: x"])


def test_a_header_given_twice_is_refused():
    with pytest.raises(UsageError, match="the header accept is given twice"):
        parse_headers(["Accept: a", "accept: b"])


def test_a_request_carries_the_token_and_asks_for_no_compression():
    request = build()
    assert request.headers == {"Accept-Encoding": "identity", "Authorization": "Bearer the-token"}
    assert request.body is None
    assert "the-token" not in repr(request)


def test_data_is_a_form_unless_a_header_says_otherwise():
    assert build(data=b"a=b").headers["Content-Type"] == "application/x-www-form-urlencoded"
    named = build(data=b"{}", headers={"content-type": "application/json", "accept-encoding": "gzip"}).headers
    assert named == {"content-type": "application/json", "accept-encoding": "gzip", "Authorization": "Bearer the-token"}


def test_no_header_replaces_the_authorization():
    assert build(headers={"Authorization": "Basic x"}).headers["Authorization"] == "Bearer the-token"


# --- where it may go


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example/user", "api.example"),
        ("https://api.example:443/user", "api.example"),
        ("https://API.Example/user", "api.example"),
        ("https://api.example?q", "api.example"),
        ("https://api.example:8443/user", "api.example:8443"),
        ("https://api.example./user", "api.example."),
        ("https://api.example.evil.example/", "api.example.evil.example"),
        ("http://localhost/x", "localhost:80"),
        ("http://localhost:443/x", "localhost:443"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("http://[::1]:8080/x", "[::1]:8080"),
        ("https://[::1]/x", "[::1]"),
    ],
)
def test_a_host_has_one_spelling(url, host):
    assert host_in(check_url(url)) == host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("api.example", "api.example"),
        ("API.Example:443", "api.example"),
        ("api.example:8443", "api.example:8443"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
    ],
)
def test_a_host_that_a_person_names_has_the_same_spelling(text, host):
    assert check_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "*", "*.example", "api.example.", ".example", "a..b", "api.example/", "https://api.example"),
        *("user@api.example", "api.example:", "api.example:0", "api.example:65536", "api.example:99999999", "a:+80"),
        *(
            "bücher.example",
            "api.example\n",
            " api.example",
            "a b",
            "api%2eexample",
            "a?b",
            "a#b",
            "::1",
            "[::1",
            "[x]",
        ),
        "\N{KELVIN SIGN}.example",
    ],
)
def test_what_is_no_host_is_refused(text):
    with pytest.raises(ConfigError, match="is not a host"):
        check_host(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/",
        "https://api.example@evil.example/",
        "https://user:secret@api.example/",
        "https://api.example#@evil.example/",
        "https://api.example\\@evil.example/",
        "https://api.example/a b",
        "https://bücher.example/",
        "https://api。example/",
        "https:///user",
        "https:api.example",
        "//api.example/user",
        "api.example/user",
        "ftp://api.example/",
        "file:///etc/passwd",
        "https://api.example/\r\nX: y",
        "",
    ],
)
def test_an_address_that_no_token_goes_to_is_usage(url):
    with pytest.raises(UsageError):
        check_url(url)


# --- redirects


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/new", "https://api.example/new"),
        ("new?page=2#part", "https://api.example/v1/new?page=2"),
        ("https://API.example:443/new", "https://API.example:443/new"),
        ("//api.example/new", "https://api.example/new"),
        ("https://evil.example/", None),
        ("//evil.example/", None),
        ("https://api.example.evil.example/", None),
        ("https://api.example@evil.example/", None),
        ("https://api.example./", None),
        ("https://api.example:8443/", None),
        ("http://api.example/new", None),
        ("http://localhost/", None),
        ("javascript:alert(1)", None),
        ("/a b", None),
        ("/\xe9", None),
        ("https://[", None),
        ("", None),
        (None, None),
    ],
)
def test_a_redirect_is_followed_at_the_same_origin_alone(location, target):
    assert redirect_target("GET", "https://api.example/v1/old", location) == target


def test_a_port_of_this_machine_is_an_origin_of_its_own():
    assert redirect_target("GET", "http://localhost:8080/", "http://localhost:8081/") is None
    assert redirect_target("GET", "https://localhost:8080/", "http://localhost:8080/") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_request_that_changes_something_follows_nothing(method):
    assert redirect_target(method, "https://api.example/", "/new") is None
    assert redirect_target("HEAD", "https://api.example/", "/new") == "https://api.example/new"
