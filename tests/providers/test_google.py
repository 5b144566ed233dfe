"""Google. The pages that the docstrings name are below developers.google.com/identity."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

ISSUER = "https://accounts.google.com"
TOKEN = "https://oauth2.googleapis.com/token"
DEVICE = "https://oauth2.googleapis.com/device/code"
REVOKE = "https://oauth2.googleapis.com/revoke"
USERINFO = "https://openidconnect.googleapis.com/v1/userinfo"
DOCUMENT = {
    "authorization_endpoint": f"{ISSUER}/o/oauth2/v2/auth",
    "device_authorization_endpoint": DEVICE,
    "token_endpoint": TOKEN,
    "userinfo_endpoint": USERINFO,
    "revocation_endpoint": REVOKE,
    "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    "code_challenge_methods_supported": ["plain", "S256"],
}
LONG_SCOPES = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile"
DEVICE_CODE = {
    "device_code": "the-device-code",
    "user_code": "GQVQ-JKEC",
    "verification_url": "https://www.google.com/device",
    "expires_in": 1800,
    "interval": 5,
}
LOGIN = ("login", "--provider", "google", "--client-id", "the-client")
SECRET = {"OAUTH_CLI_GOOGLE_CLIENT_SECRET": "the-secret"}


@pytest.fixture
def google(openid_provider):
    provider = openid_provider(ISSUER, DOCUMENT, {"email": "ada@example.com", "picture": "https://example.com/p"})
    provider.tokens |= {"expires_in": 3599, "refresh_token": "refresh-1", "scope": LONG_SCOPES}
    provider.claims |= {"azp": "the-client", "email": "ada@example.com"}
    return provider


@pytest.fixture
def provider():
    return load("google")


def test_the_authorization_request_asks_for_a_refresh_token(google, oauth_cli, browser) -> None:
    """oauth2/native-app, Step 2; access_type and prompt: openid-connect/openid-connect, authentication parameters."""
    done = oauth_cli(*LOGIN, **SECRET)
    assert done.status == 0, done.stderr
    assert browser.endpoint == DOCUMENT["authorization_endpoint"]
    request = browser.without_random()
    assert request.pop("redirect_uri").startswith("http://127.0.0.1:")
    assert request == {
        "response_type": "code",
        "client_id": "the-client",
        "scope": "openid email profile",
        "access_type": "offline",
        "prompt": "consent",
    }


def test_the_secret_is_never_in_the_browsers_address(google, oauth_cli, browser) -> None:
    """oauth2/native-app: client_secret belongs to the token request."""
    done = oauth_cli(*LOGIN, **SECRET)
    assert "the-secret" not in browser.url + done.stderr


def test_consent_is_asked_for_only_where_no_refresh_token_is_stored(google, oauth_cli, browser, session) -> None:
    """oauth2/web-server, refreshing: a refresh token comes with the first consent only. The old one is kept."""
    oauth_cli(*LOGIN, **SECRET)
    del google.tokens["refresh_token"]
    assert oauth_cli(*LOGIN, **SECRET).status == 0
    assert "prompt" not in browser.request
    assert browser.request["access_type"] == "offline"
    assert session("google").refresh_token == "refresh-1"


def test_the_users_own_prompt_joins_ours(google, oauth_cli, browser) -> None:
    """openid-connect/openid-connect: prompt, login_hint and hd."""
    oauth_cli(*LOGIN, "--param", "prompt=select_account", "--param", "hd=example.com", "--login-hint", "a@x", **SECRET)
    assert browser.request["prompt"] == "select_account consent"  # without consent no refresh token would come
    assert (browser.request["hd"], browser.request["login_hint"]) == ("example.com", "a@x")


def test_the_code_is_exchanged_with_secret_and_verifier_in_the_body(google, oauth_cli, browser, sent) -> None:
    """oauth2/native-app, Step 5: client_secret is called optional there; the endpoint wants it."""
    oauth_cli(*LOGIN, **SECRET)
    [exchange] = sent(TOKEN)
    assert exchange.basic is None
    form = exchange.form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form == {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "client_secret": "the-secret",
        "code": "the-code",
        "redirect_uri": browser.request["redirect_uri"],
    }


def test_client_id_and_secret_are_required(provider) -> None:
    """oauth2/native-app, Step 5: a Desktop client has a secret, which the token endpoint wants."""
    declared = provider.declared_settings()
    assert [name for name, setting in declared.items() if setting.required] == ["client_id", "client_secret"]
    assert declared["client_secret"].secret


def test_any_port_on_the_address_literal_will_do(provider, settings_of) -> None:
    """oauth2/native-app, Loopback IP address: any available port."""
    assert redirect_target(provider, settings_of(provider), None) == ("127.0.0.1", "/callback", (8085, 0))


def test_the_long_names_of_scopes_are_no_narrower_grant(google, oauth_cli, session) -> None:
    """openid-connect/openid-connect: an email scope comes back as its URL; the order is the server's."""
    done = oauth_cli(*LOGIN, **SECRET)
    assert "did not grant" not in done.stderr
    assert session("google").scopes == ("openid", "email", "profile")


