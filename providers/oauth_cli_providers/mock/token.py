"""The token endpoint (RFC 6749 sections 4.1.3, 5 and 6; RFC 7636 section 4.6; RFC 8628 sections 3.4 and 3.5)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from oauth_cli_providers.mock import state
from oauth_cli_providers.mock.authorization_server import AuthorizationServer, check_client, check_scope
from oauth_cli_providers.mock.messages import OAuthError, Request, Response, json_response, required
from oauth_cli_providers.mock.signing import b64url

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_DEVICE_ERRORS = {
    "invalid_grant": "The device code is unknown or used.",
    "expired_token": "The device code has expired.",
    "access_denied": "The person denied the request.",
    "authorization_pending": "The person has not answered yet.",
    "slow_down": "Wait five seconds more between requests.",
}
_TIMER_SLACK = 0.1  # seconds; clients that wait exactly the interval must not be told to slow down


def token(server: AuthorizationServer, request: Request) -> Response:
    """Answer a token request with tokens, or raise ``OAuthError``."""
    form = request.form
    check_client(form, request.headers)
    grant_type = GRANT_TYPES.get(required(form, "grant_type"))
    if grant_type is None:
        raise OAuthError("unsupported_grant_type", f"The grant types here are {', '.join(GRANT_TYPES)}.")
    return json_response(grant_type(server, form))


def _authorization_code(server: AuthorizationServer, form: Mapping[str, str]) -> dict[str, object]:
    code, redirect_uri, code_verifier = (required(form, name) for name in ("code", "redirect_uri", "code_verifier"))
    if not _CODE_VERIFIER.fullmatch(code_verifier):
        raise OAuthError("invalid_request", "The code_verifier is not 43 to 128 unreserved characters.")
    code_challenge = b64url(hashlib.sha256(code_verifier.encode("ascii")).digest())
    key = state.grant_key(code)
    refresh_token = None
    with server.transaction() as current:
        # Taken out, and put back only where everything fits: a code that comes twice, or is in the wrong hands, ends
        # what was issued from it (RFC 6749 section 4.1.2).
        grant = current.grants.pop(key, None)
        if (
            grant is not None
            and grant.iss == server.issuer
            and grant.code == state.Code(state.digest(code), redirect_uri, code_challenge)
        ):
            nonce, grant.nonce, grant.code = grant.nonce, None, None
            refresh_token = server.renew(grant, state.mint(state.handle_of(code)))
            current.grants[key] = grant
    if grant is None or refresh_token is None:
        raise OAuthError(
            "invalid_grant",
            "The code is unknown, expired or used, or belongs to another redirect_uri or code_verifier.",
        )
    return server.token_response(grant, refresh_token, nonce=nonce)


def _refresh_token(server: AuthorizationServer, form: Mapping[str, str]) -> dict[str, object]:
    spent = required(form, "refresh_token")
    scope = check_scope(form["scope"]) if "scope" in form else None
    key = state.grant_key(spent)
    refresh_token = None
    with server.transaction() as current:
        grant = current.grants.get(key)
        if grant is not None and grant.iss == server.issuer:
            if grant.refresh_token != state.digest(spent):
                # It was good once: one of two holders is a thief, and nobody can tell which (RFC 9700 section 4.14.2).
                del current.grants[key]
            elif scope is None or set(scope.split()) <= set(grant.scope.split()):
                refresh_token = server.renew(grant, state.mint(state.handle_of(spent)))
            else:
                raise OAuthError("invalid_scope", "A refresh cannot ask for more than the person allowed.")
    if grant is None or refresh_token is None:
        raise OAuthError("invalid_grant", "The refresh token is unknown, expired, revoked or spent.")
    return server.token_response(grant, refresh_token, scope=scope)


def _device_code(server: AuthorizationServer, form: Mapping[str, str]) -> dict[str, object]:
    key = state.digest(required(form, "device_code"))
    now = server.clock()
    refresh_token = state.mint()
    grant = None
    with server.transaction() as current:
        device = current.devices.get(key)
        if device is None or device.iss != server.issuer:
            error = "invalid_grant"
        elif device.expires_at <= now:
            error = "expired_token"
        elif device.pending:
            error = _poll(device, now)
        else:
            del current.devices[key]
            error = "access_denied"
            grant = device.grant
        if grant is not None:
            server.renew(grant, refresh_token)
            current.grants[state.grant_key(refresh_token)] = grant
    if grant is None:
        raise OAuthError(error, _DEVICE_ERRORS[error])
    return server.token_response(grant, refresh_token)


def _poll(device: state.Device, now: float) -> str:
    too_soon = now - device.polled_at < device.interval - _TIMER_SLACK
    device.polled_at = now
    if not too_soon:
        return "authorization_pending"
    device.interval += 5  # RFC 8628 section 3.5: for this and all that follow
    return "slow_down"


GRANT_TYPES = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    DEVICE_CODE_GRANT: _device_code,
}
