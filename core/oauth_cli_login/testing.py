"""A pytest plugin for people who write OAuth clients: the embedded server as a fixture, well-behaved or not.

Invariants:

- Every pytest run of an environment with oauth-cli loads this module, so it imports nothing that pytest has not.
- The server listens on 127.0.0.1 and [::1] alone, and ends with its test.

docs/testing.md is about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from oauth_cli_providers.mock.authorization_server import AuthorizationServer
    from oauth_cli_providers.mock.faults import Faults
    from oauth_cli_providers.mock.messages import Request, Response

__all__ = ["OAuthMockServer", "OAuthMockServerFactory", "make_oauth_mock_server", "oauth_mock_server"]


class OAuthMockServer:
    """A running authorization server, and the person who signs in there.

    ``issuer`` is its identifier and ``client_id`` its one client, which is public and may have any loopback redirect
    URI. ``requests`` are those that reached it, in their order: each has ``method``, ``path``, ``headers`` (names in
    lower case), and the parameters of its ``query`` and ``form``.
    """

    issuer: str
    client_id: str
    requests: list[Request]

    def __init__(self, faults: str | Iterable[str] = ()) -> None:
        self.requests = []
        self.faults = faults

    @property
    def faults(self) -> frozenset[str]:
        """The faults that are on, each spelled ``NAME``, ``NAME@PLACE`` or ``NAME@PLACE:N``; may be set at any time.

        One text may have several, with commas. Setting raises ``UsageError`` for one that there is not, with those of
        a name that is near.
        """
        return self._faults.spelled

    @faults.setter
    def faults(self, spelled: str | Iterable[str]) -> None:
        from oauth_cli_providers.mock.faults import Faults  # noqa: PLC0415 - as the module's docstring has it

        self._faults: Faults = Faults(spelled)

    def received(self, endpoint: str) -> list[Request]:
        """Return the requests to one endpoint, such as ``token``, ``userinfo`` or ``discovery``.

        Raises ``ValueError`` for a name that is no endpoint's, with those that are.
        """
        from oauth_cli_login.errors import did_you_mean  # noqa: PLC0415 - as above
        from oauth_cli_providers.mock.routes import ROUTES, endpoint_name  # noqa: PLC0415 - as above
        from oauth_cli_providers.mock.server import ISSUER_PATH  # noqa: PLC0415 - as above

        paths = {ISSUER_PATH + path for path in ROUTES if endpoint_name(path) == endpoint}
        if not paths:
            names = sorted({endpoint_name(path) for path in ROUTES})
            near = did_you_mean(endpoint, names) or "."
            raise ValueError(f"there is no endpoint {endpoint[:80]!a}{near} There are: {', '.join(names)}")
        return [request for request in self.requests if request.path in paths]

    def sign_in(
        self,
        authorization_url: str,
        username: str = "demouser",
        *,
        claims: str | Mapping[str, object] = "",
        deny: bool = False,
    ) -> str:
        """Open the URL as a browser, sign in (or deny), and return the URL that the browser is sent back to.

        ``claims`` are further claims, a mapping or the text of one JSON object. Whether and how the callback is
        delivered is the test's affair. Raises ``ValueError`` for what is no URL of the server, for claims that JSON
        cannot hold, and where the server shows a page instead, with its text.
        """
        status, location, page = self._post(authorization_url, username, claims, deny=deny)
        if not location:
            raise ValueError(f"the server does not redirect, but answers {status}: {_text(page)}")
        return location

    def approve(
        self,
        user_code: str,
        username: str = "demouser",
        *,
        claims: str | Mapping[str, object] = "",
        deny: bool = False,
    ) -> None:
        """Enter a device's user code, and sign in (or deny), as ``sign_in`` does.

        Raises ``ValueError`` where the code is not known, and as ``sign_in`` does.
        """
        from urllib.parse import quote  # noqa: PLC0415 - as the module's docstring has it

        url = f"{self.issuer}/device?user_code={quote(user_code, safe='')}"
        status, _, page = self._post(url, username, claims, deny=deny)
        if status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"the server answers {status}: {_text(page)}")

    def _post(self, url: str, username: str, claims: str | Mapping[str, object], *, deny: bool) -> tuple[int, str, str]:
        """Return the status, where it redirects to, and the page of a filled in form."""
        import http.client  # noqa: PLC0415 - as the module's docstring has it
        import json  # noqa: PLC0415 - as above
        from urllib.parse import urlencode, urlsplit  # noqa: PLC0415 - as above

        if not url.startswith(f"{self.issuer}/") or not (url.isascii() and url.isprintable()) or " " in url:
            raise ValueError(f"not a URL of the server at {self.issuer}")
        if not isinstance(claims, str):
            try:
                claims = json.dumps(dict(claims))
            except TypeError as error:
                raise ValueError(f"the claims cannot be written as JSON: {error}") from None
        form = urlencode({"username": username, "claims": claims, "action": "deny" if deny else "allow"})
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"{parts.path}?{parts.query}", form, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", ""), answer.read().decode()
        finally:
            connection.close()

    def _respond(self, server: AuthorizationServer, request: Request) -> Response:
        self.requests.append(request)
        return self._faults.respond(server, request)


class OAuthMockServerFactory(Protocol):
    """What ``make_oauth_mock_server`` is."""

    def __call__(
        self,
        faults: str | Iterable[str] = (),
        *,
        host: str = "localhost",
        port: int = 0,
        access_token_lifetime: int = 3600,
        device_interval: int = 5,
        clock: Callable[[], float] = time.time,
    ) -> OAuthMockServer:
        """Return a server that runs until the test ends.

        ``host`` is how its issuer spells this machine (``localhost`` or ``127.0.0.1``), ``port`` 0 takes a free one.
        Lifetime and interval are seconds; ``clock`` gives seconds since the epoch.
        """


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "oauth_fault(*names): how oauth_mock_server misbehaves; `oauth-cli mock-server --fault help` lists the names",
    )


@pytest.fixture(scope="session")
def _oauth_mock_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the servers of a run keep their key, which takes half a second to make."""
    return str(tmp_path_factory.mktemp("oauth-mock-server"))


