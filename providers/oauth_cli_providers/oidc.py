"""Any OpenID Connect provider: an issuer is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")


@hookimpl
def oauth_provider_settings() -> Sequence[Mapping[str, object]]:
    """Ask for the issuer; the profile is called after its host."""
    return (
        {
            "name": "issuer",
            "help": "the issuer: what stands before /.well-known/openid-configuration",
            "required": True,
        },
        {"name": "audience", "help": "the API to get a token for, where the provider wants one named"},
    )


@hookimpl
def oauth_authorization_params(settings: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """Name the audience, where there is one."""
    return {"audience": settings["audience"]} if settings["audience"] else {}
