"""What a fault is: one failure of the server, at the places where it can show, and the catalogues that declare them.

Invariants:

- A fault is a function, its name with ``-`` the fault's name and its docstring what happens on the wire. Each method
  of ``Catalogue`` stands for one thing that such a function changes.
- A fault changes the mock's answer from outside: the endpoints know nothing of it.
- What a fault does not fit, an error or another kind of answer, it leaves alone: it returns the very response that it
  was given. That is how the answers that it did change are counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.messages import OAuthError, Request, Response, refusal
from oauth_cli_providers.mock.signing import b64url_decode, compact_jws

Proceed = Callable[[], Response]
"""What answers the request without this fault."""

_Change = TypeVar("_Change", bound=Callable[..., object])

Answer = Callable[[AuthorizationServer, Request, Proceed], Response]

TOKEN = ("token", "code", "refresh", "poll")
"""The token endpoint: all of it, or one grant: of an authorization code, a refresh token, a device code."""

ESCAPES = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;https://attacker.example\x1b\\link \u202eesrever\u202c \x9b2J "
    "[bold]markup[/bold]"
)
"""What a terminal must not be given: CSI and OSC sequences, of seven and eight bits, a change of direction, markup."""

PROGRAMS = (*TOKEN, "discovery", "jwks", "userinfo", "device_authorization", "introspect", "revoke")
"""The places whose answers are for programs."""


@dataclass(frozen=True)
class Part:
    """What a fault does at one of its places; the first is where it is when nobody says otherwise."""

    places: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True)
class Fault:
    """One failure. Where it has several parts, they make one failure together, and the first one can be moved."""

    name: str
    description: str
    parts: tuple[Part, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Where it can be, its default first."""
        return self.parts[0].places


@dataclass(frozen=True)
class Exchange:
    """A request and the answer that it would have."""

    server: AuthorizationServer
    request: Request
    response: Response


@dataclass(frozen=True)
class Document:
    """The members of a JSON object that is the answer, to be changed in place."""

    server: AuthorizationServer
    request: Request
    members: dict[str, object]


@dataclass
class IdToken:
    """An ID token before it is signed, to be changed in place."""

    server: AuthorizationServer
    header: dict[str, object]
    claims: dict[str, object]
    sign: Callable[[bytes], bytes]

    @classmethod
    def decode(cls, server: AuthorizationServer, token: str) -> IdToken:
        """Return the parts of a JWT, to be signed anew by the server's key."""
        header, claims = (json.loads(b64url_decode(part)) for part in token.split(".")[:2])
        return cls(server, header, claims, server.key.sign)

    def encode(self) -> str:
        """Return the JWT."""
        return compact_jws(self.header, self.claims, self.sign)


@dataclass(frozen=True)
class Callback:
    """The parameters that the browser takes back to the client, to be changed in place; one may be there twice."""

    server: AuthorizationServer
    parameters: list[tuple[str, str]]

    def put(self, **parameters: str | None) -> None:
        """Replace these parameters, each by one; ``None`` leaves it out."""
        self.parameters[:] = [pair for pair in self.parameters if pair[0] not in parameters]
        self.parameters.extend((name, value) for name, value in parameters.items() if value is not None)


def changes_response(change: Callable[[Exchange], Response]) -> Answer:
    """Return what changes any answer."""

    def answer(server: AuthorizationServer, request: Request, proceed: Proceed) -> Response:
        before = proceed()
        after = change(Exchange(server, request, before))
        return before if after == before else after

    return answer


def changes_document(change: Callable[[Document], None]) -> Answer:
    """Return what changes a good answer's JSON object."""

    def change_members(exchange: Exchange) -> Response:
        if exchange.response.status != 200:  # noqa: PLR2004 - OK
            return exchange.response
        answer = Document(exchange.server, exchange.request, json.loads(exchange.response.body))
        with suppress(KeyError):  # another fault took away what this one is about
            change(answer)
        return replace(exchange.response, body=json.dumps(answer.members).encode("ascii"))

    return changes_response(change_members)


