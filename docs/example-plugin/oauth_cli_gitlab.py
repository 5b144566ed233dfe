"""GitLab, gitlab.com or your own. Source: docs.gitlab.com/api/oauth2, "OAuth 2.0 identity provider API"."""

import pluggy

hookimpl = pluggy.HookimplMarker("oauth_cli")


@hookimpl
def oauth_provider_settings():
    """Ask which GitLab it is."""
    return ({"name": "base_url", "help": "the address of your GitLab", "default": "https://gitlab.com"},)


@hookimpl
def oauth_server_metadata(settings):
    """Return the issuer: GitLab has a discovery document at its root."""
    return {"issuer": settings["base_url"].rstrip("/")}


@hookimpl
def oauth_default_scopes():
    """Ask for who signed in; a refresh token comes without ``offline_access``."""
    return ("openid", "profile", "email")


@hookimpl
def oauth_redirect_policy():
    """Use the address literal: GitLab takes any port there, but not on ``localhost``."""
    return {"host": "127.0.0.1", "any_port": True}


@hookimpl
def oauth_token_params(grant_type, redirect_uri):
    """Send the sign-in's redirect_uri again with each refresh, as GitLab wants it."""
    return {"redirect_uri": redirect_uri} if grant_type == "refresh_token" and redirect_uri else {}
