"""The request that a browser makes to the loopback redirect, read from its bytes (RFC 9112, RFC 8252 section 7.3)."""

from __future__ import annotations

from urllib.parse import urlsplit

from oauth_cli_login.values import dataclass, field

MAX_HEAD = 16 * 1024
"""Bytes of request line and headers; a browser's is below 4 KiB, an authorization code's line below 8."""
_MAX_HEADERS = 100


class BadRequest(Exception):  # noqa: N818 - it becomes an HTTP answer, not an error of the command
    """The request is refused; ``status`` is what to answer, the text says why in a few words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class CallbackRequest:
    """A well-formed GET of the redirect path; ``query`` is as it was sent, and may hold a code."""

    query: str = field(repr=False)


def parse_callback_request(head: bytes, *, redirect_uri: str) -> CallbackRequest:
    """Read the bytes up to the empty line; raise BadRequest for anything but a GET of ``redirect_uri``.

    ``Host`` must be there once and be the redirect_uri's own: whoever is lured here under another name (DNS
    rebinding) is turned away before the query is looked at.
    """
    try:
        lines = head.decode("ascii").split("\r\n")
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise BadRequest(400, "it is not an HTTP request") from None
    if version not in ("HTTP/1.1", "HTTP/1.0") or not target.startswith("/") or not target.isprintable():
        raise BadRequest(400, "it is not an HTTP request")
    headers = lines[1:]
    if len(headers) > _MAX_HEADERS:
        raise BadRequest(431, "it has too many headers")
    redirect = urlsplit(redirect_uri)
    hosts = [value.strip().lower() for name, _, value in (h.partition(":") for h in headers) if name.lower() == "host"]
    # RFC 9110 section 7.2: the default port may be left out, and browsers do
    ours = {redirect.netloc.lower(), redirect.netloc.lower().removesuffix(":80")}
    if len(hosts) != 1 or hosts[0] not in ours:
        raise BadRequest(400, "its Host is not this address")
    path, _, query = target.partition("?")
    if path != (redirect.path or "/"):
        raise BadRequest(404, "it asks for another page")
    if method != "GET":
        raise BadRequest(405, "it is not a GET")
    if _is_prefetch(headers):
        raise BadRequest(404, "it is only a prefetch")
    return CallbackRequest(query)


def _is_prefetch(headers: list[str]) -> bool:
    """Tell whether the browser only guesses that somebody may go there (Sec-Purpose, and its older spellings)."""
    return any(
        name.lower() in ("sec-purpose", "purpose", "x-moz") and "prefetch" in value.lower()
        for name, _, value in (header.partition(":") for header in headers)
    )
