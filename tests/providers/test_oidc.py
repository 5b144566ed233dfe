"""Any OpenID Connect provider, by its issuer. The pages that the docstrings name are the specifications'."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load
from oauth_cli_login.provider import RedirectPolicy

ISSUER = "https://id.example.com/realms/main"
DOCUMENT = {
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=7",
    "token_endpoint": f"{ISSUER}/token",
    "device_authorization_endpoint": f"{ISSUER}/device",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "jwks_uri": f"{ISSUER}/jwks",
}


@pytest.fixture
def server(openid_provider):
    provider = openid_provider(ISSUER, DOCUMENT, {"preferred_username": "ada"})
    provider.tokens["refresh_token"] = "refresh-1"
    return provider


@pytest.fixture
def login(port: str) -> tuple[str, ...]:
    return ("login", "--provider", "oidc", "--issuer", ISSUER, "--client-id", "the-client", "--port", port)


@pytest.fixture
def provider():
    return load("oidc")


def test_an_issuer_is_enough(server, oauth_cli, browser, session, login, port) -> None:
    """OpenID Connect Core 3.1.2.1; RFC 6749 section 3.1: the endpoint's own query stays."""
    done = oauth_cli(*login)
    assert done.status == 0, done.stderr
    assert "Signed in as ada" in done.stderr
    assert browser.url.startswith(DOCUMENT["authorization_endpoint"] + "&")
    request = browser.without_random()
    assert set(request.pop("scope").split()) == {"openid", "profile", "email", "offline_access"}
    assert request == {
        "tenant": "7",
        "prompt": "consent",
        "response_type": "code",
        "client_id": "the-client",
        "redirect_uri": f"http://localhost:{port}/callback",
    }
    assert session("id.example.com").issuer == ISSUER


def test_the_redirect_is_the_registered_one_port_included(provider, settings_of) -> None:
    """RFC 6749 section 3.1.2.3: compared to the letter, unless a provider says more."""
    settings = settings_of(provider, issuer=ISSUER)
    assert provider.redirect_policy(settings) == RedirectPolicy("localhost", 8085, "/callback", any_port=False)
    assert redirect_target(provider, settings, None) == ("localhost", "/callback", (8085,))


@pytest.mark.parametrize("flow", ["browser", "device"])
def test_an_audience_is_named_in_both_flows(provider, settings_of, metadata_of, flow) -> None:
    """No specification has it: see Auth0's."""

    def params(**values: str) -> dict[str, str | None]:
        settings = settings_of(provider, **values)
        return provider.authorization_params(
            settings, metadata_of(), scopes=("openid",), flow=flow, refresh_token_stored=False
        )

    assert params(audience="https://api.example.com") == {"audience": "https://api.example.com"}
    assert params() == {}


@pytest.mark.parametrize(
    ("supported", "basic"),
    [(None, True), (["client_secret_basic", "client_secret_post"], True), (["client_secret_post"], False)],
)
def test_a_secret_goes_where_the_server_takes_it(
    openid_provider, oauth_cli, login, sent, supported, basic: bool
) -> None:
    """RFC 8414 section 2: client_secret_basic, where the document names nothing."""
    openid_provider(ISSUER, {**DOCUMENT, "token_endpoint_auth_methods_supported": supported})
    done = oauth_cli(*login, OAUTH_CLI_ID_EXAMPLE_COM_CLIENT_SECRET="the-secret")
    assert done.status == 0, done.stderr
    [exchange] = sent(DOCUMENT["token_endpoint"])
    assert exchange.basic == ("the-client:the-secret" if basic else None)
    assert exchange.form.get("client_secret") == (None if basic else "the-secret")


def test_a_public_client_sends_its_id_alone(server, oauth_cli, browser, login, sent) -> None:
    """RFC 6749 section 4.1.3, RFC 7636 section 4.5."""
    oauth_cli(*login)
    form = sent(DOCUMENT["token_endpoint"])[0].form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form.keys() == {"grant_type", "code", "redirect_uri", "client_id"}


