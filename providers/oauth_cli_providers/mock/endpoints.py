"""The endpoints beside sign-in and token: what tells about the server and its tokens, and what ends them."""

from __future__ import annotations

from oauth_cli_login.adapters import pages
from oauth_cli_providers.mock import forms, state
from oauth_cli_providers.mock.authorization_server import (
    CLIENT_ID,
    SCOPES,
    AuthorizationServer,
    check_client,
)
from oauth_cli_providers.mock.messages import (
    OAuthError,
    Request,
    Response,
    is_loopback_redirect,
    json_response,
    page_response,
    redirect,
    required,
)
from oauth_cli_providers.mock.token import GRANT_TYPES


def metadata(server: AuthorizationServer, request: Request) -> Response:  # noqa: ARG001 - every endpoint's signature
    """Answer with the document of OpenID Connect Discovery section 3 and RFC 8414 section 2."""
    issuer = server.issuer
    return json_response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "introspection_endpoint": f"{issuer}/introspect",
            "revocation_endpoint": f"{issuer}/revoke",
            "end_session_endpoint": f"{issuer}/endsession",
            "device_authorization_endpoint": f"{issuer}/device_authorization",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANT_TYPES),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "introspection_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": list(SCOPES),
            "claims_supported": ["sub", "preferred_username", "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )


def jwks(server: AuthorizationServer, request: Request) -> Response:  # noqa: ARG001 - every endpoint's signature
    """Answer with the public key (RFC 7517 section 5)."""
    return json_response({"keys": [server.key.public_jwk]})


def userinfo(server: AuthorizationServer, request: Request) -> Response:
    """Answer with the access token's claims (OpenID Connect Core section 5.3, RFC 6750 section 3)."""
    scheme, _, access_token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        # RFC 6750 section 3.1: who sent no token is told no error code.
        challenge = {"WWW-Authenticate": 'Bearer realm="oauth-cli mock"'}
        raise OAuthError("invalid_token", "Send the access token as a Bearer token.", status=401, headers=challenge)
    claims = server.access_token_claims(access_token.strip())
    if claims is None:
        said = "The access token is unknown, expired or revoked."
        challenge = {
            "WWW-Authenticate": f'Bearer realm="oauth-cli mock", error="invalid_token", error_description="{said}"'
        }
        raise OAuthError("invalid_token", said, status=401, headers=challenge)
    return json_response(claims)


def introspect(server: AuthorizationServer, request: Request) -> Response:
    """Answer whether a token is good, and what it stands for (RFC 7662 section 2.2)."""
    form = request.form
    check_client(form, request.headers)
    token = required(form, "token")
    claims = server.access_token_claims(token)
    if claims is not None:
        return json_response({"active": True, "username": claims["sub"], "token_type": "Bearer"} | claims)
    grant = server.refresh_token_grant(token)
    if grant is None:
        return json_response({"active": False})
    return json_response(
        {
            "active": True,
            "scope": grant.scope,
            "client_id": CLIENT_ID,
            "username": grant.sub,
            "sub": grant.sub,
            "iss": grant.iss,
            "exp": grant.expires_at,
        }
    )


def revoke(server: AuthorizationServer, request: Request) -> Response:
    """End an access token, or with a refresh token all that came of its sign-in (RFC 7009 section 2).

    A token that is not good is no error: what the client wants is already so.
    """
    form = request.form
    check_client(form, request.headers)
    token = required(form, "token")
    claims = server.access_token_claims(token)
    refresh_grant = server.refresh_token_grant(token)
    with server.transaction() as current:
        if refresh_grant is not None:
            current.grants.pop(state.grant_key(token), None)
        if claims is not None:
            grant = current.grants.get(state.GrantKey(str(claims["sid"])))
            if grant is not None:
                grant.revoked[str(claims["jti"])] = int(str(claims["exp"]))
    return json_response({})


def endsession(server: AuthorizationServer, request: Request) -> Response:  # noqa: ARG001 - every endpoint's signature
    """Go back to the client, or say that it is done (OpenID Connect RP-Initiated Logout section 2)."""
    parameters = request.form if request.method == "POST" else request.query
    target = parameters.get("post_logout_redirect_uri")
    if target is None:
        return page_response(forms.signed_out())
    if not is_loopback_redirect(target):
        text = "The post_logout_redirect_uri must be http on localhost, 127.0.0.1 or [::1]."
        return page_response(pages.problem("This request cannot be carried out", text), status=400)
    return redirect(target, {"state": parameters.get("state")})