def changes_callback(change: Callable[[Callback], None]) -> Answer:
    """Return what changes where the authorization endpoint sends the browser back to."""

    def change_location(exchange: Exchange) -> Response:
        if exchange.response.status != 302:  # noqa: PLR2004 - Found: the way back to the client
            return exchange.response
        location = exchange.response.headers["Location"]
        start = len(exchange.request.query["redirect_uri"]) + 1  # one for the "?" or "&"
        answer = Callback(exchange.server, parse_qsl(location[start:], keep_blank_values=True))
        change(answer)
        location = location[:start] + urlencode(answer.parameters)
        return replace(exchange.response, headers={**exchange.response.headers, "Location": location})

    return changes_response(change_location)


_Refuse = Callable[[], OAuthError]
_Before = Callable[[AuthorizationServer, Request], bool]
_After = Callable[[Exchange], bool]
_ChangeDocument = Callable[[Document], None]
_ChangeIdToken = Callable[[IdToken], None]
_ChangeCallback = Callable[[Callback], None]
_Respond = Callable[[Exchange], Response]


class Catalogue(dict[str, Fault]):
    """Faults by their names. Of several at once the earlier one changes the answer first."""

    def declare(self, name: str, description: str, places: tuple[str, ...], answer: Answer, *more: Part) -> None:
        """Add a fault."""
        self[name] = Fault(name, description, (Part(places, answer), *more))

    def _declare_function(self, change: _Change, places: tuple[str, ...], answer: Answer, *more: Part) -> _Change:
        self.declare(change.__name__.replace("_", "-"), str(change.__doc__), places, answer, *more)
        return change

    def refuses(self, *places: str) -> Callable[[_Refuse], _Refuse]:
        """Declare a fault: every request is refused with the error that the function returns."""

        def declared(error: _Refuse) -> _Refuse:
            return self._declare_function(
                error, places, lambda _server, _request, _proceed: refusal(error(), page=False)
            )

        return declared

    def before(self, *places: str) -> Callable[[_Before], _Before]:
        """Declare a fault: the function is called before the endpoint, and tells whether it did anything."""

        def declared(happen: _Before) -> _Before:
            def answer(server: AuthorizationServer, request: Request, proceed: Proceed) -> Response:
                happened = happen(server, request)
                return replace(proceed()) if happened else proceed()  # another object: the answer counts as bad

            return self._declare_function(happen, places, answer)

        return declared

    def after(self, *places: str) -> Callable[[_After], _After]:
        """Declare a fault: the function is called before the answer is sent, and tells whether it did anything."""

        def declared(happen: _After) -> _After:
            def answer(server: AuthorizationServer, request: Request, proceed: Proceed) -> Response:
                response = proceed()
                return replace(response) if happen(Exchange(server, request, response)) else response  # as in before

            return self._declare_function(happen, places, answer)

        return declared

    def document(self, *places: str) -> Callable[[_ChangeDocument], _ChangeDocument]:
        """Declare a fault: the function changes the JSON object of a good answer."""

        def declared(change: _ChangeDocument) -> _ChangeDocument:
            return self._declare_function(change, places, changes_document(change))

        return declared

    def id_token(
        self, *places: str, jwks: _ChangeDocument | None = None, discovery: _ChangeDocument | None = None
    ) -> Callable[[_ChangeIdToken], _ChangeIdToken]:
        """Declare a fault: the function changes the ID token; ``jwks`` and ``discovery`` change what goes with it."""

        def declared(change: _ChangeIdToken) -> _ChangeIdToken:
            def change_token(answer: Document) -> None:
                if "id_token" in answer.members:
                    token = IdToken.decode(answer.server, str(answer.members["id_token"]))
                    change(token)
                    answer.members["id_token"] = token.encode()

            beside = {"jwks": jwks, "discovery": discovery}
            more = [Part((place,), changes_document(other)) for place, other in beside.items() if other is not None]
            return self._declare_function(change, places or TOKEN, changes_document(change_token), *more)

        return declared

    def callback(self, change: _ChangeCallback) -> _ChangeCallback:
        """Declare a fault: the function changes what the authorization endpoint sends back."""
        return self._declare_function(change, ("authorize",), changes_callback(change))

    def response(self, *places: str) -> Callable[[_Respond], _Respond]:
        """Declare a fault: the function returns what is answered instead."""

        def declared(change: _Respond) -> _Respond:
            return self._declare_function(change, places or PROGRAMS, changes_response(change))

        return declared
