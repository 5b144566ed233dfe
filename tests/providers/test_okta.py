"""Okta. The pages that the docstrings name are below developer.okta.com/docs."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

ORG = "https://dev-1.okta.com"
CUSTOM = f"{ORG}/oauth2/default"


def document_below(base: str) -> dict[str, object]:
    """Return what the discovery document of one of Okta's servers says, as far as it matters here."""
    return {
        "authorization_endpoint": f"{base}/v1/authorize",
        "token_endpoint": f"{base}/v1/token",
        "userinfo_endpoint": f"{base}/v1/userinfo",
        "device_authorization_endpoint": f"{base}/v1/device/authorize",
        "revocation_endpoint": f"{base}/v1/revoke",
        "jwks_uri": f"{base}/v1/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
    }


@pytest.fixture
def okta(openid_provider):
    provider = openid_provider(CUSTOM, document_below(CUSTOM), {"preferred_username": "ada@example.com"})
    provider.tokens |= {"refresh_token": "refresh-1", "scope": "offline_access profile openid email"}
    return provider


@pytest.fixture
def login(port: str) -> tuple[str, ...]:
    named = ("--domain", "dev-1.okta.com", "--authorization-server", "default", "--client-id", "the-client")
    return ("login", "--provider", "okta", *named, "--port", port)


@pytest.fixture
def provider():
    return load("okta")


@pytest.mark.parametrize(
    "domain",
    [
        "dev-1.okta.com",
        "https://dev-1.okta.com",
        "https://dev-1.okta.com/",
        "dev-1-admin.okta.com",
        "https://dev-1-admin.okta.com/admin/dashboard",
    ],
)
def test_the_issuer_is_made_of_domain_and_server(provider, settings_of, domain: str) -> None:
    """concepts/auth-servers: the org's own server and custom ones; people paste the address of their console."""
    assert provider.server_metadata(settings_of(provider, domain=domain)) == {"issuer": ORG}
    custom = settings_of(provider, domain=domain, authorization_server="default")
    assert provider.server_metadata(custom) == {"issuer": CUSTOM}


def test_an_issuer_pasted_as_the_domain_names_its_server(provider, settings_of) -> None:
    """concepts/auth-servers: the issuer of a custom server is what the Admin Console shows."""
    pasted = settings_of(provider, domain="https://dev-1.okta.com/oauth2/default")
    assert provider.server_metadata(pasted) == {"issuer": CUSTOM}


def test_the_orgs_own_server_signs_in_as_well(openid_provider, oauth_cli, browser, port) -> None:
    """reference/api/oidc, Org authorization server: /oauth2/v1 below the org, whose issuer is the bare domain."""
    openid_provider(ORG, document_below(f"{ORG}/oauth2"))
    argv = ("login", "--provider", "okta", "--domain", "dev-1.okta.com", "--client-id", "the-client", "--port", port)
    done = oauth_cli(*argv)
    assert done.status == 0, done.stderr
    assert browser.endpoint == f"{ORG}/oauth2/v1/authorize"
    assert f"iss {ORG}" in done.stderr


def test_a_token_of_the_other_server_is_refused(okta, oauth_cli, login) -> None:
    """concepts/auth-servers: each server has an issuer of its own."""
    okta.claims["iss"] = ORG
    assert oauth_cli(*login).status == 8


def test_the_authorization_request(okta, oauth_cli, browser, login, port) -> None:
    """guides/implement-grant-type/authcodepkce; offline_access: guides/refresh-tokens."""
    done = oauth_cli(*login)
    assert done.status == 0, done.stderr
    assert browser.endpoint == f"{CUSTOM}/v1/authorize"
    request = browser.without_random()
    assert set(request.pop("scope").split()) == {"openid", "email", "profile", "offline_access"}
    assert request == {
        "response_type": "code",
        "client_id": "the-client",
        "redirect_uri": f"http://localhost:{port}/callback",
    }


def test_the_users_own_parameters_are_sent(okta, oauth_cli, browser, login) -> None:
    """reference/api/oidc, /authorize: idp, login_hint, prompt."""
    oauth_cli(*login, "--param", "idp=0oa1", "--param", "prompt=login", "--login-hint", "ada@example.com")
    request = browser.request
    assert (request["idp"], request["prompt"], request["login_hint"]) == ("0oa1", "login", "ada@example.com")


def test_the_redirect_is_the_registered_one_port_included(provider, settings_of) -> None:
    """guides/sign-into-mobile-app…, Sign-in redirect URIs: compared to the letter; there is no other port to try."""
    assert redirect_target(provider, settings_of(provider), None) == ("localhost", "/callback", (8085,))


