"""The browser flow: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252).

Its steps are numbered in login.py: ``browser_flow`` takes 1 to 8.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO
from urllib.parse import urlsplit

from oauth_cli_login.adapters import pages
from oauth_cli_login.adapters.loopback import CallbackServer, Reply
from oauth_cli_login.adapters.terminal import minutes
from oauth_cli_login.attempt import Attempt, Granted
from oauth_cli_login.errors import AuthorizationError, ConfigError, LoginTimeout, OAuthCliError, ProtocolError
from oauth_cli_login.model import Settings
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.authorization import (
    AuthorizationRequest,
    StrangersCallback,
    authorization_request,
    parse_authorization_response,
)
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.callback import BadRequest, parse_callback_request
from oauth_cli_login.protocol.pkce import ENTROPY_BYTES, pkce_pair
from oauth_cli_login.protocol.token import AUTHORIZATION_CODE, authorization_code_request
from oauth_cli_login.protocol.url import LOOPBACK_HOSTS, check_endpoint
from oauth_cli_login.provider import Provider

TIMEOUT = 300.0
"""Seconds that the flow waits where the user names no time."""
STATE_BYTES = 32
_NOTES = 10
"""Strangers at the callback port that are told of; behind them the terminal stays quiet."""

Answer = str | OAuthCliError
"""How the wait ends: with a code, or with what went wrong."""


def browser_flow(attempt: Attempt) -> Granted:
    """Take steps 1 to 8 of login.py's docstring."""
    pkce = pkce_pair(attempt.context.entropy(ENTROPY_BYTES))
    state, nonce = (base64url(attempt.context.entropy(STATE_BYTES)) for _ in range(2))
    host, path, ports = redirect_target(attempt.client.provider, attempt.client.settings, attempt.options.port)
    with CallbackServer(host, ports) as server:
        request = authorization_request(
            attempt.client.metadata,
            client_id=attempt.client.authentication.client_id,
            redirect_uri=redirect_uri(host, server.port, path),
            scopes=attempt.options.scopes,
            state=state,
            nonce=nonce,
            pkce=pkce,
            params=attempt.authorization_params("browser", params.AUTHORIZATION),
        )
        opened = _open_browser(attempt, request.url)
        attempt.client.connection.prepare()  # while the person signs in
        code = _wait_for_code(attempt, server, request, opened=opened)
    attempt.terminal.step(3, "Exchanging the authorization code …")
    exchange = authorization_code_request(
        attempt.client.metadata,
        attempt.client.authentication,
        code=code,
        redirect_uri=request.redirect_uri,
        code_verifier=pkce.code_verifier,
        params=attempt.token_params(AUTHORIZATION_CODE, params.CODE_EXCHANGE, request.redirect_uri),
    )
    issued_at = int(attempt.context.clock())
    tokens = attempt.client.parse_token_response(attempt.client.connection.send(exchange), AUTHORIZATION_CODE)
    return Granted(tokens, issued_at, request.nonce, request.redirect_uri)


def redirect_target(provider: Provider, settings: Settings, port: int | None) -> tuple[str, str, tuple[int, ...]]:
    """Return (host, path, ports to try in order) of the loopback redirect; ConfigError for one that is not loopback.

    ``port`` is the user's own choice; a redirect_uri setting beats the provider's policy.
    """
    policy = provider.redirect_policy(settings)
    host, path, named, any_port = policy.host, policy.path, policy.port, policy.any_port
    if settings["redirect_uri"]:
        try:
            parts = urlsplit(check_endpoint("redirect_uri", settings["redirect_uri"]))
        except ProtocolError as error:
            raise ConfigError(error.message) from None
        if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS or parts.query:
            raise ConfigError(
                f"the redirect_uri must be http on this machine: {parts.geturl()!a}",
                hint="For example http://localhost:8085/callback, as it is registered at the provider.",
            )
        # without a port it is RFC 8252's form: the server takes any
        host, path, named, any_port = parts.hostname, parts.path, parts.port or named, parts.port is None
    if port is not None:
        return host, path, (port,)
    return host, path, (named, 0) if any_port else (named,)


