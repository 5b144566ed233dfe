"""``oauth-cli logout``: revoke where the provider can, and delete here in any case."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import suppress
from itertools import islice

from oauth_cli_login.adapters.store import NewerFileError
from oauth_cli_login.config import Configuration
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ExitStatus, KeyringError, NotSignedIn, OAuthCliError, StoreError, UsageError
from oauth_cli_login.model import SecretReference
from oauth_cli_login.plugins import load
from oauth_cli_login.revocation import revoke
from oauth_cli_login.session import SettingsDiffer, connected, stored_session
from oauth_cli_login.values import dataclass, replace


@dataclass(frozen=True)
class _Outcome:
    """How it went: ``revocation`` is revoked, unsupported or failed; ``error`` says why it failed."""

    profile: str
    revocation: str
    error: OAuthCliError | None = None
    connected_apps_url: str | None = None


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare which sessions, and what is to be left of them."""
    parser.add_argument("--all", action="store_true", help="sign out of every session")
    parser.add_argument("--forget", action="store_true", help="delete the profile's settings as well")


def run(context: Context, args: Namespace) -> int:
    """Sign out of one session or all; non-zero where a revocation failed, with that failure's own status."""
    configuration = Configuration.read(context.environ, context.terminal)
    if args.all and args.profile is not None:
        raise UsageError("--all and --profile say two different things", hint="Leave one of them out.")
    if not args.all:
        names = [configuration.chosen_profile(args.profile)]
    else:
        names = configuration.store.names() if args.forget else list(configuration.sessions())
    if not names:
        raise NotSignedIn("you are not signed in anywhere")
    if args.forget:
        names = [name for name in names if not _forget_settings(context, configuration, name)]
    if names and not args.all:
        stored_session(configuration, names[0], peek=True)  # raises, naming the command that signs in
    outcomes = [_log_out(context, configuration, name, forget=args.forget, alone=not args.all) for name in names]
    if args.json:
        context.terminal.answer_json(
            {"sessions": [{"profile": o.profile, "revocation": o.revocation} for o in outcomes]}
        )
    errors = [outcome.error for outcome in outcomes if outcome.error]
    return errors[0].exit_status if errors else ExitStatus.OK


def _forget_settings(context: Context, configuration: Configuration, name: str) -> bool:
    """Delete what an earlier logout left of a profile, or a file that cannot be read; tell whether that was all."""
    try:
        profile = configuration.store.peek(name)
    except NewerFileError:
        return False  # it is told of where it is signed out of
    except StoreError as error:
        context.terminal.warn(error.message)
        configuration.store.forget(name)
        context.terminal.say(f"{name}: its file was deleted; tokens that may have been in it were NOT revoked")
        return True
    if profile is None or profile.session is not None:
        return False
    if left_behind := configuration.store.forget(name):
        context.terminal.warn(left_behind.message)
    context.terminal.say(f"{name}: its settings were deleted")
    return True


def _log_out(context: Context, configuration: Configuration, name: str, *, forget: bool, alone: bool) -> _Outcome:
    """Revoke, delete, and say both. Settings that differ stop a single logout before anything is done.

    The lock is held all the while: tokens that somebody got in between would be deleted without being revoked.
    """
    was_default = configuration.store.default() == name
    try:
        with configuration.store.lock(name):
            if not forget:  # before tokens are revoked that would stay here; a keyring in trouble is another matter
                configuration.store.check_writable(name, store="file")
            outcome = _revoke(context, configuration, name)
            if alone and isinstance(outcome.error, SettingsDiffer):
                raise outcome.error
            if isinstance(outcome.error, StoreError) and not isinstance(outcome.error, KeyringError):
                raise outcome.error
            left_behind = _delete(configuration, name, forget=forget)
        configuration.store.clear_default(name)
    except StoreError as error:
        context.terminal.error(error)
        return _Outcome(name, "failed", error)
    said = {
        "revoked": "signed out, and the tokens were revoked",
        "unsupported": "signed out; the provider cannot revoke tokens: they end by themselves",
        "failed": "signed out here, but the tokens were NOT revoked",
    }
    context.terminal.say(f"{name}: {said[outcome.revocation]}")
    if was_default and alone and len(list(islice(configuration.sessions(), 2))) > 1:
        context.terminal.say("  It was the default profile. Choose another: oauth-cli use NAME", "dim")
    if outcome.error:
        context.terminal.warn(f"{name}: {outcome.error.message}")
    if left_behind:
        context.terminal.warn(f"{name}: {left_behind.message}")
        outcome = replace(outcome, error=outcome.error or left_behind)
    if outcome.connected_apps_url:
        context.terminal.say(f"  The applications with access to your account: {outcome.connected_apps_url}", "dim")
    return outcome


def _revoke(context: Context, configuration: Configuration, name: str) -> _Outcome:
    url = None
    try:
        profile, session = stored_session(configuration, name)
        with connected(context, configuration, profile, session) as client:
            url = client.provider.connected_apps_url(client.settings)
            revocation = "revoked" if revoke(client, session) else "unsupported"
            return _Outcome(name, revocation, connected_apps_url=url)
    except OAuthCliError as error:
        return _Outcome(name, "failed", error, url or _connected_apps_url(configuration, name))


def _connected_apps_url(configuration: Configuration, name: str) -> str | None:
    """Return the page where the user can still revoke by hand, though the server could not be reached."""
    with suppress(OAuthCliError):
        profile, _ = stored_session(configuration, name, peek=True)
        provider = load(profile.provider, configuration.environ)
        resolved = configuration.resolve(name, provider.declared_settings(), stored=profile)
        return provider.connected_apps_url(resolved.settings())
    return None


def _delete(configuration: Configuration, name: str, *, forget: bool) -> OAuthCliError | None:
    """Delete the session, its typed secrets with it; the settings stay for the next sign-in, unless told otherwise.

    The caller holds the lock. Returns what keeps the keyring from deleting its part.
    """
    profile = configuration.store.peek(name)
    if forget or profile is None:
        return configuration.store.forget(name)
    references: dict[str, SecretReference] = {
        key: reference for key, reference in profile.secrets.items() if reference.kind != "value"
    }
    return configuration.store.write(replace(profile, session=None, secrets=references))
