"""The sign-in flows: where the protocol meets the world.

The browser flow (authorization code with PKCE: RFC 6749 section 4.1, RFC 7636, RFC 8252), in nine steps:

1. Make a PKCE pair: a random code_verifier and its S256 code_challenge.
2. Make a random state and nonce.
3. Serve the callback on the loopback addresses of the redirect_uri, and no other.
4. Open the browser at the authorization endpoint, with client_id, redirect_uri, code_challenge and state.
5. The person signs in there.
6. The redirect arrives at ``/callback?code=…&state=…``.
7. Check state, and iss (RFC 9207); whatever is not this login's answer does not end the wait.
8. Exchange the code, with the code_verifier, at the token endpoint; check the ID token's claims.
9. Fetch userinfo with the access token.

The device flow (RFC 8628) gets a device code instead of steps 1 to 7, shows the user code, and polls; 8 and 9 follow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO
from urllib.parse import urlsplit

from oauth_cli_login.adapters import pages
from oauth_cli_login.adapters.browser import OpenBrowser
from oauth_cli_login.adapters.loopback import CallbackServer, Reply
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.discovery import discover
from oauth_cli_login.errors import (
    AuthorizationError,
    ConfigError,
    LoginTimeout,
    NotSignedIn,
    OAuthCliError,
    ProtocolError,
    TransportError,
)
from oauth_cli_login.model import Flow, JsonObject, ServerMetadata, Settings, TokenResponse, UserInfo
from oauth_cli_login.plugins import Provider, UserinfoRequest
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.authorization import (
    AuthorizationRequest,
    StrangersCallback,
    authorization_request,
    parse_authorization_response,
)
from oauth_cli_login.protocol.callback import BadRequest, parse_callback_request
from oauth_cli_login.protocol.device import (
    DeviceAuthorization,
    Pending,
    PollResult,
    device_authorization_request,
    expired,
    parse_device_authorization_response,
    parse_poll_response,
)
from oauth_cli_login.protocol.id_token import validate
from oauth_cli_login.protocol.pkce import ENTROPY_BYTES, base64url, pkce_pair
from oauth_cli_login.protocol.token import (
    AUTHORIZATION_CODE,
    DEVICE_CODE,
    ClientAuthentication,
    authorization_code_request,
    client_authentication,
    device_code_request,
    narrower_scopes,
    parse_token_response,
)
from oauth_cli_login.protocol.url import LOOPBACK_HOSTS, check_endpoint
from oauth_cli_login.protocol.userinfo import check_userinfo_sub, parse_userinfo_response, userinfo_request

BROWSER_TIMEOUT = 300.0
"""Seconds that the browser flow waits where the user names no time."""
STATE_BYTES = 32
_NOTES = 10
"""Strangers at the callback port that are told of; behind them the terminal stays quiet."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to sign in this time.

    ``flow`` is ``None`` for the provider's best. ``params`` are the user's own request parameters. ``port`` replaces
    the provider's. ``timeout`` is in seconds, ``None`` for the flow's own. ``open_browser`` is ``None`` where no
    browser may be started.
    """

    scopes: tuple[str, ...]
    flow: Flow | None = None
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None
    timeout: float | None = None
    open_browser: OpenBrowser | None = None
    refresh_token_stored: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in brought: tokens that were checked, and whom they stand for.

    ``scopes`` are the granted ones. ``issued_at`` is seconds since the epoch. ``redirect_uri`` is ``None`` after a
    device flow, ``id_token_claims`` where there is no ID token.
    """

    metadata: ServerMetadata
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
    return _SignIn(context, provider, settings, options, connection, metadata).run(flow)


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
        host, path, named, any_port = parts.hostname, parts.path or "/", parts.port or named, parts.port is None
    if port is not None:
        return host, path, (port,)
    return host, path, (named, 0) if any_port else (named,)


