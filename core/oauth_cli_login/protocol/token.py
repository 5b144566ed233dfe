"""The token endpoint: RFC 6749 sections 4.1.3, 5.1, 5.2 and 6, RFC 8628 section 3.4; client authentication, 2.3.1."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, quote_plus

from oauth_cli_login.errors import ConfigError, ProtocolError, TokenError
from oauth_cli_login.model import HttpRequest, HttpResponse, ServerMetadata, TokenResponse
from oauth_cli_login.protocol.body import FORM, form, parse_object_response, text_field
from oauth_cli_login.values import dataclass, field

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant_type, RFC 6749 section 6
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

WHAT = "token response"
MAX_LIFETIME = 10 * 365 * 24 * 3600
"""Seconds. A longer expires_in is taken as this: no server means it."""
ASSUMED_LIFETIME = 3600
"""Seconds that a token of unknown lifetime is used where it can be refreshed (RFC 6749 section 5.1 leaves it open)."""

_TOKEN = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A: VSCHAR
_MAX_DIGITS = 15

TokenFields = Callable[[int, Mapping[str, object]], Mapping[str, object]]
"""(status, fields) -> fields in RFC 6749's terms: where a provider's dialect is translated."""


@dataclass(frozen=True)
class ClientAuthentication:
    """How the client says who it is: client_secret_basic, client_secret_post or none (RFC 6749 section 2.3.1)."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    method: str = "none"

    @property
    def headers(self) -> dict[str, str]:
        """The Authorization header of client_secret_basic, or nothing.

        A space is %20: every server reads that, and some do not read the form's own + (Authlib 1.9).
        """
        if self.method != "client_secret_basic":
            return {}
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret or '', safe='')}"
        return {"Authorization": "Basic " + b64encode(pair.encode("ascii")).decode("ascii")}

    @property
    def params(self) -> dict[str, str]:
        """The body's part: client_id and client_secret, client_id alone, or nothing."""
        if self.method == "client_secret_basic":
            return {}
        if self.method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": self.client_secret or ""}
        return {"client_id": self.client_id}


def client_authentication(
    client_id: str, client_secret: str | None, *, metadata: ServerMetadata, method: str | None = None
) -> ClientAuthentication:
    """Return the client's authentication: ``method`` where the user chose one, else what the server supports.

    Without a secret the client is public. RFC 8414 section 2: a server that names no method takes
    client_secret_basic. Raises ConfigError for a method that is unknown or that lacks its secret.
    """
    if method is None:
        if not client_secret:
            method = "none"
        else:
            supported = metadata.token_endpoint_auth_methods
            basic = supported is None or "client_secret_basic" in supported or "client_secret_post" not in supported
            method = "client_secret_basic" if basic else "client_secret_post"
    if method not in ("none", "client_secret_basic", "client_secret_post"):
        raise ConfigError(
            f"token_endpoint_auth_method is {method!a}, which oauth-cli does not have",
            hint="Use none, client_secret_basic or client_secret_post.",
        )
    if method != "none" and not client_secret:
        raise ConfigError(f"token_endpoint_auth_method is {method}, but there is no client_secret")
    return ClientAuthentication(client_id, client_secret if method != "none" else None, method)


def client_request(url: str, client: ClientAuthentication, params: Mapping[str, str]) -> HttpRequest:
    """Return a form POST that authenticates the client: the shape that token, device and revocation requests share."""
    headers = {"Accept": "application/json", "Content-Type": FORM, **client.headers}
    secrets = secrets_in(client, params)
    return HttpRequest("POST", url, headers, form({**client.params, **params}), secrets)


