"""A valid access token, now: cached, or refreshed under a lock; and the end of a session.

``valid_session`` takes these steps:

1. Read the session; while its access token is fresh, that is the answer.
2. Stop before the network where the settings now mean another provider, issuer or client than the session's.
3. Take the profile's lock and read again: another process may have refreshed meanwhile.
4. See that the store can be written, before a refresh token is spent that may be good for one use only.
5. Refresh; check the new ID token against the session (OpenID Connect Core 12.2).
6. On ``invalid_grant`` read again before giving up: somebody without our lock may have been faster.
7. Save, release, and hand out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from oauth_cli_login import cached
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Connection, Context
from oauth_cli_login.discovery import discover, served
from oauth_cli_login.errors import ConfigError, NotSignedIn, OAuthCliError, TokenError
from oauth_cli_login.model import HttpRequest, Profile, ServerMetadata, Session, Settings, TokenResponse
from oauth_cli_login.pinning import difference_from
from oauth_cli_login.plugins import load
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.body import FORM, form
from oauth_cli_login.protocol.id_token import check_refreshed, validate
from oauth_cli_login.protocol.revocation import parse_revocation_response, revocation_request
from oauth_cli_login.protocol.token import (
    REFRESH_TOKEN,
    ClientAuthentication,
    client_authentication,
    expires_at,
    parse_token_response,
    refresh_request,
)
from oauth_cli_login.provider import Provider, RevocationRequest
from oauth_cli_login.settings import Resolved


class SettingsDiffer(ConfigError):  # noqa: N818 - it names what is the matter
    """The settings now mean another provider, issuer or client than the session's."""


@dataclass(frozen=True, slots=True)
class Client:
    """A profile's session with everything that a request for it needs."""

    profile: Profile
    session: Session
    provider: Provider
    settings: Settings
    metadata: ServerMetadata
    authentication: ClientAuthentication
    connection: Connection


def stored_session(configuration: Configuration, name: str) -> tuple[Profile, Session]:
    """Return the stored profile and its session; NotSignedIn where there is none."""
    profile = configuration.store.read(name)
    if profile is None or profile.session is None:
        provider = configuration.provider_of(name, profile)
        named = f"--profile {name} --provider {provider or 'NAME'}" if provider != name else f"--provider {provider}"
        raise NotSignedIn(f"you are not signed in to {name}", hint=f"Sign in: oauth-cli login {named}")
    return profile, profile.session


def is_fresh(session: Session, now: float) -> bool:
    """Tell whether the session's access token may be handed out."""
    return cached.is_fresh(session.expires_at, session.issued_at, now)


def has_ended(session: Session, now: float) -> bool:
    """Tell whether only a person can go on: the access token is not handed out any more, and nothing renews it."""
    return session.refresh_token is None and not is_fresh(session, now)


def valid_session(context: Context, configuration: Configuration, name: str, *, refresh: bool = False) -> Session:
    """Return the profile's session with an access token that is good now; ``refresh`` asks for a new one in any case.

    Raises NotSignedIn where only a person can go on, SettingsDiffer, StoreError, and what the server's answer calls
    for.
    """
    profile, session = stored_session(configuration, name)
    if not refresh and is_fresh(session, context.clock()):
        check_settings(configuration, profile, session)
        return session
    if session.refresh_token is None:
        raise ended(name, profile)
    spent = session.access_token
    with client(context, configuration, name) as first, configuration.store.lock(name):
        _, session = stored_session(configuration, name)
        if session.access_token != spent and is_fresh(session, context.clock()):
            return session
        configuration.store.check_writable(name)
        try:
            renewed = _refresh(context, replace(first, session=session))
        except TokenError as error:
            if error.error != "invalid_grant":
                raise
            _, now_stored = stored_session(configuration, name)
            if now_stored.access_token != session.access_token and is_fresh(now_stored, context.clock()):
                return now_stored
            raise ended(name, profile, error.error_description or error.error) from None
        configuration.store.write(replace(profile, session=renewed))
        return renewed


@contextmanager
def client(context: Context, configuration: Configuration, name: str) -> Iterator[Client]:
    """Have everything ready that a request for a stored session needs: provider, settings, server, metadata.

    Raises SettingsDiffer before the network is touched.
    """
    profile, session = stored_session(configuration, name)
    provider, resolved = check_settings(configuration, profile, session)
    settings = resolved.settings(revealer(configuration.environ))
    with served(context, provider, settings), context.connection(settings["ca_file"]) as connection:
        metadata = discover(provider, settings, connection)
        authentication = client_authentication(
            session.client_id,
            settings["client_secret"],
            metadata=metadata,
            method=settings["token_endpoint_auth_method"],
        )
        yield Client(profile, session, provider, settings, metadata, authentication, connection)


