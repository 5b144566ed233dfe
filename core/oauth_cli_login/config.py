"""Which profile, which provider, and its settings from five layers.

Which profile: ``--profile``, else ``OAUTH_CLI_PROFILE``, else the one that the state folder's file ``default`` names,
else the only session there is. A login's own rule stands in ``target.find_target``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from oauth_cli_login import cached
from oauth_cli_login.adapters.config_file import read_profiles
from oauth_cli_login.adapters.store import Store
from oauth_cli_login.adapters.terminal import Terminal
from oauth_cli_login.errors import ConfigError, NotSignedIn, StoreError, UsageError
from oauth_cli_login.model import Profile, Setting
from oauth_cli_login.protocol.url import host_of
from oauth_cli_login.settings import (
    Resolved,
    environment_layer,
    file_layer,
    flag_layer,
    resolve,
    stored_layer,
    table_of,
)
from oauth_cli_login.values import dataclass

_LISTED = 10


@dataclass(frozen=True)
class Configuration:
    """What is known of profiles before any provider is loaded: the environment, config.toml, the store."""

    environ: Mapping[str, str]
    tables: Mapping[str, Mapping[str, object]]
    private: bool
    store: Store

    @classmethod
    def read(cls, environ: Mapping[str, str], terminal: Terminal | None = None) -> Configuration:
        """Read config.toml; ConfigError where it is wrong. ``terminal`` shows what the store mends and waits for."""
        tables, private = read_profiles(environ)
        store = Store(environ) if terminal is None else Store(environ, warn=terminal.warn, say=terminal.mention)
        return cls(environ, tables, private, store)

    def chosen_profile(self, named: str | None) -> str:
        """Return the profile of a command that needs one; UsageError where several could be meant, NotSignedIn."""
        name = self.environ.get("OAUTH_CLI_PROFILE") or self.store.default() if named is None else named
        if name or named is not None:
            return check_profile_name(name)
        sessions = list(self.sessions())
        if len(sessions) > 1:
            raise UsageError(
                f"there are several sessions: {listed(sessions)}",
                hint=f"Name one: --profile {sessions[0]}. Or make it the default: oauth-cli use {sessions[0]}",
            )
        if not sessions:
            signed_out = self.store.names()
            if len(signed_out) == 1:
                return signed_out[0]  # to be told the command that signs in there
            raise NotSignedIn("you are not signed in anywhere", hint="Sign in: oauth-cli login --provider NAME")
        return sessions[0]

    def sessions(self) -> Iterator[str]:
        """Yield the names of the profiles that somebody is signed in to, or whose file cannot be read."""
        return (name for name in self.store.names() if _is_signed_in(self.store, name))

    def provider_of(self, profile: str, stored: Profile | None) -> str | None:
        """Return the provider that the profile already has, from config.toml or its last login."""
        table = self.tables.get(profile, {})
        provider = table.get("provider")
        if provider is not None and not isinstance(provider, str):
            raise ConfigError(f"config.toml: provider under {table_of(profile)} must be a string")
        return provider or (stored.provider if stored else None)

    def resolve(
        self,
        profile: str,
        declared: Mapping[str, Setting],
        *,
        stored: Profile | None,
        flags: Mapping[str, str] | None = None,
    ) -> Resolved:
        """Return the profile's settings from the five layers; ConfigError for one that cannot be what it says."""
        layers = (
            flag_layer(declared, flags or {}),
            environment_layer(declared, self.environ, self._environment_prefix(profile)),
            file_layer(declared, self.tables.get(profile, {}), profile=profile, private=self.private),
            stored_layer(stored),
        )
        return resolve(declared, layers)

    def _environment_prefix(self, profile: str) -> str:
        """Return the prefix of the profile's variables; ConfigError where another profile reads the same ones."""
        prefix = cached.environment_prefix(profile)
        if any(name.startswith(prefix) for name in self.environ):
            for other in {*self.tables, *self.store.names()} - {profile}:
                if cached.environment_prefix(other) == prefix:
                    raise ConfigError(
                        f"{prefix}… in the environment could mean the profile {profile} or {other}",
                        hint="Rename one of them, or unset the variable.",
                    )
        return prefix


def check_profile_name(name: str) -> str:
    """Return a profile's name if it is one; else raise UsageError."""
    if not cached.is_profile_name(name):
        raise UsageError(
            f"{name[:80]!a} cannot be the name of a profile",
            hint="Use up to 64 lower-case letters, digits, '.', '_' and '-', a letter or digit first.",
        )
    return name


def default_profile_name(provider: str, declared: Mapping[str, Setting], flags: Mapping[str, str]) -> str:
    """Return the name of a profile that nobody named: the provider's, or its issuer's host.

    The host, where the provider is a generic one: it has an ``issuer`` setting without a default. A server without an
    issuer goes by the host of its token endpoint.
    """
    issuer = declared.get("issuer")
    if issuer is None or issuer.default is not None:
        return provider
    host = host_of(flags.get("issuer") or flags.get("token_endpoint") or "").replace(":", "-").strip("-")
    return host if cached.is_profile_name(host) else provider


def _is_signed_in(store: Store, name: str) -> bool:
    try:
        profile = store.peek(name)
    except StoreError:
        return True  # it is not nothing: whoever uses it is told
    return profile is not None and profile.session is not None


def listed(names: Sequence[str]) -> str:
    """Return the names as a message has them: the first ten, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
