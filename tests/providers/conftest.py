"""Whole sign-ins in this process: the command line, a browser that is a thread, a provider that is requests-mock."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import ports
import pytest
import requests_mock as requests_mock_module

from oauth_cli_login import cli
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.context import Context
from oauth_cli_login.model import ServerMetadata, Session, Settings
from oauth_cli_login.provider import Provider
from oauth_cli_providers.mock.signing import SigningKey, generate_key

FORM = "application/x-www-form-urlencoded"


@dataclass
class Browser:
    """A person who is signed in already and agrees: the redirect comes at once, with the parameters of ``answer``."""

    clock: Clock
    answer: dict[str, str] = field(default_factory=lambda: {"code": "the-code"})
    url: str = ""
    _thread: threading.Thread | None = None

    def open(self, url: str) -> bool:
        self.url = url
        self._thread = threading.Thread(target=self._redirect)
        self._thread.start()
        return True

    @property
    def endpoint(self) -> str:
        return self.url.partition("?")[0]

    @property
    def request(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        pairs = parse_qsl(urlsplit(self.url).query, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def without_random(self) -> dict[str, str]:
        """The parameters of the request, after a look at those that are another each time: state, nonce, PKCE."""
        request = self.request
        assert request.pop("code_challenge_method") == "S256"
        for name in ("state", "code_challenge", *(["nonce"] if "openid" in request.get("scope", "").split() else [])):
            assert re.fullmatch(r"[A-Za-z0-9_-]{43}", request.pop(name))
        return request

    def was_verified_by(self, code_verifier: str) -> bool:
        """Tell whether the request's challenge is the verifier's (RFC 7636 section 4.6)."""
        digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
        return self.request["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _redirect(self) -> None:
        try:
            redirect = urlsplit(self.request["redirect_uri"])
            connection = http.client.HTTPConnection(redirect.netloc, timeout=10)
            query = urlencode({"state": self.request["state"], **self.answer})
            connection.request("GET", f"{redirect.path}?{query}")
            connection.getresponse().read()
            connection.close()
        except BaseException:
            self.clock.sleep(1e6)  # nobody comes any more: the wait for him is over
            raise


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, passing_time: Clock) -> Iterator[Browser]:
    browser = Browser(passing_time)
    monkeypatch.setattr("oauth_cli_login.commands.login.default_browser", lambda _environ: browser.open)
    yield browser
    browser.close()


@dataclass
class Clock:
    """Waiting takes no time, and is all that a wait is measured by; the date goes on by itself besides.

    What takes a minute in the real world ends all the same: a test that waits for nothing fails, and does not hang.
    """

    def __init__(self) -> None:
        self.later = 0.0
        self._patient_until = time.monotonic() + 60

    def now(self) -> float:
        return time.time() + self.later

    def monotonic(self) -> float:
        return 1000.0 + self.later + 10 * max(0.0, time.monotonic() - self._patient_until)

    def sleep(self, seconds: float) -> None:
        self.later += seconds


@pytest.fixture
def passing_time() -> Clock:
    return Clock()


@dataclass(frozen=True)
class Finished:
    status: int
    stdout: str
    stderr: str


@pytest.fixture
def oauth_cli(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    browser: Browser,
    passing_time: Clock,
    requests_mock: requests_mock_module.Mocker,
) -> Callable[..., Finished]:
    """Run a command, with the environment as keywords. Whatever a test has not registered cannot be reached."""

    def context(environ: Any, terminal: Any) -> Context:
        return Context(
            environ, terminal, clock=passing_time.now, monotonic=passing_time.monotonic, sleep=passing_time.sleep
        )

    monkeypatch.setattr("oauth_cli_login.context.Context", context)

    def run(*argv: str, **environ: str) -> Finished:
        status = cli.main(argv, {"OAUTH_CLI_HOME": str(tmp_path / "home"), **environ})
        return Finished(status, *capfd.readouterr())

    return run


@pytest.fixture
def session(tmp_path: Path) -> Callable[[str], Session]:
    """Read a profile's stored session."""

    def read(profile: str) -> Session:
        stored = Store({"OAUTH_CLI_HOME": str(tmp_path / "home")}).read(profile)
        assert stored is not None
        assert stored.session is not None
        return stored.session

    return read


