"""The device flow (RFC 8628): a code to enter on any other device, and polling until somebody has."""

from __future__ import annotations

from oauth_cli_login.adapters.terminal import minutes
from oauth_cli_login.attempt import Attempt, Granted
from oauth_cli_login.errors import LoginTimeout, TransportError
from oauth_cli_login.model import TokenResponse
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.device import (
    DeviceAuthorization,
    Pending,
    PollResult,
    device_authorization_request,
    expired,
    parse_device_authorization_response,
    parse_poll_response,
)
from oauth_cli_login.protocol.token import DEVICE_CODE, device_code_request

MAX_INTERVAL = 60
"""Seconds between polls that time-outs lead to at the most."""


def device_flow(attempt: Attempt) -> Granted:
    """Show the user code and poll (RFC 8628 sections 3.2 to 3.5)."""
    request = device_authorization_request(
        attempt.client.metadata,
        attempt.client.authentication,
        scopes=attempt.options.scopes,
        params=attempt.authorization_params("device", params.DEVICE_AUTHORIZATION),
    )
    device = parse_device_authorization_response(
        attempt.client.connection.send(request, repeat="if refused"),
        token_fields=attempt.client.token_fields(DEVICE_CODE),
    )
    seconds = min(device.expires_in, attempt.options.timeout or device.expires_in)
    end = attempt.context.monotonic() + seconds
    _show_user_code(attempt, device, seconds)
    interval = device.interval
    while True:
        if not _sleep_until(attempt, attempt.context.monotonic() + interval, end):
            raise expired() if seconds == device.expires_in else _given_up(seconds)
        issued_at = int(attempt.context.clock())
        result, interval = _poll(attempt, device, interval)
        if result is not None:
            attempt.terminal.clear_running()
            return Granted(result, issued_at)


def _given_up(seconds: float) -> LoginTimeout:
    return LoginTimeout(
        f"nobody entered the code within {minutes(seconds)}", hint="Run the same command for a new code."
    )


def _show_user_code(attempt: Attempt, device: DeviceAuthorization, seconds: float) -> None:
    """Show where to go and what to enter there; ``--quiet`` does not hide it."""
    if device.verification_uri_is_safe:
        attempt.terminal.must_see(f"1. Open this address in any browser:  {device.verification_uri}")
    else:
        attempt.terminal.must_see(f"1. Go where the server says (look at it first):  {device.verification_uri}")
    attempt.terminal.must_see(f"2. Enter this code there:  {device.user_code}", "bold")
    if device.verification_uri_complete:
        attempt.terminal.must_see(f"   Or go there with the code filled in:  {device.verification_uri_complete}")
    attempt.terminal.say(f"   Waiting for you, for {minutes(seconds)} at the most …", "dim")


def _sleep_until(attempt: Attempt, until: float, end: float) -> bool:
    """Wait for the next poll, showing the time left; tell whether there is time for it before the ``end``."""
    while (now := attempt.context.monotonic()) < until:
        if now >= end:
            attempt.terminal.clear_running()
            return False
        attempt.terminal.running(f"   {minutes(end - now)} left, Ctrl-C to give up")
        attempt.context.sleep(min(1.0, until - now))
    return True


def _poll(attempt: Attempt, device: DeviceAuthorization, interval: int) -> tuple[TokenResponse | None, int]:
    """Ask once; return the tokens if they are there, and the interval to use from now on."""
    request = device_code_request(
        attempt.client.metadata,
        attempt.client.authentication,
        device_code=device.device_code,
        params=attempt.token_params(DEVICE_CODE, params.DEVICE_EXCHANGE, None),
    )
    try:
        result: PollResult = parse_poll_response(
            attempt.client.connection.send(request),
            interval=interval,
            token_fields=attempt.client.token_fields(DEVICE_CODE),
        )
    except TransportError as error:
        # RFC 8628 section 3.5: after a time-out ask less often; the code's own end bounds it all
        attempt.terminal.debug(error.message)
        return None, max(interval, min(interval * 2, MAX_INTERVAL))
    if isinstance(result, Pending):
        return None, result.interval
    return result, interval
