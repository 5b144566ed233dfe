"""Auth0. The pages that the docstrings name are below auth0.com/docs."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

ISSUER = "https://example.eu.auth0.com/"
TOKEN = f"{ISSUER}oauth/token"
DEVICE = f"{ISSUER}oauth/device/code"
REVOKE = f"{ISSUER}oauth/revoke"
DOCUMENT = {
    "authorization_endpoint": f"{ISSUER}authorize",
    "token_endpoint": TOKEN,
    "device_authorization_endpoint": DEVICE,
    "userinfo_endpoint": f"{ISSUER}userinfo",
    "revocation_endpoint": REVOKE,
    "jwks_uri": f"{ISSUER}.well-known/jwks.json",
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
    "code_challenge_methods_supported": ["S256", "plain"],
}
DEVICE_CODE = {
    "device_code": "the-device-code",
    "user_code": "HNKC-XVQP",
    "verification_uri": f"{ISSUER}activate",
    "verification_uri_complete": f"{ISSUER}activate?user_code=HNKC-XVQP",
    "expires_in": 900,
    "interval": 5,
}
AUDIENCE = ("--audience", "https://api.example.com/")


@pytest.fixture
def auth0(openid_provider):
    provider = openid_provider(ISSUER, DOCUMENT, {"nickname": "ada", "email": "ada@example.com"})
    provider.claims["sub"] = "auth0|507f1f77"
    return provider


@pytest.fixture
def login(auth0, port: str, requests_mock) -> tuple[str, ...]:
    requests_mock.get(DOCUMENT["userinfo_endpoint"], json={"sub": "auth0|507f1f77", "email": "ada@example.com"})
    named = ("--domain", "example.eu.auth0.com", "--client-id", "the-client")
    return ("login", "--provider", "auth0", *named, "--port", port)


@pytest.fixture
def provider():
    return load("auth0")


@pytest.mark.parametrize("domain", ["example.eu.auth0.com", "https://example.eu.auth0.com/", "example.eu.auth0.com/"])
def test_the_issuer_ends_in_a_slash(provider, settings_of, domain: str) -> None:
    """get-started/applications/configure-applications-with-oidc-discovery."""
    assert provider.server_metadata(settings_of(provider, domain=domain)) == {"issuer": ISSUER}


def test_an_id_token_without_the_slash_is_another_issuers(auth0, oauth_cli, login) -> None:
    """secure/tokens/id-tokens/validate-id-tokens: iss is the issuer's exact spelling."""
    assert oauth_cli(*login).status == 0
    auth0.claims["iss"] = ISSUER.rstrip("/")
    assert oauth_cli(*login).status == 8


def test_the_authorization_request(oauth_cli, browser, login, port) -> None:
    """get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce/…: no secret, no audience."""
    done = oauth_cli(*login)
    assert done.status == 0, done.stderr
    assert browser.endpoint == f"{ISSUER}authorize"
    request = browser.without_random()
    assert set(request.pop("scope").split()) == {"openid", "email", "profile", "offline_access"}
    assert request == {
        "response_type": "code",
        "client_id": "the-client",
        "redirect_uri": f"http://localhost:{port}/callback",
    }


def test_audience_connection_and_organization_are_the_browsers(oauth_cli, browser, login) -> None:
    """…/authorization-code-flow-with-pkce/call-your-api-using-…, Authorize the user: its parameters."""
    oauth_cli(*login, *AUDIENCE, "--connection", "google-oauth2", "--organization", "org_1")
    request = browser.request
    assert request["audience"] == "https://api.example.com/"
    assert (request["connection"], request["organization"]) == ("google-oauth2", "org_1")


def test_the_redirect_is_the_registered_one_port_included(provider, settings_of) -> None:
    """get-started/applications/application-settings, Allowed Callback URLs: compared to the letter."""
    assert redirect_target(provider, settings_of(provider), None) == ("localhost", "/callback", (8085,))


def test_the_code_is_exchanged_by_a_public_client(oauth_cli, browser, login, sent) -> None:
    """…/authorization-code-flow-with-pkce/…, Request tokens: no audience here; auth method none, of native apps."""
    oauth_cli(*login, *AUDIENCE)
    [exchange] = sent(TOKEN)
    assert "Authorization" not in exchange.headers
    form = exchange.form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form == {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "code": "the-code",
        "redirect_uri": browser.request["redirect_uri"],
    }


def test_an_opaque_token_is_good_for_userinfo(auth0, oauth_cli, login, sent) -> None:
    """secure/tokens/access-tokens: opaque without an audience; its one audience is then /userinfo."""
    auth0.tokens["access_token"] = "opaque"
    assert "Signed in as ada@example.com" in oauth_cli(*login).stderr
    assert sent(DOCUMENT["userinfo_endpoint"])[0].headers["Authorization"] == "Bearer opaque"


def test_errors_that_stay_in_the_browser_are_spoken_of_while_waiting(oauth_cli, login) -> None:
    """get-started/applications/third-party-applications…: errors are not redirected by default."""
    assert "If the browser shows an error, nothing comes back here" in oauth_cli(*login).stderr


