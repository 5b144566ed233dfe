"""GitHub. The pages that the docstrings name are docs.github.com's."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

SITE = "https://github.com"
AUTHORIZE = f"{SITE}/login/oauth/authorize"
TOKEN = f"{SITE}/login/oauth/access_token"
DEVICE = f"{SITE}/login/device/code"
API = "https://api.github.com"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

OAUTH_APP = {"access_token": "gho_1", "scope": "read:user,user:email", "token_type": "bearer"}
GITHUB_APP = {
    "access_token": "ghu_1",
    "expires_in": 28800,
    "refresh_token": "ghr_1",
    "refresh_token_expires_in": 15897600,
    "scope": "",
    "token_type": "bearer",
}
DEVICE_CODE = {
    "device_code": "the-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": f"{SITE}/login/device",
    "expires_in": 900,
    "interval": 5,
}
USER = {"id": 583231, "login": "octocat", "name": "The Octocat", "email": None, "avatar_url": f"{SITE}/octocat.png"}
EMAILS = [
    {"email": "old@example.com", "verified": True, "primary": False, "visibility": None},
    {"email": "octocat@example.com", "verified": True, "primary": True, "visibility": "private"},
]
BROWSER = ("login", "--provider", "github", "--client-id", "Iv1.abc")
SECRET = {"OAUTH_CLI_GITHUB_CLIENT_SECRET": "the-secret"}


@pytest.fixture
def github(requests_mock):
    """Answer as github.com does to an OAuth app; tests register what they are about over it."""
    requests_mock.post(TOKEN, json=OAUTH_APP)
    requests_mock.post(DEVICE, json=DEVICE_CODE)
    requests_mock.get(f"{API}/user", json=USER)
    requests_mock.get(f"{API}/user/emails", json=EMAILS)
    return requests_mock


@pytest.fixture
def provider():
    return load("github")


def test_the_endpoints_are_known_without_discovery(github, provider, settings_of) -> None:
    """Page "Authorizing OAuth apps"; that S256 is supported: the changelog of 2025-07."""
    assert provider.server_metadata(settings_of(provider)) == {
        "issuer": "https://github.com/login/oauth",
        "authorization_endpoint": AUTHORIZE,
        "token_endpoint": TOKEN,
        "device_authorization_endpoint": DEVICE,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["select_account"],
    }


def test_the_client_id_alone_is_required(provider) -> None:
    """Page "Authorizing OAuth apps": client_secret is the browser flow's."""
    declared = provider.declared_settings()
    assert declared["client_id"].required
    assert declared["client_secret"].secret
    assert not declared["client_secret"].required


def test_the_default_scopes_tell_who_signed_in(provider, settings_of) -> None:
    """Page "Scopes for OAuth apps"."""
    assert provider.default_scopes(settings_of(provider)) == ("read:user", "user:email")


def test_any_loopback_port_will_do(provider, settings_of) -> None:
    """Page "Authorizing OAuth apps", Loopback redirect urls: the port may differ, 127.0.0.1 is recommended."""
    assert redirect_target(provider, settings_of(provider), None) == ("127.0.0.1", "/callback", (8085, 0))


def test_a_path_below_the_registered_one_is_taken_with_any_port(provider, settings_of) -> None:
    """Page "Authorizing OAuth apps", Redirect URLs: the path must be the callback URL's or below it."""
    settings = settings_of(provider, redirect_uri="http://127.0.0.1/callback/cli")
    assert redirect_target(provider, settings, None) == ("127.0.0.1", "/callback/cli", (8085, 0))


def test_the_flows_depend_on_the_secret(provider, settings_of, metadata_of) -> None:
    """Page "Authorizing OAuth apps": client_secret is required to exchange a code, and not in the device flow."""
    assert provider.flows(settings_of(provider), metadata_of()) == ("device",)
    assert provider.flows(settings_of(provider, client_secret="s"), metadata_of()) == ("browser", "device")


def test_the_browser_flow_without_a_secret_is_refused_before_the_network(github, oauth_cli) -> None:
    """Page "Authorizing OAuth apps", 2.: client_secret is required."""
    done = oauth_cli(*BROWSER, "--flow", "browser")
    assert done.status == 3
    assert "what works is: device" in done.stderr
    assert not github.called


