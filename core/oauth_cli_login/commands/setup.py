"""``oauth-cli setup git`` and ``setup kubectl``: let another program take tokens from here, by absolute paths.

``setup git`` writes ``credential.<url>.helper`` into the user's global git configuration, for one host: an empty value,
so that no other helper is handed a token to keep, and behind it one line for each profile that was set up there.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from oauth_cli_login.adapters.git_config import GitConfig, shown
from oauth_cli_login.adapters.own_command import own_command
from oauth_cli_login.config import Configuration, check_profile_name
from oauth_cli_login.context import Context
from oauth_cli_login.errors import ConfigError, UsageError
from oauth_cli_login.model import Profile, Session
from oauth_cli_login.protocol.git_credential import (
    Origin,
    address_of,
    covers,
    helper,
    origin_of_address,
    origin_of_session,
    profile_of_helper,
)
from oauth_cli_login.session import stored_session

_REPOSITORY_SCOPES = {
    "github": (("repo",),),
    "gitlab": (("read_repository", "write_repository", "api"), ("write_repository", "api")),
}
"""By provider: of each group a session needs one scope to reach private repositories; the first is the one to ask for.

Sources: docs.github.com, "Scopes for OAuth apps"; docs.gitlab.com, "Configure GitLab as an OAuth 2.0 authentication
identity provider". An app whose tokens have permissions instead of scopes is not judged.
"""


def arguments(parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare what is set up, and git's options."""
    parser.add_argument("target", choices=("git", "kubectl"), help="the program that is to take tokens from here")
    git = parser.add_argument_group("git")
    git.add_argument("--host", metavar="HOST", help="the host of the repositories, where it is not the issuer's")
    git.add_argument("--dry-run", action="store_true", help="print the commands instead of running them")
    git.add_argument(
        "--remove", action="store_true", help="take away what this wrote, for all profiles and hosts or those named"
    )


def run(context: Context, args: Namespace) -> int:
    """Set up one program."""
    if args.target == "kubectl":
        if args.host or args.dry_run or args.remove:
            raise UsageError("--host, --dry-run and --remove are for git", hint="setup kubectl changes nothing.")
        _kubectl(context, args)
    elif args.remove:
        _remove(context, args)
    else:
        _git(context, args)
    return 0


def _git(context: Context, args: Namespace) -> None:
    """Write the helper of one profile for one host; what stands there already stays as it is."""
    git = GitConfig(context.environ)
    configuration = Configuration.read(context.environ, context.terminal)
    profile, session = stored_session(configuration, configuration.chosen_profile(args.profile))
    own, asked = origin_of_session(session), _origin(args.host)
    place = asked or own
    if place is None:
        raise ConfigError(f"the session {profile.name} names no host", hint="Name it: --host HOST")
    key = f"credential.{address_of(place)}.helper"
    line = helper(own_command(), profile=profile.name, host=None if place == own else address_of(place))
    before = git.helpers().get(key, [])
    if others := [value for value in before if value and profile_of_helper(value) is None]:
        raise ConfigError(
            f"git has another helper for {address_of(place)}: {others[0]}",
            hint=f"It would be handed the tokens too. Take it away first: git config --global --unset-all {key}",
        )
    lines = {profile_of_helper(value): value for value in before if value}
    _change(context, args, git, {key: (before, ["", *{**lines, profile.name: line}.values()])})
    if behind := _helpers_behind(git, key, place):
        context.terminal.warn(f"git hands the tokens to other helpers as well, to keep: {', '.join(behind)}")
        context.terminal.must_see("  They stand behind this one in git's configuration: move or remove them.")
    if not args.dry_run:
        context.terminal.say(f"git uses {profile.name} ({session.label}) for {address_of(place)}")
    _say_which_scopes_are_missing(context, profile, session)