@pytest.mark.parametrize(
    ("granted", "warning"),
    [
        ("openid https://www.googleapis.com/auth/userinfo.email", "did not grant: profile"),
        (f"{LONG_SCOPES} https://www.googleapis.com/auth/calendar", None),
    ],
)
def test_other_scopes_than_asked_for_never_end_the_sign_in(google, oauth_cli, granted, warning) -> None:
    """oauth2/resources/granular-permissions: people can untick some; grants from before may be included."""
    google.tokens["scope"] = granted
    done = oauth_cli(*LOGIN, **SECRET)
    assert done.status == 0
    assert ("did not grant" in done.stderr) is (warning is not None)
    assert (warning or "") in done.stderr


def test_an_answer_without_a_scope_is_taken_as_it_is(provider, settings_of) -> None:
    """RFC 6749 section 5.1: left out, it is what was asked for."""
    fields = {"access_token": "a"}
    settings = settings_of(provider)
    assert provider.token_fields(settings, grant_type="refresh_token", status=200, fields=fields) == fields


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_both_spellings_of_the_issuer_are_googles(google, oauth_cli, issuer: str) -> None:
    """openid-connect/openid-connect, Validating an ID token: with or without https://."""
    google.claims["iss"] = issuer
    assert oauth_cli(*LOGIN, **SECRET).status == 0


@pytest.mark.parametrize("issuer", ["http://accounts.google.com", "https://accounts.google.com/", "google.com"])
def test_every_other_issuer_is_refused(google, oauth_cli, issuer: str) -> None:
    """openid-connect/openid-connect, Validating an ID token."""
    google.claims["iss"] = issuer
    done = oauth_cli(*LOGIN, **SECRET)
    assert done.status == 8
    assert "another issuer" in done.stderr


def test_the_redirects_iss_has_one_spelling(google, oauth_cli, browser, sent) -> None:
    """RFC 9207 section 2.4: the issuer to the letter, other than in an ID token."""
    browser.answer["iss"] = ISSUER
    assert oauth_cli(*LOGIN, **SECRET).status == 0
    before = len(sent(TOKEN))
    browser.answer["iss"] = "accounts.google.com"
    assert oauth_cli(*LOGIN, **SECRET).status == 8
    assert len(sent(TOKEN)) == before


def test_a_promised_iss_must_be_there(google, oauth_cli, browser, requests_mock) -> None:
    """RFC 9207 section 3, in the discovery document: unconfirmed that Google's has it."""
    document = {**google.document, "authorization_response_iss_parameter_supported": True}
    requests_mock.get(f"{ISSUER}/.well-known/openid-configuration", json=document)
    assert oauth_cli(*LOGIN, **SECRET).status == 8
    browser.answer["iss"] = ISSUER
    assert oauth_cli(*LOGIN, **SECRET).status == 0


def test_userinfo_names_the_account(google, oauth_cli, sent) -> None:
    """openid-connect/openid-connect, Obtaining user profile information."""
    done = oauth_cli(*LOGIN, **SECRET)
    assert "Signed in as ada@example.com" in done.stderr
    [request] = sent(USERINFO)
    assert request.headers["Authorization"] == "Bearer access-1"


# The device flow