def test_the_code_is_exchanged_by_a_public_client(okta, oauth_cli, browser, login, sent) -> None:
    """reference/api/oidc, Client authentication methods: none, for native applications with PKCE."""
    oauth_cli(*login)
    [exchange] = sent(f"{CUSTOM}/v1/token")
    assert "Authorization" not in exchange.headers
    form = exchange.form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form == {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "code": "the-code",
        "redirect_uri": browser.request["redirect_uri"],
    }


def test_an_absent_iss_is_fine_and_another_one_is_not(okta, oauth_cli, browser, login) -> None:
    """RFC 9207 section 2.4; Okta was not seen to send iss."""
    assert oauth_cli(*login).status == 0
    browser.answer["iss"] = ORG
    assert oauth_cli(*login).status == 8


def test_userinfo_names_the_account(okta, oauth_cli, login, sent) -> None:
    """reference/api/oidc, /userinfo."""
    assert "Signed in as ada@example.com" in oauth_cli(*login).stderr
    assert sent(f"{CUSTOM}/v1/userinfo")[0].headers["Authorization"] == "Bearer access-1"


def test_the_device_flow(okta, oauth_cli, requests_mock, login, sent) -> None:
    """guides/device-authorization-grant: /v1/device/authorize, 600 s, a verification_uri_complete; pending is 400."""
    complete = f"{ORG}/activate?user_code=RGTCFDTL"
    device = {
        "device_code": "the-device-code",
        "user_code": "RGTCFDTL",
        "verification_uri": f"{ORG}/activate",
        "verification_uri_complete": complete,
        "expires_in": 600,
        "interval": 5,
    }
    requests_mock.post(f"{CUSTOM}/v1/device/authorize", json=device)
    pending = {"status_code": 400, "json": {"error": "authorization_pending"}}
    requests_mock.post(f"{CUSTOM}/v1/token", [pending, {"json": okta.token}])
    done = oauth_cli(*login, "--flow", "device")
    assert done.status == 0, done.stderr
    assert complete in done.stderr
    assert "10:00 min" in done.stderr
    [begin] = sent(f"{CUSTOM}/v1/device/authorize")
    assert begin.form.keys() == {"client_id", "scope"}
    assert sent(f"{CUSTOM}/v1/token")[-1].form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "the-client",
        "device_code": "the-device-code",
    }


@pytest.mark.parametrize(("answered", "stored"), [("refresh-2", "refresh-2"), ("refresh-1", "refresh-1")])
def test_a_refresh_token_may_rotate_or_stay(
    okta, oauth_cli, passing_time, login, session, sent, answered, stored
) -> None:
    """guides/refresh-tokens, Refresh token behavior: rotating or persistent."""
    oauth_cli(*login)
    passing_time.later += 3600
    okta.tokens |= {"access_token": "access-2", "refresh_token": answered}
    assert oauth_cli("token").stdout == "access-2\n"
    assert sent(f"{CUSTOM}/v1/token")[-1].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "the-client",
    }
    assert session("okta").refresh_token == stored


def test_a_reused_or_idle_refresh_token_ends_the_session(okta, oauth_cli, passing_time, login) -> None:
    """guides/refresh-tokens: invalid_grant after reuse, or after 7 idle days."""
    oauth_cli(*login)
    passing_time.later += 8 * 24 * 3600
    okta.status = 400
    okta.tokens = {"error": "invalid_grant", "error_description": "The refresh token is invalid or expired."}
    done = oauth_cli("token")
    assert done.status == 4
    assert "oauth-cli login --provider okta" in done.stderr


def test_logout_revokes_both_tokens(okta, oauth_cli, requests_mock, login, sent) -> None:
    """reference/api/oidc, /revoke: client_id, token, token_type_hint; 200 with nothing in it."""
    oauth_cli(*login)
    requests_mock.post(f"{CUSTOM}/v1/revoke", text="")
    done = oauth_cli("logout")
    assert done.status == 0
    assert "https://dev-1.okta.com/enduser/settings" in done.stderr
    assert [request.form for request in sent(f"{CUSTOM}/v1/revoke")] == [
        {"client_id": "the-client", "token": "refresh-1", "token_type_hint": "refresh_token"},
        {"client_id": "the-client", "token": "access-1", "token_type_hint": "access_token"},
    ]


def test_missing_settings_say_what_to_do(oauth_cli, requests_mock) -> None:
    """guides/sign-into-mobile-app…: OIDC, Native Application."""
    done = oauth_cli("login", "--provider", "okta")
    assert done.status == 3
    for said in (
        "okta needs a client_id and domain",
        "OIDC, Native Application",
        "http://localhost:8085/callback",
        "Device Authorization",
        "--domain VALUE",
        "OAUTH_CLI_OKTA_DOMAIN=…",
        "--client-id VALUE",
        "under [profiles.okta]",
    ):
        assert said in done.stderr
    assert not requests_mock.called
