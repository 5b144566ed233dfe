"""``oauth-cli login``: sign in through the browser or with a device code, and store the session."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from oauth_cli_login import cached, settings
from oauth_cli_login.adapters.browser import browser_command, default_browser
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.attempt import Options
from oauth_cli_login.browser_flow import redirect_target, redirect_uri
from oauth_cli_login.config import Configuration, check_profile_name, default_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.discovery import served
from oauth_cli_login.errors import ConfigError, UsageError
from oauth_cli_login.login import SignedIn, sign_in
from oauth_cli_login.model import Flow, Profile, Session, Setting
from oauth_cli_login.pinning import difference_from
from oauth_cli_login.plugins import installed, load
from oauth_cli_login.protocol.token import expires_at
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved

_FLOWS = ("browser", "device", "auto")
_OWN_OPTIONS = frozenset({"scopes", "redirect_uri", "flow", "login_hint", "ca_file"})
"""Core's settings that have an option of their own form below."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to sign in, as far as the first look at the command line tells; ``profile`` may still have to be named."""

    profile: str | None
    provider: Provider
    declared: Mapping[str, Setting]


def arguments(parser: ArgumentParser, context: Context, profile: str | None, provider: str | None) -> None:
    """Declare the options of a sign-in, and those of the provider's own settings."""
    parser.add_argument("--provider", metavar="NAME", help="the provider to sign in with: see `oauth-cli providers`")
    asked = parser.add_argument_group("what to ask for")
    asked.add_argument(
        "--scope",
        "--scopes",
        dest="scopes",
        action="append",
        metavar="SCOPE",
        help="ask for these instead of the provider's default; repeat it, or use spaces or commas",
    )
    asked.add_argument("--add-scope", action="append", default=[], metavar="SCOPE", help="ask for these as well")
    asked.add_argument(
        "--param",
        action="append",
        default=[],
        type=_param,
        metavar="K=V",
        help="add a parameter to the authorization request",
    )
    asked.add_argument("--login-hint", metavar="ACCOUNT", help="the account to suggest to the provider")
    how = parser.add_argument_group("how to sign in")
    how.add_argument("--flow", choices=_FLOWS, help="default: the best that works at the provider")
    how.add_argument("--browser", metavar="CMD", type=browser_command, help="open the browser with this command")
    how.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    how.add_argument("--port", type=_port, metavar="N", help="the callback's port on this machine")
    how.add_argument("--redirect-uri", metavar="URI", help="the loopback redirect URI that is registered")
    how.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long to wait for you (default: 300)")
    how.add_argument("--ca-file", metavar="FILE", help="trust these certificates (PEM) instead of the system's")
    how.add_argument("--switch-account", action="store_true", help="let somebody else's session be replaced")

    target = _target(Configuration.read(context.environ), profile, provider)
    parser.set_defaults(target=target)
    own = parser.add_argument_group(
        f"settings of {target.provider.name}" if target else "settings",
        "each also as OAUTH_CLI_<PROFILE>_<NAME> in the environment, or in config.toml",
    )
    for setting in (target.declared if target else settings.declare(())).values():
        if setting.name in _OWN_OPTIONS:
            continue
        option = "--" + setting.name.replace("_", "-")
        about = setting.help.replace("%", "%%") + (f" (default: {setting.default})" if setting.default else "")
        if not setting.secret:
            own.add_argument(option, dest=setting.name, metavar="VALUE", help=about)
            continue
        own.add_argument(f"{option}-file", metavar="FILE", help=f"{about}: in this file")
        own.add_argument(f"{option}-command", metavar="CMD", help="… or printed by this command")
        own.add_argument(f"{option}-stdin", action="store_true", help="… or on standard input, one line")


