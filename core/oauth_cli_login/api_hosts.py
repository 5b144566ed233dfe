"""Which hosts may be sent a profile's access token.

They are the hosts of the issuer and of the userinfo endpoint, those that the provider names (hook oauth_api_hosts),
and those of the setting ``api_hosts``, to which ``remember`` adds. What is known without the network is looked at
first: an ordinary request costs no discovery.
"""

from __future__ import annotations

from collections.abc import Iterable

from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.discovery import discover, own_metadata, served
from oauth_cli_login.errors import ConfigError, UsageError
from oauth_cli_login.model import ServerMetadata, Session, Settings
from oauth_cli_login.protocol.resource import check_host, check_url, host_in
from oauth_cli_login.provider import Provider
from oauth_cli_login.session import stored_session
from oauth_cli_login.settings import API_HOSTS, CONFIG_FILE, ENVIRONMENT, Resolved
from oauth_cli_login.values import replace


def absolute(url: str, provider: Provider, settings: Settings) -> str:
    """Return the checked address of an API; a path alone is one at the provider's only API host. UsageError."""
    if not url.startswith("/") or url.startswith("//"):
        return check_url(url)
    hosts = provider.api_hosts(settings, own_metadata(provider, settings))
    if len(hosts) != 1:
        named = f"{len(hosts)} API hosts" if hosts else "no API host"
        raise UsageError(f"a path alone needs a host: {provider.name} names {named}", hint=f"https://HOST{url}")
    return check_url(f"https://{hosts[0]}{url}")


def check_allowed(
    context: Context,
    url: str,
    session: Session,
    *,
    name: str,
    provider: Provider,
    settings: Settings,
    also: Iterable[str],
) -> None:
    """Raise ConfigError where the access token of the profile ``name`` may not go to the URL's host.

    ``also`` are hosts that are about to be remembered. The issuer is asked only where everything else says no.
    """
    host = host_in(url)
    own = own_metadata(provider, settings)
    if host in {*also, *_named(settings), *_known(provider, settings, own, session)}:
        return
    if own.userinfo_endpoint is None and own.issuer is not None:
        with served(context, provider, settings), context.connection(settings["ca_file"]) as connection:
            discovered = discover(provider, settings, connection)
        if host in _known(provider, settings, discovered, session):
            return
    raise ConfigError(
        f"the access token of {name} does not go to {host}",
        hint=f"If that host may have it: the same command with --allow-host {host}, which is remembered.",
    )


def remember(configuration: Configuration, name: str, resolved: Resolved, hosts: Iterable[str]) -> list[str]:
    """Keep these hosts in the profile's settings, and return those that are new; ConfigError, StoreError."""
    new = [host for host in dict.fromkeys(hosts) if host not in _named(resolved.settings())]
    if not new:
        return []
    if resolved.origins.get(API_HOSTS) in (ENVIRONMENT, CONFIG_FILE):  # it would win over what is kept here
        raise ConfigError(
            f"{API_HOSTS} comes from {resolved.origins[API_HOSTS]}", hint=f"Add it there: {' '.join(new)}"
        )
    with configuration.store.lock(name):
        profile, _ = stored_session(configuration, name)
        kept = dict.fromkeys([*_split(profile.settings.get(API_HOSTS)), *new])
        configuration.store.write(replace(profile, settings={**profile.settings, API_HOSTS: " ".join(kept)}))
    return new


def _named(settings: Settings) -> set[str]:
    return {check_host(text) for text in _split(settings[API_HOSTS])}


def _split(value: str | None) -> list[str]:
    return (value or "").replace(",", " ").split()


def _known(provider: Provider, settings: Settings, metadata: ServerMetadata, session: Session) -> set[str]:
    endpoints = (session.issuer, metadata.issuer, metadata.userinfo_endpoint)
    return {
        *(host_in(url) for url in endpoints if url),
        *(check_host(host) for host in provider.api_hosts(settings, metadata)),
    }
