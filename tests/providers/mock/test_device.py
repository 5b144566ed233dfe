"""The device flow of the mock (RFC 8628)."""

from __future__ import annotations

import re

import pytest

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def begin(client):
    def begin_one(**form: str) -> dict[str, object]:
        response = client.post("device_authorization", **form)
        assert response.status_code == 200, response.text
        return response.json()

    return begin_one


@pytest.fixture
def poll(client):
    def poll_once(device_code: object):
        return client.post("token", grant_type=GRANT, device_code=device_code)

    return poll_once


def test_the_device_gets_its_codes(client, begin) -> None:
    device = begin()
    assert set(device) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", device["user_code"])
    assert device["verification_uri"] == f"{client.server.issuer}/device"
    assert device["verification_uri_complete"] == f"{client.server.issuer}/device?user_code={device['user_code']}"
    assert (device["expires_in"], device["interval"]) == (600, 5)


def test_the_person_enters_the_code_signs_in_and_the_device_has_tokens(client, begin, poll, clock, claims_of) -> None:
    device = begin(scope="openid email")
    assert client.is_refused(poll(device["device_code"]), "authorization_pending")
    entry = client.http.get(device["verification_uri"])
    assert 'name="user_code"' in entry.text
    form = client.http.post(device["verification_uri"], data={"user_code": device["user_code"]})
    assert form.url == device["verification_uri_complete"]
    assert device["user_code"] in form.text
    assert 'name="username"' in form.text
    done = client.http.post(form.url, data={"username": "ada", "claims": '{"own": 1}', "action": "sign_in"})
    assert done.status_code == 200
    assert "Signed in" in done.text
    clock.now += 5
    tokens = poll(device["device_code"]).json()
    assert tokens["scope"] == "openid email"
    assert claims_of(tokens["id_token"])["sub"] == "ada"
    assert client.userinfo(tokens["access_token"]).json()["own"] == 1
    assert client.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("spelling", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_how_the_code_is_spelled_does_not_matter(client, begin, spelling) -> None:
    device = begin()
    form = client.http.post(device["verification_uri"], data={"user_code": spelling(device["user_code"])})
    assert form.status_code == 200
    assert 'name="username"' in form.text


def test_a_device_code_works_once(client, begin, poll) -> None:
    device = begin()
    client.http.post(device["verification_uri_complete"], data={"username": "ada"})
    assert poll(device["device_code"]).status_code == 200
    assert client.is_refused(poll(device["device_code"]), "invalid_grant")


def test_deny_reaches_the_device(client, begin, poll) -> None:
    device = begin()
    done = client.http.post(device["verification_uri_complete"], data={"action": "deny"})
    assert "Denied" in done.text
    assert client.is_refused(poll(device["device_code"]), "access_denied")
    assert client.is_refused(poll(device["device_code"]), "invalid_grant")


def test_who_polls_too_fast_is_told_to_wait_five_seconds_more_from_then_on(client, begin, poll, clock) -> None:
    device_code = begin()["device_code"]
    answers = []
    for wait in (0, 4, 9.95, 9, 15):
        clock.now += wait
        answers.append(poll(device_code).json()["error"])
    assert answers == [
        "authorization_pending",
        "slow_down",
        "authorization_pending",
        "slow_down",
        "authorization_pending",
    ]


def test_the_interval_is_configurable(start) -> None:
    assert start(device_interval=1).post("device_authorization").json()["interval"] == 1


def test_an_expired_device_code_says_so_and_cannot_be_entered(client, begin, poll, clock) -> None:
    device = begin()
    clock.now += 600
    assert client.is_refused(poll(device["device_code"]), "expired_token")
    assert client.http.get(device["verification_uri_complete"]).status_code == 400
    clock.now += 600
    assert client.is_refused(poll(device["device_code"]), "invalid_grant")


def test_an_answered_code_cannot_be_entered_again(client, begin) -> None:
    device = begin()
    client.http.post(device["verification_uri_complete"], data={"username": "ada"})
    again = client.http.post(device["verification_uri_complete"], data={"username": "eve"})
    assert again.status_code == 400
    assert "No device waits" in again.text


def test_who_answers_second_is_told(client, begin, monkeypatch) -> None:
    """Two people have the form of one code open, and the other's answer comes between the two looks at the state."""
    from oauth_cli_providers.mock import login

    device = begin()
    signed_in = login.signed_in

    def while_another_denies(form):
        monkeypatch.setattr(login, "signed_in", signed_in)
        client.http.post(device["verification_uri_complete"], data={"action": "deny"})
        return signed_in(form)

    monkeypatch.setattr(login, "signed_in", while_another_denies)
    second = client.http.post(device["verification_uri_complete"], data={"username": "ada"})
    assert second.status_code == 400


@pytest.mark.parametrize("user_code", ["XXXX-XXXX", "nonsense", "<script>", "é"])
def test_an_unknown_user_code_is_asked_for_again(client, begin, user_code: str) -> None:
    begin()
    response = client.http.post(f"{client.server.issuer}/device", data={"user_code": user_code})
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert 'name="user_code"' in response.text
    assert "<script>" not in response.text


def test_an_empty_user_code_is_refused(client) -> None:
    assert client.http.post(f"{client.server.issuer}/device", data={"user_code": ""}).status_code == 400


def test_a_username_is_asked_for_again(client, begin, poll) -> None:
    device = begin()
    response = client.http.post(device["verification_uri_complete"], data={"username": ""})
    assert response.status_code == 400
    assert device["user_code"] in response.text
    assert client.is_refused(poll(device["device_code"]), "authorization_pending")


def test_a_form_from_another_site_is_refused(client, begin) -> None:
    response = client.http.post(
        begin()["verification_uri_complete"], data={"username": "eve"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403


def test_another_client_or_a_bad_scope_gets_no_code(client) -> None:
    assert client.is_refused(client.post("device_authorization", client_id="other"), "invalid_client", 401)
    assert client.is_refused(client.post("device_authorization", scope="é"), "invalid_scope")


def test_an_unknown_device_code_is_refused(client, poll, stranger: str) -> None:
    assert client.is_refused(poll(stranger), "invalid_grant")
    assert client.is_refused(poll(None), "invalid_request")