def test_the_authorization_request(github, oauth_cli, browser) -> None:
    """Page "Authorizing OAuth apps", 1. Request a user's GitHub identity; no ID tokens, so no nonce."""
    done = oauth_cli(*BROWSER, **SECRET)
    assert done.status == 0, done.stderr
    assert browser.endpoint == AUTHORIZE
    request = browser.without_random()
    assert request.pop("redirect_uri").startswith("http://127.0.0.1:")
    assert request == {"response_type": "code", "client_id": "Iv1.abc", "scope": "read:user user:email"}


def test_the_account_to_suggest_is_called_login(github, oauth_cli, browser) -> None:
    """Page "Authorizing OAuth apps", 1.: ``login``; GitHub knows no login_hint."""
    oauth_cli(*BROWSER, "--login-hint", "octocat", **SECRET)
    assert browser.request["login"] == "octocat"
    assert "login_hint" not in browser.request


def test_the_users_own_parameters_are_sent(github, oauth_cli, browser) -> None:
    """Page "Authorizing OAuth apps", 1.: ``prompt`` and ``allow_signup``."""
    oauth_cli(*BROWSER, "--param", "prompt=select_account", "--param", "allow_signup=false", **SECRET)
    assert (browser.request["prompt"], browser.request["allow_signup"]) == ("select_account", "false")


def test_the_code_is_exchanged_with_secret_and_verifier_in_the_body(github, oauth_cli, browser, sent) -> None:
    """Page "Authorizing OAuth apps", 2.; the answer is form-encoded unless JSON is asked for."""
    assert oauth_cli(*BROWSER, **SECRET).status == 0
    [exchange] = sent(TOKEN)
    assert exchange.headers["Accept"] == "application/json"
    assert exchange.basic is None
    form = exchange.form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form == {
        "grant_type": "authorization_code",
        "client_id": "Iv1.abc",
        "client_secret": "the-secret",
        "code": "the-code",
        "redirect_uri": browser.request["redirect_uri"],
    }


def test_a_form_encoded_answer_is_read_as_well(github, oauth_cli, session) -> None:
    """Page "Authorizing OAuth apps", 2.: the default form of the response."""
    body = "access_token=gho_1&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer"
    github.post(TOKEN, text=body, headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    assert oauth_cli(*BROWSER, **SECRET).status == 0
    assert session("github").scopes == ("read:user", "user:email")


def test_scopes_separated_by_commas_are_several(github, oauth_cli, session) -> None:
    """Page "Authorizing OAuth apps", 2.: ``"scope":"repo,gist"``."""
    done = oauth_cli(*BROWSER, **SECRET)
    assert "did not grant" not in done.stderr
    assert session("github").scopes == ("read:user", "user:email")


def test_fewer_scopes_than_asked_for_are_a_warning(github, oauth_cli) -> None:
    """Page "Scopes for OAuth apps", Requested scopes and granted scopes."""
    github.post(TOKEN, json={**OAUTH_APP, "scope": "read:user"})
    done = oauth_cli(*BROWSER, **SECRET)
    assert done.status == 0
    assert "did not grant: user:email" in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("bad_verification_code", "invalid_grant"),
        ("incorrect_client_credentials", "Check the client id and the client secret"),
        ("redirect_uri_mismatch", "redirect_uri_mismatch"),
        ("unverified_user_email", "unverified_user_email"),
    ],
)
def test_an_error_with_status_200_is_an_error(github, oauth_cli, error: str, says: str) -> None:
    """Page "Troubleshooting OAuth app access token request errors"; that the status is 200: seen, on no page."""
    github.post(TOKEN, json={"error": error, "error_description": "GitHub's own words.", "error_uri": "https://docs"})
    done = oauth_cli(*BROWSER, **SECRET)
    assert done.status == 5
    assert "GitHub's own words." in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("iss", [{}, {"iss": "https://github.com/login/oauth"}])
def test_the_iss_of_the_redirect_may_be_githubs_or_absent(github, oauth_cli, browser, iss) -> None:
    """RFC 9207 section 2.4; GitHub sends iss, no page of it promises that: unconfirmed."""
    browser.answer.update(iss)
    assert oauth_cli(*BROWSER, **SECRET).status == 0


def test_another_iss_in_the_redirect_ends_the_sign_in(github, oauth_cli, browser, sent) -> None:
    """RFC 9207 section 2.4."""
    browser.answer["iss"] = "https://github.com"
    assert oauth_cli(*BROWSER, **SECRET).status == 8
    assert not sent(TOKEN)


