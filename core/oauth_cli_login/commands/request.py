"""``oauth-cli request URL``: call an API with a valid access token, with curl's letters."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, TextIO

from oauth_cli_login.adapters.output import check_savable, save
from oauth_cli_login.api_hosts import absolute, check_allowed, remember
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.discovery import served
from oauth_cli_login.errors import ConfigError, ExitStatus, NotSignedIn, UsageError
from oauth_cli_login.protocol.resource import (
    MAX_REDIRECTS,
    REDIRECTS,
    check_host,
    host_in,
    method_of,
    parse_headers,
    redirect_target,
    resource_request,
)
from oauth_cli_login.session import check_settings, ended, stored_session, valid_session
from oauth_cli_login.values import dataclass, field

if TYPE_CHECKING:
    from oauth_cli_login.adapters.http import StreamedResponse

MAX_DATA = 64 << 20
"""Bytes of a request's body: all of it is held, so that it can be sent again with a new token."""

_UNAUTHORIZED = 401
_REFUSED = 400
"""The first status that says no."""


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare the request, and where its answer goes."""
    parser.add_argument("url", metavar="URL", help="https://… or, where the provider has one API host, /… alone")
    parser.add_argument("-X", "--request", dest="method", metavar="METHOD", help="default: GET, or POST with -d")
    parser.add_argument(
        "-H", "--header", dest="headers", action="append", default=[], metavar="'K: V'", help="send this header as well"
    )
    parser.add_argument(
        "-d",
        "--data",
        action="append",
        metavar="DATA",
        help="send this body; @FILE sends a file, @- standard input; several are joined with &",
    )
    parser.add_argument("-i", "--include", action="store_true", help="print the status line and the headers first")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer to FILE, once all of it has come")
    parser.add_argument(
        "--allow-host",
        dest="hosts",
        action="append",
        default=[],
        metavar="HOST",
        help="let this profile's access token go to HOST (or HOST:PORT), this time and from now on",
    )


@dataclass(frozen=True)
class _Call:
    """What is asked of the API, but for the token."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | None = field(repr=False)


def run(context: Context, args: Namespace) -> int:
    """Send the request, and pass the answer on as it comes: see that its host may have the token, first of all.

    The status is 10 where the API answers 400 or more, or redirects to where the token does not go.
    """
    method = method_of(args.method, has_data=args.data is not None)
    headers = parse_headers(args.headers)
    hosts = [_host(text) for text in args.hosts]
    if args.output == "-":  # as curl has it
        args.output = None
    if args.output is not None:
        check_savable(args.output)
    configuration = Configuration.read(context.environ, context.terminal)
    name = configuration.chosen_profile(args.profile)
    profile, session = stored_session(configuration, name)
    provider, resolved = check_settings(configuration, profile, session)
    settings = resolved.settings()
    url = absolute(args.url, provider, settings)
    check_allowed(context, url, session, name=name, provider=provider, settings=settings, also=hosts)
    for host in remember(configuration, name, resolved, hosts):
        context.terminal.say(f"The access token of {name} may go to {host} from now on.")
    at_issuer = session.issuer is not None and host_in(session.issuer) == host_in(url)
    with (
        served(context, provider, settings) if at_issuer else nullcontext(),
        context.connection(settings["ca_file"]) as connection,
        ExitStack() as opened,
    ):
        call = _Call(method, url, headers, None if args.data is None else _data(args.data, context.terminal.source))
        current = valid_session(context, configuration, name, of=session)
        answer = _send(connection, opened, call, current.access_token)
        if answer.status == _UNAUTHORIZED:
            try:
                current = valid_session(context, configuration, name, refresh=True, of=session)
            except NotSignedIn:
                pass  # the API's own words are the answer
            else:
                answer = _send(connection, opened, call, current.access_token)
        _pass_on(context, args, answer)
    return _judge(context, answer, name=name, sign_in_again=ended(name, profile).hint)


def _send(connection: Connection, opened: ExitStack, call: _Call, access_token: str) -> StreamedResponse:
    """Return the answer, behind a few redirects that stay where they are; it is closed with ``opened``."""
    url: str | None = call.url
    for _ in range(1 + MAX_REDIRECTS):
        assert url is not None  # noqa: S101 - the loop ends where there is none
        request = resource_request(call.method, url, access_token=access_token, headers=call.headers, data=call.data)
        answer = connection.stream(request)
        opened.callback(answer.close)
        url = redirect_target(call.method, url, answer.header("location"))
        if answer.status not in REDIRECTS or url is None:
            break
    return answer


def _pass_on(context: Context, args: Namespace, answer: StreamedResponse) -> None:
    """Print the answer, or save it: a file is for what was asked for, and not for a refusal in its place."""
    chunks = answer.chunks
    if args.include:
        lines = [answer.status_line, *(f"{name}: {value}" for name, value in answer.headers), "", ""]
        chunks = chain(["\r\n".join(lines).encode("latin-1", "replace")], chunks)
    if args.output is not None and not _is_refusal(answer):
        save(args.output, chunks)
    else:
        context.terminal.answer_bytes(chunks)


def _judge(context: Context, answer: StreamedResponse, *, name: str, sign_in_again: str) -> int:
    """Return the exit status, and say what the body may not."""
    if not _is_refusal(answer):
        return ExitStatus.OK
    context.terminal.warn(f"the API answered {answer.status_line.partition(' ')[2]}")
    if answer.status in REDIRECTS:
        location = re.split("[?#]", answer.header("location") or "nowhere")[0]  # behind them are codes and tokens
        context.terminal.must_see(
            f"  It redirects to {location}. GET and HEAD alone follow, and the token of {name} to no other host.",
            "dim",
        )
    elif answer.status == _UNAUTHORIZED:
        context.terminal.must_see(f"  It does not accept the access token of {name}. {sign_in_again}", "dim")
    return ExitStatus.API_REFUSED


def _is_refusal(answer: StreamedResponse) -> bool:
    return answer.status >= _REFUSED or answer.status in REDIRECTS


def _host(text: str) -> str:
    try:
        return check_host(text)
    except ConfigError as error:
        raise UsageError(f"--allow-host: {error.message}", hint=error.hint) from None


def _data(parts: Sequence[str], source: TextIO | None) -> bytes:
    """Return the body; of a file nothing is left out. Raise UsageError where it cannot be read or is too long."""
    body = b"&".join(_part(text, source) for text in parts)
    if len(body) > MAX_DATA:
        raise UsageError(
            f"the body is larger than {MAX_DATA >> 20} MiB",
            hint="It is held in memory. Send more than that with curl, and the token of `oauth-cli token`.",
        )
    return body


def _part(text: str, source: TextIO | None) -> bytes:
    if not text.startswith("@"):
        return os.fsencode(text)
    if text == "@-":
        return source.buffer.read(MAX_DATA + 1) if source else b""
    try:
        with open(text[1:], "rb") as file:
            return file.read(MAX_DATA + 1)
    except OSError as error:
        raise UsageError(
            f"{text[1:]!a} cannot be read: {error.strerror}", hint="-d @FILE sends a file's content."
        ) from None