def redirect_uri(host: str, port: int, path: str) -> str:
    """Return the redirect_uri of a loopback address (RFC 8252 section 7.3)."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


def _choose_flow(provider: Provider, settings: Settings, metadata: ServerMetadata, named: Flow | None) -> Flow:
    flows = provider.flows(settings, metadata)
    if named is not None:
        if named not in flows:
            works = f"what works is: {', '.join(flows)}" if flows else "none works"
            raise ConfigError(f"the {named} flow does not work at {provider.name} with these settings; {works}")
        return named
    if not flows:
        raise ConfigError(f"no sign-in flow works at {provider.name} with these settings")
    return flows[0]


class _SignIn:
    """One sign-in: the values that all its steps share."""

    def __init__(
        self,
        context: Context,
        provider: Provider,
        settings: Settings,
        options: Options,
        connection: Connection,
        metadata: ServerMetadata,
    ) -> None:
        self.context = context
        self.terminal = context.terminal
        self.provider = provider
        self.settings = settings
        self.options = options
        self.connection = connection
        self.metadata = metadata
        self.client: ClientAuthentication = client_authentication(
            settings["client_id"] or "",
            settings["client_secret"],
            metadata=metadata,
            method=settings["token_endpoint_auth_method"],
        )
        self.notes = 0

    def run(self, flow: Flow) -> SignedIn:
        """Run a flow to its tokens, then check and complete them."""
        self.terminal.say(f"OAuth2 sign-in with {self.provider.name}", "bold")
        if flow == "device":
            issued_at, tokens = self.device_flow()
            return self.complete(tokens, issued_at=issued_at, nonce=None, redirect=None, step=3)
        return self.browser_flow()

    def browser_flow(self) -> SignedIn:
        """Take the nine steps of the module's docstring."""
        pkce = pkce_pair(self.context.entropy(ENTROPY_BYTES))
        state, nonce = (base64url(self.context.entropy(STATE_BYTES)) for _ in range(2))
        host, path, ports = redirect_target(self.provider, self.settings, self.options.port)
        with CallbackServer(host, ports) as server:
            request = authorization_request(
                self.metadata,
                client_id=self.client.client_id,
                redirect_uri=redirect_uri(host, server.port, path),
                scopes=self.options.scopes,
                state=state,
                nonce=nonce,
                pkce=pkce,
                params=self.authorization_params("browser", params.AUTHORIZATION),
            )
            opened = self.open_browser(request.url)
            code = self.wait_for_code(server, request, opened=opened)
        self.terminal.step(3, "Exchanging the authorization code …")
        exchange = authorization_code_request(
            self.metadata,
            self.client,
            code=code,
            redirect_uri=request.redirect_uri,
            code_verifier=pkce.code_verifier,
            params=self.token_params(AUTHORIZATION_CODE, params.CODE_EXCHANGE, request.redirect_uri),
        )
        issued_at = int(self.context.clock())
        tokens = parse_token_response(
            self.connection.send(exchange),
            token_fields=lambda status, fields: self.token_fields(AUTHORIZATION_CODE, status, fields),
        )
        return self.complete(tokens, issued_at=issued_at, nonce=request.nonce, redirect=request.redirect_uri, step=4)

    def open_browser(self, url: str) -> bool:
        """Show the URL, then start the browser; tell whether one was started."""
        if self.options.open_browser is None:
            self.terminal.step(1, "Open this address in a browser:")
            self.terminal.must_see(f"   {url}")
            return False
        self.terminal.step(1, "Opening the browser …")
        self.terminal.must_see(f"   {url}")
        opened = self.options.open_browser(url)
        if not opened:
            self.terminal.say("   No browser could be started: open the address above yourself.", "yellow")
        return opened

    def wait_for_code(self, server: CallbackServer, request: AuthorizationRequest, *, opened: bool) -> str:
        """Serve the callback until this login's answer comes, or is pasted, and return its code."""
        self.terminal.step(2, f"Waiting for the callback on {request.redirect_uri} …")
        self.explain_waiting(server.port, opened=opened)
        seconds = self.options.timeout or BROWSER_TIMEOUT

        def respond(head: bytes) -> Reply[str | OAuthCliError]:
            try:
                callback = parse_callback_request(head, redirect_uri=request.redirect_uri)
                code = parse_authorization_response(callback.query, state=request.state, metadata=self.metadata)
            except BadRequest as refused:
                return self.turn_away(refused.status, str(refused))
            except StrangersCallback as stranger:
                return self.turn_away(400, str(stranger))
            except AuthorizationError as error:
                page = pages.sign_in_failed(error.error, error.error_description)
                return Reply(200, page, result=error)
            except ProtocolError as error:
                return Reply(400, pages.problem("This sign-in was stopped", error.message), result=error)
            return Reply(200, pages.signed_in(self.provider.name), result=code)

        result = server.wait(
            respond,
            seconds=seconds,
            tick=lambda left: self.terminal.running(f"   {_minutes(left)} left, Ctrl-C to give up"),
            typed=self.pasted(request),
            clock=self.context.monotonic,
        )
        self.terminal.clear_running()
        if result is None:
            raise LoginTimeout(
                f"nobody finished signing in within {_minutes(seconds)}",
                hint="Run the same command to try again. If the browser showed an error, it says what the provider "
                "has against the client id, the redirect URI or the scopes.",
            )
        if isinstance(result, OAuthCliError):
            raise result
        return result

    def explain_waiting(self, port: int, *, opened: bool) -> None:
        """Say what a person can do while nothing comes."""
        if self.context.environ.get("SSH_CONNECTION"):
            here = self.context.environ["SSH_CONNECTION"].split()[2:3]
            self.terminal.say(
                f"   From your own machine: ssh -L {port}:localhost:{port} {(here or ['HOST'])[0]}", "dim"
            )
        if not opened and self.terminal.can_ask:
            self.terminal.say("   If the browser runs elsewhere, paste the address it ends at here.", "dim")
        self.terminal.say(
            "   If the browser shows an error, nothing comes back here: Ctrl-C, and see what it says.", "dim"
        )

    def pasted(
        self, request: AuthorizationRequest
    ) -> tuple[TextIO, Callable[[str], str | OAuthCliError | None]] | None:
        """Return the terminal to read a pasted redirect from, where one can be read beside the sockets."""
        if not self.terminal.can_ask or self.terminal.source is None or os.name != "posix":
            return None

        def parse(line: str) -> str | OAuthCliError | None:
            try:
                query = urlsplit(line).query
                return parse_authorization_response(query, state=request.state, metadata=self.metadata)
            except (StrangersCallback, ValueError):
                self.terminal.warn("that is not the address at which this sign-in ends")
                return None
            except OAuthCliError as error:
                return error

        return self.terminal.source, parse

    def turn_away(self, status: int, reason: str) -> Reply[str | OAuthCliError]:
        """Answer a stranger, and note it in one line."""
        self.notes += 1
        if self.notes <= _NOTES:
            self.terminal.say(f"   Turned away a request to the callback ({status}): {reason}.", "dim")
        if self.notes == _NOTES:
            self.terminal.say("   Further ones are not mentioned.", "dim")
        return Reply(status, pages.problem("This is not the page you look for", f"The request was refused: {reason}."))

    def device_flow(self) -> tuple[int, TokenResponse]:
        """Show the user code and poll (RFC 8628 sections 3.2 to 3.5); return when the tokens came, and them."""
        request = device_authorization_request(
            self.metadata,
            self.client,
            scopes=self.options.scopes,
            params=self.authorization_params("device", params.DEVICE_AUTHORIZATION),
        )
        device = parse_device_authorization_response(self.connection.send(request, repeat="if refused"))
        end = self.context.monotonic() + min(device.expires_in, self.options.timeout or device.expires_in)
        self.show_user_code(device)
        interval = device.interval
        while True:
            self.sleep_until(self.context.monotonic() + interval, end)
            issued_at = int(self.context.clock())
            result, interval = self.poll(device, interval)
            if result is not None:
                self.terminal.clear_running()
                return issued_at, result

    def show_user_code(self, device: DeviceAuthorization) -> None:
        """Show where to go and what to enter there; ``--quiet`` does not hide it."""
        self.terminal.must_see(f"1. Open this address in any browser:  {device.verification_uri}")
        self.terminal.must_see(f"2. Enter this code there:  {device.user_code}", "bold")
        if device.verification_uri_complete:
            self.terminal.must_see(f"   Or go there with the code filled in:  {device.verification_uri_complete}")
        self.terminal.say(f"   Waiting for you … the code is good for {_minutes(device.expires_in)}.", "dim")

    def sleep_until(self, until: float, end: float) -> None:
        """Wait for the next poll, showing the time left; LoginTimeout where the code's time is over first."""
        while (now := self.context.monotonic()) < until:
            if now >= end:
                self.terminal.clear_running()
                raise expired()
            self.terminal.running(f"   {_minutes(end - now)} left, Ctrl-C to give up")
            self.context.sleep(min(1.0, until - now))

    def poll(self, device: DeviceAuthorization, interval: int) -> tuple[TokenResponse | None, int]:
        """Ask once; return the tokens if they are there, and the interval to use from now on."""
        request = device_code_request(
            self.metadata,
            self.client,
            device_code=device.device_code,
            params=self.token_params(DEVICE_CODE, params.DEVICE_EXCHANGE, None),
        )
        try:
            result: PollResult = parse_poll_response(
                self.connection.send(request),
                interval=interval,
                token_fields=lambda status, fields: self.token_fields(DEVICE_CODE, status, fields),
            )
        except TransportError as error:
            # RFC 8628 section 3.5: after a time-out ask less often; the code's own end bounds it all
            self.terminal.debug(error.message)
            return None, min(interval * 2, 60)
        if isinstance(result, Pending):
            return None, result.interval
        return result, interval

    def complete(
        self, tokens: TokenResponse, *, issued_at: int, nonce: str | None, redirect: str | None, step: int
    ) -> SignedIn:
        """Check the ID token, compare the scopes, fetch userinfo."""
        scopes = self.options.scopes if tokens.scope is None else tokens.scope
        claims = self.check_id_token(tokens, nonce=nonce, scopes=scopes)
        if missing := narrower_scopes(self.options.scopes, scopes):
            self.terminal.warn(f"the provider did not grant: {', '.join(missing)}")
        self.terminal.step(step, "Fetching your profile …")
        try:
            userinfo = fetch_userinfo(
                self.provider,
                self.settings,
                self.metadata,
                self.connection,
                scopes=scopes,
                access_token=tokens.access_token,
                id_token_claims=claims,
            )
        except NotSignedIn:
            raise ProtocolError("the provider does not accept the access token that it has just issued") from None
        return SignedIn(self.metadata, tokens, scopes, userinfo, claims, issued_at, redirect)

    def check_id_token(self, tokens: TokenResponse, *, nonce: str | None, scopes: Sequence[str]) -> JsonObject | None:
        """Return the ID token's claims, all checked (OpenID Connect Core 3.1.3.7), or ``None`` where none is due."""
        if tokens.id_token is None:
            if "openid" in self.options.scopes and "openid" in scopes:
                raise ProtocolError("the provider granted openid and sent no ID token")
            return None
        return validate(
            tokens.id_token,
            issuers=lambda claims: self.provider.id_token_issuers(self.settings, self.metadata, claims),
            client_id=self.client.client_id,
            now=self.context.clock(),
            nonce=nonce,
            access_token=tokens.access_token,
        )

    def authorization_params(self, flow: Flow, protected: frozenset[str]) -> dict[str, str]:
        """Return the extra parameters of the authorization or device request."""
        hint = self.settings["login_hint"]
        plugin = self.provider.authorization_params(
            self.settings,
            self.metadata,
            scopes=self.options.scopes,
            flow=flow,
            refresh_token_stored=self.options.refresh_token_stored,
        )
        core = {"login_hint": hint} if hint else {}
        return params.merge(core, plugin, self.options.params, protected=protected, provider=self.provider.name)

    def token_params(self, grant_type: str, protected: frozenset[str], redirect: str | None) -> dict[str, str]:
        """Return the extra parameters of a token request."""
        plugin = self.provider.token_params(
            self.settings,
            self.metadata,
            grant_type=grant_type,
            scopes=self.options.scopes,
            redirect_uri=redirect,
        )
        return params.merge({}, plugin, {}, protected=protected, provider=self.provider.name)

    def token_fields(self, grant_type: str, status: int, fields: JsonObject) -> JsonObject:
        """Translate the token endpoint's answer into RFC 6749's terms."""
        return self.provider.token_fields(self.settings, grant_type=grant_type, status=status, fields=fields)


