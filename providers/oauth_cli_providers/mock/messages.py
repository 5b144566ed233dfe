"""One HTTP request and one response of the mock, as values, and the refusals that become responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from oauth_cli_login.adapters import pages

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100

LOOPBACK_NAMES = frozenset(["localhost", "127.0.0.1", "::1"])

Delivery = Callable[[bytes, bytes], Iterator["tuple[float, bytes]"]]
"""From a response's head and body to what is sent instead: pieces, and the seconds to wait before each."""


class OAuthError(Exception):
    """A request that an endpoint refuses (RFC 6749 section 5.2); ``headers`` go with the answer."""

    def __init__(
        self, error: str, error_description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.error_description = error_description
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True)
class Request:
    """A request, its body already read. The names in ``headers`` are lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The path, as it was sent."""
        try:
            return urlsplit(self.target).path
        except ValueError:
            return ""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; raises ``OAuthError``."""
        return _parameters(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body; raises ``OAuthError``."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise OAuthError("invalid_request", f"The body must be {_FORM}.")
        try:
            text = self.body.decode("ascii")
        except UnicodeDecodeError:
            raise OAuthError("invalid_request", "The body holds characters that are not percent-encoded.") from None
        return _parameters(text)


@dataclass(frozen=True)
class Response:
    """A response, sent whole unless there is a ``delivery``; after that one the connection is closed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    delivery: Delivery | None = None


def _parameters(text: str) -> dict[str, str]:
    """Return the parameters, none twice (RFC 6749 section 3.1); an empty one counts as left out."""
    try:
        pairs = parse_qsl(text, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise OAuthError("invalid_request", "The parameters are too many, or not UTF-8.") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is there more than once.")
    return parameters


def is_loopback_redirect(uri: str) -> bool:
    """Tell whether a native client may be sent here: http on a loopback name, any port and path (RFC 8252)."""
    try:
        parts = urlsplit(uri)
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "http"
        and hostname in LOOPBACK_NAMES
        and "@" not in parts.netloc
        and "#" not in uri
        and uri.isascii()
        and uri.isprintable()
        and not set(uri) & set(' "<>\\^`{|}')
    )


def required(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter that must be there; raise ``OAuthError``."""
    try:
        return parameters[name]
    except KeyError:
        raise OAuthError("invalid_request", f"The parameter {name} is missing.") from None


def json_response(
    document: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON that nobody may cache (RFC 6749 section 5.1)."""
    fixed = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(status, fixed | dict(headers or {}), json.dumps(document).encode("ascii"))


def page_response(page: str, *, status: int = 200, form_action: str = "'none'") -> Response:
    """Return a page for people, whose forms may lead to ``form_action``."""
    headers = {"Content-Type": "text/html; charset=utf-8", **pages.headers(form_action=form_action)}
    return Response(status, headers, page.encode())


def redirect(uri: str, parameters: Mapping[str, str | None] | None = None) -> Response:
    """Return a redirect with these parameters added to the query that is there (RFC 6749 section 4.1.2)."""
    added = urlencode({name: value for name, value in (parameters or {}).items() if value is not None})
    if added:
        uri += ("&" if urlsplit(uri).query else "?") + added
    return Response(302, {"Location": uri, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def refusal(error: OAuthError, *, page: bool) -> Response:
    """Return the answer to a refused request: a page for people, JSON for programs."""
    if page:
        shown = page_response(pages.problem("This request cannot be carried out", error.error_description))
        return Response(error.status, {**shown.headers, **error.headers}, shown.body)
    document = {"error": error.error, "error_description": error.error_description}
    return json_response(document, status=error.status, headers=error.headers)
