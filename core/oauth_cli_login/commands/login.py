"""``oauth-cli login``: sign in through the browser or with a device code, and store the session."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping
from typing import TextIO, cast

from oauth_cli_login import settings
from oauth_cli_login.adapters.browser import browser_command, default_browser
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.arguments import port, seconds
from oauth_cli_login.attempt import Options
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.discovery import served
from oauth_cli_login.errors import ConfigError, StoreError, UsageError
from oauth_cli_login.login import SignedIn, sign_in
from oauth_cli_login.model import Flow, Profile, Session, Setting, Settings
from oauth_cli_login.pinning import difference_from
from oauth_cli_login.plugins import installed
from oauth_cli_login.protocol.token import expires_at
from oauth_cli_login.provider import Provider
from oauth_cli_login.session import is_fresh
from oauth_cli_login.settings import Resolved
from oauth_cli_login.target import Target, check_provider, find_target, resolve

_FLOWS = ("browser", "device", "auto")
_OWN_OPTIONS = frozenset({"scopes", "redirect_uri", "flow", "login_hint", "ca_file"})
"""Core's settings that have an option of their own form below."""


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
    how.add_argument("--port", type=port, metavar="N", help="the callback's port on this machine")
    how.add_argument("--redirect-uri", metavar="URI", help="the loopback redirect URI that is registered")
    how.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long to wait for you (default: 300)")
    how.add_argument("--ca-file", metavar="FILE", help="trust these certificates (PEM) instead of the system's")
    how.add_argument("--switch-account", action="store_true", help="let somebody else's session be replaced")

    target = find_target(Configuration.read(context.environ), profile, provider)
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
    flags, typed = _flags(args, target.declared), _typed(context.terminal.source, args, target.declared)
    name, stored, resolved = resolve(context, configuration, target, flags=flags, typed=typed, port=args.port)
    session = None if args.switch_account or stored is None else stored.session
    if stored and session:
        _check_same_client(stored, session, target.provider, resolved)
    configuration.store.check_writable(name, store=resolved.store)

    values = resolved.settings(revealer(context.environ))
    options = _options(context, args, target.provider, values, session)
    with served(context, target.provider, values), context.connection(values["ca_file"]) as connection:
        signed_in = sign_in(context, target.provider, values, options, connection)

    with configuration.store.lock(name):
        # what is stored now counts: somebody may have signed in while the browser was open
        stored = configuration.store.recall(name)
        check_provider(configuration, name, stored, target.provider.name)
        session = None if args.switch_account or stored is None else stored.session
        if stored and session:
            _check_same_client(stored, session, target.provider, resolved)
            _check_same_account(name, session, signed_in)
        renewed = _session(signed_in, values["client_id"] or "", session)
        profile = _profile(name, target.provider.name, resolved, options, renewed)
        left_behind = configuration.store.write(profile)
    if left_behind:
        context.terminal.warn(left_behind.message)
    try:
        if not configuration.store.default():
            configuration.store.set_default(name)
    except StoreError as error:
        context.terminal.warn(f"{error.message}; name the profile: --profile {name}")
    _report(context, profile, renewed, signed_in, as_json=args.json)
    return 0


def _options(
    context: Context, args: Namespace, provider: Provider, values: Settings, session: Session | None
) -> Options:
    """Return how to sign in this time, from the options and the settings."""
    if repeated := {key for key, _ in args.param if [k for k, _ in args.param].count(key) > 1}:
        raise UsageError(f"--param {min(repeated)} is given twice", hint="A parameter can be sent once.")
    # an access token that is over says that the refresh token may not work: then consent is asked for anew
    renewable = session is not None and session.refresh_token is not None and is_fresh(session, context.clock())
    wanted = _split_scopes([values["scopes"] or ""]) or _split_scopes(provider.default_scopes(values))
    return Options(
        scopes=tuple(dict.fromkeys([*wanted, *_split_scopes(args.add_scope)])),
        flow=_flow(values["flow"]),
        params=dict(args.param),
        port=args.port,
        timeout=args.timeout,
        open_browser=None if args.no_browser else args.browser or default_browser(context.environ),
        refresh_token_stored=renewable,
    )


def _profile(name: str, provider: str, resolved: Resolved, options: Options, session: Session) -> Profile:
    """Return what is stored: the settings that were used, an explicit flow among them, and the session."""
    kept, secrets = resolved.kept()
    kept["scopes"] = " ".join(options.scopes)
    if options.port is not None and session.redirect_uri:
        kept["redirect_uri"] = session.redirect_uri
    if kept.get("flow") == "auto":
        del kept["flow"]
    return Profile(name, provider, kept, secrets, session)


def _flags(args: Namespace, declared: Mapping[str, Setting]) -> dict[str, str]:
    """Return the options that were given, by setting name."""
    names = {f"{name}{way}" for name in declared for way in ("", "_file", "_command")}
    flags = {name: value for name in names if isinstance(value := getattr(args, name, None), str) and value}
    if args.scopes:
        flags["scopes"] = " ".join(args.scopes)
    return flags


def _typed(source: TextIO | None, args: Namespace, declared: Mapping[str, Setting]) -> dict[str, str]:
    """Return the secrets that are to be read from standard input, a line each."""
    return {
        setting.name: source.readline().strip() if source else ""
        for setting in declared.values()
        if setting.secret and getattr(args, f"{setting.name}_stdin")
    }


def _check_same_client(profile: Profile, session: Session, provider: Provider, resolved: Resolved) -> None:
    """Refuse, before the browser, a login that would replace a session of another client or issuer."""
    if difference := difference_from(profile, session, provider, resolved):
        raise ConfigError(f"the session {profile.name} belongs to the {difference}", hint=_keep_both(profile.name))


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
    """Return what is stored; Google sends a refresh token once, so that the same account's goes on."""
    tokens = signed_in.token_response
    refresh_token = tokens.refresh_token
    if refresh_token is None and before and before.sub is not None and before.sub == signed_in.userinfo.sub:
        refresh_token = before.refresh_token
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
    """Return the scopes; UsageError for one that is no scope-token (RFC 6749 section 3.3)."""
    scopes = tuple(scope for value in values for scope in value.replace(",", " ").split())
    if wrong := [scope for scope in scopes if not (scope.isascii() and scope.isprintable())]:
        raise UsageError(f"{wrong[0][:80]!a} is not a scope", hint="A scope is printable ASCII.")
    return scopes


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not text.isprintable():
        raise ArgumentTypeError(f"{text[:80]!a} is not K=V")
    return name, value
