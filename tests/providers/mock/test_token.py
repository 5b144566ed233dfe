"""The token endpoint: codes and refresh tokens."""

from __future__ import annotations

import base64
import hashlib

import pytest

from oauth_cli_providers.mock.authorization_server import PROTOCOL_CLAIMS


def test_a_code_becomes_tokens(client) -> None:
    response = client.redeem(client.code())
    tokens = response.json()
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["scope"] == "openid profile offline_access"


def test_the_id_token_says_who_signed_in_for_whom_and_when(client, clock, claims_of) -> None:
    code = client.code(username="ada", claims='{"email": "ada@example.com"}')
    clock.now += 5
    tokens = client.redeem(code).json()
    claims = claims_of(tokens["id_token"])
    assert claims.pop("jti")
    assert claims.pop("sid")
    at_hash = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims == {
        "iss": client.server.issuer,
        "sub": "ada",
        "aud": "cli-app",
        "azp": "cli-app",
        "iat": clock.now,
        "nbf": clock.now,
        "exp": clock.now + 3600,
        "auth_time": clock.now - 5,
        "nonce": "the-nonce",
        "at_hash": base64.urlsafe_b64encode(at_hash).decode().rstrip("="),
        "preferred_username": "ada",
        "email": "ada@example.com",
    }


def test_the_access_token_is_a_jwt_of_its_own_type(client, clock, claims_of) -> None:
    tokens = client.tokens()
    claims = claims_of(tokens["access_token"])
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("demouser", "cli-app", tokens["scope"])
    assert claims["exp"] == clock.now + 3600
    assert tokens["access_token"].split(".")[0] != tokens["id_token"].split(".")[0]
    assert "nonce" not in claims


@pytest.mark.parametrize("claim", sorted(PROTOCOL_CLAIMS))
def test_the_claims_of_a_sign_in_do_not_override_those_of_the_protocol(client, claims_of, claim: str) -> None:
    tokens = client.tokens(claims=f'{{"{claim}": "forged", "own": 1}}')
    for token in ("id_token", "access_token"):
        claims = claims_of(tokens[token])
        assert claims["own"] == 1
        assert claims.get(claim) != "forged"


def test_the_claims_may_name_the_person(client, claims_of) -> None:
    tokens = client.tokens(claims='{"preferred_username": "Ada L."}')
    assert claims_of(tokens["id_token"])["preferred_username"] == "Ada L."


def test_without_openid_there_is_no_id_token(client) -> None:
    tokens = client.tokens(scope="email email")
    assert "id_token" not in tokens
    assert tokens["scope"] == "email"


def test_without_a_scope_it_is_openid(client) -> None:
    assert client.tokens(scope=None)["scope"] == "openid"


def test_without_a_nonce_the_id_token_has_none(client, claims_of) -> None:
    assert "nonce" not in claims_of(client.tokens(nonce=None)["id_token"])


def test_the_lifetime_of_access_tokens_is_configurable(start, clock, claims_of) -> None:
    client = start(access_token_lifetime=7)
    tokens = client.tokens()
    assert tokens["expires_in"] == 7
    clock.now += 6
    assert client.userinfo(tokens["access_token"]).status_code == 200
    clock.now += 1
    assert client.userinfo(tokens["access_token"]).status_code == 401


def test_a_code_works_once_and_its_second_use_ends_what_was_issued_from_it(client) -> None:
    code = client.code()
    tokens = client.redeem(code).json()
    assert client.userinfo(tokens["access_token"]).status_code == 200
    assert client.is_refused(client.redeem(code), "invalid_grant")
    assert client.userinfo(tokens["access_token"]).status_code == 401
    assert client.is_refused(client.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_lives_a_minute(client, clock) -> None:
    first, second = client.code(), client.code()
    clock.now += 59
    assert client.redeem(first).status_code == 200
    clock.now += 1
    assert client.is_refused(client.redeem(second), "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://127.0.0.1:8086/callback"},
        {"redirect_uri": "http://localhost:8085/callback"},
    ],
)
def test_a_code_is_bound_to_its_request(client, changes) -> None:
    code = client.code()
    assert client.is_refused(client.redeem(code, **changes), "invalid_grant")
    assert client.is_refused(client.redeem(code), "invalid_grant"), "one try is all there is"


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier", "grant_type"])
def test_a_missing_or_empty_parameter_is_named(client, name: str) -> None:
    for nothing in (None, ""):
        response = client.redeem(client.code(), **{name: nothing})
        assert client.is_refused(response, "invalid_request")
        assert name in response.json()["error_description"]


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "!", "v" * 42 + "\u0661"])
def test_a_verifier_that_rfc_7636_does_not_allow_is_refused(client, verifier: str) -> None:
    assert client.is_refused(client.redeem(client.code(), code_verifier=verifier), "invalid_request")


