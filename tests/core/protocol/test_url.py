from __future__ import annotations

import pytest

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol.url import check_endpoint, host_of, is_loopback, origin_of, with_query

USABLE = [
    "https://idp.example",
    "https://idp.example:8443/tenant/authorize?p=b2c_1",
    "http://127.0.0.1:8080/default/token",
    "http://[::1]:8080/token",
    "http://localhost:8080/token",
]
UNUSABLE = [
    "http://idp.example/token",
    "http://127.0.0.1.evil.example/token",
    "http://localhost.evil.example/",
    "http://localhost@evil.example/",
    "https://user:password@idp.example/",
    "https://@idp.example/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "javascript://127.0.0.1/%0Aalert(1)",
    "data:text/html,x",
    "-https://idp.example/",
    "--headless",
    "https://idp.example/\r\nHost: evil.example",
    "https://idp.example/a b",
    "https://idp.example\\@evil.example/",
    "https://idp.example/a\\b",
    "https://idp.example/\N{GREEK SMALL LETTER ALPHA}",
    "https://idp.example/\0",
    "https://idp.example/#fragment",
    "https://",
    "https:idp.example",
    "//idp.example/token",
    "/token",
    "idp.example",
    "https://[::1/",
    "https://idp.example:port/",
    "https://idp.example:99999/",
    "",
    None,
    7,
    ["https://idp.example"],
]


@pytest.mark.parametrize("url", USABLE)
def test_an_address_that_may_be_used_comes_back_as_it_is(url):
    assert check_endpoint("token_endpoint", url) == url


@pytest.mark.parametrize("url", UNUSABLE)
def test_an_address_that_may_not_be_used_is_refused_by_name(url):
    with pytest.raises(ProtocolError, match="token_endpoint"):
        check_endpoint("token_endpoint", url)


def test_the_browser_modules_own_placeholder_is_refused():
    """Python's webbrowser replaces %action in what it starts a browser with."""
    with pytest.raises(ProtocolError, match="authorization_endpoint"):
        check_endpoint("authorization_endpoint", "https://idp.example/%action")


def test_http_under_an_https_issuer_is_refused_on_this_machine_too():
    with pytest.raises(ProtocolError, match="must be https"):
        check_endpoint("token_endpoint", "http://127.0.0.1/token", issuer="https://idp.example")
    assert check_endpoint("token_endpoint", "http://127.0.0.1/token", issuer="http://localhost:8080")


def test_a_refusal_says_that_nothing_was_sent_and_quotes_no_more_than_it_must():
    with pytest.raises(ProtocolError) as refused:
        check_endpoint("token_endpoint", "http://idp.example/" + "\N{BELL}" * 10_000)
    assert len(refused.value.message) < 300
    with pytest.raises(ProtocolError) as refused:
        check_endpoint("token_endpoint", "http://idp.example/")
    assert "Nothing was sent" in refused.value.hint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/", True),
        ("http://LOCALHOST/", True),
        ("https://[::1]/", True),
        ("http://127.0.0.2/", False),
        ("http://localhost.example/", False),
        ("http://[::1", False),
        ("nothing", False),
    ],
)
def test_loopback_is_three_spellings_and_no_other(url, expected):
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://IDP.example:8443/x", "idp.example"),
        ("http://[::1]:80", "::1"),
        ("idp.example", ""),
        ("http://[", ""),
        ("https://idp.example/\N{SNOWMAN}", ""),
    ],
)
def test_the_host_is_in_lower_case_and_without_port(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://idp.example/x", ("https", "idp.example", 443)),
        ("http://localhost/x", ("http", "localhost", 80)),
        ("http://[::1]:8080", ("http", "::1", 8080)),
    ],
)
def test_an_origin_has_its_schemes_port(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://idp.example/authorize", "https://idp.example/authorize?a=1"),
        ("https://idp.example/authorize?p=x", "https://idp.example/authorize?p=x&a=1"),
    ],
)
def test_a_query_is_added_to_the_endpoints_own(url, expected):
    """RFC 6749 section 3.1."""
    assert with_query(url, "a=1") == expected


def test_a_host_before_brackets_is_no_loopback():
    """urlsplit takes what stands in brackets for the host, wherever they stand."""
    with pytest.raises(ProtocolError):
        check_endpoint("token_endpoint", "http://evil.example[::1]/token")
    assert not is_loopback("http://evil.example[::1]/token")
