"""A sign-in for a profile: what it may not replace is refused, and what it brought is stored.

``sign_in_to_profile`` takes these steps:

1. Refuse, before the browser, what would replace a session of another client or issuer; see that it can be stored.
2. Sign in: login.py.
3. Take the profile's lock and read again: somebody may have signed in while the browser was open.
4. Refuse to store somebody else; their fresh tokens are revoked then, unless another profile is theirs.
5. Store the session, and the settings that it was made with; make it the default where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import cast

from oauth_cli_login.adapters.browser import OpenBrowser
from oauth_cli_login.adapters.secrets import revealer
from oauth_cli_login.attempt import Options
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.discovery import own_metadata, served
from oauth_cli_login.errors import ConfigError, OAuthCliError, StoreError, UsageError
from oauth_cli_login.login import SignedIn, sign_in
from oauth_cli_login.model import Flow, Profile, Session
from oauth_cli_login.pinning import difference_from, keeps_secrets
from oauth_cli_login.protocol.token import expires_at
from oauth_cli_login.revocation import revoke
from oauth_cli_login.session import is_fresh, login_beside
from oauth_cli_login.settings import API_HOSTS, LAST_SIGN_IN
from oauth_cli_login.target import Destination, check_provider
from oauth_cli_login.values import replace

FLOWS = ("browser", "device", "auto")
"""What the setting ``flow`` may say."""


def options_of(
    destination: Destination,
    *,
    open_browser: OpenBrowser | None,
    add_scopes: Sequence[str] = (),
) -> Options:
    """Return how the settings say to sign in; UsageError or ConfigError for a scope or flow that is none."""
    values = destination.resolved.settings()
    wanted = _split_scopes([values["scopes"] or ""]) or _split_scopes(destination.provider.default_scopes(values))
    return Options(
        scopes=tuple(dict.fromkeys([*wanted, *_split_scopes(add_scopes)])),
        flow=_flow(values["flow"]),
        open_browser=open_browser,
    )


def sign_in_to_profile(
    context: Context,
    configuration: Configuration,
    destination: Destination,
    options: Options,
    *,
    switch_account: bool = False,
) -> tuple[Profile, SignedIn]:
    """Sign in, store the session, and return the profile as it is stored; ``switch_account`` lets it be another's.

    Raises ConfigError where the profile's session would have to give way, StoreError, and what login.py raises.
    """
    store, name = configuration.store, destination.profile
    provider, resolved = destination.provider, destination.resolved
    with store.lock(name):  # that it can be had, and the session written, is seen before the browser as well
        session = _pinned(configuration, destination, switch_account=switch_account)
        store.check_writable(name, store=resolved.store)
    # an access token that is over says that the refresh token may not work: then consent is asked for anew
    renewable = session is not None and session.refresh_token is not None and is_fresh(session, context.clock())
    another = switch_account or (session is None and any(_sessions_elsewhere(configuration, destination)))
    options = replace(
        options,
        refresh_token_stored=renewable,
        select_account=another and not resolved.values.get("login_hint"),
    )
    values = resolved.settings(revealer(context.environ))
    with served(context, provider, values), context.connection(values["ca_file"], believing=True) as connection:
        signed_in = sign_in(context, provider, values, options, connection)
        with store.lock(name):
            session = _pinned(configuration, destination, switch_account=switch_account)
            if session is not None and session.sub is not None and signed_in.userinfo.sub != session.sub:
                raise _somebody_else(configuration, name, session, signed_in)
            profile = _profile(destination, options, _session(signed_in, session))
            if (forgotten := _hosts_of_another(configuration, destination, profile)) is not None:
                profile = forgotten
                context.terminal.warn(f"{name} is another account's now: its api_hosts are forgotten")
            left_behind = store.write(profile)
            store.note_failed_login(name, None)
    if left_behind:
        context.terminal.warn(left_behind.message)
    try:
        if not store.default():
            store.set_default(name)
    except StoreError as error:
        context.terminal.warn(f"{error.message}; name the profile: --profile {name}")
    return profile, signed_in


def _pinned(configuration: Configuration, destination: Destination, *, switch_account: bool) -> Session | None:
    """Return the session that a login must be the same account's as; ConfigError where it cannot be."""
    name, provider = destination.profile, destination.provider
    stored = configuration.store.recall(name)  # a keyring that lost it does not stand in the way of a new one
    check_provider(configuration, name, stored, provider.name)
    if switch_account or stored is None or stored.session is None:
        return None
    if difference := difference_from(stored, stored.session, provider, destination.resolved):
        raise ConfigError(f"the session {name} belongs to the {difference}", hint=_keep_both(name, provider.name))
    return stored.session