def fetch_userinfo(
    provider: Provider,
    settings: Settings,
    metadata: ServerMetadata,
    connection: Connection,
    *,
    scopes: Sequence[str],
    access_token: str,
    id_token_claims: JsonObject | None,
) -> UserInfo:
    """Return who the access token stands for; where there is nothing to ask, what the ID token says.

    Raises NotSignedIn where the token is refused, ProtocolError where the answer cannot be read or is about somebody
    else than the ID token, TransportError.
    """
    requests = provider.userinfo_requests(settings, metadata, scopes=scopes)
    if not requests:
        if id_token_claims is None:
            return UserInfo(sub=None)
        return provider.parse_userinfo(settings, (id_token_claims,))
    responses = [_fetch_one(connection, request, access_token) for request in requests]
    userinfo = provider.parse_userinfo(settings, responses)
    if userinfo.sub is None:
        raise ProtocolError("the userinfo response does not say who signed in")
    check_userinfo_sub(userinfo, id_token_claims)
    return userinfo


def _fetch_one(connection: Connection, request: UserinfoRequest, access_token: str) -> object:
    try:
        sent = userinfo_request(request.url, access_token=access_token, headers=request.headers)
        return parse_userinfo_response(connection.send(sent, repeat="always"))
    except OAuthCliError:
        if request.optional:
            return None
        raise


def _minutes(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02} min" if whole >= 60 else f"{whole} s"  # noqa: PLR2004 - a minute
