"""``oauth-cli providers``: which providers are installed, and where each comes from."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter

from oauth_cli_login.context import Context
from oauth_cli_login.plugins import installed


def arguments(_parser: ArgumentParser, _context: Context, _profile: str | None, _provider: str | None) -> None:
    """Declare nothing."""


def run(context: Context, args: Namespace) -> int:
    """List them from the entry points' metadata: no plugin is imported."""
    found = installed(context.environ)
    times = Counter(provider.name for provider in found)
    if args.json:
        context.terminal.answer_json(
            {
                "providers": [
                    {
                        "name": provider.name,
                        "distribution": provider.distribution,
                        "module": provider.target,
                        "usable": times[provider.name] == 1,
                    }
                    for provider in found
                ]
            }
        )
        return 0
    context.terminal.table(
        ("provider", "from", "module"),
        [
            (
                provider.name + ("" if times[provider.name] == 1 else "  (refused: the name is taken twice)"),
                provider.distribution,
                provider.target,
            )
            for provider in found
        ],
    )
    context.terminal.say("Sign in with one: oauth-cli login --provider NAME", "dim")
    return 0
