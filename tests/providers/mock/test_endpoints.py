"""Metadata, JWKS, userinfo, introspection, revocation and the end of a session."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
def test_the_metadata_names_every_endpoint_and_what_it_supports(client, name: str) -> None:
    issuer = client.server.issuer
    document = client.http.get(f"{issuer}/.well-known/{name}").json()
    assert document["issuer"] == issuer
    endpoints = {key: value for key, value in document.items() if key.endswith(("_endpoint", "_uri"))}
    assert endpoints == {
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/endsession",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
    }
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["token_endpoint_auth_methods_supported"] == ["none"]
    assert "urn:ietf:params:oauth:grant-type:device_code" in document["grant_types_supported"]


def test_every_endpoint_of_the_metadata_is_there(client) -> None:
    document = client.http.get(f"{client.server.issuer}/.well-known/openid-configuration").json()
    for key, url in document.items():
        if key.endswith(("_endpoint", "_uri")):
            assert client.http.get(url).status_code != 404, key


def test_the_jwks_holds_the_public_key_alone(client, signing_key) -> None:
    assert client.http.get(f"{client.server.issuer}/jwks").json() == {"keys": [signing_key.public_jwk]}


def test_userinfo_returns_who_signed_in_and_the_claims(client) -> None:
    tokens = client.tokens(username="ada", claims='{"email": "ada@example.com"}')
    claims = client.userinfo(tokens["access_token"]).json()
    expected = {
        "sub": "ada",
        "preferred_username": "ada",
        "email": "ada@example.com",
        "azp": "cli-app",
        "iss": client.server.issuer,
    }
    assert claims.items() >= expected.items()


def test_userinfo_takes_a_post_and_any_spelling_of_bearer(client) -> None:
    headers = {"Authorization": f"bearer {client.tokens()['access_token']}"}
    assert client.http.post(f"{client.server.issuer}/userinfo", headers=headers).json()["sub"] == "demouser"


def test_userinfo_without_a_token_is_challenged_without_an_error_code(client) -> None:
    for headers in ({}, {"Authorization": "Basic Y2xpLWFwcDo="}):
        response = client.http.get(f"{client.server.issuer}/userinfo", headers=headers)
        assert client.is_refused(response, "invalid_token", 401)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="oauth-cli mock"'


def test_userinfo_refuses_what_is_no_access_token(client, stranger: str) -> None:
    tokens = client.tokens()
    access_token = tokens["access_token"]
    for bad in ("", stranger, tokens["id_token"], tokens["refresh_token"], access_token[:-8] + "AAAAAAAA", "é"):
        response = client.userinfo(bad.encode().decode("latin-1"))
        assert client.is_refused(response, "invalid_token", 401)
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_a_token_of_another_issuer_is_refused_though_the_key_is_the_same(client, start) -> None:
    other = start()
    tokens = client.tokens()
    assert client.is_refused(other.userinfo(tokens["access_token"]), "invalid_token", 401)
    assert client.is_refused(other.refresh(tokens["refresh_token"]), "invalid_grant")
    assert other.post("introspect", token=tokens["refresh_token"]).json() == {"active": False}
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert client.is_refused(other.redeem(client.code()), "invalid_grant")
    device_code = client.post("device_authorization").json()["device_code"]
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device_code}
    assert client.is_refused(other.post("token", **form), "invalid_grant")
    assert client.is_refused(client.post("token", **form), "authorization_pending")


def test_introspection_knows_access_and_refresh_tokens(client, clock) -> None:
    tokens = client.tokens()
    access = client.post("introspect", token=tokens["access_token"]).json()
    assert access["active"] is True
    assert (access["username"], access["client_id"], access["token_type"]) == ("demouser", "cli-app", "Bearer")
    assert (access["exp"], access["scope"], access["iss"]) == (clock.now + 3600, tokens["scope"], client.server.issuer)
    refresh = client.post("introspect", token=tokens["refresh_token"]).json()
    assert (refresh["active"], refresh["sub"], refresh["scope"]) == (True, "demouser", tokens["scope"])


def test_introspection_of_what_is_not_good_says_that_and_no_more(client, clock, stranger: str) -> None:
    tokens = client.tokens()
    spent = tokens["refresh_token"]
    client.refresh(spent)
    clock.now += 3600
    for token in (stranger, "x", tokens["id_token"], tokens["access_token"], spent):
        assert client.post("introspect", token=token).json() == {"active": False}


def test_introspection_and_revocation_are_for_the_client_only(client) -> None:
    for endpoint in ("introspect", "revoke"):
        assert client.is_refused(client.post(endpoint, token="x", client_id="other"), "invalid_client", 401)
        assert client.is_refused(client.post(endpoint, token="x", client_id=None), "invalid_request")
        assert client.is_refused(client.post(endpoint), "invalid_request")


def test_a_revoked_refresh_token_takes_its_access_tokens_with_it(client) -> None:
    tokens = client.tokens()
    revoked = client.post("revoke", token=tokens["refresh_token"], token_type_hint="refresh_token")
    assert revoked.status_code == 200
    assert client.is_refused(client.refresh(tokens["refresh_token"]), "invalid_grant")
    assert client.userinfo(tokens["access_token"]).status_code == 401


def test_a_revoked_access_token_ends_alone(client) -> None:
    tokens, other = client.tokens(), client.tokens()
    assert client.post("revoke", token=tokens["access_token"], token_type_hint="access_token").status_code == 200
    assert client.userinfo(tokens["access_token"]).status_code == 401
    assert client.userinfo(other["access_token"]).status_code == 200
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_what_is_not_good_is_no_error_and_ends_nothing(client, stranger: str) -> None:
    tokens = client.tokens()
    spent, current = tokens["refresh_token"], client.refresh(tokens["refresh_token"]).json()["refresh_token"]
    for token in (stranger, "x", spent, tokens["id_token"]):
        assert client.post("revoke", token=token).status_code == 200
    assert client.refresh(current).status_code == 200


def test_the_end_of_a_session_goes_back_to_the_client(client) -> None:
    url = f"{client.server.issuer}/endsession"
    parameters = {"post_logout_redirect_uri": "http://localhost:1/bye", "state": "s"}
    for answer in (
        client.http.get(url, params=parameters, allow_redirects=False),
        client.http.post(url, data=parameters, allow_redirects=False),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (302, "http://localhost:1/bye?state=s")
    plain = client.http.get(url, params={"post_logout_redirect_uri": "http://localhost:1/bye"}, allow_redirects=False)
    assert plain.headers["Location"] == "http://localhost:1/bye"


def test_the_end_of_a_session_is_a_page_where_there_is_nowhere_to_go(client) -> None:
    assert "Signed out" in client.http.get(f"{client.server.issuer}/endsession").text
    evil = client.http.get(
        f"{client.server.issuer}/endsession",
        params={"post_logout_redirect_uri": "https://example.com"},
        allow_redirects=False,
    )
    assert evil.status_code == 400
    assert "Location" not in evil.headers
