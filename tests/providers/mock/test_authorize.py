"""The authorization endpoint and its login form."""

from __future__ import annotations

import json

import pytest

SIGN_IN = {"username": "demouser"}


def test_the_form_asks_for_username_and_claims_and_offers_to_deny(client) -> None:
    response = client.authorize()
    assert response.status_code == 200
    for part in (
        '<form method="post">',
        'name="username"',
        'name="claims"',
        'value="deny"',
        "cli-app",
        "offline_access",
    ):
        assert part in response.text
    assert "<script" not in response.text


def test_the_form_may_lead_to_itself_and_to_the_redirect_uri_only(client) -> None:
    def form_action(**changes) -> str:
        policy = client.authorize(**changes).headers["Content-Security-Policy"]
        return next(part for part in policy.split("; ") if part.startswith("form-action"))

    assert form_action() == "form-action 'self' http://127.0.0.1:8085"
    assert form_action(redirect_uri="http://[::1]:1/") == "form-action 'self' http:"


def test_signing_in_redirects_with_code_state_and_iss(client) -> None:
    response = client.authorize(SIGN_IN)
    assert response.headers["Location"].startswith("http://127.0.0.1:8085/callback?")
    callback = client.callback(response)
    assert callback.pop("code")
    assert callback == {"state": "the-state", "iss": client.server.issuer}


def test_without_a_state_none_comes_back(client) -> None:
    assert set(client.callback(client.authorize(SIGN_IN, state=None))) == {"code", "iss"}


def test_the_query_of_the_redirect_uri_stays(client) -> None:
    location = client.authorize(SIGN_IN, redirect_uri="http://localhost:1/cb?a=b").headers["Location"]
    assert location.startswith("http://localhost:1/cb?a=b&code=")


@pytest.mark.parametrize(
    "redirect_uri",
    ["http://localhost/", "http://localhost:1/a/b", "http://127.0.0.1:65535", "http://[::1]:8085/callback"],
)
def test_any_loopback_redirect_uri_is_taken(client, redirect_uri: str) -> None:
    assert client.authorize(SIGN_IN, redirect_uri=redirect_uri).headers["Location"].startswith(redirect_uri)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://localhost/",
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost@example.com/",
        "http://user@localhost/",
        "http://localhost:99999/",
        "http://localhost:1/#fragment",
        "http://localhost:1/\r\nSet-Cookie: a=b",
        "http://localhost:1/ x",
        "http://localhost:1/\nx",
        "\x01http://localhost:1/",
        "http://localhost:1/é",
        "http://[::1/",
        "javascript:alert(1)",
        "com.example:/callback",
        "/callback",
        None,
    ],
)
def test_another_redirect_uri_gets_a_page_and_no_redirect(client, redirect_uri: str | None) -> None:
    response = client.authorize(SIGN_IN, redirect_uri=redirect_uri)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "redirect_uri" in response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("client_id", ["other", None, "CLI-APP"])
def test_another_client_gets_a_page_and_no_redirect(client, client_id: str | None) -> None:
    response = client.authorize(SIGN_IN, client_id=client_id)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "client_id" in response.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "!" * 43}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "ey"}, "request_not_supported"),
        ({"request_uri": "https://a"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"scope": 'openid "'}, "invalid_scope"),
        ({"scope": "openid é"}, "invalid_scope"),
    ],
)
@pytest.mark.parametrize("form", [None, SIGN_IN], ids=["GET", "POST"])
def test_a_request_that_cannot_be_carried_out_goes_back_to_the_client(client, form, changes, error: str) -> None:
    callback = client.callback(client.authorize(form, **changes))
    assert callback.pop("error_description")
    assert callback == {"error": error, "state": "the-state", "iss": client.server.issuer}


def test_a_parameter_that_is_there_twice_gets_a_page(client) -> None:
    url = client.authorize().request.url
    response = client.http.get(url + "&state=other", allow_redirects=False)
    assert response.status_code == 400
    assert "more than once" in response.text


def test_deny_goes_back_with_access_denied(client) -> None:
    callback = client.callback(client.authorize({"username": "", "claims": "", "action": "deny"}))
    assert callback["error"] == "access_denied"
    assert "code" not in callback


@pytest.mark.parametrize("username", ["", " ", "a" * 256, "a\nb", "a\0b"])
def test_a_username_that_cannot_be_one_is_asked_for_again(client, username: str) -> None:
    response = client.authorize({"username": username, "claims": '{"a": 1}'})
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert "{&quot;a&quot;: 1}" in response.text, "what was typed stays"


@pytest.mark.parametrize(
    "claims", ["{", "[]", "1", "null", '{"a": NaN}', '{"a": 1e999}', "[" * 20_000, '{"a":' * 4_000, "x=é"]
)
def test_claims_that_are_no_json_object_are_asked_for_again(client, claims: str) -> None:
    response = client.authorize({"username": "ada", "claims": claims})
    assert response.status_code == 400
    assert "JSON object" in response.text
    assert 'value="ada"' in response.text


def test_what_was_typed_is_escaped(client) -> None:
    script = '"><script>alert(1)</script>'
    response = client.authorize({"username": script, "claims": script}, scope=script.replace('"', "'"))
    assert "<script" not in response.text


def test_the_login_hint_stands_in_the_field(client) -> None:
    assert 'value="ada&amp;"' in client.authorize(login_hint="ada&").text


def test_a_form_from_another_site_is_refused(client) -> None:
    for site in ("cross-site", "same-site"):
        assert client.authorize(SIGN_IN, headers={"Sec-Fetch-Site": site}).status_code == 403
    for site in ("same-origin", "none"):
        assert client.authorize(SIGN_IN, headers={"Sec-Fetch-Site": site}).status_code == 302


def test_a_body_that_is_no_form_gets_a_page(client) -> None:
    url = client.authorize().request.url
    for headers, body in (
        ({"Content-Type": "application/json"}, json.dumps(SIGN_IN).encode()),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"username=\xff"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"username=%ff"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"username=a&username=b"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join(b"a%d=b" % n for n in range(200))),
    ):
        response = client.http.post(url, data=body, headers=headers, allow_redirects=False)
        assert response.status_code == 400, body
        assert "cannot be carried out" in response.text
