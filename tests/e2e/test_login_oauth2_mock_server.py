"""oauth2-mock-server, made to misbehave by its hooks: each misbehaviour ends as it should, and nothing is stored."""

from __future__ import annotations

import os
import sys

import pytest
import requests
from command import ROBOT, Command, Finished, Running
from servers.oauth2_mock_server import NAME, VERSION

pytestmark = pytest.mark.server(NAME, VERSION)
misbehaviour = pytest.mark.shows("misbehaviour")

PROFILE = "localhost"
"""The issuer's host names the profile."""

REFUSED, PROTOCOL = 5, 8

MISBEHAVIOURS = {
    "nonce-of-another-login": (PROTOCOL, "nonce"),
    "no-nonce": (PROTOCOL, "nonce"),
    "iss-of-another-server": (PROTOCOL, "another issuer"),
    "iss-with-a-slash": (PROTOCOL, "another issuer"),
    "aud-of-another-client": (PROTOCOL, "another client"),
    "aud-of-two-clients": (PROTOCOL, "somebody else as well"),
    "azp-of-another-client": (PROTOCOL, "azp"),
    "exp-that-has-passed": (PROTOCOL, "expired"),
    "no-exp": (PROTOCOL, "no usable exp"),
    "iat-to-come": (PROTOCOL, "from the future"),
    "nbf-to-come": (PROTOCOL, "not valid yet"),
    "no-sub": (PROTOCOL, "no sub"),
    "sub-that-is-a-number": (PROTOCOL, "no sub"),
    "at-hash-of-another-token": (PROTOCOL, "at_hash"),
    "kid-that-is-unknown": (PROTOCOL, "kid 'unknown'"),
    "alg-none": (PROTOCOL, "not signed"),
    "alg-hs256-with-the-public-key": (PROTOCOL, "HS256"),
    "signature-of-another-text": (PROTOCOL, "signature"),
    "id-token-that-is-no-jwt": (PROTOCOL, "not a signed JWT"),
    "id-token-missing": (PROTOCOL, "no ID token"),
    "error-with-200": (REFUSED, "invalid_grant (made up)"),
    "error-with-400": (REFUSED, "invalid_client"),
    "error-that-moves-the-cursor": (REFUSED, r"made up\x1b[2J\x1b[1;1H\u202e"),
    "access-token-that-is-a-number": (PROTOCOL, "access_token"),
    "access-token-with-a-line-end": (PROTOCOL, "access_token"),
    "access-token-missing": (PROTOCOL, "no access_token"),
    "token-type-mac": (PROTOCOL, "token_type 'mac'"),
    "token-type-missing": (PROTOCOL, "token_type"),
    "expires-in-words": (PROTOCOL, "expires_in 'soon'"),
    "expires-in-the-past": (PROTOCOL, "expires_in -1"),
    "scope-that-is-a-list": (PROTOCOL, "scope"),
    "list-for-an-answer": (PROTOCOL, "not an object"),
    "text-for-an-answer": (PROTOCOL, "not an object"),
    "no-error-with-400": (PROTOCOL, "HTTP 400 without an error code"),
    "iss-of-another-server-in-the-redirect": (PROTOCOL, "another issuer"),
    "code-missing": (PROTOCOL, "neither a code nor an error"),
    "code-twice": (PROTOCOL, "repeats code"),
    "error-in-the-redirect": (REFUSED, "access_denied"),
    "userinfo-of-somebody-else": (PROTOCOL, "two different people"),
    "userinfo-without-sub": (PROTOCOL, "who signed in"),
    "userinfo-that-is-a-list": (PROTOCOL, ""),
    "userinfo-refused": (PROTOCOL, "does not accept the access token"),
}
"""What is done to a login, as server.mjs names it: the exit status, and what the one error line says."""


def start_login(oauth_cli: Command, issuer: str, client_id: str, *argv: str) -> Running:
    """Sign in as the client whose id names what the server is to do; it needs nobody at the browser."""
    settings = ["--issuer", issuer, "--client-id", client_id]
    return oauth_cli.start_login(*settings, *argv, provider="oidc", browser=f"{sys.executable} {ROBOT}")