def run(context: Context, args: Namespace) -> int:
    """Sign in and store the session: refuse what can be refused, ask what is missing, sign in, compare, store."""
    target: Target | None = args.target
    if target is None:
        names = ", ".join(sorted({provider.name for provider in installed()}))
        raise UsageError("which provider?", hint=f"oauth-cli login --provider NAME, where NAME is one of: {names}")
    configuration = Configuration.read(context.environ)
    name, stored, resolved = _resolve(context, configuration, target, args)
    session = None if args.switch_account or stored is None else stored.session
    if session:
        _check_same_client(target.provider, resolved, name, session)
    configuration.store.check_writable(name)

    values = resolved.settings(revealer(context.environ))
    wanted = _split_scopes([values["scopes"] or ""]) or target.provider.default_scopes(values)
    scopes = tuple(dict.fromkeys([*wanted, *_split_scopes(args.add_scope)]))
    options = Options(
        scopes=scopes,
        flow=_flow(values["flow"]),
        params=dict(args.param),
        port=args.port,
        timeout=args.timeout,
        open_browser=None if args.no_browser else args.browser or default_browser(context.environ),
        refresh_token_stored=session is not None and session.refresh_token is not None,
    )
    with served(context, target.provider, values), context.connection(values["ca_file"]) as connection:
        signed_in = sign_in(context, target.provider, values, options, connection)

    if session:
        _check_same_account(name, session, signed_in)
    kept, secrets = resolved.kept()
    kept["scopes"] = " ".join(scopes)
    if args.port is not None and signed_in.redirect_uri:
        kept["redirect_uri"] = signed_in.redirect_uri
    if kept.get("flow") == "auto":
        del kept["flow"]
    renewed = _session(signed_in, values["client_id"] or "", session)
    profile = Profile(name, target.provider.name, kept, secrets, renewed)
    with configuration.store.lock(name):
        configuration.store.write(profile)
    if not configuration.store.default():
        configuration.store.set_default(name)
    _report(context, profile, renewed, signed_in, as_json=args.json)
    return 0


def _resolve(
    context: Context, configuration: Configuration, target: Target, args: Namespace
) -> tuple[str, Profile | None, Resolved]:
    """Return the profile's name, what is stored of it, and its settings, with what was missing asked for."""
    flags = _flags(args, target.declared)
    typed = {
        setting.name: sys.stdin.readline().strip()
        for setting in target.declared.values()
        if setting.secret and getattr(args, f"{setting.name}_stdin")
    }
    while True:
        known = {**flags, **{key: value for key, value in typed.items() if not target.declared[key].secret}}
        name = target.profile or default_profile_name(target.provider.name, target.declared, known)
        stored = configuration.store.read(name)
        _check_provider(configuration, name, stored, target.provider.name)
        resolved = configuration.resolve(name, target.declared, stored=stored, flags=flags)
        for key, value in typed.items():
            resolved = resolved.with_value(key, value)
        if not resolved.missing():
            return name, stored, resolved
        typed.update(_ask(context, target.provider, resolved, name=name, port=args.port))


def _target(configuration: Configuration, profile: str | None, provider: str | None) -> Target | None:
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
        stored = configuration.store.read(named)
        provider = provider or configuration.provider_of(named, stored)
        if not provider and any(named == other.name for other in installed()):
            provider = named
    if not provider:
        return None
    loaded = load(provider)
    return Target(named or None, loaded, loaded.declared_settings())


def _flags(args: Namespace, declared: Mapping[str, Setting]) -> dict[str, str]:
    """Return the options that were given, by setting name."""
    names = {f"{name}{way}" for name in declared for way in ("", "_file", "_command")}
    flags = {name: value for name in names if isinstance(value := getattr(args, name, None), str) and value}
    if args.scopes:
        flags["scopes"] = " ".join(args.scopes)
    return flags


def _check_provider(configuration: Configuration, name: str, stored: Profile | None, provider: str) -> None:
    other = configuration.provider_of(name, stored)
    if other and other != provider:
        raise ConfigError(
            f"the profile {name} belongs to the provider {other}, not {provider}",
            hint=f"Choose another name: oauth-cli login --provider {provider} --profile NAME",
        )


