"""The sign-in flows: where the protocol meets the world.

The browser flow (authorization code with PKCE: RFC 6749 section 4.1, RFC 7636, RFC 8252), in nine steps:

1. Make a PKCE pair: a random code_verifier and its S256 code_challenge.
2. Make a random state and nonce.
3. Serve the callback on the loopback addresses of the redirect_uri, and no other.
4. Open the browser at the authorization endpoint, with client_id, redirect_uri, code_challenge and state.
5. The person signs in there.
6. The redirect arrives at ``/callback?code=…&state=…``.
7. Check state, and iss (RFC 9207); whatever is not this login's answer does not end the wait.
8. Exchange the code, with the code_verifier, at the token endpoint; check the ID token: its signature, its claims.
9. Fetch userinfo with the access token.

The device flow (RFC 8628) gets a device code instead of steps 1 to 7, shows the user code, and polls; 8 and 9 follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from oauth_cli_login.attempt import Attempt, Granted, Options
from oauth_cli_login.browser_flow import browser_flow
from oauth_cli_login.client import Client, client_for
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.device_flow import device_flow
from oauth_cli_login.discovery import discover
from oauth_cli_login.errors import ConfigError, NotSignedIn, ProtocolError
from oauth_cli_login.keys import jwks_uri_of
from oauth_cli_login.model import Flow, JsonObject, ServerMetadata, Settings, TokenResponse, UserInfo
from oauth_cli_login.protocol.token import narrower_scopes
from oauth_cli_login.provider import Provider
from oauth_cli_login.userinfo import fetch_userinfo
from oauth_cli_login.values import dataclass


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in brought: tokens that were checked, and whom they stand for.

    ``client`` can send until its connection is closed. ``scopes`` are the granted ones. ``issued_at`` is seconds since
    the epoch. ``redirect_uri`` is ``None`` after a device flow, ``id_token_claims`` where there is no ID token.
    """

    client: Client
    token_response: TokenResponse
    scopes: tuple[str, ...]
    userinfo: UserInfo
    id_token_claims: JsonObject | None
    issued_at: int
    redirect_uri: str | None


def sign_in(
    context: Context, provider: Provider, settings: Settings, options: Options, connection: Connection
) -> SignedIn:
    """Sign a person in, with the flow that was asked for or the best that the provider has.

    Raises AuthorizationError or TokenError where the provider or the person refuses, LoginTimeout, ConfigError,
    TransportError, ProtocolError. Nothing is stored here.
    """
    metadata = discover(provider, settings, connection)
    flow = _choose_flow(provider, settings, metadata, options.flow)
    if metadata.issuer is None and "openid" in options.scopes:
        raise _no_issuer()
    if "openid" in options.scopes:
        jwks_uri_of(metadata)  # rather now than after somebody has signed in
    client = client_for(provider, settings, metadata, connection, client_id=settings["client_id"] or "")
    attempt = Attempt(context, client, options)
    context.terminal.say(f"OAuth2 sign-in with {provider.name}", "bold")
    if flow == "device":
        return _complete(attempt, device_flow(attempt), step=3)
    return _complete(attempt, browser_flow(attempt), step=4)


def _complete(attempt: Attempt, granted: Granted, *, step: int) -> SignedIn:
    """Check the ID token, compare the scopes, fetch userinfo: the end of both flows."""
    tokens = granted.token_response
    scopes = attempt.options.scopes if tokens.scope is None else tokens.scope
    claims = _check_id_token(attempt, granted, scopes)
    if missing := narrower_scopes(attempt.options.scopes, scopes):
        attempt.terminal.warn(f"the provider did not grant: {', '.join(missing)}")
    attempt.terminal.step(step, "Fetching your profile …")
    try:
        userinfo = fetch_userinfo(
            attempt.client, scopes=scopes, access_token=tokens.access_token, id_token_claims=claims
        )
    except NotSignedIn:
        raise ProtocolError("the provider does not accept the access token that it has just issued") from None
    return SignedIn(attempt.client, tokens, scopes, userinfo, claims, granted.issued_at, granted.redirect_uri)


def _check_id_token(attempt: Attempt, granted: Granted, scopes: Sequence[str]) -> JsonObject | None:
    """Return the ID token's claims, all checked (OpenID Connect Core 3.1.3.7), or ``None`` where none is due."""
    tokens = granted.token_response
    if tokens.id_token is None and "openid" in attempt.options.scopes and "openid" in scopes:
        raise ProtocolError("the provider granted openid and sent no ID token")
    if tokens.id_token is not None and attempt.client.metadata.issuer is None:
        raise _no_issuer()
    return attempt.client.validate_id_token(tokens, nonce=granted.nonce, now=attempt.context.clock())


def _no_issuer() -> ConfigError:
    return ConfigError(
        "an ID token cannot be checked where its issuer is not known",
        hint="Name it: --issuer. Or leave the scope openid out, if you need no ID token.",
    )


def _choose_flow(provider: Provider, settings: Settings, metadata: ServerMetadata, named: Flow | None) -> Flow:
    flows = provider.flows(settings, metadata)
    see = (
        "The browser flow wants an authorization_endpoint (and at some providers a client_secret), the device flow a "
        f"device_authorization_endpoint. Settings: oauth-cli login --provider {provider.name} --help"
    )
    if named is not None:
        if named not in flows:
            works = f"what works is: {', '.join(flows)}" if flows else "none works"
            raise ConfigError(
                f"the {named} flow does not work at {provider.name} with these settings; {works}", hint=see
            )
        return named
    if not flows:
        raise ConfigError(f"no sign-in flow works at {provider.name} with these settings", hint=see)
    return flows[0]
