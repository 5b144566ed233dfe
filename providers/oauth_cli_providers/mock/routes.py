"""Which endpoint answers which request: the whole of the mock between a ``Request`` and its ``Response``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from oauth_cli_login.adapters import pages
from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.authorize import authorize
from oauth_cli_providers.mock.device import device, device_authorization
from oauth_cli_providers.mock.endpoints import endsession, introspect, jwks, metadata, revoke, userinfo
from oauth_cli_providers.mock.messages import LOOPBACK_NAMES, OAuthError, Request, Response, page_response, refusal
from oauth_cli_providers.mock.token import token


class Route(NamedTuple):
    """An endpoint, its methods (HEAD goes with GET), and whether people see its answers."""

    methods: tuple[str, ...]
    endpoint: Callable[[AuthorizationServer, Request], Response]
    page: bool = False


ROUTES = {
    "/.well-known/openid-configuration": Route(("GET",), metadata),
    "/.well-known/oauth-authorization-server": Route(("GET",), metadata),
    "/authorize": Route(("GET", "POST"), authorize, page=True),
    "/token": Route(("POST",), token),
    "/device_authorization": Route(("POST",), device_authorization),
    "/device": Route(("GET", "POST"), device, page=True),
    "/userinfo": Route(("GET", "POST"), userinfo),
    "/jwks": Route(("GET",), jwks),
    "/introspect": Route(("POST",), introspect),
    "/revoke": Route(("POST",), revoke),
    "/endsession": Route(("GET", "POST"), endsession, page=True),
}
"""Every endpoint, by its path below the issuer."""


def endpoint_name(path: str) -> str:
    """Return what people call the endpoint at a path of ``ROUTES``: both metadata documents are ``discovery``."""
    return "discovery" if path.startswith("/.well-known/") else path.removeprefix("/")


def is_loopback_host(host: str) -> bool:
    """Tell whether a Host header names this machine: another name is another site's, rebound to our address."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK_NAMES and "@" not in host
    except ValueError:
        return False


def path_below_issuer(server: AuthorizationServer, request: Request) -> str:
    """Return the path as ``ROUTES`` has it; empty where it is not below the issuer's."""
    prefix = urlsplit(server.issuer).path
    return request.path.removeprefix(prefix) if request.path.startswith(prefix) else ""


def respond(server: AuthorizationServer, request: Request) -> Response:
    """Return the answer to a request, whatever it is."""
    if not is_loopback_host(request.headers.get("host", "")):
        return page_response(
            pages.problem("This is not the address of this server", f"Its address is {server.issuer}."), status=400
        )
    route = ROUTES.get(path_below_issuer(server, request))
    if route is None:
        return page_response(
            pages.problem("There is nothing here", f"The mock server is at {server.issuer}."), status=404
        )
    method = "GET" if request.method == "HEAD" else request.method
    if method not in route.methods:
        allow = {"Allow": ", ".join(route.methods)}
        error = OAuthError("invalid_request", f"This address takes {allow['Allow']}.", status=405, headers=allow)
        return refusal(error, page=route.page)
    try:
        return route.endpoint(server, request)
    except OAuthError as error:
        return refusal(error, page=route.page)
