"""HTTP, for the whole engine: requests with everything turned off that a token must not meet.

Invariants: no redirect is followed; no netrc, no cookie, no proxy for a loopback address; a body is at most 1 MiB
after decompression; there is a deadline for the whole exchange beside the one for each read; certificates are checked,
against the system's store or the user's ``ca_file``. Nothing is sent twice unless the caller allows it. An answer that
is streamed to a person or a file has neither bound: its time limit is that of each read.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import requests
import truststore
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from oauth_cli_login import __version__
from oauth_cli_login.adapters.watchdog import Watchdog
from oauth_cli_login.errors import ConfigError, ProtocolError, TransportError
from oauth_cli_login.model import HttpRequest, HttpResponse
from oauth_cli_login.protocol.url import check_endpoint, host_of, is_loopback
from oauth_cli_login.values import dataclass, field

MAX_BODY = 1 << 20
DEADLINE = 30.0
READ_TIMEOUT = 10.0
STREAM_READ_TIMEOUT = 60.0
STREAM_DEADLINE = 90.0
"""Seconds for the headers of an answer that is streamed; its body may take any time."""
MAX_RETRY_AFTER = 10.0
ATTEMPTS = 3

Repeat = Literal["never", "if refused", "always"]
"""When a request may be sent again: never (an authorization code), if the server said 429 or 503 (a refresh: it was
not taken), or always (a GET)."""

_REFUSED = frozenset({429, 503})
_FAILED = frozenset({429, 500, 502, 503, 504})

_RAISED = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""What the libraries raise where there is no answer."""