def test_the_device_flow_knows_googles_older_names(google, oauth_cli, requests_mock, sent) -> None:
    """oauth2/limited-input-device, Steps 1 to 4: verification_url, and the secret when polling."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    done = oauth_cli(*LOGIN, "--flow", "device", "--login-hint", "ada@example.com", **SECRET)
    assert done.status == 0, done.stderr
    assert "https://www.google.com/device" in done.stderr
    assert "GQVQ-JKEC" in done.stderr
    [begin] = sent(DEVICE)
    assert (begin.form["client_id"], begin.form["scope"]) == ("the-client", "openid email profile")
    assert not begin.form.keys() & {"access_type", "prompt", "login_hint"}
    [poll] = sent(TOKEN)
    assert poll.basic is None
    assert poll.form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "the-client",
        "client_secret": "the-secret",
        "device_code": "the-device-code",
    }


def test_the_browser_is_preferred_to_the_device_flow(google, provider, settings_of, metadata_of) -> None:
    """oauth2/limited-input-device: it takes another type of client, and few scopes."""
    assert provider.flows(settings_of(provider), metadata_of(**google.document)) == ("browser", "device")


def test_polling_is_told_by_the_body_whatever_the_status(google, oauth_cli, requests_mock, passing_time) -> None:
    """oauth2/limited-input-device, Step 6: pending is HTTP 428; slow_down with 403: unconfirmed."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    polled = []
    answers = [(428, {"error": "authorization_pending"}), (403, {"error": "slow_down"})]

    def answer(request, context):
        polled.append(passing_time.later)
        if len(polled) > len(answers):
            return google.token(request, context)
        context.status_code, body = answers[len(polled) - 1]
        return body

    requests_mock.post(TOKEN, json=answer)
    assert oauth_cli(*LOGIN, "--flow", "device", **SECRET).status == 0
    assert [round(after - before) for before, after in zip([0, *polled], polled, strict=False)] == [5, 5, 10]


def test_a_denied_device_sign_in_is_told(google, oauth_cli, requests_mock) -> None:
    """oauth2/limited-input-device, Step 6, Access denied: HTTP 403."""
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    google.status, google.tokens = 403, {"error": "access_denied", "error_description": "Forbidden"}
    assert oauth_cli(*LOGIN, "--flow", "device", **SECRET).status == 5


# A session's life


def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(
    google, oauth_cli, passing_time, session, sent
) -> None:
    """oauth2/native-app, Refreshing an access token; that there is no rotation: unconfirmed."""
    oauth_cli(*LOGIN, **SECRET)
    passing_time.later += 3600
    del google.tokens["refresh_token"]
    google.tokens["access_token"] = "access-2"
    assert oauth_cli("token", **SECRET).stdout == "access-2\n"
    assert sent(TOKEN)[-1].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "the-client",
        "client_secret": "the-secret",
    }
    assert session("google").refresh_token == "refresh-1"


def test_a_refreshed_id_token_may_not_change_its_spelling(google, oauth_cli, passing_time) -> None:
    """OpenID Connect Core 12.2: iss is the first ID token's."""
    oauth_cli(*LOGIN, **SECRET)
    passing_time.later += 3600
    google.claims["iss"] = "accounts.google.com"
    assert oauth_cli("token", **SECRET).status == 8


def test_a_revoked_refresh_token_ends_the_session(google, oauth_cli, passing_time) -> None:
    """oauth2, Refresh token expiration: invalid_grant, after 7 days while the app is in testing."""
    oauth_cli(*LOGIN, **SECRET)
    passing_time.later += 8 * 24 * 3600
    google.status = 400
    google.tokens = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    done = oauth_cli("token", **SECRET)
    assert done.status == 4
    assert "Token has been expired or revoked." in done.stderr


def test_logout_sends_the_token_alone(google, oauth_cli, requests_mock, sent) -> None:
    """oauth2/native-app, Revoking a token: revoking one of the two ends the other, which is HTTP 400 then."""
    oauth_cli(*LOGIN, **SECRET)
    gone = {"error": "invalid_token", "error_description": "Token expired or revoked"}
    requests_mock.post(REVOKE, [{"json": {}}, {"status_code": 400, "json": gone}])
    done = oauth_cli("logout", **SECRET)
    assert done.status == 0, done.stderr
    assert "https://myaccount.google.com/connections" in done.stderr
    requests = sent(REVOKE)
    assert [request.form for request in requests] == [{"token": "refresh-1"}, {"token": "access-1"}]
    assert not any("Authorization" in request.headers for request in requests)


# What the user is told


def test_missing_client_id_and_secret_say_what_to_do(oauth_cli, requests_mock) -> None:
    """oauth2/native-app, Create authorization credentials: Desktop app."""
    done = oauth_cli("login", "--provider", "google")
    assert done.status == 3
    for said in (
        "google needs a client_id and client_secret",
        "Desktop app",
        "https://console.cloud.google.com/apis/credentials",
        "No redirect URI has to be entered",
        "--client-id VALUE",
        "OAUTH_CLI_GOOGLE_CLIENT_ID=…",
        "OAUTH_CLI_GOOGLE_CLIENT_SECRET=…",
        "--client-secret-stdin",
        "under [profiles.google]",
    ):
        assert said in done.stderr
    assert not requests_mock.called


def test_the_token_may_go_to_googles_apis(provider, settings_of, metadata_of) -> None:
    """oauth2/native-app, Calling Google APIs: www.googleapis.com is what its examples call."""
    assert provider.api_hosts(settings_of(provider), metadata_of()) == ("www.googleapis.com",)
