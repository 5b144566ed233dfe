"""A valid access token, now: cached, or refreshed under a lock.

``valid_session`` takes these steps:

1. Read the session; while its access token is good for long enough, that is the answer.
2. Stop before the network where the settings now mean another provider, issuer or client than the session's.
3. Take the profile's lock and read again: another process may have refreshed meanwhile, or somebody signed in anew.
   Nothing is asked of the server before: of many processes at once, one refreshes and the others find it done.
4. See that the store can be written, and have the server's keys where it sends ID tokens, before a refresh token is
   spent that may be good for one use only.
5. Refresh; verify the new ID token, and check it against the session (OpenID Connect Core 12.2).
6. On ``invalid_grant`` read again before giving up: somebody without our lock may have been faster.
7. Save, release, and hand out. Where the ID token could not be judged, by a clock that is wrong or for want of its key,
   the new refresh token alone is saved, and nothing handed out.

A process that is asked to end between 5 and 7 saves first. One that dies there leaves a session whose refresh token may
be spent: the next use gets ``invalid_grant`` and says "sign in again". Nothing worse can come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oauth_cli_login import cached
from oauth_cli_login.adapters.interrupts import uninterrupted
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.adapters.terminal import roughly
from oauth_cli_login.client import Client, client_for
from oauth_cli_login.config import Configuration, listed
from oauth_cli_login.context import Context
from oauth_cli_login.discovery import discover, served
from oauth_cli_login.errors import (
    ClockDiffers,
    ConfigError,
    KeyMissing,
    NotSignedIn,
    OAuthCliError,
    StoreError,
    TokenError,
    did_you_mean,
)
from oauth_cli_login.model import Profile, Session
from oauth_cli_login.pinning import difference_from
from oauth_cli_login.plugins import load
from oauth_cli_login.protocol import params
from oauth_cli_login.protocol.id_token import check_refreshed, decode
from oauth_cli_login.protocol.token import REFRESH_TOKEN, expires_at, refresh_request
from oauth_cli_login.provider import Provider
from oauth_cli_login.settings import Resolved
from oauth_cli_login.values import replace


class SettingsDiffer(ConfigError):  # noqa: N818 - it names what is the matter
    """The settings now mean another provider, issuer or client than the session's."""


def stored_session(configuration: Configuration, name: str, *, peek: bool = False) -> tuple[Profile, Session]:
    """Return the stored profile and its session, or a ``peek`` at both (``Store.peek``); NotSignedIn without one."""
    profile = configuration.store.peek(name) if peek else configuration.store.read(name)
    if profile is None or profile.session is None:
        provider = configuration.provider_of(name, profile)
        named = f"--profile {name} --provider {provider or 'NAME'}" if provider != name else f"--provider {provider}"
        others = [other for other in configuration.sessions() if other != name]
        hint = f"Sign in: oauth-cli login {named}" + (f"\nOther profiles: {listed(others)}" if others else "")
        if configuration.environ.get("OAUTH_CLI_PROFILE") == name:
            hint += "\nThe variable OAUTH_CLI_PROFILE names it."
        raise NotSignedIn(f"you are not signed in to {name}{did_you_mean(name, others)}", hint=hint)
    return profile, profile.session


def is_fresh(session: Session, now: float, min_valid: int = cached.MIN_VALID) -> bool:
    """Tell whether the session's access token may be handed out: ``min_valid`` seconds of it are left."""
    return cached.is_fresh(session.expires_at, session.issued_at, now, min_valid)


def has_ended(session: Session, now: float) -> bool:
    """Tell whether only a person can go on: the access token is not handed out any more, and nothing renews it."""
    return session.refresh_token is None and not is_fresh(session, now)


