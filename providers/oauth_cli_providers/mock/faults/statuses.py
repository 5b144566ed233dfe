"""Faults of any answer for programs that the endpoint does not give: a status, a redirect."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.faults.fault import PROGRAMS, Catalogue, Exchange, Proceed
from oauth_cli_providers.mock.messages import OAuthError, Request, Response, refusal

faults = Catalogue()

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_REDIRECTED = "redirected"


def _status_fault(name: str, description: str, answer: Response) -> None:
    # the endpoint is not asked: whatever the request would have spent is still good
    faults.declare(name, description, PROGRAMS, lambda _server, _request, _proceed: answer)


for _status in (400, 403, 404, 405, 418, 500):
    _status_fault(f"http-{_status}", f"The status is {_status}, the body empty.", Response(_status, _JSON))
for _name, _status, _seconds in (
    ("http-429", 429, "1"),
    ("http-503", 503, "1"),
    ("retry-after-an-hour", 503, "3600"),
    ("retry-after-a-year", 503, "31536000"),
    ("retry-after-words", 503, "soon"),
    ("retry-after-negative", 503, "-5"),
):
    _status_fault(
        _name,
        f"The status is {_status}, with Retry-After: {_seconds}.",
        Response(_status, {**_JSON, "Retry-After": _seconds}, b'{"error": "temporarily_unavailable"}'),
    )
_status_fault(
    "http-401",
    "The status is 401, the error invalid_client.",
    refusal(OAuthError("invalid_client", "The client is not known.", status=401), page=False),
)
_status_fault("http-401-empty", "The status is 401, the body empty.", Response(401, _JSON))


@faults.response()
def http_400_after(exchange: Exchange) -> Response:
    """The status is 400 after the work was done, and the body is the one of a success."""
    return replace(exchange.response, status=400)


@faults.response()
def http_500_after(_exchange: Exchange) -> Response:
    """The status is 500 after the work was done: what the request held is spent, and nobody has what it gave."""
    return Response(500, _JSON)


def _redirect_fault(status: int) -> None:
    def answer(server: AuthorizationServer, request: Request, proceed: Proceed) -> Response:
        if _REDIRECTED in request.target:  # who follows is answered as if nothing were wrong
            return proceed()
        issuer = urlsplit(server.issuer)
        other = "127.0.0.1" if issuer.hostname == "localhost" else "localhost"
        location = f"http://{other}:{issuer.port}{request.path}?{_REDIRECTED}=1"
        return Response(status, {"Location": location, "Cache-Control": "no-store"})

    description = f"The status is {status}, to another name of this machine, where the right answer is."
    faults.declare(f"redirect-{status}", description, PROGRAMS, answer)


for _status in (301, 302, 303, 307, 308):
    _redirect_fault(_status)