def test_denied_consent_ends_the_sign_in(github, oauth_cli, browser) -> None:
    """Page "Troubleshooting authorization request errors", Access denied."""
    browser.answer = {"error": "access_denied", "error_description": "The user has denied your application access."}
    done = oauth_cli(*BROWSER, **SECRET)
    assert done.status == 5
    assert "The user has denied your application access." in done.stderr


# Who signed in


def test_sub_is_the_number_that_outlives_a_renaming(github, oauth_cli, session, sent) -> None:
    """Page "REST API endpoints for users", Get the authenticated user."""
    done = oauth_cli(*BROWSER, **SECRET)
    assert "Signed in as octocat" in done.stderr
    assert session("github").sub == "583231"
    [request] = sent(f"{API}/user")
    assert request.headers["Authorization"] == "Bearer gho_1"
    assert request.headers["Accept"] == "application/vnd.github+json"
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_a_private_email_address_comes_from_the_list(provider, settings_of) -> None:
    """Page "REST API endpoints for emails", List email addresses for the authenticated user; ``email`` may be null."""
    userinfo = provider.parse_userinfo(settings_of(provider), (USER, EMAILS))
    assert userinfo.email == "octocat@example.com"
    assert (userinfo.username, userinfo.name, userinfo.picture) == ("octocat", "The Octocat", USER["avatar_url"])
    assert userinfo.claims == USER


def test_a_public_email_address_wins(provider, settings_of) -> None:
    """Page "REST API endpoints for users": ``email`` is the public one."""
    user = {**USER, "email": "public@example.com"}
    assert provider.parse_userinfo(settings_of(provider), (user, EMAILS)).email == "public@example.com"


@pytest.mark.parametrize(
    "emails",
    [
        None,
        [],
        {"message": "Not Found"},
        ["odd"],
        [{"email": "new@example.com", "primary": True, "verified": False}],
    ],
)
def test_there_may_be_no_usable_email_address(provider, settings_of, emails) -> None:
    """Page "REST API endpoints for emails": primary and verified are two things."""
    assert provider.parse_userinfo(settings_of(provider), (USER, emails)).email is None


def test_an_answer_that_is_no_object_says_nobody(provider, settings_of) -> None:
    """Page "REST API endpoints for users": the answer is an object."""
    assert provider.parse_userinfo(settings_of(provider), (["odd"],)).sub is None


def test_email_addresses_that_may_not_be_read_do_not_end_the_sign_in(github, oauth_cli) -> None:
    """Page "REST API endpoints for emails": 403 and 404 are among the statuses."""
    github.get(f"{API}/user/emails", status_code=404, json={"message": "Not Found"})
    assert oauth_cli(*BROWSER, **SECRET).status == 0


def test_email_addresses_are_asked_for_where_the_scopes_allow_it(provider, settings_of, metadata_of) -> None:
    """Page "Scopes for OAuth apps"; a GitHub App's token has no scopes ("Generating a user access token")."""

    def urls(*scopes: str) -> list[str]:
        return [r.url for r in provider.userinfo_requests(settings_of(provider), metadata_of(), scopes=scopes)]

    both = [f"{API}/user", f"{API}/user/emails"]
    assert urls("read:user", "user:email") == urls("user") == urls() == both
    assert urls("read:user") == [f"{API}/user"]


# The device flow


def test_the_device_flow_needs_no_secret(github, oauth_cli, session, sent) -> None:
    """Page "Authorizing OAuth apps", Device flow; there is no verification_uri_complete."""
    done = oauth_cli(*BROWSER)
    assert done.status == 0, done.stderr
    assert "https://github.com/login/device" in done.stderr
    assert "WDJB-MJHT" in done.stderr
    assert "filled in" not in done.stderr
    [begin] = sent(DEVICE)
    assert begin.headers["Accept"] == "application/json"
    assert begin.form == {"client_id": "Iv1.abc", "scope": "read:user user:email"}
    [poll] = sent(TOKEN)
    assert poll.form == {"client_id": "Iv1.abc", "grant_type": DEVICE_GRANT, "device_code": "the-device-code"}
    assert session("github").redirect_uri is None