def valid_session(
    context: Context,
    configuration: Configuration,
    name: str,
    *,
    refresh: bool = False,
    min_valid: int = cached.MIN_VALID,
    of: Session | None = None,
) -> Session:
    """Return the profile's session with an access token that is good for ``min_valid`` seconds from now.

    ``refresh`` asks for a new one in any case. Where the server gives tokens that live shorter than ``min_valid``, it
    is one that was issued just now. ``of`` is a session that the caller has looked at, to send the token where that
    one's may go: one of another account, client or server is not returned in its place.

    Raises NotSignedIn where only a person can go on, SettingsDiffer, StoreError, and what the server's answer calls
    for.
    """
    started = int(context.clock())
    while True:
        profile, session = stored_session(configuration, name)
        if of is not None and _account(session) != _account(of):
            raise SettingsDiffer(
                f"somebody signed in to {name} as another account, or at another server, meanwhile",
                hint="Nothing was sent there. Run the same command again.",
            )
        check_settings(configuration, profile, session)
        if not refresh and is_fresh(session, context.clock(), min_valid):
            return session
        if session.refresh_token is None:
            raise ended(name, profile, _why_ended(session, context.clock()))
        with configuration.store.lock(name):
            now_profile, now_session = stored_session(configuration, name)
            if _server(now_profile, now_session) != _server(profile, session):
                continue  # another login came in between: all is to be looked at anew
            if _issued(now_session) != _issued(session) and (
                is_fresh(now_session, context.clock(), min_valid) or _is_new(now_session, started, context.clock())
            ):
                return now_session
            return _renew(context, configuration, now_profile, now_session)


def _renew(context: Context, configuration: Configuration, profile: Profile, session: Session) -> Session:
    """Take steps 4 to 7, with the profile's lock held."""
    store, name = configuration.store, profile.name
    store.check_writable(name)
    try:
        with connected(context, configuration, profile, session) as client:
            if session.id_token is not None:
                client.keys.fetch()  # its successor cannot be verified without them
            with uninterrupted():  # between the two the server's session and ours are apart
                renewed = _refresh(
                    context, client, profile, session, lambda new: _save(configuration, replace(profile, session=new))
                )
    except TokenError as error:
        if error.error != "invalid_grant":
            raise
        _, later = stored_session(configuration, name)
        if _issued(later) != _issued(session) and is_fresh(later, context.clock()):
            return later
        why = error.error_description or error.error
        if is_fresh(session, context.clock()):
            left = roughly(int(session.expires_at - context.clock())) if session.expires_at else ""
            until = f"\nIts access token ends in {left}, if the provider takes it till then." if left else ""
            raise NotSignedIn(
                f"the provider does not renew the session {name} any more: {why}",
                hint=f"Sign in again: {_login_command(profile)}{until}",
            ) from None
        raise ended(name, profile, why) from None
    return renewed


def _save(configuration: Configuration, profile: Profile) -> None:
    """Store what a refresh brought; where that fails, say what it means: the old refresh token may be spent."""
    try:
        configuration.store.write(profile)
    except StoreError as error:
        raise StoreError(
            f"the provider has renewed the session {profile.name}, and the new tokens are lost: {error.message}",
            hint=f"Make room, or mend the folder; then sign in again, if it has ended: {_login_command(profile)}",
        ) from None


def _issued(session: Session) -> tuple[object, ...]:
    """Return what tells one issue of access tokens from the next: some servers send the same one again.

    The refresh token is not in it: it may be replaced alone, where the rest could not be judged.
    """
    return session.access_token, session.issued_at


def _is_new(session: Session, started: int, now: float) -> bool:
    """Tell whether the token was issued while we waited and lives: asking once more would bring nothing better."""
    return started <= session.issued_at <= now < session.expires_at


def _why_ended(session: Session, now: float) -> str:
    if is_fresh(session, now):
        return "its token is good for a while yet, but there is no refresh token to get another one with"
    if session.issued_at > now:
        return "this machine's clock is before the time of the sign-in, and nothing renews the token"
    return ""


def mark_stale(context: Context, configuration: Configuration, name: str, access_token: str) -> bool:
    """Let an access token that was refused count as expired, so that the next use renews it.

    A token that is not the session's any more changes nothing. Returns ``False``, and changes nothing either, where no
    refresh token could renew it: a session is never ended on another server's word.
    """
    with configuration.store.lock(name):
        profile, session = stored_session(configuration, name)
        if session.access_token == access_token and session.refresh_token is not None:
            configuration.store.write(replace(profile, session=replace(session, expires_at=int(context.clock()))))
        return session.access_token != access_token or session.refresh_token is not None


def _server(profile: Profile, session: Session) -> tuple[object, ...]:
    """Return what the settings were checked for: they must not be used for anything else."""
    return profile.provider, profile.settings, profile.secrets, _account(session)


