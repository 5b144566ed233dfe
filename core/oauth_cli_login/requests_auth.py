"""Authentication for ``requests``: each request carries a valid access token.

Invariants:

- The token goes where the caller sends the request, over https, or http to this machine, and no further: requests
  takes the header off where a redirect leaves the host, and what was taken off is not put back.
- An answer of 401 costs one refresh and one more request at the most.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import get_environ_proxies, rewind_body, select_proxy

from oauth_cli_login.api import get_token, other_token
from oauth_cli_login.errors import UsageError
from oauth_cli_login.protocol.url import host_of, is_loopback


class OAuthCliAuth(AuthBase):
    """Sends ``Authorization: Bearer`` with a valid access token of ``profile`` (RFC 6750 section 2.1).

    For ``auth=`` of a call or of a ``requests.Session``; a session sends the token to whatever host it is used for. The
    token is refreshed before it ends, and once more where the server answers 401 (RFC 6750 section 3.1); the request is
    repeated then, unless its body is a stream that cannot be wound back. May be used from several threads.

    Raises, from the call that sends the request, what ``get_token`` raises; UsageError for an address that is not safe.
    """

    def __init__(self, profile: str | None = None) -> None:
        self.profile = profile

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the token on a request that is about to be sent."""
        _check(request.url or "")
        token = get_token(self.profile)
        request.headers["Authorization"] = f"Bearer {token}"
        request.register_hook("response", partial(self._answered, token))  # type: ignore[no-untyped-call]  # types-requests lacks it
        return request

    def _answered(self, token: str, response: Response, **sending: Any) -> Response:
        """Return the response, or that to the same request with another token where this one was refused.

        requests gives each response of a chain of redirects to this hook. The header tells which are ours: it is gone
        where a redirect left the host, and another one after the one repetition.
        """
        request = response.request
        if response.status_code != 401 or request.headers.get("Authorization") != f"Bearer {token}":  # noqa: PLR2004 - RFC 9110 section 15.5.2
            return response
        other = other_token(self.profile, token)
        if other is None or not _rewound(request):
            return response
        _ = response.content  # read to its end, so that the connection can be used again
        request.headers["Authorization"] = f"Bearer {other}"  # in place: a redirect that follows copies this request
        again: Response = response.connection.send(request, **sending)
        again.history.append(response)
        return again


def _check(url: str) -> None:
    """Raise UsageError for an address that a token must not be sent to: it could be read on the way."""
    if url.startswith("https://"):
        return
    if not (url.startswith("http://") and is_loopback(url)):
        raise UsageError(
            f"a token is only sent over https, or over http to this machine: not to {host_of(url)!a}",
            hint="Use an https:// address.",
        )
    if select_proxy(url, get_environ_proxies(url)):
        raise UsageError(
            f"a proxy stands between this program and {host_of(url)}, and would read the token",
            hint=f"Set NO_PROXY={host_of(url)}",
        )


def _rewound(request: PreparedRequest) -> bool:
    """Wind the body back to its beginning; tell whether it can be sent again."""
    if request.body is None or isinstance(request.body, bytes | str):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True
