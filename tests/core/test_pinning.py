"""A session is pinned to its issuer and client id: what counts as a difference, and how it is told."""

from __future__ import annotations

import pytest

from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import Profile, SecretReference, Session
from oauth_cli_login.pinning import difference_from, keeps_secrets
from oauth_cli_login.plugins import load
from oauth_cli_login.settings import Layer, resolve

ISSUER = "http://localhost:8080/default"


def difference(provider="mock", *, session_issuer=ISSUER, session_token_endpoint=None, stored=None, **values):
    plugin = load(provider)
    resolved = resolve(plugin.declared_settings(), [Layer("the environment", values)])
    session = Session(
        issuer=session_issuer,
        client_id="cli-app",
        sub=None,
        label="ada",
        scopes=(),
        issued_at=1,
        expires_at=0,
        access_token="access-token",
        token_endpoint=session_token_endpoint,
    )
    return difference_from(Profile("p", provider, stored or {}, {}, session), session, plugin, resolved)


def test_the_same_client_at_the_same_issuer_is_no_difference():
    assert difference() is None
    assert difference(client_id="cli-app", issuer=ISSUER) is None


def test_another_client_id_is_told_with_where_it_comes_from():
    assert difference(client_id="other") == "client id 'cli-app', not 'other' (from the environment)"


def test_a_client_id_that_nobody_sets_any_more_is_a_difference():
    assert (
        difference("oidc", session_issuer="https://a.example", issuer="https://a.example")
        == "client id 'cli-app', not None (from None)"
    )


@pytest.mark.parametrize(
    "other", ["http://localhost:8080/default/", "http://LOCALHOST:8080/default", "https://a.example"]
)
def test_another_issuer_is_told_to_the_letter(other):
    assert difference(session_issuer=other) == f"issuer {other!r}, not {ISSUER!r}"


def test_what_names_no_usable_server_is_a_wrong_setting():
    with pytest.raises(ConfigError, match="must be https"):
        difference(issuer="http://idp.example")


def test_a_session_of_a_server_without_an_issuer_has_none_to_compare():
    assert difference(session_issuer=None) is None


@pytest.mark.parametrize(
    ("endpoint", "differs"),
    [
        ("https://a.example/token", False),
        ("https://a.example/v2/token", False),  # the same server, which moved it
        ("https://b.example/token", True),
        ("https://a.example:8443/token", True),
        ("http://localhost/token", True),
    ],
)
def test_without_an_issuer_the_token_endpoints_origin_is_the_server(endpoint, differs):
    said = difference(
        "oauth2",
        session_issuer=None,
        session_token_endpoint="https://a.example/token",
        client_id="cli-app",
        token_endpoint=endpoint,
    )

    cannot = f"server 'https://a.example/token', and its token_endpoint cannot be {endpoint!r}"
    assert said == (cannot if differs else None)


@pytest.mark.parametrize("name", ["userinfo_endpoint", "revocation_endpoint"])
@pytest.mark.parametrize("host", ["a.example", "accounts.a.example", "evil.example"])
def test_wherever_tokens_go_is_pinned(name, host):
    """The origins that the last login knew, and no other."""
    stored = {"client_id": "cli-app", "token_endpoint": "https://a.example/token"}
    stored["userinfo_endpoint"] = "https://accounts.a.example/me"

    said = difference(
        "oauth2",
        session_issuer=None,
        session_token_endpoint="https://a.example/token",
        stored=stored,
        **{**stored, name: f"https://{host}/x"},
    )

    assert (said is not None) == (host == "evil.example")


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, True),
        ({"scopes": "other"}, True),
        ({"client_id": "other"}, False),
        ({"issuer": "https://b.example"}, False),
        ({"token_endpoint": "https://b.example/token"}, False),
    ],
)
def test_a_secret_stays_with_the_client_and_server_that_it_belongs_to(changed, kept):
    stored = {"client_id": "c", "issuer": "https://a.example", "token_endpoint": "https://a.example/token"}
    plugin = load("oauth2")
    profile = Profile("p", "oauth2", stored, {"client_secret": SecretReference("value", "s")})
    resolved = resolve(plugin.declared_settings(), [Layer("the command line", {**stored, **changed})])

    assert keeps_secrets(profile, plugin, resolved) is kept
