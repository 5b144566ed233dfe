"""Session files, a keyring's entry, and the small files beside them: what stands in them may have been changed."""

from __future__ import annotations

import json
import os
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outside import NUMBERS, PIECES, TEXTS, VALUES, each, edited, encoded, neighbours, objects, only

from oauth_cli_login import cached
from oauth_cli_login.adapters.session_file import Entry, blank, decode, encode, encode_secrets, with_secrets
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.errors import NotSignedIn, StoreError
from oauth_cli_login.model import Profile, SecretReference, Session
from oauth_cli_login.on_demand import _check_pause

TOKENS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=300)
TIMES = st.integers(1, 10**11 - 1)
OPTIONAL = st.none() | st.text(max_size=30)
SESSIONS = st.builds(
    Session,
    issuer=OPTIONAL,
    client_id=st.text(),
    sub=OPTIONAL,
    label=st.text(),
    scopes=st.lists(st.text()).map(tuple),
    issued_at=TIMES,
    expires_at=TIMES | st.just(0),
    access_token=TOKENS,
    token_type=st.text(),
    refresh_token=OPTIONAL,
    id_token=OPTIONAL,
    redirect_uri=OPTIONAL,
    token_endpoint=OPTIONAL,
)
REFERENCES = st.builds(SecretReference, st.sampled_from(["value", "env", "file", "command"]), st.text())
NAMES = st.text(max_size=20).filter(lambda name: name != "store")
PROFILES = st.builds(
    Profile,
    st.just("work"),
    st.text(),
    st.dictionaries(NAMES, st.text(), max_size=4),
    st.dictionaries(st.text(max_size=20), REFERENCES, max_size=3),
    st.none() | SESSIONS,
)
ENTRY = Entry("oauth-cli/work/0123456789ab", "b", 3, "0" * 64)
SESSION = Session(
    issuer="https://idp.example",
    client_id="cli-app",
    sub="248289761001",
    label="Zo\u00eb",
    scopes=("openid",),
    issued_at=1_800_000_000,
    expires_at=1_800_003_600,
    access_token="2YotnFZFEjr1zCsicMWpAA",
    refresh_token="tGzv3JOkF0XG5Qx2TlKWIA",
)
SECRETS = {"client_secret": SecretReference("value", "s3cret"), "other": SecretReference("env", "NAME")}
PROFILE = Profile("work", "oidc", {"issuer": "https://idp.example"}, SECRETS, SESSION)
IN_KEYRING = Profile("work", "oidc", {"store": "keyring"}, SECRETS, SESSION)
FILES = [encode(PROFILE), encode(IN_KEYRING, ENTRY)]
DOCUMENTS = [json.loads(file.partition(b"\n")[2].partition(b"\n")[2]) for file in FILES]


def with_document(file: bytes, text: str) -> bytes:
    """Return a file with another document behind the head and the token."""
    head, token, _ = file.split(b"\n", 2)
    return b"\n".join((head, token, encoded(text)))


@st.composite
def changed(draw):
    """Make a session file of which a part is not as it was: one of its objects, or any of its bytes."""
    number = draw(st.sampled_from([0, 1]))
    file, document = FILES[number], DOCUMENTS[number]
    part = draw(st.sampled_from([None, *(name for name, value in document.items() if isinstance(value, dict))]))
    if part is None:
        return with_document(file, draw(objects(document)))
    inner = draw(objects(document[part]))
    others = {name: value for name, value in document.items() if name != part}
    return with_document(file, f"{json.dumps(others)[:-1]}, {json.dumps(part)}: {inner}}}")


HEADS = st.lists(
    st.sampled_from(
        [b"1", b"2", b"0", b"22", b"1800000000", b"7" * 11, b"7" * 12, b"7" * 5000, b"-1", b"", b"\xd9\xa3"]
    ),
    max_size=5,
).map(lambda fields: b" ".join([b"1", *fields]) + FILES[0][FILES[0].index(b"\n") :])
IN_TOKEN = PIECES.map(lambda piece: b"1 0 5 %d\n%b\n{}" % (len(piece), piece))
NEIGHBOURS = [
    with_document(file, encoded(json.dumps(document))[:-1].decode() + f", {json.dumps(part)}: {inner.decode()}}}")
    for file, whole in zip(FILES, DOCUMENTS, strict=True)
    for part, value in whole.items()
    if isinstance(value, dict)
    for document in [{name: value for name, value in whole.items() if name != part}]
    for inner in neighbours(value)
    if b"\xed" not in inner
]
CHANGED = HEADS | changed() | st.sampled_from(FILES).flatmap(edited) | st.binary(max_size=80)


@given(PROFILES)
def test_a_session_file_is_read_back(profile):
    assert decode("work", encode(profile)) == (profile, None)