def login(oauth_cli: Command, issuer: str, client_id: str, *argv: str) -> Finished:
    return start_login(oauth_cli, issuer, client_id, *argv).finish()


def errors(done: Finished) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


def signed_in(oauth_cli: Command, issuer: str, client_id: str) -> None:
    done = login(oauth_cli, issuer, client_id)
    assert done.returncode == 0, done.stderr


def test_a_server_that_behaves_signs_in(oauth_cli: Command, oauth2_mock_server: str) -> None:
    """So that what follows fails for its own reason."""
    done = login(oauth_cli, oauth2_mock_server, "cli-app", "--json")
    assert done.returncode == 0, done.stderr
    assert (done.json()["profile"], done.json()["sub"]) == (PROFILE, "johndoe")


@misbehaviour
@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_login_ends_and_nothing_is_stored(oauth_cli: Command, oauth2_mock_server: str, name: str) -> None:
    done = login(oauth_cli, oauth2_mock_server, name)
    status, words = MISBEHAVIOURS[name]
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    (error,) = errors(done)
    assert words in error
    assert "\x1b" not in done.stderr
    assert not os.path.exists(oauth_cli.session_file(PROFILE))
    assert oauth_cli("token", "--profile", PROFILE).returncode == 4


@misbehaviour
@pytest.mark.parametrize("name", ["state-of-another-login", "state-missing", "state-twice"])
def test_a_callback_with_a_wrong_state_does_not_end_the_wait(
    oauth_cli: Command, oauth2_mock_server: str, name: str
) -> None:
    running = start_login(oauth_cli, oauth2_mock_server, name)
    running.wait_for(r"Turned away a request to the callback \(400\): .*state")
    assert requests.get(f"http://localhost:{oauth_cli.port}/", timeout=30).status_code == 404
    running.interrupt()
    done = running.finish()
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert not os.path.exists(oauth_cli.session_file(PROFILE))


@pytest.mark.shows("refresh")
def test_an_expired_token_is_refreshed(oauth_cli: Command, oauth2_mock_server: str) -> None:
    """Its new ID token has no nonce, which is right (OpenID Connect Core 12.2)."""
    signed_in(oauth_cli, oauth2_mock_server, "cli-app")
    before = oauth_cli.stored(PROFILE)
    oauth_cli.expire(PROFILE)
    done = oauth_cli("token")
    after = oauth_cli.stored(PROFILE)
    assert (done.returncode, done.stdout) == (0, after.access_token + "\n"), done.stderr
    assert after.refresh_token != before.refresh_token


@misbehaviour
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("refreshed-error-with-200", 4),
        ("refreshed-alg-none", PROTOCOL),
        ("refreshed-access-token-that-is-a-number", PROTOCOL),
        ("refreshed-sub-of-somebody-else", PROTOCOL),
        ("refreshed-aud-of-another-client", PROTOCOL),
    ],
)
def test_a_refresh_ends_and_the_session_stays_as_it_was(
    oauth_cli: Command, oauth2_mock_server: str, name: str, status: int
) -> None:
    signed_in(oauth_cli, oauth2_mock_server, name)
    oauth_cli.expire(PROFILE)
    before = oauth_cli.stored(PROFILE)
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert len(errors(done)) == 1
    assert oauth_cli.stored(PROFILE) == before


@pytest.mark.shows("revocation")
def test_logout_revokes(oauth_cli: Command, oauth2_mock_server: str) -> None:
    signed_in(oauth_cli, oauth2_mock_server, "cli-app")
    done = oauth_cli("logout")
    assert done.returncode == 0, done.stderr
    assert "the tokens were revoked" in done.stderr


@pytest.mark.shows("introspection")
def test_a_token_that_the_server_does_not_hold_active_fails(oauth_cli: Command, oauth2_mock_server: str) -> None:
    signed_in(oauth_cli, oauth2_mock_server, "cli-app")
    done = oauth_cli("inspect", "--introspect", "--json")
    assert done.returncode == 8, done.stderr
    access_token, _ = done.json()["tokens"]
    assert access_token["checks"]["active"]["result"] == "failed"
    assert access_token["checks"]["signature"] == {"result": "ok"}
