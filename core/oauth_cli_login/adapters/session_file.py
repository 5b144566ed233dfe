"""How a session file reads (docs/session-file.md): a profile as bytes, and back. Nothing here opens a file.

Invariant: where the keyring holds a profile's secrets, the file holds an empty string in each one's place, and where
they are: an ``Entry``. What is ``blank`` is never taken for the whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from oauth_cli_login import cached
from oauth_cli_login.model import Profile, SecretReference, Session
from oauth_cli_login.protocol.body import parse_json
from oauth_cli_login.values import dataclass, replace

if TYPE_CHECKING:
    from typing import Literal

_KINDS = ("value", "env", "file", "command")
_SESSION_FIELDS = (
    *("issuer", "client_id", "sub", "label", "scopes", "token_type"),
    *("refresh_token", "id_token", "redirect_uri", "token_endpoint"),
)
_ENTRY_FIELDS = ("service", "slot", "parts", "digest")
_TOKENS = ("access_token", "refresh_token", "id_token")
_MAX_PARTS = 1000


class NewerError(ValueError):
    """The file is of a version that this program does not know."""


@dataclass(frozen=True)
class Entry:
    """Which of the keyring's entries hold a profile's secrets: ``parts`` of them, whose text has this SHA-256.

    A service has two slots, ``a`` and ``b``, so that new secrets never take the place of those in use.
    """

    service: str
    slot: str
    parts: int
    digest: str


def encode(profile: Profile, entry: Entry | None = None) -> bytes:
    """Return the file of a profile; without its secrets, where the keyring holds them in ``entry``."""
    if entry is not None:
        profile = blank(profile)
    session = profile.session
    expires_at, issued_at, token = (
        (session.expires_at, session.issued_at, session.access_token) if session else (0, 0, "")
    )
    document: dict[str, object] = {"provider": profile.provider, "settings": dict(profile.settings)}
    if profile.secrets:
        document["secrets"] = {name: {ref.kind: ref.target} for name, ref in profile.secrets.items()}
    if session:
        fields = {name: getattr(session, name) for name in _SESSION_FIELDS}
        document["session"] = {name: value for name, value in fields.items() if value is not None}
    if entry is not None:
        document["keyring"] = {name: getattr(entry, name) for name in _ENTRY_FIELDS}
    head = f"1 {expires_at} {issued_at} {len(token)}\n{token}\n"
    return head.encode("ascii") + json.dumps(document, ensure_ascii=True, indent=1).encode("ascii") + b"\n"


def decode(name: str, data: bytes) -> tuple[Profile, Entry | None]:
    """Return the profile, ``blank`` where the keyring holds its secrets, and which entry that is; raise ValueError."""
    version = data.partition(b" ")[0]
    if version.isdigit() and version != b"1":
        raise NewerError
    expires_at, issued_at, access_token, rest = cached.split(data)
    document = parse_json(rest)
    if not isinstance(document, dict):
        raise ValueError("it is damaged")  # noqa: TRY004 - one kind of error for everything that is wrong with a file
    secrets = _decode_secrets(_object(document, "secrets"))
    settings = _object(document, "settings")
    provider = document.get("provider")
    if not isinstance(provider, str) or not all(isinstance(value, str) for value in settings.values()):
        raise ValueError("its settings are damaged")
    entry = _decode_entry(_object(document, "keyring")) if "keyring" in document else None
    session = None
    if "session" in document:
        session = _decode_session(_object(document, "session"), expires_at, issued_at, access_token)
    elif issued_at:
        raise ValueError("it lacks the session that its first line speaks of")
    profile = Profile(name, provider, {k: str(v) for k, v in settings.items()}, secrets, session)
    if entry is not None:
        whole = profile == blank(profile) and has_secrets(profile) and profile.store == "keyring"
    else:
        whole = (session is None or access_token != "") and not (profile.store == "keyring" and has_secrets(profile))
    if not whole:
        raise ValueError("its session is damaged")
    return profile, entry


def has_secrets(profile: Profile) -> bool:
    """Tell whether there is anything in the profile that a keyring is for."""
    return any(_secrets(profile))


def blank(profile: Profile) -> Profile:
    """Return the profile with an empty string in the place of each secret that it has."""
    tokens, typed = _secrets(profile)
    return _filled(profile, dict.fromkeys(tokens, ""), dict.fromkeys(typed, ""))


def without_secrets(profile: Profile) -> Profile:
    """Return what is left of a blank profile whose secrets are lost: nothing renews it, no typed secret is there."""
    secrets = {name: reference for name, reference in profile.secrets.items() if reference.kind != "value"}
    session = profile.session and replace(profile.session, refresh_token=None, id_token=None)
    return replace(profile, secrets=secrets, session=session)


def encode_secrets(profile: Profile) -> str:
    """Return the profile's secrets as one line of ASCII.

    It begins with chance, so that its digest, which stands in a file, tells nothing about a secret that can be guessed.
    """
    tokens, typed = _secrets(profile)
    return json.dumps({"chance": os.urandom(16).hex(), "tokens": tokens, "secrets": typed}, ensure_ascii=True)


def with_secrets(profile: Profile, text: str) -> Profile:
    """Return the blank profile with its secrets from ``text``; raise ValueError where they are another profile's."""
    document = parse_json(text.encode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("it is damaged")  # noqa: TRY004 - as in decode
    tokens, typed = _strings(_object(document, "tokens")), _strings(_object(document, "secrets"))
    if [set(held) for held in _secrets(profile)] != [set(tokens), set(typed)] or tokens.get("access_token") == "":
        raise ValueError("it is another profile's")
    return _filled(profile, tokens, typed)


def _secrets(profile: Profile) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tokens and the typed secrets that a profile has, by name."""
    session = profile.session
    tokens = {name: getattr(session, name) for name in _TOKENS if getattr(session, name, None) is not None}
    return tokens, {name: ref.target for name, ref in profile.secrets.items() if ref.kind == "value"}


def _filled(profile: Profile, tokens: Mapping[str, str], typed: Mapping[str, str]) -> Profile:
    """Return the profile with these in the place of the tokens and typed secrets that it has."""
    secrets = {k: SecretReference("value", typed[k]) if k in typed else ref for k, ref in profile.secrets.items()}
    session = profile.session and replace(
        profile.session,
        access_token=tokens.get("access_token", ""),
        refresh_token=tokens.get("refresh_token"),
        id_token=tokens.get("id_token"),
    )
    return replace(profile, secrets=secrets, session=session)


def _strings(values: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _decode_secrets(references: Mapping[str, object]) -> dict[str, SecretReference]:
    secrets = {}
    for name, reference in references.items():
        if not isinstance(reference, dict) or len(reference) != 1:
            raise ValueError("its secrets are damaged")
        [(kind, target)] = reference.items()
        if kind not in _KINDS or not isinstance(target, str):
            raise ValueError("its secrets are damaged")
        secrets[name] = SecretReference(cast("Literal['value', 'env', 'file', 'command']", kind), target)
    return secrets


def _decode_entry(fields: Mapping[str, object]) -> Entry:
    service, slot, parts, digest = (fields.get(name) for name in _ENTRY_FIELDS)
    if not (isinstance(service, str) and isinstance(digest, str) and slot in ("a", "b") and isinstance(parts, int)):
        raise ValueError("its place in the keyring is damaged")
    if not 0 < parts <= _MAX_PARTS:
        raise ValueError("its place in the keyring is damaged")
    return Entry(service, str(slot), parts, digest)


def _decode_session(fields: Mapping[str, object], expires_at: int, issued_at: int, access_token: str) -> Session:
    known = {name: fields.get(name) for name in _SESSION_FIELDS if name != "scopes"}
    scopes = fields.get("scopes")
    required = ("client_id", "label", "token_type")
    if (
        not all(isinstance(value, str | None) for value in known.values())
        or not all(isinstance(known[name], str) for name in required)
        or not isinstance(scopes, list)
        or not all(isinstance(scope, str) for scope in scopes)
    ):
        raise ValueError("its session is damaged")
    return Session(
        scopes=tuple(scopes),
        issued_at=issued_at,
        expires_at=expires_at,
        access_token=access_token,
        **cast("dict[str, str]", known),
    )


def _object(document: Mapping[str, object], name: str) -> dict[str, object]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"its {name} are damaged")  # noqa: TRY004 - as in decode
    return value
