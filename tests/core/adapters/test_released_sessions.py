"""Session files as every release has written them: they are read for ever (docs/session-file.md).

``tests/data/sessions/vFORMAT-NAME.txt``: none is ever changed or removed; a new format, or a new shape, adds files.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from oauth_cli_login import cached
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.model import Profile, SecretReference, Session

FOLDER = Path(__file__).parents[2] / "data" / "sessions"

COMPLETE = Session(
    issuer="https://idp.example/tenant",
    client_id="cli-app",
    sub="248289761001",
    label="Zoë \U0001f600",
    scopes=("openid", "offline_access", "api:read"),
    issued_at=1_764_000_000,
    expires_at=1_764_003_600,
    access_token="AT-~ !\"#$%&'()*+,-./:;<=>?@[]^_`{|}",
    token_type="Bearer",
    refresh_token="RT-1/a+b==",
    id_token="eyJ.eyJ.c2ln",
    redirect_uri="http://localhost:8085/callback",
    token_endpoint="https://idp.example/tenant/token",
)
MINIMAL = Session(
    issuer=None,
    client_id="cli-app",
    sub=None,
    label="somebody",
    scopes=(),
    issued_at=1_764_000_000,
    expires_at=1_764_003_600,
    access_token="AT",
)
SECRETS = {
    "client_secret": SecretReference("command", 'op read "op://work/idp/secret"'),
    "one": SecretReference("env", "IDP_SECRET"),
    "two": SecretReference("file", "~/secrets/idp"),
    "three": SecretReference("value", 's\u00fc\u00df \\ "'),
}
FOREVER = replace(
    MINIMAL,
    client_id="Iv1.abc",
    sub="583231",
    label="octocat",
    scopes=("repo",),
    expires_at=0,
    access_token="gho_made-up",
    token_endpoint="https://github.com/login/oauth/access_token",
)
RELEASED = {
    "v1-complete.txt": Profile(
        "work",
        "oidc",
        {
            "issuer": "https://idp.example/tenant",
            "client_id": "cli-app",
            "scopes": "openid offline_access api:read",
            "redirect_uri": "http://localhost:8085/callback",
            "flow": "browser",
        },
        session=COMPLETE,
    ),
    "v1-minimal.txt": Profile("work", "oauth2", {}, session=MINIMAL),
    "v1-secrets.txt": Profile(
        "work", "auth0", {"client_id": "cli-app", "domain": "example.eu.auth0.com"}, SECRETS, COMPLETE
    ),
    "v1-signed-out.txt": Profile(
        "work",
        "okta",
        {"domain": "example.okta.com", "client_id": "cli-app"},
        {"client_secret": SecretReference("env", "IDP_SECRET")},
    ),
    "v1-forever.txt": Profile("work", "github", {"client_id": "Iv1.abc", "flow": "device"}, session=FOREVER),
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"OAUTH_CLI_HOME": str(tmp_path)}


def put(data: bytes, environ: dict[str, str]) -> None:
    path = Path(cached.session_path("work", environ))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)


def test_every_file_is_read() -> None:
    assert set(os.listdir(FOLDER)) == set(RELEASED)


@pytest.mark.parametrize("name", RELEASED)
def test_what_a_release_has_stored_means_the_same_today(name: str, environ: dict[str, str]) -> None:
    put((FOLDER / name).read_bytes(), environ)
    assert Store(environ).read("work") == RELEASED[name]


@pytest.mark.parametrize("name", RELEASED)
def test_the_cached_path_hands_out_what_a_release_has_stored(name: str, environ: dict[str, str]) -> None:
    put((FOLDER / name).read_bytes(), environ)
    session = RELEASED[name].session
    token = cached.cached_token(["token", "--profile", "work"], environ, 1_764_000_001)
    assert token == (session.access_token if session else None)


@pytest.mark.parametrize("name", RELEASED)
def test_what_is_written_over_it_loses_nothing(name: str, environ: dict[str, str]) -> None:
    put((FOLDER / name).read_bytes(), environ)
    store = Store(environ)
    profile = store.read("work")
    assert profile is not None
    store.write(profile)
    assert store.read("work") == RELEASED[name]


def test_members_of_a_later_release_are_passed_over(environ: dict[str, str]) -> None:
    """A release may add what an older one does without, in the same format."""
    head, token, rest = (FOLDER / "v1-complete.txt").read_text(encoding="ascii").split("\n", 2)
    document = json.loads(rest)
    document["later"] = document["session"]["later"] = {"anything": [1, None]}
    put(f"{head}\n{token}\n{json.dumps(document)}\n".encode("ascii"), environ)
    assert Store(environ).read("work") == RELEASED["v1-complete.txt"]
