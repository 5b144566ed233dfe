"""A mock server on a free port, with a clock that tests turn, and a client of it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from oauth_cli_providers.mock import server as server_module
from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.faults import Faults
from oauth_cli_providers.mock.messages import Request, Response
from oauth_cli_providers.mock.server import MockServer
from oauth_cli_providers.mock.signing import SigningKey, generate_key

REDIRECT_URI = "http://127.0.0.1:8085/callback"
VERIFIER = "v" * 43


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    """One key for the whole run: making one takes half a second."""
    return generate_key()


def folder_with_key(folder: Path, signing_key: SigningKey) -> str:
    folder.mkdir(mode=0o700)
    with open(os.open(folder / "key.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(signing_key.private_jwk, file)
    return str(folder)


@pytest.fixture
def state_folder(tmp_path: Path, signing_key: SigningKey) -> str:
    return folder_with_key(tmp_path / "mock", signing_key)


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Client:
    """What a program that signs in does, step by step; every default is right."""

    server: MockServer
    http: requests.Session = field(default_factory=requests.Session)

    def authorization_params(self, **changes: str | None) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        params = {
            "client_id": "cli-app",
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile offline_access",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (params | changes).items() if value is not None}

    def authorize(
        self, form: dict[str, str] | None = None, *, headers: dict[str, str] | None = None, **changes: str | None
    ) -> requests.Response:
        """Ask for the login form, or post it."""
        return self.http.request(
            "GET" if form is None else "POST",
            f"{self.server.issuer}/authorize",
            params=self.authorization_params(**changes),
            data=form,
            headers=headers,
            allow_redirects=False,
        )

    def callback(self, response: requests.Response) -> dict[str, str]:
        assert response.status_code == 302, response.text
        return dict(parse_qsl(urlsplit(response.headers["Location"]).query, strict_parsing=True))

    def code(self, username: str = "demouser", claims: str = "", **changes: str | None) -> str:
        return self.callback(self.authorize({"username": username, "claims": claims}, **changes))["code"]

    def post(self, endpoint: str, **form: str | None) -> requests.Response:
        data = {"client_id": "cli-app"} | form
        return self.http.post(f"{self.server.issuer}/{endpoint}", data={k: v for k, v in data.items() if v is not None})

    def redeem(self, code: str, /, **changes: str | None) -> requests.Response:
        form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.post("token", **(form | {"code": code} | changes))

    def tokens(self, **changes: str | None) -> dict[str, str]:
        response = self.redeem(self.code(**changes))
        assert response.status_code == 200, response.text
        return response.json()

    def refresh(self, refresh_token: str, /, **changes: str | None) -> requests.Response:
        return self.post("token", **({"grant_type": "refresh_token", "refresh_token": refresh_token} | changes))

    def userinfo(self, access_token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(f"{self.server.issuer}/userinfo", headers=headers)

    def is_refused(self, response: requests.Response, error: str, status: int = 400) -> bool:
        assert (response.status_code, response.json().get("error")) == (status, error), response.text
        assert response.json()["error_description"]
        assert response.headers["Cache-Control"] == "no-store"
        return True


@pytest.fixture
def start(state_folder: str, clock: Clock) -> Iterator[Callable[..., Client]]:
    """Start servers over one state folder and clock; each call returns a client of a new one."""
    with ExitStack() as stack:

        def start_one(**options: object) -> Client:
            server = MockServer(**({"port": 0, "state_folder": state_folder, "clock": clock} | options))  # type: ignore[arg-type]  # as the tests name them
            client = Client(stack.enter_context(server))
            stack.enter_context(client.http)
            return client

        yield start_one


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    return start()


@dataclass
class SwitchedFaults:
    """Faults that are others later on."""

    now: Faults = field(default_factory=Faults)

    def respond(self, server: AuthorizationServer, request: Request) -> Response:
        return self.now.respond(server, request)


@dataclass
class Misbehaving(Client):
    """A client of a server that misbehaves as ``switched`` has it at the moment; ``listeners`` are its two halves."""

    switched: SwitchedFaults = field(default_factory=SwitchedFaults)
    listeners: list[server_module._Server] = field(default_factory=list)

    @property
    def faults(self) -> Faults:
        return self.switched.now

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.switched.now = faults


@pytest.fixture(scope="module")
def shared_misbehaving(tmp_path_factory: pytest.TempPathFactory, signing_key: SigningKey) -> Iterator[Misbehaving]:
    folder = folder_with_key(tmp_path_factory.mktemp("faults") / "mock", signing_key)
    faults = SwitchedFaults()
    listeners: list[server_module._Server] = []

    class Kept(server_module._Server):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            listeners.append(self)

    server = MockServer(0, state_folder=folder, device_interval=0, respond=faults.respond)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(server_module, "_Server", Kept)
        stack.enter_context(server)
        yield Misbehaving(server, stack.enter_context(requests.Session()), faults, listeners)


@pytest.fixture
def misbehave(shared_misbehaving: Misbehaving) -> Iterator[Callable[..., Misbehaving]]:
    """Turn faults on, and return the client of the one server that has them until the test ends."""

    def turn_on(*spelled: str) -> Misbehaving:
        shared_misbehaving.faults = Faults(spelled)
        return shared_misbehaving

    yield turn_on
    turn_on()


@pytest.fixture
def claims_of(signing_key: SigningKey) -> Callable[[str], dict[str, object]]:
    """Read a JWT as a client does: the signature by its own arithmetic, then the claims."""

    def read(token: str) -> dict[str, object]:
        header, payload, signature = token.split(".")
        digest_info = bytes.fromhex("3031300d060960864801650304020105000420")
        digest_info += hashlib.sha256(f"{header}.{payload}".encode()).digest()
        em = pow(int.from_bytes(_decode(signature), "big"), 65537, signing_key.n).to_bytes(256, "big")
        assert em == b"\x00\x01" + b"\xff" * (253 - len(digest_info)) + b"\x00" + digest_info
        return json.loads(_decode(payload))

    return read


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def stranger() -> str:
    """A token of the right form that nobody issued."""
    return f"{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"
