"""The device authorization grant (RFC 8628)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from oauth_cli_login.errors import LoginTimeout, ProtocolError, TokenError
from oauth_cli_login.model import HttpRequest, HttpResponse, ServerMetadata, TokenResponse
from oauth_cli_login.protocol.body import parse_object_response, text_field
from oauth_cli_login.protocol.token import (
    ClientAuthentication,
    TokenFields,
    client_request,
    parse_token_response,
    token_error,
)
from oauth_cli_login.protocol.url import check_endpoint
from oauth_cli_login.values import dataclass, field

WHAT = "device authorization response"
DEFAULT_INTERVAL = 5
"""Seconds between polls where the server names none (RFC 8628 section 3.2)."""
SLOW_DOWN = 5
"""Seconds that each slow_down adds, for good (section 3.5)."""
_MAX_SECONDS = 24 * 3600
_LONGEST_CODE, _LONGEST_URI = 100, 2000
"""Characters that a person is shown."""


@dataclass(frozen=True)
class DeviceAuthorization:
    """What to show and how to poll. ``expires_in`` and ``interval`` are in seconds.

    ``verification_uri`` is for the eyes: it may be anything printable. ``verification_uri_complete`` is ``None`` where
    the server gives none, or one that may not be opened.
    """

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: int
    interval: int

    @property
    def verification_uri_is_safe(self) -> bool:
        """Whether ``verification_uri`` is an address that we would open ourselves."""
        return _openable(self.verification_uri) is not None


@dataclass(frozen=True)
class Pending:
    """Nobody has decided yet: wait ``interval`` seconds before the next poll."""

    interval: int


PollResult = TokenResponse | Pending


def device_authorization_request(
    metadata: ServerMetadata, client: ClientAuthentication, *, scopes: Sequence[str], params: Mapping[str, str]
) -> HttpRequest:
    """Build the request of section 3.1; ProtocolError where the server has no such endpoint."""
    if metadata.device_authorization_endpoint is None:
        raise ProtocolError(
            "the server has no device_authorization_endpoint", hint="Sign in with the browser instead: --flow browser"
        )
    own = {"scope": " ".join(scopes)} if scopes else {}
    return client_request(
        metadata.device_authorization_endpoint, client, {"client_id": client.client_id, **own, **params}
    )


def parse_device_authorization_response(
    response: HttpResponse, *, token_fields: TokenFields = lambda _status, fields: fields
) -> DeviceAuthorization:
    """Read the response of section 3.2; TokenError where it is an error, ProtocolError where it is neither.

    ``token_fields`` translates an error, as it does at the token endpoint.
    """
    fields: Mapping[str, object] = parse_object_response(response, WHAT)
    if fields.get("error"):
        fields = token_fields(response.status, fields)
    error = text_field(fields, "error", WHAT)
    if error:
        raise token_error(error, fields, response)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of success
        raise ProtocolError(f"the device authorization endpoint answered HTTP {response.status} without an error code")
    device_code = text_field(fields, "device_code", WHAT)
    user_code = text_field(fields, "user_code", WHAT)
    # drafts before RFC 8628 called it verification_url; Google still does
    uri = text_field(fields, "verification_uri", WHAT) or text_field(fields, "verification_url", WHAT)
    if not device_code or not user_code or not uri:
        raise ProtocolError(f"the {WHAT} lacks device_code, user_code or verification_uri (HTTP {response.status})")
    if len(user_code) > _LONGEST_CODE or len(uri) > _LONGEST_URI:
        raise ProtocolError(f"the {WHAT} has a user_code or verification_uri that is too long for anybody to type")
    return DeviceAuthorization(
        device_code=device_code,
        user_code=user_code,
        verification_uri=uri,
        verification_uri_complete=_openable(fields.get("verification_uri_complete")),
        expires_in=_seconds(fields, "expires_in"),
        interval=max(1, _seconds(fields, "interval", DEFAULT_INTERVAL)),
    )


def parse_poll_response(response: HttpResponse, *, interval: int, token_fields: TokenFields) -> PollResult:
    """Read one poll's answer by its body, whatever the status (section 3.5).

    Returns the tokens, or Pending with the interval to use from now on. Raises LoginTimeout for expired_token,
    TokenError for access_denied and every other error.
    """
    try:
        return parse_token_response(response, token_fields=token_fields)
    except TokenError as error:
        match error.error:
            case "authorization_pending":
                return Pending(interval)
            case "slow_down":
                return Pending(max(interval + SLOW_DOWN, _named_interval(response)))
            case "expired_token":
                raise expired() from None
        raise


def expired() -> LoginTimeout:
    """Return the error of a device code whose time is over."""
    return LoginTimeout("the device code expired before it was used", hint="Run the same command for a new code.")


def _openable(uri: object) -> str | None:
    try:
        found = check_endpoint("verification_uri", uri)
        return found if len(found) <= _LONGEST_URI else None
    except ProtocolError:
        return None  # the code and the plain address are shown in any case


def _named_interval(response: HttpResponse) -> int:
    """Return the interval that a slow_down carries (GitHub says the new one), or 0."""
    fields = parse_object_response(response, WHAT)
    return _seconds(fields, "interval", 0)


def _seconds(fields: Mapping[str, object], name: Literal["expires_in", "interval"], default: int | None = None) -> int:
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 6:  # noqa: PLR2004 - 11 days
        value = int(value)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ProtocolError(f"the {WHAT} has no usable {name}")
    return min(int(value), _MAX_SECONDS)
