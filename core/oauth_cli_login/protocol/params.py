"""Whose parameters win: core's own may not be touched; the user's beat the plugin's, and those beat core's extras."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from oauth_cli_login.errors import PluginError, UsageError

AUTHORIZATION = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
        *("response_mode", "request", "request_uri"),  # the answer comes as a GET's query, or not at all
    }
)
DEVICE_AUTHORIZATION = frozenset({"client_id", "client_secret", "scope"})
CODE_EXCHANGE = frozenset({"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"})
REFRESH = frozenset({"grant_type", "refresh_token", "client_id", "client_secret"})
"""A refresh may add the session's redirect_uri: GitLab wants it."""
DEVICE_EXCHANGE = frozenset({"grant_type", "device_code", "client_id", "client_secret"})


def merge(
    core: Mapping[str, str],
    plugin: Mapping[str, str | None],
    user: Mapping[str, str],
    *,
    protected: Collection[str],
    provider: str,
) -> dict[str, str]:
    """Return the extra parameters of one request.

    ``core`` are the ones that core adds and a plugin may drop, by returning ``None``. Raises PluginError or
    UsageError where one of the ``protected`` would be changed.
    """
    if taken := sorted(protected & plugin.keys()):
        raise PluginError(f"the provider plugin {provider!a} may not set the parameter {taken[0]}")
    if taken := sorted(protected & user.keys()):
        raise UsageError(f"--param cannot set {taken[0]}: oauth-cli sets it itself")
    merged = {**core, **plugin, **user}
    if plugin.get("prompt", "") is not None:
        asked = [source["prompt"] or "" for source in (user, core, plugin) if source.get("prompt")]
        if asked:
            merged["prompt"] = _prompt(asked, chosen=user.get("prompt"))
    return {name: value for name, value in merged.items() if value is not None}


def _prompt(asked: Sequence[str], *, chosen: str | None) -> str:
    """Return the union of what is asked for: prompt is a set of words (OpenID Connect Core 3.1.2.1).

    ``none`` stands alone: where it is among them, what was ``chosen`` by the user counts, else the last.
    """
    words = dict.fromkeys(word for prompt in asked for word in prompt.split())
    return (chosen or asked[-1]) if "none" in words else " ".join(words)
