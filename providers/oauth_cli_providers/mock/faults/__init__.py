"""The mock's misbehaviour: which faults there are, and which are on.

A fault is written ``NAME``, ``NAME@PLACE`` or ``NAME@PLACE:N``: the place is an endpoint or one grant of the token
endpoint, and N how many of its answers are bad before all are good. An answer that a fault leaves alone is not counted.
docs/mock-server.md is about them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from functools import partial

from oauth_cli_login.errors import UsageError, did_you_mean
from oauth_cli_providers.mock import routes
from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.faults import bodies, callbacks, claims, documents, signatures, statuses, timing, tokens
from oauth_cli_providers.mock.faults.fault import Answer, Catalogue, Fault, Proceed
from oauth_cli_providers.mock.messages import OAuthError, Request, Response
from oauth_cli_providers.mock.token import DEVICE_CODE_GRANT

__all__ = ["FAULTS", "ActiveFault", "Fault", "Faults"]

FAULTS = Catalogue(
    {
        **documents.faults,
        **callbacks.faults,
        **tokens.faults,
        **claims.faults,
        **signatures.faults,
        **statuses.faults,
        **bodies.faults,
        **timing.faults,
    }
)
"""Every fault: members of an answer come first, then the ID token that is one of them, and at last whole answers."""

_GRANTS = {"authorization_code": "code", "refresh_token": "refresh", DEVICE_CODE_GRANT: "poll"}
_SPELLED = re.compile(r"([a-z0-9-]+)(?:@([a-z_]+))?(?::([1-9][0-9]{0,5}))?", re.ASCII)
_HINT = "`oauth-cli mock-server --fault help` lists the faults and their places."


class ActiveFault:
    """A fault that is on: at one place, for ever or for a number of answers."""

    def __init__(self, fault: Fault, place: str, times: int | None = None) -> None:
        self.fault = fault
        self.place = place
        self._left = times
        self._is_over = False
        self._guard = threading.Lock()

    @classmethod
    def parse(cls, spelled: str) -> ActiveFault:
        """Return what ``NAME[@PLACE][:N]`` stands for; raise ``UsageError``."""
        match = _SPELLED.fullmatch(spelled)
        if match is None:
            raise UsageError(f"{spelled[:80]!a} is not spelled NAME[@PLACE][:N]", hint=_HINT)
        name, place, times = match.groups()
        fault = FAULTS.get(name)
        if fault is None:
            raise UsageError(f"there is no fault {name[:80]!a}{did_you_mean(name, FAULTS)}", hint=_HINT)
        if place is not None and place not in fault.places:
            raise UsageError(f"the fault {name} is not for {place[:80]}: {' or '.join(fault.places)}", hint=_HINT)
        return cls(fault, place or fault.places[0], None if times is None else int(times))

    def __str__(self) -> str:
        times = "" if self._left is None else f":{self._left}"
        return f"{self.fault.name}@{self.place}{times}"

    def parts(self, places: frozenset[str]) -> Iterator[Answer]:
        """Yield what it does to an answer at these places."""
        first, *others = self.fault.parts
        if self.place in places:
            yield first.answer if self._left is None else partial(self._answer_counted, first.answer)
        if not self._is_over:  # until the first part has let one pass: keys are asked for after what they have signed
            yield from (part.answer for part in others if places & set(part.places))

    def _answer_counted(
        self, answer: Answer, server: AuthorizationServer, request: Request, proceed: Proceed
    ) -> Response:
        # Taken before, so that no two requests at once have the last one; given back where nothing was changed.
        if not self._takes_one():
            self._is_over = True
            return proceed()
        given: list[Response] = []

        def remembered() -> Response:
            given.append(proceed())
            return given[-1]

        response = answer(server, request, remembered)
        if any(response is one for one in given):
            self._gives_back()
        return response

    def _takes_one(self) -> bool:
        with self._guard:
            if not self._left:
                return False
            self._left -= 1
            return True

    def _gives_back(self) -> None:
        with self._guard:
            self._left = (self._left or 0) + 1


class Faults:
    """The faults that are on.

    ``spelled`` are ``NAME[@PLACE][:N]``, in one text or several, with commas between; raises ``UsageError`` for one
    that is none. The attribute ``spelled`` holds them one by one, as the catalogue writes them.
    """

    def __init__(self, spelled: str | Iterable[str] = ()) -> None:
        named = list(dict.fromkeys(each_spelled(spelled)))  # in their order: the first that is none is the one to name
        self.spelled = frozenset(named)
        order = list(FAULTS)
        active = (ActiveFault.parse(one) for one in named)
        self.active = sorted(active, key=lambda one: order.index(one.fault.name))

    def respond(self, server: AuthorizationServer, request: Request) -> Response:
        """Answer a request as the mock does, or as badly as it is told."""
        proceed = partial(routes.respond, server, request)
        places = _places(server, request)
        for one in self.active:
            for answer in one.parts(places):
                proceed = partial(answer, server, request, proceed)
        return proceed()


def each_spelled(spelled: str | Iterable[str]) -> Iterator[str]:
    """Yield one by one what has commas between, in the catalogue's letters: ``alg-none`` for ``ALG_NONE``.

    A comma too many is none of them; a text without any of them is yielded, for ``ActiveFault.parse`` to refuse.
    """
    for text in [spelled] if isinstance(spelled, str) else spelled:
        for one in [part for part in text.split(",") if part.strip()] or [text]:
            name, at, rest = one.strip().lower().partition("@")
            yield name.replace("_", "-") + at + rest.replace("-", "_")


def _places(server: AuthorizationServer, request: Request) -> frozenset[str]:
    """Return which places a request is at: none where no endpoint would see it."""
    path = routes.path_below_issuer(server, request)
    if not routes.is_loopback_host(request.headers.get("host", "")) or path not in routes.ROUTES:
        return frozenset()
    place = routes.endpoint_name(path)
    if place != "token":
        return frozenset({place})
    try:
        grant = _GRANTS.get(request.form.get("grant_type", ""))
    except OAuthError:
        grant = None
    return frozenset({place} | ({grant} if grant else set()))