def secrets_in(client: ClientAuthentication, params: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets of a request in each spelling that it has them in: as they are, in a form, in a header."""
    plain = [secret for secret in (client.client_secret, *map(params.get, _SENT)) if secret]
    basic = [value.partition(" ")[2] for value in client.headers.values()]
    return tuple({*plain, *(quote(secret, safe="") for secret in plain), *map(quote_plus, plain), *basic})


def _token_request(
    metadata: ServerMetadata, client: ClientAuthentication, params: Mapping[str, str], extra: Mapping[str, str]
) -> HttpRequest:
    if metadata.token_endpoint is None:
        raise ProtocolError("the server has no token_endpoint")
    return client_request(metadata.token_endpoint, client, {**extra, **params})


def authorization_code_request(
    metadata: ServerMetadata,
    client: ClientAuthentication,
    *,
    code: str,
    redirect_uri: str,
    code_verifier: str,
    params: Mapping[str, str],
) -> HttpRequest:
    """Build the exchange of an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    own = {
        "grant_type": AUTHORIZATION_CODE,
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }
    return _token_request(metadata, client, own, params)


def refresh_request(
    metadata: ServerMetadata, client: ClientAuthentication, *, refresh_token: str, params: Mapping[str, str]
) -> HttpRequest:
    """Build a refresh (RFC 6749 section 6); the scope is left out, which means the same as before."""
    return _token_request(metadata, client, {"grant_type": REFRESH_TOKEN, "refresh_token": refresh_token}, params)


def device_code_request(
    metadata: ServerMetadata, client: ClientAuthentication, *, device_code: str, params: Mapping[str, str]
) -> HttpRequest:
    """Build one poll of the device flow (RFC 8628 section 3.4)."""
    return _token_request(metadata, client, {"grant_type": DEVICE_CODE, "device_code": device_code}, params)


def parse_token_response(response: HttpResponse, *, token_fields: TokenFields) -> TokenResponse:
    """Return the tokens of a response.

    The body decides, whatever the status: an ``error`` member is a TokenError. Raises ProtocolError where the body
    is not what section 5.1 says, including a token_type other than Bearer.
    """
    fields = token_fields(response.status, parse_object_response(response, WHAT))
    error = text_field(fields, "error", WHAT)
    if error:
        raise token_error(error, fields, response)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of success
        raise ProtocolError(f"the token endpoint answered HTTP {response.status} without an error code")
    access_token = _token(fields, "access_token")
    if access_token is None:
        raise ProtocolError("the token response has no access_token")
    token_type = text_field(fields, "token_type", WHAT)
    if token_type is None or token_type.lower() != "bearer":
        shown = ascii(_without_secrets(str(token_type), response, fields))[:60] if token_type else "None"
        raise ProtocolError(f"the token response has the token_type {shown}; oauth-cli takes Bearer")
    return TokenResponse(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106 - the one spelling of RFC 6750
        expires_in=_expires_in(fields, response),
        refresh_token=_token(fields, "refresh_token"),
        scope=_scope(fields),
        id_token=_token(fields, "id_token"),
    )


MAX_EXPLANATION = 500
"""Characters of a server's own words that are shown."""


def token_error(error: str, fields: Mapping[str, object], response: HttpResponse) -> TokenError:
    """Return the error of section 5.2 that these fields carry; what it shows of secrets is struck out.

    ``error`` stays as it came: the program decides by it, and shows the message.
    """

    def shown(value: object) -> str:
        return _without_secrets(value, response, fields)[:MAX_EXPLANATION] if isinstance(value, str) else ""

    description, uri = shown(fields.get("error_description")), shown(fields.get("error_uri"))
    message = f"the provider refused: {shown(error)}"
    return TokenError(
        f"{message} ({description})" if description else message,
        error=error,
        status=response.status,
        error_description=description,
        error_uri=uri,
        hint=_HINTS.get(error, ""),
    )


def _without_secrets(text: str, response: HttpResponse, fields: Mapping[str, object]) -> str:
    """Return what a server says with the secrets struck out that it was sent or that it sends itself."""
    secrets = {*response.secrets, *(value for value in map(fields.get, _ISSUED) if isinstance(value, str))}
    for secret in sorted(secrets, key=len, reverse=True):  # one may be the beginning of another
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def expires_at(response: TokenResponse, *, issued_at: int, renewable: bool) -> int:
    """Return when the access token ends, in seconds since the epoch, or 0 for "until the server refuses it".

    A token of unknown lifetime that is ``renewable`` gets an hour: asking early costs a request, asking late hands
    out a dead token.
    """
    if response.expires_in is None:
        return issued_at + ASSUMED_LIFETIME if renewable else 0
    return issued_at + response.expires_in


def narrower_scopes(requested: Sequence[str], granted: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes that were asked for and not granted, in the order asked."""
    return tuple(scope for scope in requested if scope not in granted)


def _token(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ProtocolError(f"the token response has an {name} that no header could carry")
    return value


def _expires_in(fields: Mapping[str, object], response: HttpResponse) -> int | None:
    value = fields.get("expires_in")
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        value = int(value)  # some servers quote it
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        shown = ascii(_without_secrets(value, response, fields) if isinstance(value, str) else value)[:60]
        raise ProtocolError(f"the token response has the expires_in {shown}, which is no lifetime")
    return min(int(value), MAX_LIFETIME)


def _scope(fields: Mapping[str, object]) -> tuple[str, ...] | None:
    value = text_field(fields, "scope", WHAT)
    return None if value is None else tuple(value.split())


_ISSUED = ("access_token", "refresh_token", "id_token", "device_code")
_SENT = ("code", "code_verifier", "token", *_ISSUED)
"""The parameters of answers, and of requests, that nobody may be shown. An answer's ``code`` is often the error's."""
_SHORTEST_SECRET = 8
"""Characters: what is shorter protects nothing, and would strike out words."""
_HINTS = {
    "access_denied": "Nothing was stored. Run the same command to try again.",
    "invalid_client": "Check the client id and the client secret at the provider.",
    "invalid_grant": "The code was refused: it may have expired, or been used already. Run the same command again.",
    "unauthorized_client": "The client is not registered for this kind of sign-in at the provider.",
    "invalid_scope": "The client may not ask for one of these scopes: see --scope.",
}