def _account(session: Session) -> tuple[object, ...]:
    """Return whose a session is: what its tokens may be used for depends on it."""
    return session.issuer, session.token_endpoint, session.client_id, session.sub


@contextmanager
def connected(context: Context, configuration: Configuration, profile: Profile, session: Session) -> Iterator[Client]:
    """Have the session's client ready for requests: its server running and discovered, its secrets revealed.

    Raises SettingsDiffer before the network is touched.
    """
    provider, resolved = check_settings(configuration, profile, session)
    settings = resolved.settings(revealer(configuration.environ))
    with served(context, provider, settings), context.connection(settings["ca_file"]) as connection:
        metadata = discover(provider, settings, connection)
        yield client_for(provider, settings, metadata, connection, client_id=session.client_id)


def login_beside(provider: str) -> str:
    """Return the command that signs in once more, and keeps the sessions there are."""
    return f"oauth-cli login --profile NAME --provider {provider}"


def check_settings(configuration: Configuration, profile: Profile, session: Session) -> tuple[Provider, Resolved]:
    """Return the session's provider and its settings, whose secrets are references still.

    Raises SettingsDiffer where provider, issuer or client id now resolve to something else than the session's.
    """
    name = configuration.provider_of(profile.name, profile) or profile.provider
    if name != profile.provider:
        raise SettingsDiffer(
            f"the session {profile.name} belongs to the provider {profile.provider!a}, not {name!a}",
            hint=f"Undo the change in config.toml, or keep both: {login_beside(name)}",
        )
    provider = load(name, configuration.environ)
    resolved = configuration.resolve(profile.name, provider.declared_settings(), stored=profile)
    if difference := difference_from(profile, session, provider, resolved):
        raise SettingsDiffer(
            f"the session {profile.name} belongs to the {difference}",
            hint=f"Undo the change (see the environment and config.toml), or keep both: {login_beside(name)}",
        )
    return provider, resolved


def _refresh(
    context: Context, client: Client, profile: Profile, session: Session, save: Callable[[Session], None]
) -> Session:
    """Spend the session's refresh token; save and return the session that comes of it. One use, one request."""
    if session.refresh_token is None:
        raise ended(profile.name, profile)
    request = refresh_request(
        client.metadata,
        client.authentication,
        refresh_token=session.refresh_token,
        params=client.token_params(
            REFRESH_TOKEN, scopes=session.scopes, redirect_uri=session.redirect_uri, protected=params.REFRESH
        ),
    )
    issued_at = int(context.clock())
    tokens = client.parse_token_response(client.connection.send(request, repeat="if refused"), REFRESH_TOKEN)
    try:
        claims = client.validate_id_token(tokens, nonce=None, now=context.clock())
    except OAuthCliError as error:
        unjudged = isinstance(error, ClockDiffers | KeyMissing) or error is client.keys.failure
        if unjudged and tokens.id_token and tokens.refresh_token:
            # Nothing of it is handed out. But the old refresh token is spent, and when the clock is right, or the key
            # can be had, the session goes on. Without a key the claims are those of the token endpoint alone.
            check_refreshed(decode(tokens.id_token)[1], first=session.id_token, sub=session.sub)
            save(replace(session, refresh_token=tokens.refresh_token))
        raise
    if claims is not None:
        check_refreshed(claims, first=session.id_token, sub=session.sub)
    renewed = replace(
        session,
        access_token=tokens.access_token,
        issued_at=issued_at,
        expires_at=expires_at(tokens, issued_at=issued_at, renewable=True),
        # RFC 6749 section 6: no new one means that the old one goes on
        refresh_token=tokens.refresh_token or session.refresh_token,
        scopes=session.scopes if tokens.scope is None else tokens.scope,
        id_token=tokens.id_token or session.id_token,
    )
    save(renewed)
    return renewed


def ended(name: str, profile: Profile, why: str = "") -> NotSignedIn:
    """Return the error that names the command which starts a new session, and says ``why`` one is needed."""
    said = f"the session {name} has ended" + (f": {why}" if why else "")
    return NotSignedIn(said, hint=f"Sign in again: {_login_command(profile)}")


def _login_command(profile: Profile) -> str:
    name = profile.name
    return f"oauth-cli login --profile {name}" if name != profile.provider else f"oauth-cli login --provider {name}"