def redirect_uri(host: str, port: int, path: str) -> str:
    """Return the redirect_uri of a loopback address (RFC 8252 section 7.3)."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


def _open_browser(attempt: Attempt, url: str) -> bool:
    """Show the URL, then start the browser; tell whether one was started."""
    if attempt.options.open_browser is None:
        attempt.terminal.step(1, "Open this address in a browser:")
        attempt.terminal.must_see(f"   {url}")
        return False
    attempt.terminal.step(1, "Opening the browser …")
    attempt.terminal.must_see(f"   {url}")
    opened = attempt.options.open_browser(url)
    if not opened:
        attempt.terminal.say("   No browser could be started: open the address above yourself.", "yellow")
    return opened


def _wait_for_code(attempt: Attempt, server: CallbackServer, request: AuthorizationRequest, *, opened: bool) -> str:
    """Serve the callback until this login's answer comes, or is pasted, and return its code."""
    attempt.terminal.step(2, f"Waiting for the callback on {request.redirect_uri} …")
    seconds = attempt.options.timeout or TIMEOUT
    invited = not opened and attempt.terminal.can_ask
    _explain_waiting(attempt, server.port, invited=invited)

    turn_away = _Doorkeeper(attempt)

    def respond(head: bytes) -> Reply[Answer]:
        try:
            callback = parse_callback_request(head, redirect_uri=request.redirect_uri)
            code = parse_authorization_response(callback.query, state=request.state, metadata=attempt.client.metadata)
        except BadRequest as refused:
            return turn_away(refused.status, str(refused))
        except StrangersCallback as stranger:
            return turn_away(400, str(stranger))
        except AuthorizationError as error:
            page = pages.sign_in_failed(error.error, error.error_description)
            return Reply(200, page, result=error)
        except ProtocolError as error:
            return Reply(400, pages.problem("This sign-in was stopped", error.message), result=error)
        return Reply(200, pages.signed_in(attempt.client.provider.name), result=code)

    def tick(left: float) -> None:
        if not invited:  # the running time would wipe out what is being pasted
            attempt.terminal.running(f"   {minutes(left)} left, Ctrl-C to give up")

    result = server.wait(
        respond,
        seconds=seconds,
        tick=tick,
        typed=_pasted(attempt, request),
        clock=attempt.context.monotonic,
    )
    attempt.terminal.clear_running()
    if result is None:
        raise LoginTimeout(
            f"nobody finished signing in within {minutes(seconds)}",
            hint="Run the same command to try again. If the browser showed an error, it says what the provider "
            "has against the client id, the redirect URI or the scopes.",
        )
    if isinstance(result, OAuthCliError):
        raise result
    return result


def _explain_waiting(attempt: Attempt, port: int, *, invited: bool) -> None:
    """Say what a person can do while nothing comes; ``invited`` to paste the address that the browser ends at."""
    if attempt.context.environ.get("SSH_CONNECTION"):
        here = attempt.context.environ["SSH_CONNECTION"].split()[2:3]
        attempt.terminal.say(f"   From your own machine: ssh -L {port}:localhost:{port} {(here or ['HOST'])[0]}", "dim")
    if invited:
        attempt.terminal.say("   If the browser runs elsewhere, paste the address it ends at here.", "dim")
    attempt.terminal.say(
        "   If the browser shows an error, nothing comes back here: Ctrl-C, and see what it says.", "dim"
    )


def _pasted(attempt: Attempt, request: AuthorizationRequest) -> tuple[TextIO, Callable[[str], Answer | None]] | None:
    """Return the terminal to read a pasted redirect from, where one can be read beside the sockets."""
    if not attempt.terminal.can_ask or attempt.terminal.source is None or os.name != "posix":
        return None

    def parse(line: str) -> Answer | None:
        try:
            query = urlsplit(line).query
            return parse_authorization_response(query, state=request.state, metadata=attempt.client.metadata)
        except (StrangersCallback, ValueError):
            attempt.terminal.warn("that is not the address at which this sign-in ends")
            return None
        except OAuthCliError as error:
            return error

    return attempt.terminal.source, parse


class _Doorkeeper:
    """Turns strangers away, and notes the first of them in a line each."""

    def __init__(self, attempt: Attempt) -> None:
        self._terminal = attempt.terminal
        self._turned_away = 0

    def __call__(self, status: int, reason: str) -> Reply[Answer]:
        self._turned_away += 1
        if self._turned_away <= _NOTES:
            self._terminal.say(f"   Turned away a request to the callback ({status}): {reason}.", "dim")
        if self._turned_away == _NOTES:
            self._terminal.say("   Further ones are not mentioned.", "dim")
        return Reply(status, pages.problem("This is not the page you look for", f"The request was refused: {reason}."))