@pytest.mark.parametrize(
    ("promised", "answered", "status"),
    [(False, None, 0), (False, ISSUER, 0), (False, ISSUER + "/", 8), (True, None, 8), (True, ISSUER, 0)],
)
def test_iss_is_required_where_promised_and_compared_where_present(
    openid_provider, oauth_cli, browser, login, promised: bool, answered: str | None, status: int
) -> None:
    """RFC 9207 sections 2.4 and 3."""
    openid_provider(ISSUER, {**DOCUMENT, "authorization_response_iss_parameter_supported": promised})
    browser.answer |= {"iss": answered} if answered else {}
    assert oauth_cli(*login).status == status


def test_an_id_token_of_another_issuer_is_refused(server, oauth_cli, login) -> None:
    """OpenID Connect Core 3.1.3.7 point 2."""
    server.claims["iss"] = ISSUER + "/"
    assert oauth_cli(*login).status == 8


def test_a_document_of_another_issuer_is_refused(openid_provider, requests_mock, oauth_cli, login) -> None:
    """OpenID Connect Discovery 4.3."""
    document = {**DOCUMENT, "issuer": "https://id.example.com"}
    requests_mock.get(f"{ISSUER}/.well-known/openid-configuration", json=document)
    done = oauth_cli(*login)
    assert done.status == 3
    assert "the issuer does not match" in done.stderr


def test_the_document_may_stand_where_rfc_8414_has_it(server, requests_mock, oauth_cli, login) -> None:
    """RFC 8414 section 3.1: the well-known part goes between host and path."""
    requests_mock.get(f"{ISSUER}/.well-known/openid-configuration", status_code=404)
    inserted = "https://id.example.com/.well-known/oauth-authorization-server/realms/main"
    requests_mock.get(inserted, json=server.document)
    assert oauth_cli(*login).status == 0


def test_a_refresh_sends_no_redirect_uri(server, oauth_cli, passing_time, login, sent) -> None:
    """RFC 6749 section 6."""
    oauth_cli(*login)
    passing_time.later += 3600
    server.tokens["access_token"] = "access-2"
    assert oauth_cli("token").stdout == "access-2\n"
    form = sent(DOCUMENT["token_endpoint"])[-1].form
    assert form == {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "the-client"}


def test_logout_revokes_both_tokens(server, oauth_cli, requests_mock, login, sent) -> None:
    """RFC 7009 section 2.1."""
    oauth_cli(*login)
    requests_mock.post(DOCUMENT["revocation_endpoint"], text="")
    assert oauth_cli("logout").status == 0
    assert [request.form["token"] for request in sent(DOCUMENT["revocation_endpoint"])] == ["refresh-1", "access-1"]


def test_a_missing_issuer_says_what_to_do(oauth_cli, requests_mock) -> None:
    done = oauth_cli("login", "--provider", "oidc")
    assert done.status == 3
    for said in ("oidc needs a client_id and issuer", "http://localhost:8085/callback", "--issuer VALUE"):
        assert said in done.stderr
    assert not requests_mock.called


def test_a_standard_provider_has_no_ways_of_its_own(provider, settings_of, metadata_of) -> None:
    """What the defaults say: no translation, no other revocation, no other hosts, nothing to start."""
    settings, metadata = settings_of(provider), metadata_of(issuer=ISSUER)
    fields = {"access_token": "a", "scope": "x,y"}
    assert provider.token_fields(settings, grant_type="authorization_code", status=200, fields=fields) == fields
    assert provider.token_params(settings, metadata, grant_type="refresh_token", scopes=(), redirect_uri=None) == {}
    assert provider.id_token_issuers(settings, metadata, {}) == (ISSUER,)
    assert provider.revocation_requests(settings, metadata, token="t", token_type_hint="access_token") is None
    assert provider.connected_apps_url(settings) is None
    assert provider.api_hosts(settings, metadata) == ()
    assert provider.local_server(settings) is None
    assert any("http://localhost:1/x" in line for line in provider.setup_guide(settings, "http://localhost:1/x"))
