"""What a token says, and what was checked of it: the session's own tokens, or one that somebody brought.

Invariants: whatever is wrong with a token or its server is a result, and does not end the look. A token is shown as
header and claims, its signature and its text never. One that somebody brought is held against the profile's server
alone, and only where it says that it comes from there: no key is fetched from an address that a token names, and no
JWT goes to a server that did not issue it, nor one that does not say who did. An opaque token says nothing: it goes to
the profile's server where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

from oauth_cli_login.client import Client
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, OAuthCliError, ProtocolError, UsageError
from oauth_cli_login.handover import Kind
from oauth_cli_login.model import JsonObject, Profile, Session
from oauth_cli_login.protocol import id_token
from oauth_cli_login.protocol.id_token import Claims
from oauth_cli_login.protocol.introspection import introspection_request, parse_introspection_response
from oauth_cli_login.protocol.jws import Jws, is_jwt, parse_jws
from oauth_cli_login.session import connected, stored_session
from oauth_cli_login.values import dataclass, field

Result = Literal["ok", "failed", "not checked"]
Given = Literal["token"]
"""The kind of a token that somebody brought: nobody can tell."""

_NAMES = {"access_token": "access token", "id_token": "ID token", "token": "token"}

_ITSELF = "(the token itself)"


@dataclass(frozen=True)
class Checked:
    """The result of one check; ``reason`` says why it is not ``ok``."""

    name: str
    result: Result
    reason: str = ""


@dataclass(frozen=True)
class Inspected:
    """What a token says: ``header`` and ``claims`` are ``None`` for one that only its server can read.

    ``introspection`` is what that server says of it (RFC 7662 section 2.2), ``None`` where it was not asked or told
    nothing. ``problem`` is what kept a check from being made that should have been.
    """

    kind: Kind | Given
    header: JsonObject | None
    claims: JsonObject | None
    checks: tuple[Checked, ...]
    introspection: JsonObject | None = field(default=None, repr=False)
    problem: OAuthCliError | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return _NAMES[self.kind]


@dataclass(frozen=True)
class _Server:
    """The session's server; ``client`` is ``None`` where ``problem`` says why it cannot be had."""

    session: Session
    client: Client | None = None
    problem: OAuthCliError | None = None

    def issued(self, claims: Claims) -> bool:
        """Tell whether a token with these claims says that it comes from here."""
        return claims.get("iss") in self.issuers(claims)

    def issuers(self, claims: Claims) -> Sequence[str]:
        """Return what this server may call itself in ``iss``."""
        if self.client is not None:
            return self.client.issuers(claims)
        return () if self.session.issuer is None else (self.session.issuer,)


def inspect_session(
    context: Context, configuration: Configuration, name: str, kinds: Sequence[Kind], *, introspect: bool
) -> list[Inspected]:
    """Return what the session's tokens of these kinds say, as they are stored: nothing is refreshed.

    An access token that is no JWT is introspected where the server can; ``introspect`` asks in any case. Raises
    NotSignedIn and StoreError.
    """
    profile, session = stored_session(configuration, name)
    tokens = {"access_token": session.access_token, "id_token": session.id_token}
    with _server(context, configuration, profile, session) as server:
        return [
            _Look(kind, token, _read_own(token, _NAMES[kind]), server, context.clock()).inspected(introspect=introspect)
            for kind in kinds
            if (token := tokens[kind]) is not None
        ]


def inspect_given(
    context: Context, configuration: Configuration, name: str | None, token: str, *, introspect: bool
) -> Inspected:
    """Return what a token says that somebody brought; ``name`` is the profile whose server it may be from.

    Raises UsageError where nothing can be said of it, or it would be introspected at a server that did not issue it;
    NotSignedIn, StoreError.
    """
    try:
        read = _read(token, _NAMES["token"])
    except ProtocolError as error:
        raise UsageError(error.message, hint="Nor can be told who issued it: it is sent to nobody.") from None
    if read is None and not introspect:
        raise UsageError(
            "this is no JWT: nothing can be read from it",
            hint="Its own server can: --introspect asks that of the profile.",
        )
    if name is None:
        if introspect:
            raise UsageError(
                "--introspect asks a session's server, and no session is named", hint="Name one: --profile NAME"
            )
        return _Look("token", token, read, None, context.clock()).inspected(introspect=False)
    profile, session = stored_session(configuration, name)
    with _server(context, configuration, profile, session) as server:
        if introspect and read is not None and not server.issued(read[1]):
            raise UsageError(
                f"this token is from another issuer than the session {name}: it is not sent there",
                hint="Name the profile that it belongs to: --profile NAME. Or leave --introspect out.",
            )
        return _Look("token", token, read, server, context.clock()).inspected(introspect=introspect)


@contextmanager
def _server(context: Context, configuration: Configuration, profile: Profile, session: Session) -> Iterator[_Server]:
    with ExitStack() as stack:
        try:
            client = stack.enter_context(connected(context, configuration, profile, session))
        except OAuthCliError as problem:
            server = _Server(session, None, problem)
        else:
            server = _Server(session, client)
        yield server


