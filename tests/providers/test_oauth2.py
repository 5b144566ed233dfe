"""Any OAuth 2 server without discovery. The shapes are RFC 6749's, and userinfo's is whatever the settings name."""

from __future__ import annotations

import pytest

from oauth_cli_login.browser_flow import redirect_target
from oauth_cli_login.plugins import load

SITE = "https://old.example.com"
ENDPOINTS = {
    "authorization_endpoint": f"{SITE}/oauth/authorize",
    "token_endpoint": f"{SITE}/oauth/token",
    "device_authorization_endpoint": f"{SITE}/oauth/device",
    "revocation_endpoint": f"{SITE}/oauth/revoke",
    "introspection_endpoint": f"{SITE}/oauth/introspect",
    "userinfo_endpoint": f"{SITE}/api/me",
    "jwks_uri": f"{SITE}/oauth/keys",
}
PROFILE = "old.example.com"


def options(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--" + name.replace("_", "-"), ENDPOINTS[name]))


@pytest.fixture
def server(requests_mock):
    tokens = {"access_token": "access-1", "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-1"}
    requests_mock.post(ENDPOINTS["token_endpoint"], json=tokens)
    me = {"data": {"id": 7, "login": "ada", "contact": {"mail": "ada@example.com"}}, "name": "Ada"}
    requests_mock.get(ENDPOINTS["userinfo_endpoint"], json=me)
    requests_mock.post(ENDPOINTS["revocation_endpoint"], text="")
    return requests_mock


@pytest.fixture
def login(port: str) -> tuple[str, ...]:
    named = options("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    return ("login", "--provider", "oauth2", "--client-id", "the-client", "--port", port, *named)


CLAIMS = ("--sub-claim", "data.id", "--username-claim", "data.login", "--email-claim", "data.contact.mail")


@pytest.fixture
def provider():
    return load("oauth2")


def test_the_settings_stand_for_discovery(provider, settings_of) -> None:
    """RFC 8414 section 2: the names of the members."""
    settings = settings_of(provider, issuer=SITE, **ENDPOINTS)
    assert provider.server_metadata(settings) == {"issuer": SITE, **ENDPOINTS}
    assert provider.server_metadata(settings_of(provider, token_endpoint="t")) == {"token_endpoint": "t"}


def test_the_flows_are_those_that_have_an_endpoint(provider, settings_of, metadata_of) -> None:
    """RFC 6749 section 3.1, RFC 8628 section 3.1."""
    settings = settings_of(provider)
    assert provider.flows(settings, metadata_of(**ENDPOINTS)) == ("browser", "device")
    assert provider.flows(settings, metadata_of(device_authorization_endpoint="https://d")) == ("device",)
    assert provider.flows(settings, metadata_of()) == ()


def test_the_authorization_request_has_no_scope_unless_named(server, oauth_cli, browser, login, port) -> None:
    """RFC 6749 section 4.1.1: scope is optional. Not OpenID Connect: no nonce."""
    done = oauth_cli(*login, *CLAIMS)
    assert done.status == 0, done.stderr
    assert browser.endpoint == ENDPOINTS["authorization_endpoint"]
    redirect = f"http://localhost:{port}/callback"
    own = {"response_type": "code", "client_id": "the-client", "redirect_uri": redirect}
    assert browser.without_random() == own
    oauth_cli(*login, *CLAIMS, "--scope", "read,write")
    assert browser.without_random() == {**own, "scope": "read write"}


def test_the_redirect_is_the_registered_one_port_included(provider, settings_of) -> None:
    """RFC 6749 section 3.1.2.3."""
    assert redirect_target(provider, settings_of(provider), None) == ("localhost", "/callback", (8085,))


def test_the_code_is_exchanged_with_the_verifier(server, oauth_cli, browser, login, sent) -> None:
    """RFC 6749 section 4.1.3, RFC 7636 section 4.5."""
    oauth_cli(*login, *CLAIMS)
    form = sent(ENDPOINTS["token_endpoint"])[0].form
    assert browser.was_verified_by(form.pop("code_verifier"))
    assert form == {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "code": "the-code",
        "redirect_uri": browser.request["redirect_uri"],
    }


def test_the_settings_name_the_fields_of_userinfo(server, oauth_cli, session, login, sent) -> None:
    """Dots reach into objects; a number becomes its digits."""
    done = oauth_cli(*login, *CLAIMS, "--json")
    assert done.status == 0, done.stderr
    assert "Signed in as ada" in done.stderr
    assert session(PROFILE).sub == "7"
    assert sent(ENDPOINTS["userinfo_endpoint"])[0].headers["Authorization"] == "Bearer access-1"


def test_the_fields_have_openid_connects_names_by_default(provider, settings_of) -> None:
    """OpenID Connect Core 5.1."""
    me = {"sub": "7", "preferred_username": "ada", "name": "Ada", "email": "a@x", "picture": "https://p"}
    userinfo = provider.parse_userinfo(settings_of(provider), (me,))
    assert (userinfo.sub, userinfo.username, userinfo.name) == ("7", "ada", "Ada")
    assert (userinfo.email, userinfo.picture, userinfo.claims) == ("a@x", "https://p", me)


@pytest.mark.parametrize("answer", [{"data": "odd"}, ["odd"], None])
def test_a_field_that_is_not_there_is_nobody(provider, settings_of, answer) -> None:
    settings = settings_of(provider, sub_claim="data.id")
    assert provider.parse_userinfo(settings, (answer,)).sub is None


def test_without_a_userinfo_endpoint_nobody_is_named(server, oauth_cli, session, port) -> None:
    named = options("authorization_endpoint", "token_endpoint")
    done = oauth_cli("login", "--provider", "oauth2", "--client-id", "the-client", "--port", port, *named)
    assert done.status == 0, done.stderr
    assert session(PROFILE).sub is None


@pytest.mark.parametrize(
    ("issuer", "answered", "status"),
    [(None, "https://anybody.example.com", 0), (SITE, SITE, 0), (SITE, None, 0), (SITE, "https://evil.example.com", 8)],
)
def test_iss_is_compared_where_the_issuer_is_known(
    server, oauth_cli, browser, login, issuer: str | None, answered: str | None, status: int
) -> None:
    """RFC 9207 section 2.4."""
    browser.answer |= {"iss": answered} if answered else {}
    named = ("--issuer", issuer) if issuer else ()
    assert oauth_cli(*login, *CLAIMS, *named).status == status


def test_the_device_flow(server, oauth_cli, sent) -> None:
    """RFC 8628 sections 3.1, 3.2 and 3.4; 5 seconds where the server names no interval."""
    device = {"device_code": "d", "user_code": "ABCD", "verification_uri": f"{SITE}/d", "expires_in": 600}
    server.post(ENDPOINTS["device_authorization_endpoint"], json=device)
    named = options("device_authorization_endpoint", "token_endpoint")
    done = oauth_cli("login", "--provider", "oauth2", "--client-id", "the-client", *named)
    assert done.status == 0, done.stderr
    assert sent(ENDPOINTS["device_authorization_endpoint"])[0].form == {"client_id": "the-client"}
    assert sent(ENDPOINTS["token_endpoint"])[0].form["device_code"] == "d"


def test_logout_revokes_where_there_is_an_endpoint(server, oauth_cli, login, sent) -> None:
    """RFC 7009 section 2.1."""
    oauth_cli(*login, *CLAIMS, *options("revocation_endpoint"))
    assert oauth_cli("logout").status == 0
    hints = [request.form["token_type_hint"] for request in sent(ENDPOINTS["revocation_endpoint"])]
    assert hints == ["refresh_token", "access_token"]


def test_an_opaque_token_is_introspected_where_there_is_an_endpoint(
    server, oauth_cli, login, sent, requests_mock
) -> None:
    """RFC 7662 section 2.1."""
    requests_mock.post(ENDPOINTS["introspection_endpoint"], json={"active": True})
    oauth_cli(*login, *CLAIMS, *options("introspection_endpoint"))
    done = oauth_cli("inspect")
    assert done.status == 0, done.stderr
    (asked,) = sent(ENDPOINTS["introspection_endpoint"])
    assert asked.form["token"] == "access-1"


def test_logout_says_where_nothing_can_be_revoked(server, oauth_cli, login) -> None:
    oauth_cli(*login, *CLAIMS)
    assert "cannot revoke" in oauth_cli("logout").stderr


def test_missing_settings_say_what_to_do(oauth_cli, requests_mock) -> None:
    done = oauth_cli("login", "--provider", "oauth2")
    assert done.status == 3
    for said in (
        "oauth2 needs a client_id and token_endpoint",
        "Redirect URI: http://localhost:8085/callback",
        "--token-endpoint VALUE",
        "OAUTH_CLI_OAUTH2_TOKEN_ENDPOINT=…",
        "--provider oidc",
    ):
        assert said in done.stderr
    assert not requests_mock.called


def test_openid_without_the_issuer_is_refused_before_the_browser(server, oauth_cli, browser, login) -> None:
    """OpenID Connect Core 3.1.3.7 point 2: without an issuer nobody could check the ID token."""
    done = oauth_cli(*login, *CLAIMS, "--scope", "openid")
    assert done.status == 3
    assert "--issuer" in done.stderr
    assert server.request_history == []


def test_openid_without_the_keys_is_refused_before_the_browser(server, oauth_cli, browser, login) -> None:
    """OpenID Connect Core 3.1.3.7 point 6: without the server's keys nobody could check who signed the ID token."""
    done = oauth_cli(*login, *CLAIMS, "--scope", "openid", "--issuer", SITE)
    assert done.status == 8
    assert "--jwks-uri" in done.stderr
    assert server.request_history == []


def test_an_id_token_is_verified_with_the_keys_that_the_setting_names(
    openid_provider, oauth_cli, login, session, sent
) -> None:
    """RFC 7517 section 5."""
    openid_provider(SITE, ENDPOINTS)
    done = oauth_cli(*login, "--scope", "openid", "--issuer", SITE, *options("jwks_uri"))
    assert done.status == 0, done.stderr
    assert session(PROFILE).sub == "user-1"
    assert len(sent(ENDPOINTS["jwks_uri"])) == 1


def test_an_id_token_that_nobody_asked_for_needs_the_issuer_too(server, oauth_cli, browser, login) -> None:
    """OpenID Connect Core 3.1.3.7 point 2."""
    tokens = {"access_token": "access-1", "token_type": "bearer", "id_token": "e30.e30.c2ln"}
    server.post(ENDPOINTS["token_endpoint"], json=tokens)
    done = oauth_cli(*login, *CLAIMS)
    assert done.status == 3
    assert "--issuer" in done.stderr
