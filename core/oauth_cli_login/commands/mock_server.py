"""``oauth-cli mock-server``: the embedded OAuth 2 server on its own, for people who develop OAuth clients."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress

from oauth_cli_login.arguments import port
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, ExitStatus

DEFAULT_PORT = 8080


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare the port and the faults."""
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, metavar="N", help=f"listen here (default: {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[@PLACE][:N]",
        help="misbehave in this way, to see what a client does; several with commas; 'help' lists them",
    )


def run(context: Context, args: Namespace) -> int:
    """Serve until Ctrl-C, or list the faults."""
    # Late: --help needs neither a server nor its faults. It is the one server that there is, so no plugin is asked.
    from oauth_cli_login.adapters.sockets import answers  # noqa: PLC0415 - see above
    from oauth_cli_providers.mock.authorization_server import CLIENT_ID  # noqa: PLC0415 - see above
    from oauth_cli_providers.mock.faults import Faults, each_spelled  # noqa: PLC0415 - see above
    from oauth_cli_providers.mock.server import MockServer  # noqa: PLC0415 - see above

    if "help" in each_spelled(args.fault):
        _list(context, as_json=args.json)
        return ExitStatus.OK
    faults = Faults(args.fault)
    if answers("localhost", args.port):
        raise ConfigError(f"port {args.port} is taken", hint="End what listens there, or choose another: --port N")
    with MockServer(args.port, respond=faults.respond) as server:
        context.terminal.say(f"The mock OAuth 2 server answers at {server.issuer}", "bold")
        context.terminal.say(f"  discovery    {server.issuer}/.well-known/openid-configuration")
        context.terminal.say(f"  client id    {CLIENT_ID} (public, PKCE, any loopback redirect URI)")
        context.terminal.say(f"  sign in      oauth-cli login --provider mock --issuer {server.issuer}")
        for one in faults.active:
            context.terminal.say(f"  fault        {one}: {one.fault.description}")
        context.terminal.say("Its tokens open nothing but itself. Ctrl-C ends it.", "dim")
        if args.json:  # last: whoever reads it can go on
            context.terminal.answer_json(
                {"issuer": server.issuer, "client_id": CLIENT_ID, "faults": [str(one) for one in faults.active]}
            )
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)  # nothing to do: the server has threads of its own
        context.terminal.say("Ended.")
    return ExitStatus.INTERRUPTED


def _list(context: Context, *, as_json: bool) -> None:
    import textwrap  # noqa: PLC0415 - only the list is folded

    from oauth_cli_providers.mock.faults import FAULTS  # noqa: PLC0415 - as in run

    if as_json:
        context.terminal.answer_json(
            {
                "faults": [
                    {"name": fault.name, "places": list(fault.places), "description": fault.description}
                    for fault in FAULTS.values()
                ]
            }
        )
        return
    columns = context.terminal.answer_columns()
    width = max(map(len, FAULTS))
    for fault in FAULTS.values():
        if columns is None:
            context.terminal.answer(f"{fault.name:{width}}  {fault.places[0]:20}  {fault.description}")
        else:  # few terminals are as wide as the longest line
            context.terminal.answer(f"{fault.name}  ({fault.places[0]})")
            folded = textwrap.fill(fault.description, columns - 4, break_on_hyphens=False)
            context.terminal.answer(textwrap.indent(folded, "    "))
    context.terminal.say("At another place: NAME@PLACE, as http-503@refresh. The first N times only: NAME:N.", "dim")
    context.terminal.say("--json lists the places that each fault can have.", "dim")
