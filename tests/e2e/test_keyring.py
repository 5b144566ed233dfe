"""Sessions in a real Secret Service, by the built file with the package ``keyring`` beside its interpreter."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from command import Command
from forms import sign_in
from machine import Machine
from quiet_server import QuietHandler, QuietServer
from servers import secret_service as secret_service_module
from servers.oidc_provider import CLIENT_ID
from servers.secret_service import SecretService

PROFILE = "127.0.0.1"
"""The issuer's host names the profile."""
BOUND = 20
"""Seconds in which a command must have ended whatever the keyring does; its own limit is 3."""


@pytest.fixture
def secret_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretService]:
    with secret_service_module.serve(str(tmp_path_factory.mktemp("desktop"))) as service:
        yield service


@pytest.fixture
def oauth_cli(oauth_cli: Command, secret_service: SecretService) -> Command:
    """The command on that desktop."""
    oauth_cli.env.update(secret_service.env)
    return oauth_cli


def log_in(oauth_cli: Command, issuer: str, *argv: str) -> None:
    handed_over = oauth_cli.handed_over()
    settings = ["--issuer", issuer, "--client-id", CLIENT_ID, *argv]
    running = oauth_cli.start_login(*settings, provider="oidc", browser=handed_over.browser)
    sign_in(handed_over.url(running), {"login": "demouser", "password": "made up"})
    done = running.finish()
    assert done.returncode == 0, done.stderr


def tokens(secret_service: SecretService) -> dict[str, str]:
    """Return the tokens of the only session that the service holds."""
    (text,) = secret_service.items().values()
    found = json.loads(text)["tokens"]
    assert set(found) == {"access_token", "refresh_token", "id_token"}
    return dict(found)


def files_with(secrets: dict[str, str], oauth_cli: Command) -> list[Path]:
    """Return the files of this user in which one of the secrets stands."""
    files = [path for path in Path(oauth_cli.home).parent.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert files
    found = [secret.encode() for secret in secrets.values()]
    return [path for path in files if any(secret in path.read_bytes() for secret in found)]


def test_a_session_lives_in_the_keyring_from_login_to_logout(
    oauth_cli: Command, oidc_provider: str, secret_service: SecretService
) -> None:
    """The server ends the session where a refresh token comes twice."""
    log_in(oauth_cli, oidc_provider, "--store", "keyring")
    seen = [tokens(secret_service)]
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (0, seen[-1]["access_token"] + "\n"), done.stderr
    for _ in range(3):
        oauth_cli.expire(PROFILE)
        done = oauth_cli("token")
        seen.append(tokens(secret_service))
        assert (done.returncode, done.stdout) == (0, seen[-1]["access_token"] + "\n"), done.stderr
        assert files_with(seen[-1], oauth_cli) == []
    assert len({held["refresh_token"] for held in seen}) == 4
    assert oauth_cli("whoami").returncode == 0
    (session,) = oauth_cli("status", "--json").json()["sessions"]
    assert (session["store"], session["state"], session["renewable"]) == ("keyring", "valid", True)

    done = oauth_cli("logout")
    assert (done.returncode, secret_service.items()) == (0, {}), done.stderr
    assert oauth_cli("token").returncode == 4


def test_the_next_sign_in_moves_a_session_and_empties_the_old_place(
    oauth_cli: Command, oidc_provider: str, secret_service: SecretService
) -> None:
    log_in(oauth_cli, oidc_provider)
    assert secret_service.items() == {}
    log_in(oauth_cli, oidc_provider, "--store", "keyring")
    assert files_with(tokens(secret_service), oauth_cli) == []
    log_in(oauth_cli, oidc_provider, "--store", "file")
    assert secret_service.items() == {}
    assert oauth_cli("token").stdout == oauth_cli.stored(PROFILE).access_token + "\n" != "\n"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (SecretService.kill, "no keyring of this system can be used"),
        (SecretService.hang, "did not answer in 3 seconds"),
        (SecretService.lock, "the keyring is locked"),
    ],
    ids=["killed", "hanging", "locked"],
)
def test_threat_67_a_keyring_in_trouble_is_told_in_bounded_time(
    trouble, words: str, oauth_cli: Command, oidc_provider: str, secret_service: SecretService
) -> None:
    log_in(oauth_cli, oidc_provider, "--store", "keyring")
    held = tokens(secret_service)
    before = Path(oauth_cli.session_file(PROFILE)).read_bytes()
    trouble(secret_service)

    handed_over = oauth_cli.handed_over()
    login = oauth_cli.start_login("--profile", PROFILE, provider="oidc", browser=handed_over.browser)
    for running in (login, oauth_cli.start("token"), oauth_cli.start("token", "--json")):
        done = running.finish(timeout=BOUND)
        assert (done.returncode, done.stdout) == (9, ""), done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not handed_over.was_started()
    assert oauth_cli.start("status").finish(timeout=BOUND).returncode == 0
    assert Path(oauth_cli.session_file(PROFILE)).read_bytes() == before

    done = oauth_cli.start("logout").finish(timeout=BOUND)
    assert done.returncode == 9
    assert "NOT revoked" in done.stderr
    assert files_with(held, oauth_cli) == []
    assert oauth_cli("token").returncode == 4