@dataclass(frozen=True)
class StreamedResponse:
    """One answer while it arrives. The status line and headers are as they came; ``chunks`` is the body, undecoded.

    ``chunks`` raises TransportError where the connection fails or the body ends before its Content-Length.
    """

    status: int
    status_line: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    chunks: Iterator[bytes] = field(repr=False)
    close: Callable[[], None] = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Http:
    """Sends requests over kept-alive connections; close it, or use it as a context manager.

    ``ca_file`` is a PEM file to trust instead of the system's store; SSL_CERT_FILE and REQUESTS_CA_BUNDLE say the
    same. ``log`` is told the method, address without query, status and seconds of each exchange.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        ca_file: str | None = None,
        log: Callable[[str], None] = lambda _line: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False  # else a netrc entry replaces our Authorization header
        # allow_redirects=False still reads a redirect's whole body, unbounded, and parses where it leads
        self._session.get_redirect_target = lambda _response: None  # type: ignore[assignment,method-assign]  # as said above
        self._watchdog = Watchdog()
        adapter = _Adapter(_ssl_context(environ, ca_file), self._watchdog)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def __enter__(self) -> Http:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._session.close()

    def send(self, request: HttpRequest, *, repeat: Repeat = "never", deadline: float = DEADLINE) -> HttpResponse:
        """Send and return the whole answer, whatever its status, except that a redirect is a ProtocolError.

        Raises TransportError where there is no answer within ``deadline`` seconds or it is too large, and
        ProtocolError for an address that no request may go to.
        """
        check_endpoint("address", request.url)
        end = self._clock() + deadline
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                response = self._exchange(request, end)
            except _FinalError:
                raise
            except TransportError:
                if last or repeat != "always" or not self._waited(attempt * 0.5, end):
                    raise
                continue
            again = {"never": frozenset[int](), "if refused": _REFUSED, "always": _FAILED}[repeat]
            if last or response.status not in again:
                return response
            if not self._waited(_retry_after(response, attempt * 0.5), end):
                return response
        raise AssertionError("the last attempt returns or raises")

    def stream(self, request: HttpRequest) -> StreamedResponse:
        """Send once, and return the answer, whatever its status, as soon as its headers are there; close it.

        Raises TransportError where its headers are not there in time, and ProtocolError for an address that no request
        may go to.
        """
        check_endpoint("address", request.url)
        started = self._clock()
        end = started + STREAM_DEADLINE
        try:
            with self._watchdog.cutting_after(end - self._clock()) as exchange:
                answer = self._open(request, (READ_TIMEOUT, STREAM_READ_TIMEOUT))
        except _RAISED as error:
            raise _transport_error(request.url, error, late=exchange.was_cut or self._clock() >= end) from None
        if exchange.was_cut or self._clock() > end:  # as in _exchange
            answer.close()
            raise _late(request.url)
        status = answer.status_code
        self._log(f"{request.method} {_shown(request.url)} -> {status} in {self._clock() - started:.2f} s")
        major, minor = divmod(answer.raw.version, 10)
        return StreamedResponse(
            status,
            f"HTTP/{major}.{minor} {status} {answer.reason or ''}".rstrip(),
            tuple(answer.raw.headers.items()),
            _chunks(answer),
            answer.close,
        )

    def _waited(self, seconds: float, end: float) -> bool:
        """Wait before the next attempt, or tell that its answer would come too late: it may spend a refresh token."""
        seconds = min(seconds, MAX_RETRY_AFTER)
        if self._clock() + seconds >= end:
            return False
        self._sleep(seconds)
        return True

    def _exchange(self, request: HttpRequest, end: float) -> HttpResponse:
        started = self._clock()
        remaining = max(0.1, min(READ_TIMEOUT, end - started))
        try:
            with (
                self._watchdog.cutting_after(end - started) as exchange,
                self._open(request, remaining) as answer,
            ):
                body = self._read(answer, end)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                response = HttpResponse(answer.status_code, headers, body, request.secrets)
        except _RAISED as error:
            raise _transport_error(request.url, error, late=exchange.was_cut or self._clock() >= end) from None
        if exchange.was_cut or self._clock() > end:  # one that was cut in its headers looks as if it had ended there
            raise _late(request.url)
        self._log(f"{request.method} {_shown(request.url)} -> {response.status} in {self._clock() - started:.2f} s")
        if 300 <= response.status < 400:  # noqa: PLR2004 - the class of redirects
            raise ProtocolError(
                f"{_shown(request.url)} answered with a redirect (HTTP {response.status}), which is never followed",
                hint="Check the issuer or endpoint setting: it must be the final address.",
            )
        return response

    def _open(self, request: HttpRequest, timeout: float | tuple[float, float]) -> requests.Response:
        """Return an answer whose body is still to be read; ``timeout`` is for each wait, or (to connect, for each)."""
        answer = self._session.request(
            request.method,
            request.url,
            headers={"User-Agent": f"oauth-cli/{__version__}", **request.headers},
            data=request.body,
            auth=_NoAuth(),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            proxies={} if is_loopback(request.url) else get_environ_proxies(request.url),
        )
        self._session.cookies.clear()
        return answer

    def _read(self, answer: requests.Response, end: float) -> bytes:
        body = bytearray()  # bytes would be copied at each piece, and a server may send one byte in each
        while True:
            chunk = answer.raw.read1(64 * 1024, decode_content=True)
            body += chunk
            if not chunk:
                return bytes(body)
            if len(body) > MAX_BODY:
                raise _FinalError(f"{_shown(answer.url)} sends more than 1 MiB", hint="That is no OAuth answer.")
            if self._clock() > end:
                raise TransportError(f"{_shown(answer.url)} did not finish its answer in time", hint="Try again later.")


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.raw.read1(64 * 1024, decode_content=False)
        except _RAISED as error:
            raise _transport_error(answer.url, error, late=False) from None
        if not chunk:
            return
        yield chunk


class _FinalError(TransportError):
    """What a second attempt would not change."""


class _NoAuth(AuthBase):
    """Keeps requests from looking for credentials of its own."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Adapter(HTTPAdapter):
    """requests' adapter with our own TLS context, for direct and proxied connections alike; it notes each socket."""

    def __init__(self, context: ssl.SSLContext, watchdog: Watchdog) -> None:
        self._context = context
        self._watchdog = watchdog
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _noting_pools(self._watchdog)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):  # one that is reached by TLS itself
            kwargs["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)
        manager.pool_classes_by_scheme = _noting_pools(self._watchdog)
        return manager

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Leave the choice of certificates to the context: requests would load certifi's into it."""
        conn.cert_reqs = "CERT_REQUIRED"


def _noting_pools(watchdog: Watchdog) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools, whose sockets are noted as they connect, before TLS and after.

    The connection itself would not do: it forgets its socket while an answer that ends with it is still being read.
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            watchdog.note(made)
            return made

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            watchdog.note(made)
            return made

        def _connect_tls_proxy(self, *args: Any) -> ssl.SSLSocket:
            made = super()._connect_tls_proxy(*args)  # the socket beneath is not in use from now on
            watchdog.note(made)
            return made

        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, socket.socket):
                watchdog.note(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def _ssl_context(environ: Mapping[str, str], ca_file: str | None) -> ssl.SSLContext:
    chosen = ca_file or environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE")
    if not chosen:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if os.path.isdir(chosen):  # REQUESTS_CA_BUNDLE may name a folder
            context.load_verify_locations(capath=chosen)
        else:
            context.load_verify_locations(cafile=chosen)
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        raise ConfigError(
            f"the certificates in {chosen!a} cannot be read: {type(error).__name__}",
            hint="ca_file, SSL_CERT_FILE or REQUESTS_CA_BUNDLE must name a file of PEM certificates.",
        ) from None
    return context


def _retry_after(response: HttpResponse, default: float) -> float:
    """Return the seconds that Retry-After names (RFC 9110 section 10.2.3); a date counts as the default."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else default


def _late(url: str) -> TransportError:
    return TransportError(f"{host_of(url)} did not answer in time", hint="Try again later.")


def _transport_error(url: str, error: Exception, *, late: bool) -> TransportError:
    """Say in words what happened; the library's own text may quote the request."""
    text = repr(error)
    host = host_of(url)
    if "CERTIFICATE_VERIFY_FAILED" in text or (isinstance(error, requests.exceptions.SSLError) and not late):
        return _FinalError(
            f"the TLS connection to {host} cannot be trusted",
            hint="If your company has its own certificate authority, name it: --ca-file FILE.",
        )
    if late or isinstance(error, requests.Timeout) or "timed out" in text:
        return TransportError(f"{host} did not answer in time", hint="Check the network, or try again later.")
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(f"the proxy for {host} does not let us through", hint="See HTTPS_PROXY and NO_PROXY.")
    if "NameResolution" in text or "getaddrinfo" in text:
        return TransportError(f"there is no address for {host}", hint="Check the spelling, or the network.")
    if "refused" in text:
        return TransportError(f"nothing answers at {_shown(url)}", hint="Is the server running, and the port right?")
    return TransportError(f"the connection to {host} failed", hint="Check the network, or try again later.")


def _shown(url: str) -> str:
    """Return a URL without query and fragment: those may hold what nobody should read."""
    return url.partition("?")[0].partition("#")[0]