def test_an_unknown_code_is_refused(client, stranger: str) -> None:
    for code in (stranger, "x", ".", "é"):
        assert client.is_refused(client.redeem(code), "invalid_grant")


def test_another_client_or_a_secret_is_refused(client) -> None:
    code = client.code()
    assert client.is_refused(client.redeem(code, client_id="other"), "invalid_client", 401)
    assert client.is_refused(client.redeem(code, client_secret="s"), "invalid_client", 401)
    assert client.is_refused(client.redeem(code, client_id=None), "invalid_request")
    basic = client.http.post(client.server.issuer + "/token", data={"client_id": "cli-app"}, auth=("cli-app", ""))
    assert client.is_refused(basic, "invalid_client", 401)
    assert basic.headers["WWW-Authenticate"].startswith("Basic ")
    assert client.redeem(code).status_code == 200


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit"])
def test_another_grant_type_is_refused(client, grant_type: str) -> None:
    assert client.is_refused(client.post("token", grant_type=grant_type), "unsupported_grant_type")


def test_a_refresh_rotates_the_token_and_keeps_the_person(client, clock, claims_of) -> None:
    first = client.tokens(claims='{"own": 1}')
    clock.now += 100
    second = client.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["scope"] == first["scope"]
    before, after = claims_of(first["id_token"]), claims_of(second["id_token"])
    assert "nonce" not in after
    for same in ("iss", "sub", "aud", "azp", "auth_time", "sid", "own"):
        assert after[same] == before[same]
    assert after["iat"] == clock.now
    assert client.userinfo(first["access_token"]).status_code == 200


def test_a_spent_refresh_token_ends_the_family(client) -> None:
    first = client.tokens()
    second = client.refresh(first["refresh_token"]).json()
    assert client.is_refused(client.refresh(first["refresh_token"]), "invalid_grant")
    assert client.is_refused(client.refresh(second["refresh_token"]), "invalid_grant")
    assert client.userinfo(second["access_token"]).status_code == 401


def test_one_family_ends_and_another_stays(client) -> None:
    spent, other = client.tokens(), client.tokens()
    client.refresh(spent["refresh_token"])
    client.refresh(spent["refresh_token"])
    assert client.refresh(other["refresh_token"]).status_code == 200


def test_a_refresh_may_ask_for_less_and_not_for_more(client, claims_of) -> None:
    tokens = client.tokens(scope="openid email")
    assert client.is_refused(client.refresh(tokens["refresh_token"], scope="openid admin"), "invalid_scope")
    less = client.refresh(tokens["refresh_token"], scope="email").json()
    assert less["scope"] == claims_of(less["access_token"])["scope"] == "email"
    assert "id_token" not in less
    assert client.refresh(less["refresh_token"]).json()["scope"] == "openid email"


def test_a_refresh_token_lives_thirty_days_from_its_last_use(client, clock) -> None:
    month = 30 * 24 * 3600
    token = client.tokens()["refresh_token"]
    clock.now += month - 1
    token = client.refresh(token).json()["refresh_token"]
    clock.now += month - 1
    token = client.refresh(token).json()["refresh_token"]
    clock.now += month
    assert client.is_refused(client.refresh(token), "invalid_grant")


def test_an_unknown_refresh_token_is_refused(client, stranger: str) -> None:
    assert client.is_refused(client.refresh(stranger), "invalid_grant")
    assert client.is_refused(client.refresh("", scope="openid"), "invalid_request")


def test_a_code_is_no_refresh_token(client) -> None:
    assert client.is_refused(client.refresh(client.code()), "invalid_grant")


@pytest.mark.parametrize("content_type", ["application/json", "", "text/plain"])
def test_a_body_that_is_no_form_is_refused(client, content_type: str) -> None:
    response = client.http.post(client.server.issuer + "/token", data=b"{}", headers={"Content-Type": content_type})
    assert client.is_refused(response, "invalid_request")


def test_a_parameter_that_is_there_twice_is_refused(client) -> None:
    data = [("client_id", "cli-app"), ("client_id", "cli-app"), ("grant_type", "refresh_token")]
    assert client.is_refused(client.http.post(client.server.issuer + "/token", data=data), "invalid_request")
