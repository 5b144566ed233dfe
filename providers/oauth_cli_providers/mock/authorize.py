"""The authorization endpoint (RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from oauth_cli_providers.mock import forms, login, state
from oauth_cli_providers.mock.authorization_server import CLIENT_ID, AuthorizationServer, check_scope
from oauth_cli_providers.mock.messages import (
    OAuthError,
    Request,
    Response,
    is_loopback_redirect,
    page_response,
    redirect,
    required,
)

_CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # a SHA-256 in base64url


def authorize(server: AuthorizationServer, request: Request) -> Response:
    """Show the login form, or take it and redirect with a code.

    What is wrong with the client or its redirect_uri is shown to the person; the rest goes back to the client
    (RFC 6749 section 4.1.2.1).
    """
    query = request.query
    if required(query, "client_id") != CLIENT_ID:
        raise OAuthError("invalid_client", f"The client_id is not known here: the only client is {CLIENT_ID}.")
    redirect_uri = required(query, "redirect_uri")
    if not is_loopback_redirect(redirect_uri):
        raise OAuthError("invalid_request", "The redirect_uri must be http on localhost, 127.0.0.1 or [::1].")

    def answer(**parameters: str) -> Response:
        return redirect(redirect_uri, {**parameters, "state": query.get("state"), "iss": server.issuer})

    try:
        scope = _check(query)
        if request.method != "POST":
            return _form(query, {"username": query.get("login_hint", "")}, scope)
    except OAuthError as error:
        return answer(error=error.error, error_description=error.error_description)

    login.check_same_origin(request)
    form = request.form
    if login.denied(form):
        return answer(error="access_denied", error_description="The person denied the request.")
    try:
        username, claims = login.signed_in(form)
    except login.LoginError as error:
        return _form(query, form, scope, error=error)
    code = state.mint()
    grant = server.new_grant(username, claims, scope, query.get("nonce"))
    grant.code = state.Code(state.digest(code), redirect_uri, query["code_challenge"])
    with server.transaction() as current:
        current.grants[state.grant_key(code)] = grant
    return answer(code=code)


def _check(query: Mapping[str, str]) -> str:
    """Return the scopes of a request that can be carried out; raise ``OAuthError``."""
    if required(query, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only response_type=code is supported.")
    if query.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "Only response_mode=query is supported.")
    for name in ("request", "request_uri"):
        if name in query:
            raise OAuthError(f"{name}_not_supported", f"The parameter {name} is not supported.")
    if query.get("code_challenge_method", "plain") != "S256":  # RFC 7636 section 4.3: left out, it is plain
        raise OAuthError("invalid_request", "PKCE is required, with code_challenge_method=S256.")
    if not _CODE_CHALLENGE.fullmatch(required(query, "code_challenge")):
        raise OAuthError("invalid_request", "The code_challenge is not a SHA-256 in base64url.")
    if "none" in query.get("prompt", "").split():
        raise OAuthError("login_required", "Nobody is signed in here: every request asks a person.")
    return check_scope(query.get("scope", "openid"))


def _form(
    query: Mapping[str, str], fields: Mapping[str, str], scope: str, *, error: login.LoginError | None = None
) -> Response:
    target = urlsplit(query["redirect_uri"])
    # A CSP source has no spelling for an IPv6 address; the scheme is the narrowest that lets the redirect through.
    origin = "http:" if target.hostname == "::1" else f"http://{target.netloc}"
    return page_response(
        forms.login(CLIENT_ID, scope.split(), fields, error=error),
        status=400 if error else 200,
        form_action=f"'self' {origin}",
    )
