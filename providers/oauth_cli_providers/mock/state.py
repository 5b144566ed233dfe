"""What the mock remembers between requests, and between runs.

Invariants:

- No secret is here, only SHA-256 digests of them. A code and a refresh token are ``HANDLE.SECRET``: the handle's digest
  is the key of a grant, and nobody learns a handle who did not hold one of its tokens. So a known handle with another
  secret means that a spent token came back, and no list of spent ones is needed.
- A token is good only while its grant stands. Ending a grant is removing it.
- Times are seconds since the epoch.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import NewType, TypeVar

from oauth_cli_providers.mock.signing import compact_json

GrantKey = NewType("GrantKey", str)
_Key = TypeVar("_Key", bound=str)
_Entry = TypeVar("_Entry", "Grant", "Device")

_MAX_BYTES = 1 << 19  # half of what is read back; the sign-ins that end first make room


def digest(secret: str) -> str:
    """Return what is remembered of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def mint(handle: str | None = None) -> str:
    """Return a new ``HANDLE.SECRET``, of an existing handle or a new one."""
    return f"{handle or secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"


def handle_of(token: str) -> str:
    """Return the handle of a ``HANDLE.SECRET``."""
    return token.partition(".")[0]


def grant_key(token: str) -> GrantKey:
    """Return where the grant of a ``HANDLE.SECRET`` is kept; this one may be shown (the ``sid`` claim)."""
    return GrantKey(digest(handle_of(token))[:32])


@dataclass
class Code:
    """An authorization code that was not redeemed yet, with what its request bound it to."""

    digest: str
    redirect_uri: str
    code_challenge: str


@dataclass
class Grant:
    """What one sign-in allowed.

    ``expires_at`` is when the last of its tokens has ended. ``nonce`` is for the first ID token alone.
    """

    iss: str
    sub: str
    scope: str
    claims: dict[str, object]
    auth_time: int
    expires_at: int
    nonce: str | None = None
    code: Code | None = None
    refresh_token: str | None = None
    revoked: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, entry: dict[str, object]) -> Grant:
        """Return the grant that ``asdict`` wrote; raise TypeError."""
        code = entry.pop("code")
        grant = cls(**entry)  # type: ignore[arg-type]  # a TypeError is what the caller waits for
        if isinstance(code, dict):
            grant.code = Code(**code)
        return grant


@dataclass
class Device:
    """A device authorization (RFC 8628): pending until it is denied or has a grant."""

    iss: str
    user_code: str
    scope: str
    expires_at: int
    interval: int
    polled_at: float = 0.0
    denied: bool = False
    grant: Grant | None = None

    @property
    def pending(self) -> bool:
        """Whether nobody has answered yet."""
        return not self.denied and self.grant is None

    @classmethod
    def from_json(cls, entry: dict[str, object]) -> Device:
        """Return the device that ``asdict`` wrote; raise TypeError."""
        grant = entry.pop("grant")
        device = cls(**entry)  # type: ignore[arg-type]  # a TypeError is what the caller waits for
        if isinstance(grant, dict):
            device.grant = Grant.from_json(grant)
        return device


@dataclass
class State:
    """All that is remembered: grants by ``grant_key``, devices by the digest of their device code."""

    grants: dict[GrantKey, Grant] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)

    @classmethod
    def decode(cls, data: bytes) -> State:
        """Return the state that ``encode`` wrote; raise ValueError."""
        try:
            document = json.loads(data)
            return cls(
                {GrantKey(key): Grant.from_json(entry) for key, entry in document["grants"].items()},
                {key: Device.from_json(entry) for key, entry in document["devices"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it is not what the mock writes") from error

    def encode(self) -> bytes:
        """Return the state as JSON, after forgetting the oldest where it would grow too large.

        Devices go first: any page in a browser can ask for their codes, and must not end a sign-in that way.
        """
        while len(data := compact_json(asdict(self))) > _MAX_BYTES:
            if self.devices:
                self.devices = _without_oldest(self.devices)
            else:
                self.grants = _without_oldest(self.grants)
        return data

    def prune(self, now: float) -> None:
        """Forget what has ended. A device code stays for as long again, so that it is told ``expired_token``."""
        self.grants = {key: grant for key, grant in self.grants.items() if grant.expires_at > now}
        self.devices = {
            key: device for key, device in self.devices.items() if device.expires_at + DEVICE_CODE_LIFETIME > now
        }
        for grant in self.grants.values():
            grant.revoked = {jti: exp for jti, exp in grant.revoked.items() if exp > now}

    def device_for(self, user_code: str, now: float) -> Device | None:
        """Return the device that waits with this user code, or ``None``."""
        for device in self.devices.values():
            if device.pending and device.expires_at > now and secrets.compare_digest(device.user_code, user_code):
                return device
        return None


def _without_oldest(table: dict[_Key, _Entry]) -> dict[_Key, _Entry]:
    by_age = sorted(table.items(), key=lambda item: item[1].expires_at)
    return dict(by_age[len(table) // 4 + 1 :])


DEVICE_CODE_LIFETIME = 600
