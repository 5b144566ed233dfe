"""``oauth-cli token``: a valid token alone on standard output, in the form that the reader needs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from oauth_cli_login import cached, handover
from oauth_cli_login.arguments import whole_seconds
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import UsageError
from oauth_cli_login.handover import Token
from oauth_cli_login.tokens import valid_access_token, valid_id_token


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare which token, how long it must be good for, and its form."""
    parser.add_argument(
        "--format",
        choices=handover.FORMATS,
        help="raw (the default); json, as --json; header, a line for curl -H @FILE; env, lines for a shell's eval; "
        "kubernetes, an ExecCredential with the ID token",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--access-token", action="store_true", help="the access token: the default, but for kubernetes")
    which.add_argument("--id-token", action="store_true", help="the ID token instead: it says who signed in")
    parser.add_argument(
        "--min-valid",
        type=whole_seconds,
        metavar="SECONDS",
        help=f"how long the token must be good for, up to a day (default: {cached.MIN_VALID})",
    )
    parser.add_argument("--refresh", action="store_true", help="get a new token in any case")
    parser.add_argument(
        "--login",
        action="store_true",
        help="open the browser where only you can go on; without it that is exit status 4, and no browser, ever",
    )


def run(context: Context, args: Namespace) -> int:
    """Print the cached token, or a refreshed one. A browser is opened only where ``--login`` allows it."""
    form = _form(args)
    api_version = handover.exec_api_version(context.environ.get("KUBERNETES_EXEC_INFO")) if form == "kubernetes" else ""
    configuration = Configuration.read(context.environ, context.terminal)
    name = configuration.chosen_profile(args.profile)
    get = valid_id_token if args.id_token or (form == "kubernetes" and not args.access_token) else valid_access_token
    min_valid = cached.MIN_VALID if args.min_valid is None else args.min_valid

    def token_now(wished: bool) -> Token:
        refresh = args.refresh and wished
        return get(context, configuration, name, refresh=refresh, min_valid=min_valid)

    if args.login:
        from oauth_cli_login.on_demand import with_sign_in  # noqa: PLC0415 - the sign-in flows, which others never need

        token = with_sign_in(context, configuration, name, token_now)
    else:
        token = token_now(True)
    _warn_if_short(context, token, args.min_valid or 0)
    match form:
        case "json":
            context.terminal.answer_json(handover.document(token))
        case "kubernetes":
            context.terminal.answer_json(handover.exec_credential(token, api_version=api_version))
        case "header":
            context.terminal.answer(handover.header(token))
        case "env":
            context.terminal.answer(handover.env(token))
        case _:
            context.terminal.answer(token.value)
    return 0


def _form(args: Namespace) -> str:
    """Return the form that the options name; UsageError where they name two."""
    if args.json and args.format not in (None, "json"):
        raise UsageError(f"--json and --format {args.format} are two forms", hint="Leave one of them out.")
    return "json" if args.json else args.format or "raw"


def _warn_if_short(context: Context, token: handover.Token, asked: int) -> None:
    """Say where even a fresh token lives shorter than was asked for."""
    left = token.expires_at - context.clock()
    if token.expires_at and left <= asked:
        context.terminal.warn(
            f"this token is good for {max(0, int(left))} s, not for more than {asked}: a fresh one lives no longer"
        )
