"""Where to sign in: which profile and provider a login means, and its settings, with what is missing asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oauth_cli_login import cached
from oauth_cli_login.browser_flow import redirect_target, redirect_uri
from oauth_cli_login.config import Configuration, check_profile_name, default_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import Profile, Setting
from oauth_cli_login.pinning import keeps_secrets
from oauth_cli_login.plugins import installed, load
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved, table_of
from oauth_cli_login.values import dataclass, replace


@dataclass(frozen=True)
class Target:
    """Where to sign in, as far as the first look at the command line tells; ``profile`` may still have to be named."""

    profile: str | None
    provider: Provider
    declared: Mapping[str, Setting]


@dataclass(frozen=True)
class Destination:
    """Where to sign in, wholly known: the profile, its provider, and the settings, their secrets references still."""

    profile: str
    provider: Provider
    resolved: Resolved


def find_target(configuration: Configuration, profile: str | None, provider: str | None) -> Target | None:
    """Return what to sign in to, or ``None`` where nothing says which provider.

    A profile that is named wins; a provider alone has the profile that ``default_profile_name`` gives it; with
    neither it is the default profile, or the only one that there is.
    """
    named = configuration.environ.get("OAUTH_CLI_PROFILE") if profile is None else check_profile_name(profile)
    if not named and not provider:
        sessions = configuration.store.names()
        named = configuration.store.default() or (sessions[0] if len(sessions) == 1 else None)
    if named:
        check_profile_name(named)
        stored = configuration.store.peek(named)
        provider = provider or configuration.provider_of(named, stored)
        if not provider and any(named == other.name for other in installed(configuration.environ)):
            provider = named
    if not provider:
        return None
    loaded = load(provider, configuration.environ)
    return Target(named or None, loaded, loaded.declared_settings())


def resolve(
    context: Context,
    configuration: Configuration,
    target: Target,
    *,
    flags: Mapping[str, str],
    typed: Mapping[str, str],
    port: int | None,
) -> Destination:
    """Return the profile and its settings, with what was missing asked for.

    ``flags`` are the options that were given, by setting name; ``typed`` what came on standard input; ``port`` is the
    callback's, for the redirect URI that the provider's guide names. Raises ConfigError, UsageError, StoreError.
    """
    typed = dict(typed)
    while True:
        known = {**flags, **{key: value for key, value in typed.items() if not target.declared[key].secret}}
        name = target.profile or default_profile_name(target.provider.name, target.declared, known)
        stored = configuration.store.recall(name)
        check_provider(configuration, name, stored, target.provider.name)
        resolved = configuration.resolve(name, target.declared, stored=stored, flags=flags).with_values(typed)
        if not resolved.missing():
            if stored is None or not stored.secrets or keeps_secrets(stored, target.provider, resolved):
                return Destination(name, target.provider, resolved)
            # a secret goes to the server that it belongs to, and to no other: without it all is looked at again
            stored = replace(stored, secrets={})
            resolved = configuration.resolve(name, target.declared, stored=stored, flags=flags).with_values(typed)
            if not resolved.missing():
                return Destination(name, target.provider, resolved)
        typed.update(_ask(context, target.provider, resolved, name=name, port=port))


def check_provider(configuration: Configuration, name: str, stored: Profile | None, provider: str) -> None:
    """Refuse a login with another provider than the profile's; ConfigError."""
    other = configuration.provider_of(name, stored)
    if other and other != provider:
        raise ConfigError(
            f"the profile {name} belongs to the provider {other}, not {provider}",
            hint=f"Choose another name: oauth-cli login --provider {provider} --profile NAME\n"
            f"Or forget that one's settings: oauth-cli logout --profile {name} --forget",
        )


def _ask(context: Context, provider: Provider, resolved: Resolved, *, name: str, port: int | None) -> dict[str, str]:
    """Return what a person types for each missing setting; where nobody can be asked, ConfigError says what to do."""
    known, missing = resolved.settings(), resolved.missing()
    host, path, ports = redirect_target(provider, known, port)
    guide = provider.setup_guide(known, redirect_uri(host, ports[0], path))
    what = provider.name if name == provider.name else f"{provider.name} (the profile {name})"
    needed = " and ".join(setting.name for setting in missing)
    if not context.terminal.can_ask:
        raise ConfigError(f"{what} needs a {needed}", hint="\n".join([*guide, *_ways(context, missing, name)]))
    context.terminal.must_see(f"{what} needs a {needed}.", "bold")
    for line in guide:
        context.terminal.must_see(f"  {line}")
    typed = {}
    for setting in missing:
        answer = context.terminal.ask(f"{setting.name} ({setting.help}):", hidden=setting.secret)
        if not answer:
            raise ConfigError(f"{what} needs a {setting.name}", hint="Nothing was stored.")
        typed[setting.name] = answer
    return typed


def _ways(context: Context, missing: Iterable[Setting], profile: str) -> list[str]:
    """Say how each missing setting can be given, spelt out for this profile."""
    lines = []
    path = cached.config_path(context.environ)
    for setting in missing:
        option = "--" + setting.name.replace("_", "-")
        variable = cached.environment_prefix(profile) + setting.name.upper()
        if setting.secret:
            flag = f"{option}-stdin, {option}-file FILE or {option}-command CMD"
            entry = f'{setting.name}_command = "…"'
        else:
            flag, entry = f"{option} VALUE", f'{setting.name} = "…"'
        lines += [
            f"Then give the {setting.name} in one of these ways:",
            f"  on the command line:  {flag}",
            f"  in the environment:   {variable}=…",
            f"  in {path}:  {entry}  under {table_of(profile)}",
        ]
    return lines