def test_the_device_request_has_no_login(github, oauth_cli, sent) -> None:
    """Page "Authorizing OAuth apps", Step 1: client_id and scope are all its parameters."""
    oauth_cli(*BROWSER, "--login-hint", "octocat")
    assert sent(DEVICE)[0].form.keys() == {"client_id", "scope"}


def test_slow_down_brings_the_interval_to_use(github, oauth_cli, passing_time) -> None:
    """Page "Authorizing OAuth apps", Error codes for the device flow: slow_down carries the new ``interval``."""
    polled = []
    answers = [{"error": "authorization_pending"}, {"error": "slow_down", "interval": 17}, OAUTH_APP]

    def answer(_request, _context):
        polled.append(passing_time.later)
        return answers[len(polled) - 1]

    github.post(TOKEN, json=answer)
    assert oauth_cli(*BROWSER).status == 0
    assert [round(after - before) for before, after in zip([0, *polled], polled, strict=False)] == [5, 5, 17]


def test_numbers_may_be_strings(github, oauth_cli, session) -> None:
    """Page "Authorizing OAuth apps", Step 1: a form-encoded answer has nothing but strings."""
    github.post(DEVICE, json={**DEVICE_CODE, "expires_in": "900", "interval": "5"})
    github.post(TOKEN, json={**GITHUB_APP, "expires_in": "28800"})
    assert oauth_cli(*BROWSER).status == 0
    assert session("github").expires_at - session("github").issued_at == 28800


@pytest.mark.parametrize("error", ["expired_token", "token_expired"])
def test_an_expired_device_code_ends_the_wait(github, oauth_cli, error: str) -> None:
    """Page "Authorizing OAuth apps", Error codes for the device flow: the page has both spellings."""
    github.post(TOKEN, json={"error": error})
    done = oauth_cli(*BROWSER)
    assert done.status == 6
    assert "expired" in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("access_denied", "Nothing was stored"),
        ("incorrect_device_code", "invalid_grant"),
        ("incorrect_client_credentials", "Check the client id"),
        (
            "device_flow_disabled",
            "tick Enable Device Flow in the app's settings: https://github.com/settings/developers",
        ),
    ],
)
def test_an_error_while_polling_ends_the_sign_in(github, oauth_cli, error: str, says: str) -> None:
    """Page "Authorizing OAuth apps", Error codes for the device flow."""
    github.post(TOKEN, json={"error": error, "error_description": "GitHub's own words."})
    done = oauth_cli(*BROWSER)
    assert done.status == 5
    assert says in done.stderr


@pytest.mark.parametrize("status", [200, 400])
def test_a_device_flow_that_is_switched_off_is_named(github, oauth_cli, status: int) -> None:
    """Page "Authorizing OAuth apps", Error codes for the device flow; endpoint and status: unconfirmed."""
    description = "Device Flow must be explicitly enabled for this App"
    github.post(DEVICE, status_code=status, json={"error": "device_flow_disabled", "error_description": description})
    done = oauth_cli(*BROWSER)
    assert done.status == 5
    assert "device_flow_disabled" in done.stderr
    assert "tick Enable Device Flow" in done.stderr


# A session's life


def test_an_oauth_apps_token_is_good_until_it_is_refused(github, oauth_cli, passing_time, session) -> None:
    """Page "Token expiration and revocation": an OAuth app's token has no expiry and no refresh token."""
    oauth_cli(*BROWSER)
    passing_time.later += 300 * 24 * 3600
    assert (session("github").expires_at, session("github").refresh_token) == (0, None)
    assert oauth_cli("token").stdout == "gho_1\n"


@pytest.fixture
def github_app(github, oauth_cli, passing_time):
    """A session of a GitHub App whose access token is over."""
    github.post(TOKEN, json=GITHUB_APP)
    assert oauth_cli(*BROWSER, **SECRET).status == 0
    github.reset_mock()
    passing_time.later += 28800
    return github


def test_a_github_apps_token_is_refreshed_and_both_are_replaced(github_app, oauth_cli, session, sent) -> None:
    """Page "Refreshing user access tokens": 8 hours and 6 months; a refresh token is good for one use."""
    github_app.post(TOKEN, json={**GITHUB_APP, "access_token": "ghu_2", "refresh_token": "ghr_2"})
    assert oauth_cli("token", **SECRET).stdout == "ghu_2\n"
    [refresh] = sent(TOKEN)
    assert refresh.form == {
        "grant_type": "refresh_token",
        "refresh_token": "ghr_1",
        "client_id": "Iv1.abc",
        "client_secret": "the-secret",
    }
    assert session("github").refresh_token == "ghr_2"