@given(PROFILES.filter(lambda profile: blank(profile) != profile or profile.session), st.integers(1, 1000))
def test_a_session_file_without_its_secrets_is_read_back(profile, parts):
    kept = Profile(profile.name, profile.provider, {"store": "keyring"}, profile.secrets, profile.session)
    entry = Entry("service", "a", parts, "0" * 64)
    assert decode("work", encode(kept, entry)) == (blank(kept), entry)
    assert with_secrets(blank(kept), encode_secrets(kept)) == kept


@given(CHANGED)
@each("data", NEIGHBOURS)
def test_any_session_file_is_a_profile_or_a_value_error(data):
    with only(ValueError):
        profile, entry = decode("work", data)
        if entry is None:
            assert decode("work", encode(profile)) == (profile, None)
            assert profile.session is None or profile.session.access_token
        else:
            assert entry.slot in ("a", "b")
            assert decode("work", encode(profile, entry)) == (profile, entry)
            assert profile == blank(profile)
        # what the quick path makes of the same bytes is the same
        expires_at, issued_at, token, _ = cached.split(data)
        session = profile.session
        assert session is None or (expires_at, issued_at, token) == (
            *(session.expires_at, session.issued_at, session.access_token),
        )


@given(HEADS | IN_TOKEN | st.sampled_from(FILES).flatmap(edited))
@each("data", [b"1 %b 5 0\n\n{}" % time for time in (b"7" * 11, b"7" * 12, b"7" * 5000, b"", b"-1")])
@each("data", [b"1 0 5 1\n%b\n{}" % token for token in (b"a", b"\0", b"\x7f", b"\xff", b"\x1b", b"\t", b"\n")])
@each("data", [b"1 0 5 1\nab\n{}", b"1 0 5 1\na"])
def test_any_head_is_a_token_or_a_value_error(data):
    with only(ValueError):
        expires_at, issued_at, token, rest = cached.split(data)
        assert re.fullmatch(rb"1 [0-9]{1,11} [0-9]{1,11} [0-9]{1,11}", data.partition(b"\n")[0])
        assert token.isascii()
        assert data.endswith(b"\n" + token.encode("ascii") + b"\n" + rest)
        assert isinstance(cached.is_fresh(expires_at, issued_at, 1_800_000_000.0), bool)


@given(
    edited(encode_secrets(IN_KEYRING).encode("ascii")).map(lambda data: data.decode("latin-1"))
    | objects({"access_token": "a", "refresh_token": "r"}).map(
        '{{"tokens": {}, "secrets": {{"client_secret": "s"}}}}'.format
    )
    | objects({"tokens": {"access_token": "", "refresh_token": "r"}, "secrets": {"client_secret": "s"}})
    | st.dictionaries(st.sampled_from(["tokens", "secrets"]), VALUES).map(json.dumps)
    | TEXTS
)
def test_any_keyring_entry_is_the_profiles_or_a_value_error(text):
    with only(ValueError):
        profile = with_secrets(blank(IN_KEYRING), text)
        assert blank(profile) == blank(IN_KEYRING)
        assert profile.session.access_token


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    environ = {"OAUTH_CLI_HOME": str(tmp_path_factory.mktemp("home"))}
    os.makedirs(os.path.dirname(cached.session_path("work", environ)))
    return environ


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o600)


@given(data=CHANGED)
def test_any_session_is_answered_from_or_refused(environ, data):
    """Through the file: the quick path prints a token or leaves it to the store, which raises its own error."""
    write(cached.session_path("work", environ), data)
    with only():
        token = cached.cached_token(["token", "--profile", "work"], environ, 1_800_000_000.0)
        assert token is None or (token.isascii() and token.isprintable() and token)
    with only(StoreError):
        profile = Store(environ).peek("work")
        assert token is None or profile is None or profile.session is None or profile.session.access_token == token


@given(data=edited(b"work\n") | PIECES)
def test_any_default_file_names_a_profile_or_none(environ, data):
    write(cached.default_profile_path(environ), data)
    with only():
        name = Store(environ).default()
        assert name == "" or cached.is_profile_name(name)
        assert cached.cached_token(["token"], environ, 1_800_000_000.0) is None or name == "work"


@given(data=edited(b"1799999999 unanswered\n") | NUMBERS.map("{} unanswered\n".format).map(encoded) | PIECES)
def test_any_note_of_a_failed_login_is_one_or_none(environ, data):
    store = Store(environ)
    write(store._failed_login_path("work"), data)
    with only(NotSignedIn):
        failed = store.failed_login("work")
        _check_pause(SimpleNamespace(clock=lambda: 1_800_000_000.5), "work", failed)
