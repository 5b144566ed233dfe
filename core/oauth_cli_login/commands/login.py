"""``oauth-cli login``: sign in through the browser or with a device code, and store the session."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TextIO

from oauth_cli_login import settings
from oauth_cli_login.adapters.browser import browser_command, default_browser
from oauth_cli_login.arguments import port, seconds
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import UsageError
from oauth_cli_login.login import SignedIn
from oauth_cli_login.model import Profile, Setting
from oauth_cli_login.plugins import installed
from oauth_cli_login.profile_login import FLOWS, options_of, sign_in_to_profile
from oauth_cli_login.target import Target, find_target, resolve
from oauth_cli_login.values import replace

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
    how.add_argument("--flow", choices=FLOWS, help="default: the best that works at the provider")
    how.add_argument("--browser", metavar="CMD", type=browser_command, help="open the browser with this command")
    how.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    how.add_argument("--port", type=port, metavar="N", help="the callback's port on this machine")
    how.add_argument("--redirect-uri", metavar="URI", help="the loopback redirect URI that is registered")
    how.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long to wait for you (default: 300)")
    how.add_argument("--ca-file", metavar="FILE", help="trust these certificates (PEM) instead of the system's")
    how.add_argument("--switch-account", action="store_true", help="let somebody else's session be replaced")

    target = find_target(Configuration.read(context.environ, context.terminal), profile, provider)
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
        own.add_argument(option, action=_Refused, nargs="?", help=SUPPRESS)
        own.add_argument(f"{option}-file", metavar="FILE", help=f"{about}: in this file")
        own.add_argument(f"{option}-command", metavar="CMD", help="… or printed by this command")
        own.add_argument(f"{option}-stdin", action="store_true", help="… or on standard input, one line")


class _Refused(Action):
    """A secret as an argument, which everybody on the machine could read; what was typed is not repeated."""

    def __call__(self, *_: object) -> None:
        """Refuse it."""
        option = self.option_strings[0]
        raise UsageError(
            f"{option} takes no secret: an argument can be read by everybody on the machine",
            hint=f"Give it with {option}-stdin, {option}-file FILE or {option}-command CMD.",
        )


def run(context: Context, args: Namespace) -> int:
    """Sign in and store the session, with what is missing asked for."""
    target: Target | None = args.target
    if target is None:
        names = ", ".join(sorted({provider.name for provider in installed(context.environ)}))
        raise UsageError("which provider?", hint=f"oauth-cli login --provider NAME, where NAME is one of: {names}")
    configuration = Configuration.read(context.environ, context.terminal)
    flags, typed = _flags(args, target.declared), _typed(context.terminal.source, args, target.declared)
    destination = resolve(context, configuration, target, flags=flags, typed=typed, port=args.port)
    if repeated := {key for key, _ in args.param if [k for k, _ in args.param].count(key) > 1}:
        raise UsageError(f"--param {min(repeated)} is given twice", hint="A parameter can be sent once.")
    options = replace(
        options_of(
            destination,
            open_browser=None if args.no_browser else args.browser or default_browser(context.environ),
            add_scopes=args.add_scope,
        ),
        params=dict(args.param),
        port=args.port,
        timeout=args.timeout,
    )
    profile, signed_in = sign_in_to_profile(
        context, configuration, destination, options, switch_account=args.switch_account
    )
    _report(context, profile, signed_in, as_json=args.json)
    return 0


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


def _report(context: Context, profile: Profile, signed_in: SignedIn, *, as_json: bool) -> None:
    userinfo = signed_in.userinfo
    claims = {**(signed_in.id_token_claims or {}), **userinfo.claims}
    facts = {
        "profile": profile.name if profile.name != profile.provider else None,
        "sub": userinfo.sub,
        "azp": claims.get("azp"),
        "iss": claims.get("iss") or signed_in.client.metadata.issuer,
    }
    shown = " · ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, str))
    context.terminal.signed_in(userinfo.label, shown)
    if as_json and (session := profile.session):
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


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not text.isprintable():
        raise ArgumentTypeError(f"{text[:80]!a} is not K=V")
    return name, value
