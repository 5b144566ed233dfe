"""``oauth-cli mock-server``: the embedded OAuth 2 server on its own, for people who develop OAuth clients."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress

from oauth_cli_login.arguments import port
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, ExitStatus
from oauth_cli_login.model import Settings
from oauth_cli_login.plugins import load

DEFAULT_PORT = 8080


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare the port."""
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, metavar="N", help=f"listen here (default: {DEFAULT_PORT})"
    )


def run(context: Context, args: Namespace) -> int:
    """Serve until Ctrl-C."""
    issuer = f"http://localhost:{args.port}/default"
    provider = load("mock", context.environ)
    settings = Settings({**dict.fromkeys(provider.declared_settings()), "issuer": issuer, "client_id": "cli-app"})
    server = provider.local_server(settings)
    if server is None:
        raise ConfigError(f"port {args.port} is taken", hint="End what listens there, or choose another: --port N")
    with server:
        context.terminal.say(f"The mock OAuth 2 server answers at {issuer}", "bold")
        context.terminal.say(f"  discovery    {issuer}/.well-known/openid-configuration")
        context.terminal.say("  client id    cli-app (public, PKCE, any loopback redirect URI)")
        context.terminal.say(f"  sign in      oauth-cli login --provider mock --issuer {issuer}")
        context.terminal.say("Its tokens open nothing but itself. Ctrl-C ends it.", "dim")
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)  # nothing to do: the server has threads of its own
        context.terminal.say("Ended.")
    return ExitStatus.INTERRUPTED
