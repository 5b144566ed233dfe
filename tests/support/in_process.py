"""The command line in this process: a home of its own, servers on loopback, a robot for a browser, a clock to turn."""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import ports
import pytest
from quiet_server import QuietHandler, QuietServer

from oauth_cli_login.adapters.store import Store
from oauth_cli_login.cli import main
from oauth_cli_login.context import Context
from oauth_cli_login.model import Profile, SecretReference, Session
from oauth_cli_login.testing import OAuthMockServer
from oauth_cli_providers.mock.authorization_server import CLIENT_ID
from oauth_cli_providers.mock.server import MockServer
from oauth_cli_providers.mock.signing import SigningKey, generate_key

NOW = 1_800_000_000
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}


@dataclass
class Clock:
    """The time of day, for client and server alike; it stands still unless a test turns it."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def shared_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(shared_clock: Clock) -> Clock:
    shared_clock.now = NOW
    return shared_clock


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    """One key for the whole run: making one takes half a second."""
    return generate_key()


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def redirect_uri() -> str:
    return f"http://localhost:{ports.free_port()}/callback"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path, redirect_uri: str) -> dict[str, str]:
    """The environment of every command; the profile ``mock`` has a callback port of its own in it."""
    return {"OAUTH_CLI_HOME": str(home), "OAUTH_CLI_MOCK_REDIRECT_URI": redirect_uri}


# ---- the command line


@dataclass(frozen=True)
class Finished:
    """What a command ended with."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> str:
        """The one line that says what is wrong."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return line.removeprefix("error: ")

    @property
    def next_step(self) -> str:
        """What stands under that line."""
        return self.err.partition("error: ")[2].partition("\n")[2]

    def failed(self, status: int, *words: str) -> bool:
        """Assert the exit status, an empty stdout, and one error line that holds these words."""
        assert (self.status, self.out) == (status, ""), self.err
        for word in words:
            assert word in self.error
        return True


Cli = Callable[..., Finished]


@pytest.fixture
def world(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace what reaches the commands through their context: ``monotonic``, ``sleep``, ``entropy``."""

    def replace_with(**parts: Callable[..., object]) -> None:
        monkeypatch.setattr("oauth_cli_login.context.Context", partial(Context, clock=clock, **parts))

    return replace_with


@pytest.fixture
def cli(environ: dict[str, str], robot: Robot, world: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command as a process would, with the robot for a browser; keywords are further environment variables."""
    world()

    def run(*argv: str, **variables: str) -> Finished:
        capfd.readouterr()
        status = main(argv, {**environ, **variables})
        robot.join()
        return Finished(int(status), *capfd.readouterr())

    return run


class Person:
    """Somebody at a terminal; ``seen`` is what it showed, whole once the ``with`` block has ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def seen(self) -> str:
        return self._seen.decode()

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def leave(self) -> None:
        self._reader.join(timeout=20)
        os.close(self._descriptor)

    def _read(self) -> None:
        with suppress(OSError):  # EIO: nobody has the other side any more
            while data := os.read(self._descriptor, 4096):
                self._seen += data


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[Person]]:
    """Put a command at a terminal, inside a ``with`` block that gives the person there.

    It is no fixture that is simply there, because pytest puts its own streams back between setup and call.
    """

    @contextmanager
    def open_terminal() -> Iterator[Person]:
        near, far = os.openpty()
        person = Person(near)
        with open(far, encoding="utf-8") as source, open(os.dup(far), "w", encoding="utf-8") as stream:
            monkeypatch.setattr("sys.stdin", source)
            monkeypatch.setattr("sys.stderr", stream)
            yield person
        person.leave()

    return open_terminal


# ---- the browser