def test_iss_is_required_where_the_tenant_promises_it(oauth_cli, browser, requests_mock, login, sent) -> None:
    """RFC 9207 section 3; a tenant's setting, whose page is unconfirmed."""
    document = {"issuer": ISSUER, **DOCUMENT, "authorization_response_iss_parameter_supported": True}
    requests_mock.get(f"{ISSUER}.well-known/openid-configuration", json=document)
    assert oauth_cli(*login).status == 8
    assert not sent(TOKEN)
    browser.answer["iss"] = ISSUER
    assert oauth_cli(*login).status == 0


@pytest.mark.parametrize(("iss", "status"), [(ISSUER, 0), (ISSUER.rstrip("/"), 8)])
def test_iss_is_compared_where_it_is_present(oauth_cli, browser, login, iss: str, status: int) -> None:
    """RFC 9207 section 2.4."""
    browser.answer["iss"] = iss
    assert oauth_cli(*login).status == status


# The device flow


def test_the_device_request_names_the_audience_too(oauth_cli, requests_mock, login, sent) -> None:
    """…/device-authorization-flow/call-your-api-using-the-device-authorization-flow, Request device code."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    done = oauth_cli(*login, *AUDIENCE, "--connection", "google-oauth2", "--flow", "device")
    assert done.status == 0, done.stderr
    form = sent(DEVICE)[0].form
    assert form.keys() == {"client_id", "scope", "audience"}
    assert form["audience"] == "https://api.example.com/"
    assert DEVICE_CODE["verification_uri_complete"] in done.stderr


def test_polling_is_told_by_the_body_whatever_the_status(auth0, oauth_cli, requests_mock, passing_time, login) -> None:
    """…/call-your-api-using-the-device-authorization-flow, Token responses: pending 403, slow_down 429."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    polled = []
    answers = [(403, {"error": "authorization_pending"}), (429, {"error": "slow_down"})]

    def answer(request, context):
        polled.append(passing_time.later)
        if len(polled) > len(answers):
            return auth0.token(request, context)
        context.status_code, body = answers[len(polled) - 1]
        return body

    requests_mock.post(TOKEN, json=answer)
    assert oauth_cli(*login, "--flow", "device").status == 0
    assert [round(after - before) for before, after in zip([0, *polled], polled, strict=False)] == [5, 5, 10]


@pytest.mark.parametrize(("error", "status"), [("expired_token", 6), ("invalid_grant", 5), ("access_denied", 5)])
def test_a_device_code_that_is_over_ends_the_wait(auth0, oauth_cli, requests_mock, login, error, status) -> None:
    """…/call-your-api-using-the-device-authorization-flow: 403; expired_token once, invalid_grant afterwards."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    auth0.status, auth0.tokens = 403, {"error": error, "error_description": "…"}
    assert oauth_cli(*login, "--flow", "device").status == status


# A session's life


@pytest.fixture
def signed_in(auth0, oauth_cli, login, requests_mock):
    auth0.tokens["refresh_token"] = "refresh-1"
    assert oauth_cli(*login, *AUDIENCE).status == 0
    requests_mock.reset_mock()
    return auth0


def test_a_refresh_goes_on_for_the_same_audience(signed_in, oauth_cli, passing_time, session, sent) -> None:
    """secure/tokens/refresh-tokens/use-refresh-tokens: no audience; it is the first one's, where none is named
    (…/multi-resource-refresh-token)."""
    passing_time.later += 24 * 3600
    signed_in.tokens |= {"access_token": "access-2", "refresh_token": "refresh-2"}
    assert oauth_cli("token").stdout == "access-2\n"
    assert sent(TOKEN)[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "the-client",
    }
    assert session("auth0").refresh_token == "refresh-2"


def test_a_reused_refresh_token_ends_the_session(signed_in, oauth_cli, passing_time) -> None:
    """secure/tokens/refresh-tokens/refresh-token-rotation: reuse kills the family; HTTP 403."""
    passing_time.later += 24 * 3600
    signed_in.status = 403
    signed_in.tokens = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
    done = oauth_cli("token")
    assert done.status == 4
    assert "Unknown or invalid refresh token." in done.stderr


def test_logout_revokes_the_refresh_token_only(signed_in, oauth_cli, requests_mock, sent) -> None:
    """secure/tokens/refresh-tokens/revoke-refresh-tokens: access tokens cannot be revoked."""
    requests_mock.post(REVOKE, text="")
    done = oauth_cli("logout")
    assert done.status == 0
    assert "the tokens were revoked" in done.stderr
    [request] = sent(REVOKE)
    assert request.form == {"client_id": "the-client", "token": "refresh-1", "token_type_hint": "refresh_token"}


def test_logout_without_a_refresh_token_has_nothing_to_revoke(oauth_cli, login, sent) -> None:
    """secure/tokens/refresh-tokens/revoke-refresh-tokens."""
    oauth_cli(*login)
    done = oauth_cli("logout")
    assert done.status == 0
    assert "cannot revoke" in done.stderr
    assert not sent(REVOKE)


def test_missing_settings_say_what_to_do(oauth_cli, requests_mock) -> None:
    """get-started/auth0-overview/create-applications/native-apps."""
    done = oauth_cli("login", "--provider", "auth0")
    assert done.status == 3
    for said in (
        "auth0 needs a client_id and domain",
        "Create Application, Native",
        "http://localhost:8085/callback",
        "Device Code",
        "Allow Offline Access",
        "--domain VALUE",
        "OAUTH_CLI_AUTH0_DOMAIN=…",
        "under [profiles.auth0]",
    ):
        assert said in done.stderr
    assert not requests_mock.called
