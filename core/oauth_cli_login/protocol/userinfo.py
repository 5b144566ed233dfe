"""The UserInfo endpoint (OpenID Connect Core 5.3) and its like (RFC 6750 section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping

from oauth_cli_login.errors import NotSignedIn, ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse, UserInfo
from oauth_cli_login.protocol.body import check_available, parse_json_response

WHAT = "userinfo response"


def userinfo_request(url: str, *, access_token: str, headers: Mapping[str, str] | None = None) -> HttpRequest:
    """Build a GET that carries the access token in the Authorization header; ``headers`` cannot replace it."""
    return HttpRequest(
        "GET", url, {"Accept": "application/json", **(headers or {}), "Authorization": f"Bearer {access_token}"}
    )


def parse_userinfo_response(response: HttpResponse) -> object:
    """Return the decoded answer, an object or (GitHub's emails) a list; raise ProtocolError.

    A 401 is NotSignedIn: the server does not take this access token (any more).
    """
    if response.status == 401:  # noqa: PLR2004 - RFC 6750 section 3.1
        raise NotSignedIn("the provider does not accept the access token")
    check_available(response, WHAT)
    if response.status != 200:  # noqa: PLR2004 - Core 5.3.2
        raise ProtocolError(f"the userinfo endpoint answered HTTP {response.status}")
    if response.headers.get("content-type", "").lower().startswith("application/jwt"):
        raise ProtocolError("the userinfo response is a JWT, which is unsupported")
    return parse_json_response(response, WHAT)


def check_userinfo_sub(userinfo: UserInfo, sub: object) -> None:
    """Check that userinfo is about ``sub``, as the ID token or the session says (Core 5.3.2); ProtocolError."""
    if userinfo.sub != sub:
        raise ProtocolError(
            "the userinfo's sub is another one than the sign-in's: they are about two different people",
            hint="Nothing was stored. Do not use this server until its operator has explained it.",
        )