@dataclass
class Robot:
    """A browser that signs in by itself.

    ``urls`` are what it was opened with, ``answers`` the (status, page) of each request to the callback. ``deliver``
    is what it does with the address that the server redirects to: by default it goes there, as a browser would.
    """

    starts: bool = True
    urls: list[str] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=lambda: {"username": "demouser"})
    deliver: Callable[[str], object] | None = None
    threads: list[threading.Thread] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)

    def open(self, url: str) -> bool:
        self.urls.append(url)
        if self.starts:
            self.start(partial(self._visit, url))
        return self.starts

    def start(self, work: Callable[[], object]) -> None:
        """Do something beside the command; what it raises fails the test."""

        def run() -> None:
            try:
                work()
            except Exception as problem:  # noqa: BLE001 - whatever it is, the test is told
                self.problems.append(problem)

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(timeout=20)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the one authorization request."""
        (url,) = self.urls
        return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))

    def get(self, url: str, *, method: str = "GET", host: str | None = None, **headers: str) -> int:
        """Send a request to the callback, and return the answer's status."""
        named = {"Host": host or urlsplit(url).netloc, **headers}
        status, _, page = _exchange(method, url, headers=named)
        self.answers.append((status, page))
        return status

    def sign_in(self, url: str) -> str:
        """Sign in at the authorization endpoint, and return where it redirects to."""
        (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
        form = None
        for _ in range(5):
            status, location, page = _exchange("POST" if form else "GET", url, form=form)
            if location.startswith(redirect_uri):
                return location
            assert status == 200, page
            form = self.form
        raise AssertionError("the server does not redirect back")

    def post(self, url: str) -> None:
        """Fill in the form at this address."""
        status, _, page = _exchange("POST", url, form=self.form)
        assert status == 200, page

    def _visit(self, url: str) -> None:
        (self.deliver or self.get)(self.sign_in(url))


def _exchange(
    method: str, url: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Return the status, the Location made absolute, and the body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        connection.request(method, f"{parts.path or '/'}?{parts.query}", urlencode(form) if form else None, sent)
        response = connection.getresponse()
        location = response.getheader("Location")
        return response.status, urljoin(url, location) if location else "", response.read().decode()
    finally:
        connection.close()


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    browser = Robot()
    monkeypatch.setattr("oauth_cli_login.commands.login.default_browser", lambda _environ: browser.open)
    yield browser
    browser.join()
    assert browser.problems == []


# ---- the servers


@dataclass
class Received:
    """A request as it came: ``fields`` are the form's or the query's."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Reply:
    """An answer; a mapping or list becomes JSON, bytes are sent as they are."""

    status: int
    body: object = ""
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def reply() -> type[Reply]:
    """What ``server.queue`` takes."""
    return Reply


@dataclass
class Server:
    """A correct authorization server, until a test changes it: ``None`` leaves a member out.

    Changes: ``metadata`` of the discovery document, ``redirect`` of the callback's parameters, ``tokens`` of the token
    response, ``claims`` of the ID token, ``keys`` of the JSON Web Key Set, ``userinfo``, ``introspection``. ``queue``
    replaces an endpoint's next answers altogether.
    """

    issuer: str
    sign: Callable[[str], str]
    clock: Callable[[], float]
    keys: list[dict[str, object]]
    metadata: dict[str, object] = field(default_factory=dict)
    redirect: dict[str, object] = field(default_factory=dict)
    tokens: dict[str, object] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    userinfo: dict[str, object] = field(default_factory=dict)
    introspection: dict[str, object] = field(default_factory=dict)
    device: dict[str, object] = field(default_factory=dict)
    sub: str = "demouser"
    requests: list[Received] = field(default_factory=list)
    on_request: Callable[[Received], object] = lambda _received: None
    _queued: dict[str, list[Reply]] = field(default_factory=dict)

    def queue(self, path: str, *replies: Reply) -> None:
        self._queued.setdefault(path, []).extend(replies)

    def received(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]

    def document(self) -> dict[str, object]:
        endpoints = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "userinfo_endpoint": "/userinfo",
            "revocation_endpoint": "/revoke",
            "introspection_endpoint": "/introspect",
            "device_authorization_endpoint": "/device_authorization",
            "jwks_uri": "/jwks",
        }
        own = {name: self.issuer + path for name, path in endpoints.items()}
        return _changed({"issuer": self.issuer, "code_challenge_methods_supported": ["S256"], **own}, self.metadata)

    def id_token(self, nonce: str | None = None) -> str:
        now = int(self.clock())
        claims = {"iss": self.issuer, "sub": self.sub, "aud": "cli-app", "iat": now, "exp": now + 600, "nonce": nonce}
        return self.sign(json.dumps(_changed(claims, self.claims)))

    def answer(self, received: Received) -> Reply:
        self.requests.append(received)
        self.on_request(received)
        if queued := self._queued.get(received.path):
            return queued.pop(0)
        endpoints: dict[str, Callable[[], object]] = {
            "/.well-known/openid-configuration": self.document,
            "/authorize": lambda: self._redirect(received.fields),
            "/token": lambda: self._tokens(received.fields),
            "/userinfo": lambda: _changed({"sub": self.sub, "preferred_username": self.sub}, self.userinfo),
            "/revoke": dict,
            "/introspect": lambda: _changed({"active": True, "sub": self.sub}, self.introspection),
            "/device_authorization": self._device,
            "/jwks": lambda: {"keys": self.keys},
        }
        if received.path not in endpoints:
            return Reply(404, "<p>nothing here")
        answer = endpoints[received.path]()
        return answer if isinstance(answer, Reply) else Reply(200, answer)

    def _redirect(self, query: dict[str, str]) -> Reply:
        answer = _changed({"code": "the-code-of-this-login", "state": query.get("state")}, self.redirect)
        return Reply(302, headers={"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    def _tokens(self, form: dict[str, str]) -> dict[str, object]:
        number = len(self.received("/token"))
        asked = self.received("/authorize") if form["grant_type"] == "authorization_code" else []
        response = {
            "access_token": f"access-token-{number}-secret",
            "refresh_token": f"refresh-token-{number}-secret",
            "token_type": "Bearer",
            "expires_in": 3600,
            "id_token": self.id_token(asked[-1].fields.get("nonce") if asked else None),
        }
        return _changed(response, self.tokens)

    def _device(self) -> dict[str, object]:
        response = {
            "device_code": "device-code-secret",
            "user_code": "BCDF-GHJK",
            "verification_uri": f"{self.issuer}/device",
            "expires_in": 600,
        }
        return _changed(response, self.device)


def _changed(members: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def _serve(respond: Callable[[Received], Reply]) -> QuietServer:
    class Handler(QuietHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = respond(Received(self.command, path, dict(parse_qsl(body or query)), headers, body))
            is_text = isinstance(reply.body, str)
            data = reply.body if isinstance(reply.body, bytes) else None
            if data is None:
                data = (str(reply.body) if is_text else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in {**(HTML if is_text else JSON), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer

    return QuietServer(Handler)


@pytest.fixture(scope="session")
def sign(signing_key: SigningKey) -> Callable[[str], str]:
    """Make an ID token of claims in JSON; a signature takes a while, so the same claims give the same token."""
    return lru_cache(lambda claims: signing_key.encode(json.loads(claims), typ="JWT"))


@pytest.fixture(scope="session")
def listening() -> Iterator[tuple[str, list[Server]]]:
    """An address for the whole run, and in the list the server of the test that runs."""
    current: list[Server] = []
    with _serve(lambda received: current[0].answer(received)) as http_server:  # noqa: PLW0108 - another one each test
        thread = threading.Thread(target=http_server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}", current
        http_server.shutdown()
        thread.join()


@pytest.fixture
def server(
    listening: tuple[str, list[Server]],
    sign: Callable[[str], str],
    signing_key: SigningKey,
    clock: Clock,
    environ: dict[str, str],
) -> Server:
    """An authorization server that a test can make misbehave; the profile ``mock`` means it."""
    issuer, current = listening
    current[:] = [Server(issuer, sign, clock, [signing_key.public_jwk])]
    environ["OAUTH_CLI_MOCK_ISSUER"] = issuer
    return current[0]


@pytest.fixture(scope="session")
def mock_key_folder(tmp_path_factory: pytest.TempPathFactory, signing_key: SigningKey) -> Path:
    """A state folder of the embedded server that has its key already."""
    folder = tmp_path_factory.mktemp("mock")
    with open(os.open(folder / "key.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(signing_key.private_jwk, file)
    return folder


@pytest.fixture(scope="session")
def running_mock(shared_clock: Clock, mock_key_folder: Path) -> Iterator[OAuthMockServer]:
    """The embedded server of the whole run: a thread takes a while to end, so no test starts one of its own."""
    mock = OAuthMockServer()
    server = MockServer(
        0,
        access_token_lifetime=1800,  # not the hour that a client assumes where none is named
        state_folder=str(mock_key_folder),
        clock=shared_clock,
        respond=mock._respond,  # as the plugin does, which starts a server for each test
    )
    with server:
        mock.issuer, mock.client_id = server.issuer, CLIENT_ID
        yield mock


@pytest.fixture
def mock(
    running_mock: OAuthMockServer, mock_key_folder: Path, clock: Clock, environ: dict[str, str]
) -> Iterator[OAuthMockServer]:
    """The embedded server, which misbehaves as the test's ``mock.faults`` tell it; the profile ``mock`` means it."""
    (mock_key_folder / "state.json").unlink(missing_ok=True)
    running_mock.requests = []
    environ["OAUTH_CLI_MOCK_ISSUER"] = running_mock.issuer
    yield running_mock
    running_mock.faults = ()


@pytest.fixture
def signed_in_at_mock(cli: Cli, mock: OAuthMockServer, clock: Clock, redirect_uri: str) -> Callable[..., None]:
    """Sign in at the embedded server, ``age`` seconds ago; what it is asked from then on is in ``mock.requests``."""

    def sign_in(name: str = "mock", *, age: int = 3600) -> None:
        settings = ("--issuer", mock.issuer, "--redirect-uri", redirect_uri)
        assert cli("login", "--provider", "mock", "--profile", name, *settings).status == 0
        clock.now += age
        mock.requests.clear()

    return sign_in


# ---- what is stored


@pytest.fixture
def store(environ: dict[str, str]) -> Store:
    return Store(environ)


@pytest.fixture
def before_the_lock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let something happen once, after a session was read and before its lock is had."""
    lock = Store.lock

    def install(act: Callable[[], object]) -> None:
        acts = [act]

        @contextmanager
        def lock_late(self: Store, name: str) -> Iterator[None]:
            if acts:
                acts.pop()()
            with lock(self, name):
                yield

        monkeypatch.setattr(Store, "lock", lock_late)

    return install


@pytest.fixture
def session_file(home: Path) -> Callable[[str], Path]:
    def path(name: str = "mock") -> Path:
        return home / "sessions" / name

    return path


@pytest.fixture
def signed_in(store: Store, server: Server, clock: Clock) -> Callable[..., Profile]:
    """Store a session of ``demouser`` at the server; keywords change the session."""

    def make(
        name: str = "mock",
        *,
        provider: str = "mock",
        settings: dict[str, str] | None = None,
        secrets: dict[str, SecretReference] | None = None,
        **changes: Any,
    ) -> Profile:
        session = Session(
            issuer=server.issuer,
            client_id="cli-app",
            sub="demouser",
            label="demouser",
            scopes=("openid", "profile"),
            issued_at=int(clock()),
            expires_at=int(clock()) + 3600,
            access_token="stored-access-token",
            refresh_token="stored-refresh-token",
            id_token=server.id_token(),
            token_endpoint=f"{server.issuer}/token",
        )
        kept = {"issuer": server.issuer, "client_id": "cli-app", "scopes": "openid profile", **(settings or {})}
        profile = Profile(name, provider, kept, secrets or {}, replace(session, **changes))
        store.write(profile)
        return profile

    return make


@pytest.fixture
def secrets_of(server: Server, robot: Robot, session_file: Callable[[str], Path]) -> Callable[[], set[str]]:
    """Return everything that the last sign-in at ``server`` must keep to itself: codes, verifiers, tokens."""

    def collect() -> set[str]:
        found = {
            value
            for request in server.requests
            for name, value in request.fields.items()
            if name in ("code", "code_verifier", "refresh_token", "token", "device_code")
        }
        for path in session_file().parent.glob("[a-z0-9]*"):
            found |= set(re.findall(r"[\w.-]*token-\d-secret|eyJ[\w.-]+", path.read_text()))
        return found

    return collect


# ---- plugins


HEAD = "import pluggy\nhookimpl = pluggy.HookimplMarker('oauth_cli')\n"
SCOPES = HEAD + "@hookimpl\ndef oauth_default_scopes():\n    return ('mine',)\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what installs a distribution of one module, which offers one provider."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(
        provider: str, source: str = SCOPES, *, dist: str = "acme", module: str | None = None, target: str | None = None
    ) -> Path:
        module = module or f"plugin_{dist.replace('-', '_')}"
        path = tmp_path / f"{module}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        info = tmp_path / f"{dist.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.5\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(
            f"[oauth_cli.providers]\n{provider} = {target or module}\n", encoding="utf-8"
        )
        monkeypatch.delitem(sys.modules, module, raising=False)
        return path

    return install