def _somebody_else(configuration: Configuration, name: str, session: Session, signed_in: SignedIn) -> ConfigError:
    """Return the refusal to store, having revoked tokens that nobody knows of any more."""
    fresh = _session(signed_in, None)
    revoked = False
    if not any(_is_theirs(other, fresh) for other in _stored_sessions(configuration)):
        with suppress(OAuthCliError):  # it is tried: the refusal is what has to be told
            revoked = revoke(signed_in.client, fresh)
    return ConfigError(
        f"you signed in as {signed_in.userinfo.label}, but the session {name} is {session.label}'s; it was kept"
        + (", and the new tokens were revoked" if revoked else ""),
        hint=_keep_both(name, signed_in.client.provider.name),
    )


def _is_theirs(session: Session, fresh: Session) -> bool:
    """Tell whether a session is of the same account: many providers end it with any token of that account."""
    return (session.issuer, session.client_id, session.sub) == (fresh.issuer, fresh.client_id, fresh.sub)


def _keep_both(name: str, provider: str) -> str:
    return f"To keep both: {login_beside(provider)}. To replace {name}: the same command with --switch-account."


def _sessions_elsewhere(configuration: Configuration, destination: Destination) -> Iterator[Session]:
    """Yield the sessions that other profiles have at the same server."""
    name, provider = destination.profile, destination.provider
    issuer = own_metadata(provider, destination.resolved.settings()).issuer
    for profile in _stored_profiles(configuration):
        session = profile.session
        if session and profile.name != name and profile.provider == provider.name and session.issuer == issuer:
            yield session


def _stored_sessions(configuration: Configuration) -> Iterator[Session]:
    return (profile.session for profile in _stored_profiles(configuration) if profile.session)


def _stored_profiles(configuration: Configuration) -> Iterator[Profile]:
    for name in configuration.store.names():
        with suppress(StoreError):  # whoever uses it is told
            if profile := configuration.store.peek(name):
                yield profile


def _profile(destination: Destination, options: Options, session: Session) -> Profile:
    """Return what is stored: the settings that were used, an explicit flow among them, and the session."""
    kept, secrets = destination.resolved.kept()
    kept["scopes"] = " ".join(options.scopes)
    if options.port is not None and session.redirect_uri:
        kept["redirect_uri"] = session.redirect_uri
    if kept.get("flow") == "auto":
        del kept["flow"]
    return Profile(destination.profile, destination.provider.name, kept, secrets, session)


def _hosts_of_another(configuration: Configuration, destination: Destination, profile: Profile) -> Profile | None:
    """Return the profile without the hosts that ``request --allow-host`` let another account's token go to.

    ``None`` where there are none, or they are this account's, or this sign-in's own.
    """
    before = configuration.store.peek(destination.profile)
    if before is None or destination.resolved.origins.get(API_HOSTS) != LAST_SIGN_IN or profile.session is None:
        return None
    if before.session is not None:
        theirs = not _is_theirs(before.session, profile.session)
    else:  # signed out meanwhile: whose they were is not known any more, but where
        theirs = not keeps_secrets(before, destination.provider, destination.resolved)
    kept = {name: value for name, value in profile.settings.items() if name != API_HOSTS}
    return replace(profile, settings=kept) if theirs else None


def _session(signed_in: SignedIn, before: Session | None) -> Session:
    """Return what is stored; Google sends a refresh token once, so that the same account's goes on."""
    tokens, metadata = signed_in.token_response, signed_in.client.metadata
    refresh_token = tokens.refresh_token
    if refresh_token is None and before and before.sub is not None and before.sub == signed_in.userinfo.sub:
        refresh_token = before.refresh_token
    return Session(
        issuer=metadata.issuer,
        client_id=signed_in.client.authentication.client_id,
        sub=signed_in.userinfo.sub,
        label=signed_in.userinfo.label,
        scopes=signed_in.scopes,
        issued_at=signed_in.issued_at,
        expires_at=expires_at(tokens, issued_at=signed_in.issued_at, renewable=refresh_token is not None),
        access_token=tokens.access_token,
        token_type=tokens.token_type,
        refresh_token=refresh_token,
        id_token=tokens.id_token,
        redirect_uri=signed_in.redirect_uri,
        token_endpoint=metadata.token_endpoint,
    )


def _flow(value: str | None) -> Flow | None:
    if value in (None, "auto"):
        return None
    if value not in FLOWS:
        raise ConfigError(f"flow is {value!a}", hint=f"It is one of: {', '.join(FLOWS)}")
    return cast("Flow", value)


def _split_scopes(values: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes; UsageError for one that is no scope-token (RFC 6749 section 3.3)."""
    scopes = tuple(scope for value in values for scope in value.replace(",", " ").split())
    if wrong := [scope for scope in scopes if not (scope.isascii() and scope.isprintable())]:
        raise UsageError(f"{wrong[0][:80]!a} is not a scope", hint="A scope is printable ASCII.")
    return scopes