def check_settings(configuration: Configuration, profile: Profile, session: Session) -> tuple[Provider, Resolved]:
    """Return the session's provider and its settings, whose secrets are references still.

    Raises SettingsDiffer where provider, issuer or client id now resolve to something else than the session's.
    """
    name = configuration.provider_of(profile.name, profile) or profile.provider
    if name != profile.provider:
        raise SettingsDiffer(
            f"the session {profile.name} belongs to the provider {profile.provider!a}, not {name!a}",
            hint="Undo the change in config.toml, or keep both: oauth-cli login --profile NAME",
        )
    provider = load(name)
    resolved = configuration.resolve(profile.name, provider.declared_settings(), stored=profile)
    if difference := difference_from(session, provider, resolved):
        raise SettingsDiffer(
            f"the session {profile.name} belongs to the {difference}",
            hint="Undo the change (see the environment and config.toml), or keep both: oauth-cli login --profile NAME",
        )
    return provider, resolved


def revoke(subject: Client) -> str:
    """Revoke the session's tokens at its provider; return ``revoked`` or ``unsupported``.

    The refresh token goes first: most servers end its access tokens with it, and where one refuses to revoke an
    access token on its own (RFC 7009 section 2.2.1), that has to do. Raises TokenError, TransportError or
    ProtocolError where nothing was revoked.
    """
    done = False
    tokens = {"refresh_token": subject.session.refresh_token, "access_token": subject.session.access_token}
    for hint, token in tokens.items():
        if token is None:
            continue
        try:
            for request in _revocation_requests(subject, token, hint):
                parse_revocation_response(subject.connection.send(request, repeat="if refused"))
                done = True
        except OAuthCliError:
            if not done:
                raise
    return "revoked" if done else "unsupported"


def _revocation_requests(subject: Client, token: str, hint: str) -> list[HttpRequest]:
    provider, metadata = subject.provider, subject.metadata
    own = provider.revocation_requests(subject.settings, metadata, token=token, token_type_hint=hint)
    if own is not None:
        return [_plugin_request(request, subject.authentication) for request in own]
    if metadata.revocation_endpoint is None:
        return []
    return [revocation_request(metadata.revocation_endpoint, subject.authentication, token=token, token_type_hint=hint)]


def _plugin_request(request: RevocationRequest, authentication: ClientAuthentication) -> HttpRequest:
    """Return the request that a plugin described, with the client's authentication where it asks for that."""
    import json  # noqa: PLC0415 - loaded already wherever a response was read

    if request.auth == "basic":
        authentication = replace(authentication, method="client_secret_basic")
    headers = {"Accept": "application/json", **request.headers}
    if request.auth != "none":
        headers.update(authentication.headers)
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return HttpRequest(request.method, request.url, headers, json.dumps(dict(request.json)).encode())
    fields = dict(request.form or {})
    if request.auth == "client":
        fields = {**authentication.params, **fields}
    headers["Content-Type"] = FORM
    return HttpRequest(request.method, request.url, headers, form(fields))


def _refresh(context: Context, subject: Client) -> Session:
    """Spend the session's refresh token, and return the session that comes of it; one use, one request."""
    session, provider, settings = subject.session, subject.provider, subject.settings
    if session.refresh_token is None:
        raise ended(subject.profile.name, subject.profile)
    extra = provider.token_params(
        settings,
        subject.metadata,
        grant_type=REFRESH_TOKEN,
        scopes=session.scopes,
        redirect_uri=session.redirect_uri,
    )
    request = refresh_request(
        subject.metadata,
        subject.authentication,
        refresh_token=session.refresh_token,
        params=params.merge({}, extra, {}, protected=params.REFRESH, provider=provider.name),
    )
    issued_at = int(context.clock())
    response = parse_token_response(
        subject.connection.send(request, repeat="if refused"),
        token_fields=lambda status, fields: provider.token_fields(
            settings, grant_type=REFRESH_TOKEN, status=status, fields=fields
        ),
    )
    if response.id_token is not None:
        _check_id_token(context, subject, response.id_token, response)
    return replace(
        session,
        access_token=response.access_token,
        issued_at=issued_at,
        expires_at=expires_at(response, issued_at=issued_at, renewable=True),
        # RFC 6749 section 6: no new one means that the old one goes on
        refresh_token=response.refresh_token or session.refresh_token,
        scopes=session.scopes if response.scope is None else response.scope,
        id_token=response.id_token or session.id_token,
    )


def _check_id_token(context: Context, subject: Client, id_token: str, response: TokenResponse) -> None:
    claims = validate(
        id_token,
        issuers=lambda claims: subject.provider.id_token_issuers(subject.settings, subject.metadata, claims),
        client_id=subject.session.client_id,
        now=context.clock(),
        nonce=None,
        access_token=response.access_token,
    )
    check_refreshed(claims, first=subject.session.id_token, sub=subject.session.sub)


def ended(name: str, profile: Profile, why: str = "") -> NotSignedIn:
    """Return the error that names the command which starts a new session, and says ``why`` one is needed."""
    command = f"oauth-cli login --profile {name}" if name != profile.provider else f"oauth-cli login --provider {name}"
    said = f"the session {name} has ended" + (f": {why}" if why else "")
    return NotSignedIn(said, hint=f"Sign in again: {command}")