def _helpers_behind(git: GitConfig, key: str, place: Origin) -> list[str]:
    """Return the keys of other programs' helpers that git asks after ours for this host."""
    entries = git.everywhere()
    ours = [number for number, (name, value) in enumerate(entries) if name == key and profile_of_helper(value)]
    behind = entries[ours[-1] + 1 :] if ours else []
    return list(
        dict.fromkeys(
            name
            for name, value in behind
            if value
            and not profile_of_helper(value)
            and (name == "credential.helper" or covers(name[len("credential.") : -len(".helper")], place))
        )
    )


def _remove(context: Context, args: Namespace) -> None:
    """Take the helpers away that ``setup git`` wrote, and the empty value with the last of them."""
    git = GitConfig(context.environ)
    profile = args.profile if args.profile is None else check_profile_name(args.profile)
    place = _origin(args.host)
    changes = {}
    for key, before in git.helpers().items():
        if place is None or key == f"credential.{address_of(place)}.helper":
            kept = [value for value in before if not _wrote(value, profile)]
            changes[key] = before, kept if any(kept) or kept == before else []
    _change(context, args, git, changes)
    removed = [key[len("credential.") : -len(".helper")] for key, (before, after) in changes.items() if before != after]
    if not args.dry_run:
        context.terminal.say(f"removed for: {', '.join(removed)}" if removed else "there was nothing to remove")


def _wrote(value: str, profile: str | None) -> bool:
    found = profile_of_helper(value)
    return found is not None and profile in (None, found)


def _origin(host: str | None) -> Origin | None:
    place = origin_of_address(host) if host is not None else None
    if host is not None and place is None:
        raise UsageError(
            f"{host[:80]!a} is no host that a token may go to",
            hint="Give HOST or HOST:PORT, which is https; http://HOST:PORT for a server on this machine.",
        )
    return place


def _change(context: Context, args: Namespace, git: GitConfig, changes: dict[str, tuple[list[str], list[str]]]) -> None:
    changed = {key: after for key, (before, after) in changes.items() if before != after}
    for key, after in changed.items():
        if not args.dry_run:
            git.set(key, after)
        elif not args.json:
            for line in shown(key, after):
                context.terminal.answer(line)
    if args.json:
        context.terminal.answer_json({"dry_run": args.dry_run, "changed": changed})


def _say_which_scopes_are_missing(context: Context, profile: Profile, session: Session) -> None:
    groups = _REPOSITORY_SCOPES.get(profile.provider, ()) if session.scopes else ()
    missing = [group[0] for group in groups if not set(group) & set(session.scopes)]
    if missing:
        options = " ".join(f"--add-scope {scope}" for scope in missing)
        context.terminal.warn(f"this session does not reach private repositories: it lacks {' and '.join(missing)}")
        context.terminal.must_see(f"  oauth-cli login --profile {profile.name} {options}")


def _kubectl(context: Context, args: Namespace) -> None:
    """Print a kubeconfig with one user, in JSON, which is YAML as well.

    ``interactiveMode`` is ``Never``: ``token`` reads nothing and opens no browser, so kubectl need not lend it its
    standard input, and runs it where it has none.
    """
    configuration = Configuration.read(context.environ, context.terminal)
    profile, session = stored_session(configuration, configuration.chosen_profile(args.profile))
    program, *words = own_command()
    stanza = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": program,
        "args": [*words, "token", "--format", "kubernetes", "--profile", profile.name],
        "env": None,
        "interactiveMode": "Never",
        "provideClusterInfo": False,
        "installHint": "oauth-cli is not where it was: run `oauth-cli setup kubectl` again.",
    }
    user = f"oauth-cli-{profile.name}"
    document = {"apiVersion": "v1", "kind": "Config", "users": [{"name": user, "user": {"exec": stanza}}]}
    context.terminal.answer(json.dumps(document, indent=2, ensure_ascii=False))
    context.terminal.say(f"Then choose it: kubectl config set-context --current --user={user}")
    if session.id_token is None:
        context.terminal.warn(f"the session {profile.name} has no ID token, which is what API servers ask for")
        context.terminal.must_see(f"  oauth-cli login --profile {profile.name} --add-scope openid")