def test_threat_67_without_a_bus_nothing_is_stored(oauth_cli: Command, secret_service: SecretService) -> None:
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": oauth_cli.home}
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login("--store", "keyring", browser=handed_over.browser, env=nowhere)
    done = running.finish(timeout=BOUND)
    assert (done.returncode, done.stdout) == (9, "")
    assert "no session bus" in done.stderr
    assert not handed_over.was_started()
    assert not os.path.exists(oauth_cli.session_file())


def test_threat_67_without_the_package_nothing_is_stored(machine: Machine) -> None:
    status, stdout, stderr = machine.run("login", "--provider", "mock", "--store", "keyring", "--no-browser")
    assert (status, stdout) == (3, "")
    assert "the Python package keyring is not installed" in stderr
    assert f"{machine.python} -m pip install keyring" in stderr
    assert not os.path.exists(os.path.join(machine.home, "sessions", "mock"))


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_threat_67_a_keyring_that_keeps_nothing_is_refused(oauth_cli: Command, backend: str) -> None:
    handed_over = oauth_cli.handed_over()
    chosen = {"PYTHON_KEYRING_BACKEND": backend}
    done = oauth_cli.start_login("--store", "keyring", browser=handed_over.browser, env=chosen).finish()
    assert (done.returncode, done.stdout) == (3, "")
    assert f"the keyring {backend} keeps nothing" in done.stderr
    assert not handed_over.was_started()


def test_many_at_once_refresh_once(oauth_cli: Command, oidc_provider: str, secret_service: SecretService) -> None:
    """Readers without the lock look for an entry that the one who refreshes removes."""
    log_in(oauth_cli, oidc_provider, "--store", "keyring")
    before = tokens(secret_service)["access_token"]
    oauth_cli.expire(PROFILE)
    finished = [running.finish() for running in [oauth_cli.start("token") for _ in range(12)]]
    after = tokens(secret_service)["access_token"]
    assert {(done.returncode, done.stdout, done.stderr) for done in finished} == {(0, after + "\n", "")}
    assert after != before


class LongTokens(QuietHandler):
    """A plain OAuth 2 server whose access token has 20,000 characters, and whose refresh tokens are good for ever."""

    token = "0123456789abcdef-._~" * 1000

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "redirect_uri" not in query:
            self._answer({"sub": "demouser"})
            return
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri'][0]}?code=made-up&state={query['state'][0]}")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        document = {
            "access_token": self.token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "made-up-RT",
        }
        self._answer(document)

    def _answer(self, document: dict[str, object]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())


@pytest.fixture
def long_tokens() -> Iterator[str]:
    with QuietServer(LongTokens) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def signed_in(oauth_cli: Command, long_tokens: str) -> Command:
    """The command with a session at that server, in the keyring."""
    endpoints = {name: f"{long_tokens}/{name}" for name in ("authorization", "token", "userinfo")}
    settings = [word for name, url in endpoints.items() for word in (f"--{name}-endpoint", url)]
    oauth_cli.login(*settings, "--client-id", "c", "--username-claim", "sub", "--store", "keyring", provider="oauth2")
    return oauth_cli


def test_a_token_of_20000_characters_comes_back_whole(signed_in: Command, secret_service: SecretService) -> None:
    oauth_cli = signed_in
    assert oauth_cli("token").stdout == LongTokens.token + "\n"
    assert files_with({"access_token": LongTokens.token}, oauth_cli) == []
    assert LongTokens.token in "".join(secret_service.items().values())


def test_threat_60_killed_at_any_moment_of_a_refresh_the_session_is_whole(
    signed_in: Command, secret_service: SecretService
) -> None:
    """From the start of the process to after its end, in steps; where it is killed is a matter of chance."""
    for step in range(14):
        signed_in.expire(PROFILE)
        running = signed_in.start("token")
        time.sleep(0.035 * step)
        running.kill()
        done = signed_in("token")
        assert (done.returncode, done.stdout) == (0, LongTokens.token + "\n"), done.stderr
    signed_in.expire(PROFILE)
    assert signed_in("token").returncode == 0
    assert len(secret_service.items()) == 1