def _ask(context: Context, provider: Provider, resolved: Resolved, *, name: str, port: int | None) -> dict[str, str]:
    """Return what a person types for each missing setting; where nobody can be asked, ConfigError says what to do."""
    known, missing = resolved.settings(), resolved.missing()
    host, path, ports = redirect_target(provider, known, port)
    guide = provider.setup_guide(known, redirect_uri(host, ports[0], path))
    needed = " and ".join(setting.name for setting in missing)
    if not context.terminal.can_ask:
        raise ConfigError(f"{provider.name} needs a {needed}", hint="\n".join([*guide, *_ways(context, missing, name)]))
    context.terminal.must_see(f"{provider.name} needs a {needed}.", "bold")
    for line in guide:
        context.terminal.must_see(f"  {line}")
    typed = {}
    for setting in missing:
        answer = context.terminal.ask(f"{setting.name} ({setting.help}):", hidden=setting.secret)
        if not answer:
            raise ConfigError(f"{provider.name} needs a {setting.name}", hint="Nothing was stored.")
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
            f"  in {path}:  {entry}  under [profiles.{profile}]",
        ]
    return lines


def _check_same_client(provider: Provider, resolved: Resolved, name: str, session: Session) -> None:
    """Refuse, before the browser, a login that would replace a session of another client or issuer."""
    if difference := difference_from(session, provider, resolved):
        raise ConfigError(f"the session {name} belongs to the {difference}", hint=_keep_both(name))


def _check_same_account(name: str, session: Session, signed_in: SignedIn) -> None:
    """Refuse, before storing, a login of somebody else."""
    if session.sub is not None and signed_in.userinfo.sub != session.sub:
        raise ConfigError(
            f"you signed in as {signed_in.userinfo.label}, but the session {name} is {session.label}'s; it was kept",
            hint=_keep_both(name),
        )


def _keep_both(name: str) -> str:
    return f"To keep both: oauth-cli login --profile NAME. To replace {name}: the same command with --switch-account."


def _session(signed_in: SignedIn, client_id: str, before: Session | None) -> Session:
    tokens = signed_in.token_response
    refresh_token = tokens.refresh_token
    if refresh_token is None and before and before.sub is not None and before.sub == signed_in.userinfo.sub:
        refresh_token = before.refresh_token  # Google sends one once: it goes on for the same account
    return Session(
        issuer=signed_in.metadata.issuer,
        client_id=client_id,
        sub=signed_in.userinfo.sub,
        label=signed_in.userinfo.label,
        scopes=signed_in.scopes,
        issued_at=signed_in.issued_at,
        expires_at=expires_at(tokens, issued_at=signed_in.issued_at, renewable=refresh_token is not None),
        access_token=tokens.access_token,
        token_type=tokens.token_type,
        refresh_token=refresh_token,
        id_token=tokens.id_token,
        redirect_uri=signed_in.redirect_uri,
        token_endpoint=signed_in.metadata.token_endpoint,
    )


def _report(context: Context, profile: Profile, session: Session, signed_in: SignedIn, *, as_json: bool) -> None:
    userinfo = signed_in.userinfo
    claims = {**(signed_in.id_token_claims or {}), **userinfo.claims}
    facts = {"sub": userinfo.sub, "azp": claims.get("azp"), "iss": claims.get("iss") or signed_in.metadata.issuer}
    shown = " · ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, str))
    context.terminal.signed_in(userinfo.label, shown)
    if as_json:
        context.terminal.answer_json(
            {
                "profile": profile.name,
                "provider": profile.provider,
                "sub": userinfo.sub,
                "scopes": list(session.scopes),
                "expires_at": session.expires_at or None,
                "userinfo": dict(userinfo.claims),
            }
        )


def _flow(value: str | None) -> Flow | None:
    if value in (None, "auto"):
        return None
    if value not in _FLOWS:
        raise ConfigError(f"flow is {value!a}", hint=f"It is one of: {', '.join(_FLOWS)}")
    return cast("Flow", value)


def _split_scopes(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(scope for value in values for scope in value.replace(",", " ").split())


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError(f"{text!a} is not K=V")
    return name, value


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):  # noqa: PLR2004 - 16 bits
        raise ArgumentTypeError(f"{text[:20]!a} is not a port")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 24 * 3600:
        raise ArgumentTypeError(f"{text[:20]!a} is not a time between 0 and 86400 seconds")
    return seconds