def _read(token: str, what: str) -> tuple[Jws, Claims] | None:
    """Return a JWT's parts and claims, or ``None`` for an opaque token; ProtocolError for a JWT that cannot be read."""
    if not is_jwt(token):
        return None
    jws = parse_jws(token, what)
    return jws, id_token.claims_of(jws)


def _read_own(token: str, what: str) -> tuple[Jws, Claims] | None:
    """Return what ``_read`` does; a token of the session's that only looks like a JWT is opaque."""
    try:
        return _read(token, what)
    except ProtocolError:
        return None


class _Look:
    """One token being looked at; the results gather here. ``server`` is ``None`` where there is no session."""

    def __init__(
        self, kind: Kind | Given, token: str, read: tuple[Jws, Claims] | None, server: _Server | None, now: float
    ) -> None:
        self._kind = kind
        self._token = token
        self._read = read
        self._server = server
        self._now = now
        self._checks: list[Checked] = []
        self._problem: OAuthCliError | None = None

    def inspected(self, *, introspect: bool) -> Inspected:
        """Make all checks that can be made, and return what there is to say."""
        header = claims = introspection = None
        if self._read is not None:
            jws, claims = self._read
            header = jws.header
            self._signature(jws, claims)
            self._claims(jws, claims)
        if self._kind != "id_token" and (introspect or (claims is None and self._server is not None)):
            introspection = self._introspect(wanted=introspect)
        return Inspected(self._kind, header, claims, tuple(self._checks), introspection, self._problem)

    def _check(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
        except ProtocolError as error:
            self._checks.append(Checked(name, "failed", error.message))
        except OAuthCliError as error:
            self._skip(name, error.message, error)
        else:
            self._checks.append(Checked(name, "ok"))

    def _skip(self, name: str, reason: str, problem: OAuthCliError | None = None) -> None:
        self._checks.append(Checked(name, "not checked", reason))
        self._problem = self._problem or problem

    def _signature(self, jws: Jws, claims: Claims) -> None:
        server = self._server
        if server is None:
            self._skip("signature", "there is no session whose server may have made it")
        elif self._kind != "id_token" and not server.issued(claims):
            self._skip("signature", "it is not from the session's issuer")
        elif server.client is None:
            self._skip("signature", _message(server), server.problem)
        elif server.client.metadata.jwks_uri is None:
            self._skip("signature", "the provider publishes no keys")
        else:
            keys = server.client.keys
            try:
                keys.verify(jws, is_id_token=self._kind == "id_token")
            except OAuthCliError as error:
                if error is keys.failure:
                    self._skip("signature", error.message, error)
                else:
                    self._checks.append(Checked("signature", "failed", error.message))
            else:
                self._checks.append(Checked("signature", "ok"))

    def _claims(self, jws: Jws, claims: Claims) -> None:
        if self._kind == "id_token" and self._server is not None:
            session = self._server.session
            for check in id_token.checks(
                jws.header,
                claims,
                issuers=self._server.issuers,
                client_id=session.client_id,
                now=self._now,
                access_token=session.access_token,
            ):
                if check.name == "at_hash":
                    self._at_hash(check)
                else:
                    self._check(check.name, check.run)
            if "nonce" in claims:
                self._skip("nonce", "the sign-in alone knew it, and has checked it")
            return
        if self._server is not None and self._server.issued(claims):
            self._checks.append(Checked("iss", "ok"))
        for check in id_token.time_checks(claims, _NAMES[self._kind], now=self._now):
            self._check(check.name, check.run)
        if "aud" in claims:
            self._skip("aud", "that is for whoever it is meant for")

    def _at_hash(self, check: id_token.Check) -> None:
        """Note whether the ID token came with the session's access token: what is stored once matched its own."""
        try:
            check.run()
        except ProtocolError:
            self._skip(check.name, "the access token has been renewed since")
        else:
            self._checks.append(Checked(check.name, "ok"))

    def _introspect(self, *, wanted: bool) -> JsonObject | None:
        """Return what the server says, and note whether the token is active; ``wanted`` makes a problem of silence."""
        assert self._server is not None  # noqa: S101 - our callers see to it
        client = self._server.client
        if client is None:
            self._skip("active", _message(self._server), self._server.problem)
            return None
        endpoint = client.metadata.introspection_endpoint
        if endpoint is None:
            none = ConfigError("the provider has no introspection_endpoint")
            self._skip("active", none.message, none if wanted else None)
            return None
        request = introspection_request(
            endpoint,
            client.authentication,
            token=self._token,
            token_type_hint=None if self._kind == "token" else self._kind,
        )
        try:
            found = parse_introspection_response(client.connection.send(request, repeat="always"))
        except OAuthCliError as error:
            self._skip("active", error.message, error if wanted else None)
            return None
        if found["active"]:
            self._checks.append(Checked("active", "ok"))
        else:
            self._checks.append(Checked("active", "failed", "the provider says that it is not"))
        # a server may repeat what it was asked about, and a token's text is never shown
        return {name: _ITSELF if self._token in str(value) else value for name, value in found.items()}


def _message(server: _Server) -> str:
    return server.problem.message if server.problem else ""