def test_a_refresh_token_that_is_over_ends_the_session(github_app, oauth_cli, session) -> None:
    """Page "Refreshing user access tokens"; bad_refresh_token comes with status 200."""
    github_app.post(TOKEN, json={"error": "bad_refresh_token", "error_description": "It is incorrect or expired."})
    done = oauth_cli("token", **SECRET)
    assert done.status == 4
    assert "oauth-cli login --provider github" in done.stderr
    assert session("github").refresh_token == "ghr_1"


# Revocation


def test_logout_without_a_secret_hands_the_token_in(github, oauth_cli, sent) -> None:
    """Page "REST API endpoints for revocation": authenticated requests are refused; takes gho_, ghu_ and ghr_; 202."""
    oauth_cli(*BROWSER)
    github.post(f"{API}/credentials/revoke", status_code=202, text="")
    done = oauth_cli("logout")
    assert done.status == 0
    assert "revoked" in done.stderr
    assert "https://github.com/settings/applications" in done.stderr
    [request] = sent(f"{API}/credentials/revoke")
    assert request.method == "POST"
    assert request.json == {"credentials": ["gho_1"]}
    assert "Authorization" not in request.headers


def test_logout_with_the_secret_deletes_the_apps_token(github, oauth_cli, sent) -> None:
    """Page "REST API endpoints for OAuth authorizations", Delete an app token: Basic, 204; unconfirmed."""
    oauth_cli(*BROWSER, **SECRET)
    url = f"{API}/applications/Iv1.abc/token"
    github.delete(url, status_code=204)
    assert oauth_cli("logout", **SECRET).status == 0
    [request] = sent(url)
    assert request.basic == "Iv1.abc:the-secret"
    assert request.json == {"access_token": "gho_1"}


def test_a_refresh_token_is_handed_in_even_with_the_secret(github_app, oauth_cli, sent) -> None:
    """Page "REST API endpoints for revocation"; Delete an app token takes access tokens only."""
    github_app.post(f"{API}/credentials/revoke", status_code=202, text="")
    github_app.delete(f"{API}/applications/Iv1.abc/token", status_code=204)
    basic = {"OAUTH_CLI_GITHUB_TOKEN_ENDPOINT_AUTH_METHOD": "client_secret_basic"}
    assert oauth_cli("logout", **SECRET, **basic).status == 0
    [request] = sent(f"{API}/credentials/revoke")
    assert request.json == {"credentials": ["ghr_1"]}
    assert "Authorization" not in request.headers
    assert [r.json for r in sent(f"{API}/applications/Iv1.abc/token")] == [{"access_token": "ghu_1"}]


def test_a_revocation_that_fails_is_told_and_signs_out_all_the_same(github, oauth_cli) -> None:
    """Page "REST API endpoints for revocation": 422 where the endpoint has been spammed."""
    oauth_cli(*BROWSER)
    github.post(f"{API}/credentials/revoke", status_code=422, json={"message": "Validation Failed"})
    done = oauth_cli("logout")
    assert done.status == 8
    assert "NOT revoked" in done.stderr
    assert oauth_cli("token").status == 4


# What the user is told


def test_a_missing_client_id_says_what_to_do(github, oauth_cli) -> None:
    """Page "Creating an OAuth app": Authorization callback URL, Enable Device Flow."""
    done = oauth_cli("login", "--provider", "github")
    assert done.status == 3
    for said in (
        "github needs a client_id",
        "https://github.com/settings/applications/new",
        "http://127.0.0.1:8085/callback",
        "Enable Device Flow",
        "--client-id VALUE",
        "OAUTH_CLI_GITHUB_CLIENT_ID=…",
        'config.toml:  client_id = "…"  under [profiles.github]',
    ):
        assert said in done.stderr
    assert not github.called


def test_the_token_may_go_to_githubs_api(provider, settings_of, metadata_of) -> None:
    """Page "Authorizing OAuth apps", 3. Use the access token to access the API."""
    assert provider.api_hosts(settings_of(provider), metadata_of()) == ("api.github.com",)