@dataclass(frozen=True)
class Sent:
    """One request that reached the HTTP edge."""

    method: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        assert self.headers["Content-Type"] == FORM
        pairs = parse_qsl(self.body, strict_parsing=True, keep_blank_values=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)

    @property
    def basic(self) -> str | None:
        """Client id and secret of HTTP Basic, or ``None``."""
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(credentials).decode() if scheme == "Basic" else None


@pytest.fixture
def sent(requests_mock: requests_mock_module.Mocker) -> Callable[[str], list[Sent]]:
    """Return what was sent to an address, in order."""

    def to(url: str) -> list[Sent]:
        return [
            Sent(request.method, dict(request.headers), request.text or "")
            for request in requests_mock.request_history
            if request.url.partition("?")[0] == url
        ]

    return to


@pytest.fixture
def port() -> str:
    """A port that is free, for providers that take the registered one only: 8085 may be somebody else's just now."""
    return str(ports.free_port())


@pytest.fixture(scope="session")
def id_token_key() -> SigningKey:
    return generate_key()


@dataclass
class OpenIDProvider:
    """An OpenID Connect provider at the HTTP edge. Tests change ``tokens`` and ``claims`` to what they are about."""

    issuer: str
    document: dict[str, Any]
    key: SigningKey
    browser: Browser
    clock: Clock
    tokens: dict[str, Any] = field(
        default_factory=lambda: {"access_token": "access-1", "token_type": "Bearer", "expires_in": 3600}
    )
    claims: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    client_id: str = "the-client"

    def token(self, request: Any, context: Any) -> dict[str, Any]:
        """Answer at the token endpoint: an ID token with the login's nonce goes with the code and device grants."""
        context.status_code = self.status
        if "error" in self.tokens:
            return self.tokens
        form = dict(parse_qsl(request.text))
        now = int(self.clock.now())
        claims = {"iss": self.issuer, "sub": "user-1", "iat": now, "exp": now + 3600, **self.claims}
        claims.setdefault("aud", self.client_id)
        if form["grant_type"] == "authorization_code":
            claims["nonce"] = self.browser.request["nonce"]
        return {**self.tokens, "id_token": self.key.encode(claims, typ="JWT")}


@pytest.fixture
def openid_provider(
    requests_mock: requests_mock_module.Mocker, id_token_key: SigningKey, browser: Browser, passing_time: Clock
) -> Callable[..., OpenIDProvider]:
    """Set up a provider: its issuer, its endpoints' common beginning, and what its discovery document says more."""

    def set_up(issuer: str, document: dict[str, Any], userinfo: dict[str, Any] | None = None) -> OpenIDProvider:
        whole = {"issuer": issuer, **document}
        provider = OpenIDProvider(issuer, whole, id_token_key, browser, passing_time)
        requests_mock.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", json=whole)
        requests_mock.get(whole["jwks_uri"], json={"keys": [id_token_key.public_jwk]})
        requests_mock.post(whole["token_endpoint"], json=provider.token)
        requests_mock.get(whole["userinfo_endpoint"], json={"sub": "user-1", "name": "Ada", **(userinfo or {})})
        return provider

    return set_up


@pytest.fixture
def settings_of() -> Callable[..., Settings]:
    """Return a provider's settings with these values, the others unset or at their defaults."""

    def build(provider: Provider, **values: str) -> Settings:
        declared = provider.declared_settings()
        assert values.keys() <= declared.keys()
        return Settings({**{name: setting.default for name, setting in declared.items()}, **values})

    return build


@pytest.fixture
def metadata_of() -> Callable[..., ServerMetadata]:
    """Return metadata that holds these members of a discovery document."""

    def build(**document: Any) -> ServerMetadata:
        return ServerMetadata(document=document, issuer=document.get("issuer"))

    return build
