"""The values that move through the engine. All are frozen; none does input or output.

Secrets (tokens, client secrets, request and response bodies) are left out of every ``repr``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from oauth_cli_login.values import dataclass, field

Flow = Literal["browser", "device"]
"""How a person signs in: authorization code with PKCE (RFC 6749, 7636), or device authorization (RFC 8628)."""

JsonObject = Mapping[str, object]


@dataclass(frozen=True)
class HttpRequest:
    """One request to send. ``headers`` and ``body`` may hold secrets; ``secrets`` are what an answer may repeat."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class HttpResponse:
    """One answer, whole. The names in ``headers`` are lower case; ``secrets`` are its request's."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Setting:
    """A setting's declaration: one name in three spellings (flag, environment, profile key)."""

    name: str
    help: str
    required: bool = False
    default: str | None = None
    secret: bool = False


class Settings(Mapping[str, "str | None"]):
    """The resolved settings of one profile, immutable.

    A declared setting that is not set is ``None``; an undeclared one is a ``KeyError``. ``repr`` shows no values.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self._values = MappingProxyType(dict(values))

    def __getitem__(self, name: str) -> str | None:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Settings({', '.join(sorted(name for name, value in self.items() if value is not None))})"


@dataclass(frozen=True)
class ServerMetadata:
    """What is known of an authorization server: the RFC 8414 document, with its checked endpoints as fields.

    ``issuer`` is ``None`` for a plain OAuth 2 server that names none.
    """

    document: JsonObject = field(repr=False)
    issuer: str | None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    jwks_uri: str | None = None
    iss_parameter_supported: bool = False
    token_endpoint_auth_methods: tuple[str, ...] | None = None
    id_token_signing_algs: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TokenResponse:
    """A successful answer of the token endpoint (RFC 6749 section 5.1).

    ``expires_in`` is in seconds, or ``None`` where the server gave no lifetime. ``scope`` is ``None`` where the
    server left it out, which means what was asked for.
    """

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int | None = None
    refresh_token: str | None = field(default=None, repr=False)
    scope: tuple[str, ...] | None = None
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class UserInfo:
    """Who signed in. ``claims`` is everything the provider said; ``sub`` is ``None`` where nobody said who."""

    sub: str | None
    name: str | None = None
    email: str | None = None
    username: str | None = None
    picture: str | None = None
    claims: JsonObject = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """The name that a person recognizes the account by."""
        return self.username or self.email or self.name or self.sub or "somebody the provider does not name"


@dataclass(frozen=True)
class SecretReference:
    """Where a secret comes from.

    ``kind`` is ``value`` (it was typed: ``target`` is the secret itself), ``env`` (a variable's name), ``file`` (a
    path) or ``command`` (a command line whose standard output is the secret).
    """

    kind: Literal["value", "env", "file", "command"]
    target: str = field(repr=False)


@dataclass(frozen=True)
class Session:
    """What a login stored: the tokens and whom they stand for.

    ``issued_at`` and ``expires_at`` are seconds since the epoch; ``expires_at`` is ``0`` where the server gave no
    lifetime and no refresh token, so that the token is used until the server refuses it.
    """

    issuer: str | None
    client_id: str
    sub: str | None
    label: str
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    access_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme, RFC 6750
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None
    token_endpoint: str | None = None


@dataclass(frozen=True)
class Profile:
    """One profile as it is stored: its provider, the settings its last login used, and its session, if any."""

    name: str
    provider: str
    settings: Mapping[str, str]
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    session: Session | None = None

    @property
    def store(self) -> str:
        """Where its secrets are: ``file``, or ``keyring``."""
        return self.settings.get("store", "file")
