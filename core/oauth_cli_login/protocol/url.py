"""Which addresses may be used at all: https, or http on a loopback host (RFC 8252 section 8.3, RFC 9700)."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from oauth_cli_login.errors import ProtocolError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


# The last is what Python's webbrowser replaces in a browser's command line.
_NOT_IN_URLS = (" ", "\\", "%action")


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in _NOT_IN_URLS):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    # urlsplit finds a host in brackets wherever they stand: nothing may stand before them
    host = parts.netloc.rpartition("@")[2]
    return None if "[" in host and not host.startswith("[") else parts


def is_loopback(url: str) -> bool:
    """Tell whether the URL's host is this machine, by one of the three spellings that need no resolver."""
    parts = _split(url)
    return parts is not None and parts.hostname in LOOPBACK_HOSTS


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, without port; ``""`` where there is none."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def origin_of(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of a checked URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def check_endpoint(name: str, url: object, *, issuer: str | None = None) -> str:
    """Return ``url`` if core may use it as ``name``; else raise ProtocolError.

    It must be absolute, https (or http on loopback), without user name or fragment, and must not be weaker than an
    https ``issuer``. This is what stands between a metadata document and the browser's command line.
    """
    parts = _split(url) if isinstance(url, str) else None
    if not isinstance(url, str) or parts is None or not parts.hostname or parts.fragment or parts.username is not None:
        raise ProtocolError(f"the {name} is not a usable address: {_shown(url)}")
    if url.startswith("https://") or (
        url.startswith("http://") and parts.hostname in LOOPBACK_HOSTS and not (issuer or "").startswith("https:")
    ):
        return url
    raise ProtocolError(
        f"the {name} must be https (or http on this machine): {_shown(url)}",
        hint="Nothing was sent there. Tell the provider's operator, or correct the setting.",
    )


def _shown(url: object) -> str:
    return ascii(url)[:200]


def with_query(url: str, query: str) -> str:
    """Return ``url`` with ``query`` added to what query it has (RFC 6749 section 3.1 keeps the endpoint's own)."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"
