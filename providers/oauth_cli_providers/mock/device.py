"""The device authorization endpoint and the page where its user code is entered (RFC 8628 sections 3.1 to 3.3)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from oauth_cli_providers.mock import forms, login, state
from oauth_cli_providers.mock.authorization_server import CLIENT_ID, AuthorizationServer, check_client, check_scope
from oauth_cli_providers.mock.messages import Request, Response, json_response, page_response, redirect, required

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; nothing that looks like another
_LENGTH = 8


def device_authorization(server: AuthorizationServer, request: Request) -> Response:
    """Answer with a device code and a user code, or raise ``OAuthError``."""
    form = request.form
    check_client(form, request.headers)
    scope = check_scope(form.get("scope", "openid"))
    device_code = secrets.token_urlsafe(32)
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    user_code = f"{letters[:4]}-{letters[4:]}"
    expires_at = int(server.clock()) + state.DEVICE_CODE_LIFETIME
    with server.transaction() as current:
        current.devices[state.digest(device_code)] = state.Device(
            server.issuer, user_code, scope, expires_at, server.device_interval
        )
    return json_response(
        {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": f"{server.issuer}/device",
            "verification_uri_complete": f"{server.issuer}/device?user_code={user_code}",
            "expires_in": state.DEVICE_CODE_LIFETIME,
            "interval": server.device_interval,
        }
    )


def device(server: AuthorizationServer, request: Request) -> Response:
    """Ask for the user code, then for the person behind it.

    The code stands in the query once it is known, as in ``verification_uri_complete``; the login form posts to that.
    """
    posted = request.method == "POST"
    if posted:
        login.check_same_origin(request)
    typed = request.query.get("user_code", "")
    if typed:
        return _answer(server, typed, request.form if posted else None)
    if posted:
        return redirect(request.path, {"user_code": required(request.form, "user_code")})
    return page_response(forms.device(), form_action="'self'")


def _answer(server: AuthorizationServer, typed: str, form: Mapping[str, str] | None) -> Response:
    """Show the login form for this user code, or take what was filled in."""
    user_code = _normalized(typed)
    with server.transaction() as current:
        waiting = current.device_for(user_code, server.clock())
    if waiting is None:
        return _unknown(typed)
    if form is None:
        return _form(waiting, {})
    try:
        grant = None if login.denied(form) else server.new_grant(*login.signed_in(form), waiting.scope)
    except login.LoginError as error:
        return _form(waiting, form, error=error)
    with server.transaction() as current:
        answered = current.device_for(user_code, server.clock())
        if answered is None:  # somebody else was faster
            return _unknown(typed)
        answered.grant = grant
        answered.denied = grant is None
    return page_response(forms.device_answered(allowed=grant is not None))


def _normalized(typed: str) -> str:
    letters = "".join(letter for letter in typed.upper() if letter in _LETTERS)
    return f"{letters[:4]}-{letters[4:]}"


def _unknown(typed: str) -> Response:
    error = "No device waits with this code. It may have expired: start again on the device."
    return page_response(forms.device(typed, error=error), status=400, form_action="'self'")


def _form(waiting: state.Device, fields: Mapping[str, str], *, error: login.LoginError | None = None) -> Response:
    page = forms.login(CLIENT_ID, waiting.scope.split(), fields, user_code=waiting.user_code, error=error)
    return page_response(page, status=400 if error else 200, form_action="'self'")
