"""What stands in a session file, and what of it the keyring holds."""

from __future__ import annotations

import json

import pytest

from oauth_cli_login.adapters import session_file
from oauth_cli_login.adapters.session_file import Entry
from oauth_cli_login.model import Profile, SecretReference, Session

SESSION = Session(
    issuer=None,
    client_id="cli-app",
    sub=None,
    label="Zoë",
    scopes=(),
    issued_at=5,
    expires_at=9,
    access_token="AT",
    refresh_token="RT",
)
SECRETS = {"client_secret": SecretReference("value", "sü\u00df"), "other": SecretReference("env", "NAME")}
PROFILE = Profile("work", "oidc", {"store": "keyring"}, SECRETS, SESSION)
ENTRY = Entry("oauth-cli/work/0123456789ab", "b", 3, "0" * 64)


def test_a_profile_whose_secrets_are_elsewhere_is_blank_until_it_has_them() -> None:
    profile, entry = session_file.decode("work", session_file.encode(PROFILE, ENTRY))
    assert (profile, entry) == (session_file.blank(PROFILE), ENTRY)
    assert session_file.with_secrets(profile, session_file.encode_secrets(PROFILE)) == PROFILE


def test_secrets_are_one_line_of_ascii_and_never_the_same_one() -> None:
    """Its digest stands in the file, and must not tell a client secret that can be guessed."""
    texts = {session_file.encode_secrets(PROFILE) for _ in range(20)}
    assert len(texts) == 20
    assert all(text.isascii() and text.isprintable() for text in texts)


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": {"access_token": "AT"}},
        {"tokens": {"access_token": "", "refresh_token": "RT"}},
        {"tokens": {"access_token": "AT", "refresh_token": "RT", "id_token": "IT"}},
        {"tokens": {"access_token": "AT", "refresh_token": 5}},
        {"tokens": []},
        {"secrets": {}},
        {"secrets": {"client_secret": "s", "other": "s"}},
        {"secrets": {"other": "s"}},
    ],
)
def test_secrets_that_are_not_the_profiles_are_refused(change: dict[str, object]) -> None:
    document = {**json.loads(session_file.encode_secrets(PROFILE)), **change}
    with pytest.raises(ValueError, match=r"another profile's|damaged"):
        session_file.with_secrets(session_file.blank(PROFILE), json.dumps(document))
    with pytest.raises(ValueError, match="damaged"):
        session_file.with_secrets(session_file.blank(PROFILE), "[]")


def test_what_is_left_without_the_secrets_renews_nothing() -> None:
    left = session_file.without_secrets(session_file.blank(PROFILE))
    assert left.secrets == {"other": SECRETS["other"]}
    assert left.session is not None
    assert (left.session.label, left.session.refresh_token, left.session.access_token) == ("Zoë", None, "")