@pytest.fixture
def make_oauth_mock_server(_oauth_mock_folder: str) -> Iterator[OAuthMockServerFactory]:
    """Start authorization servers that end with the test."""
    from oauth_cli_providers.mock.authorization_server import CLIENT_ID  # noqa: PLC0415 - only who asks for a server
    from oauth_cli_providers.mock.server import MockServer  # noqa: PLC0415 - pays for it

    with ExitStack() as running:

        def make(
            faults: str | Iterable[str] = (),
            *,
            host: str = "localhost",
            port: int = 0,
            access_token_lifetime: int = 3600,
            device_interval: int = 5,
            clock: Callable[[], float] = time.time,
        ) -> OAuthMockServer:
            made = OAuthMockServer(faults)
            server = MockServer(
                port,
                host=host,
                access_token_lifetime=access_token_lifetime,
                device_interval=device_interval,
                state_folder=_oauth_mock_folder,
                clock=clock,
                respond=made._respond,  # noqa: SLF001 - made here
            )
            made.issuer, made.client_id = running.enter_context(server).issuer, CLIENT_ID
            return made

        yield make


@pytest.fixture
def oauth_mock_server(
    request: pytest.FixtureRequest, make_oauth_mock_server: OAuthMockServerFactory
) -> OAuthMockServer:
    """Return a running authorization server, with the faults of the test's ``oauth_fault`` markers."""
    return make_oauth_mock_server(name for mark in request.node.iter_markers("oauth_fault") for name in mark.args)


def _text(page: str) -> str:
    """Return what a person reads on a page: its first words."""
    import re  # noqa: PLC0415 - as the module's docstring has it

    _, _, main = page.partition("<main")
    return " ".join(re.sub(r"<[^>]*>", " ", f"<main{main}").split())[:300]
