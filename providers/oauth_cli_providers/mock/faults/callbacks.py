"""Faults of the authorization response: what the browser takes back (RFC 6749 section 4.1.2, RFC 9207)."""

from __future__ import annotations

import contextlib
import http.client
from urllib.parse import urlsplit

from oauth_cli_providers.mock.faults.fault import ESCAPES, Callback, Catalogue, Exchange, changes_callback
from oauth_cli_providers.mock.messages import is_loopback_redirect

faults = Catalogue()

_CALLBACK_SECONDS = 5


@faults.callback
def wrong_state(answer: Callback) -> None:
    """The callback's state is another one."""
    answer.put(state="another-state")


@faults.callback
def no_state(answer: Callback) -> None:
    """The callback has no state."""
    answer.put(state=None)


@faults.callback
def empty_state(answer: Callback) -> None:
    """The callback's state is empty."""
    answer.put(state="")


@faults.callback
def wrong_iss(answer: Callback) -> None:
    """The callback's iss is another server's."""
    answer.put(iss="https://attacker.example")


@faults.callback
def no_iss(answer: Callback) -> None:
    """The callback has no iss, though the metadata promises it."""
    answer.put(iss=None)


@faults.callback
def empty_iss(answer: Callback) -> None:
    """The callback's iss is empty."""
    answer.put(iss="")


@faults.callback
def no_code(answer: Callback) -> None:
    """The callback has neither a code nor an error."""
    answer.put(code=None)


@faults.callback
def empty_code(answer: Callback) -> None:
    """The callback's code is empty."""
    answer.put(code="")


@faults.callback
def repeated_code(answer: Callback) -> None:
    """The callback has two codes, the right one first."""
    answer.parameters.append(("code", "another-code"))


@faults.callback
def repeated_state(answer: Callback) -> None:
    """The callback has two states, the right one first."""
    answer.parameters.append(("state", "another-state"))


@faults.callback
def repeated_iss(answer: Callback) -> None:
    """The callback has two iss, the right one first."""
    answer.parameters.append(("iss", "https://attacker.example"))


@faults.callback
def code_and_error(answer: Callback) -> None:
    """The callback has an error beside its code."""
    answer.put(error="access_denied")


@faults.callback
def access_denied(answer: Callback) -> None:
    """The callback says access_denied, with the right state, whatever the person chose."""
    answer.put(code=None, error="access_denied", error_description="The person denied the request.")


def _error_fault(error: str) -> None:
    def change(answer: Callback) -> None:
        answer.put(code=None, error=error, error_description="The server says no.")

    name = f"callback-{error.replace('_', '-')}"
    faults.declare(name, f"The callback says {error}, with the right state.", ("authorize",), changes_callback(change))


for _error in (
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
):
    _error_fault(_error)


@faults.callback
def error_without_state(answer: Callback) -> None:
    """The callback says access_denied, without a state."""
    answer.put(code=None, state=None, error="access_denied")


@faults.callback
def error_wrong_state(answer: Callback) -> None:
    """The callback says access_denied, with another state."""
    answer.put(code=None, state="another-state", error="access_denied")


@faults.callback
def callback_escapes(answer: Callback) -> None:
    """The callback says server_error; its error_description holds ESC, OSC and bidi sequences."""
    answer.put(code=None, error="server_error", error_description=ESCAPES)


@faults.callback
def callback_markup(answer: Callback) -> None:
    """The callback says server_error; its error_description is a script for the page that shows it."""
    answer.put(code=None, error="server_error", error_description="<script>alert(document.domain)</script>")


@faults.callback
def callback_markup_in_code(answer: Callback) -> None:
    """The callback's error is itself an image for the page that shows it."""
    answer.put(code=None, error="<img src=x onerror=alert(1)>", error_description="Sorry.")


@faults.after("authorize")
def callback_twice(exchange: Exchange) -> bool:
    """The callback is delivered twice: the server requests it itself, and then sends the browser there."""
    location = exchange.response.headers.get("Location", "")
    if exchange.response.status != 302 or not is_loopback_redirect(location):  # noqa: PLR2004 - Found
        return False
    parts = urlsplit(location)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_CALLBACK_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", f"{parts.path or '/'}?{parts.query}")
        connection.getresponse().read(1)
    return True
