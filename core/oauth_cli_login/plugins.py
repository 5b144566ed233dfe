"""Provider plugins: finding, importing and registering one. The only module that runs pluggy.

Registration is the selection: each Provider has a plugin manager of its own, with the defaults (all ``trylast``) and
the one chosen module. Nothing else is imported; listing reads entry-point metadata only.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any

import pluggy

from oauth_cli_login import defaults, hookspecs
from oauth_cli_login.adapters.entry_points import entry_points
from oauth_cli_login.cached import is_profile_name
from oauth_cli_login.errors import ConfigError, PluginError, did_you_mean
from oauth_cli_login.provider import Provider, guarded
from oauth_cli_login.values import dataclass

GROUP = "oauth_cli.providers"
PROJECT = "oauth_cli"


@dataclass(frozen=True)
class InstalledProvider:
    """What the entry-point metadata says of a provider; ``distribution`` is ``name version``."""

    name: str
    distribution: str
    target: str


def installed(environ: Mapping[str, str] = os.environ) -> list[InstalledProvider]:
    """Return every provider that an installed distribution offers, by name; nothing is imported."""
    try:
        found = entry_points(GROUP, environ)
    except ValueError as error:  # 3.15 reads them all, and refuses what is none
        raise PluginError(
            f"an installed distribution has an entry point that cannot be read: {error.args[-1]!a}",
            hint="Uninstall it: until then no provider can be found.",
        ) from None
    providers = (InstalledProvider(name, distribution, target) for name, target, distribution in found)
    return sorted(providers, key=lambda provider: (provider.name, provider.distribution))


def load(name: str, environ: Mapping[str, str] = os.environ) -> Provider:
    """Import and register the one provider of that name.

    Raises ConfigError where there is none (close matches named), PluginError where there are several (their
    distributions named) or where it cannot be imported or registered.
    """
    providers = installed(environ)
    found = [provider for provider in providers if provider.name == name]
    if found and not is_profile_name(name):
        raise PluginError(
            f"the provider name {name[:80]!a} of {found[0].distribution} cannot be the name of a profile",
            hint="It must be up to 64 lower-case letters, digits, '.', '_' and '-'. Tell its author.",
        )
    if not found:
        raise _unknown(name, {provider.name for provider in providers})
    if len(found) > 1:
        distributions = ", ".join(provider.distribution for provider in found)
        raise PluginError(
            f"the provider {name!a} is offered by several distributions: {distributions}",
            hint="Uninstall all but one; a name can be taken once, and a built-in's name not at all.",
        )
    where = f"the provider plugin {name!a} ({found[0].distribution})"
    with guarded(where, "its import"):
        module = _object(found[0].target)
    if not isinstance(module, ModuleType):
        raise PluginError(f"{where} is not a module: its entry point must name one")
    return Provider(name, where, _registered(where, module))


def _object(target: str) -> object:
    """Return what an object reference names: ``module`` or ``module:attribute``, extras behind it ignored."""
    module, _, attributes = target.partition("[")[0].partition(":")
    return reduce(getattr, filter(None, attributes.strip().split(".")), import_module(module.strip()))


def _registered(where: str, module: ModuleType) -> Any:
    """Return what calls the module's hooks, and the defaults' where it has none or returns ``None``."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        with guarded(where, "its registration"):
            manager.register(module)
            manager.check_pending()
    except PluginError as error:
        if isinstance(error.__cause__, pluggy.PluginValidationError):
            reason = " ".join(str(error.__cause__).split())  # pluggy's has several lines
            raise PluginError(f"{where} cannot be registered: {reason}") from None
        raise
    if unmarked := _unmarked_hooks(manager, module):
        raise PluginError(f"{where} cannot be registered: {unmarked} lacks the hookimpl marker")
    manager.register(defaults)  # after the plugin: of two that are trylast, the later one is asked last
    return manager.hook


def _unmarked_hooks(manager: pluggy.PluginManager, module: ModuleType) -> str:
    """Return the names of functions called as a hook that pluggy did not register, or ``""``."""
    return ", ".join(
        name
        for name, _ in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("oauth_") and manager.parse_hookimpl_opts(module, name) is None
    )


def _unknown(name: str, names: set[str]) -> ConfigError:
    return ConfigError(
        f"there is no provider {name!a}{did_you_mean(name, sorted(names))}",
        hint=f"Installed are: {', '.join(sorted(names)) or 'none'}. `oauth-cli providers` says where each comes from.",
    )
