"""Requests to a protected resource (RFC 6749 section 7, RFC 6750 section 2.1), and where one may go.

Invariant: a host is allowed by exact comparison alone. Its one spelling is ``host`` for https on port 443 and
``host:port`` for everything else, in lower case; there are no patterns, no parent domains, and no name is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin

from oauth_cli_login.errors import ConfigError, ProtocolError, UsageError
from oauth_cli_login.model import HttpRequest
from oauth_cli_login.protocol.body import FORM
from oauth_cli_login.protocol.url import check_endpoint, origin_of

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method, or the name of a header (RFC 9110 section 5.6.2)."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)(:[1-9][0-9]{0,4})?")

_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})
"""A tunnel is no request to an API, and TRACE sends the token back in a body."""

_REFUSED_HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie"),  # who asks: the session says that
        *("host", "content-length", "transfer-encoding", "trailer"),  # where the request goes, and where it ends
        *("connection", "keep-alive", "proxy-connection", "te", "upgrade", "expect"),  # the connection's own
    }
)

_REPEATABLE = frozenset({"GET", "HEAD"})


def method_of(text: str | None, *, has_data: bool) -> str:
    """Return the method in upper case: POST where data is sent and GET otherwise, unless named; UsageError."""
    method = (text or ("POST" if has_data else "GET")).upper()
    if not _TOKEN.fullmatch(method) or method in _REFUSED_METHODS:
        raise UsageError(f"{method[:40]!a} is not a method of an API", hint="For example: -X DELETE")
    return method


def parse_headers(lines: Iterable[str]) -> dict[str, str]:
    """Return the headers that these lines (``Name: value``) name; UsageError for one that may not be sent."""
    headers: dict[str, str] = {}
    seen = set()
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _TOKEN.fullmatch(name) or not value.isascii() or not value.isprintable():
            # not shown: it may hold a secret
            raise UsageError(
                "a header is no 'Name: value' in printable ASCII", hint="For example: -H 'Accept: text/html'"
            )
        if name.lower() in _REFUSED_HEADERS:
            raise UsageError(f"the header {name} is not yours to set", hint="oauth-cli sets it, or it is never sent.")
        if name.lower() in seen:
            raise UsageError(f"the header {name} is given twice", hint="Join the values with a comma.")
        seen.add(name.lower())
        headers[name] = value
    return headers


def resource_request(
    method: str, url: str, *, access_token: str, headers: Mapping[str, str], data: bytes | None
) -> HttpRequest:
    """Build a request that carries the access token in the Authorization header, which ``headers`` cannot replace.

    No compression is asked for, so that what comes is what is stored there. Data is a form unless a header says
    otherwise.
    """
    named = {name.lower() for name in headers}
    sent = dict(headers)
    if "accept-encoding" not in named:
        sent["Accept-Encoding"] = "identity"
    if data is not None and "content-type" not in named:
        sent["Content-Type"] = FORM
    return HttpRequest(method, url, {**sent, "Authorization": f"Bearer {access_token}"}, data)


def check_url(url: str) -> str:
    """Return an address that a token may be sent to at all; UsageError."""
    try:
        return check_endpoint("address", url)
    except ProtocolError as error:
        raise UsageError(
            error.message,
            hint="An API's address begins with https:// (or with http:// on this machine). It has no user name and no\n"
            "fragment, and in it spaces and letters beyond ASCII are percent-encoded.",
        ) from None


def host_in(url: str) -> str:
    """Return the host of a checked URL in its one spelling."""
    scheme, host, port = origin_of(url)
    name = f"[{host}]" if ":" in host else host
    return name if (scheme, port) == ("https", 443) else f"{name}:{port}"


def check_host(text: str) -> str:
    """Return ``host`` or ``host:port`` in its one spelling; ConfigError for anything else."""
    try:
        if _HOST.fullmatch(text):
            return host_in(check_endpoint("host", f"https://{text}/"))
    except ProtocolError:
        pass
    raise ConfigError(f"{text[:80]!a} is not a host", hint="For example: api.example.com, or localhost:8080")


def redirect_target(method: str, url: str, location: str | None) -> str | None:
    """Return where to go on for the same answer, or ``None``: a GET or HEAD goes on at the same origin alone."""
    if method not in _REPEATABLE or not location:
        return None
    try:
        target = check_endpoint("redirect", urljoin(url, location).partition("#")[0])
    except (ProtocolError, ValueError):
        return None
    return target if origin_of(target) == origin_of(url) else None
