from __future__ import annotations

import pytest
from answers import ISSUER, json_response, response

from oauth_cli_login.errors import NotSignedIn, ProtocolError, TransportError
from oauth_cli_login.model import UserInfo
from oauth_cli_login.protocol.userinfo import check_userinfo_sub, parse_userinfo_response, userinfo_request

URL = f"{ISSUER}/userinfo"


def test_the_access_token_goes_into_the_header():
    """RFC 6750 section 2.1."""
    request = userinfo_request(URL, access_token="the-token")
    assert (request.method, request.url, request.body) == ("GET", URL, None)
    assert request.headers == {"Accept": "application/json", "Authorization": "Bearer the-token"}
    assert "the-token" not in repr(request)


def test_a_provider_may_add_headers_and_not_replace_the_token():
    headers = {"Accept": "application/vnd.github+json", "X-Version": "1", "Authorization": "Basic x"}
    assert userinfo_request(URL, access_token="the-token", headers=headers).headers == {
        "Accept": "application/vnd.github+json",
        "X-Version": "1",
        "Authorization": "Bearer the-token",
    }


def test_the_claims_are_returned():
    assert parse_userinfo_response(json_response(sub="x", email=None)) == {"sub": "x", "email": None}


def test_a_list_is_returned_too():
    """GitHub's e-mail addresses."""
    assert parse_userinfo_response(response(body='[{"email": "a@b"}]')) == [{"email": "a@b"}]


def test_a_token_that_the_server_does_not_take_means_not_signed_in():
    with pytest.raises(NotSignedIn, match="does not accept the access token"):
        parse_userinfo_response(response(401, ""))


@pytest.mark.parametrize("status", [201, 204, 400, 403, 404])
def test_another_status_is_refused(status):
    with pytest.raises(ProtocolError, match=f"HTTP {status}"):
        parse_userinfo_response(json_response(status, sub="x"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status):
    with pytest.raises(TransportError, match=str(status)):
        parse_userinfo_response(response(status, "<html>"))


@pytest.mark.parametrize("content_type", ["application/jwt", "application/jwt; charset=utf-8", "Application/JWT"])
def test_signed_userinfo_is_said_to_be_unsupported(content_type):
    with pytest.raises(ProtocolError, match="JWT, which is unsupported"):
        parse_userinfo_response(response(body="a.b.c", content_type=content_type))


@pytest.mark.parametrize("body", ["", "<html>", '{"sub":"a","sub":"b"}', "\ufeff{}"])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(ProtocolError, match="userinfo response cannot be read"):
        parse_userinfo_response(response(body=body))


def test_userinfo_about_the_id_tokens_person_is_right():
    check_userinfo_sub(UserInfo("x"), "x")


@pytest.mark.parametrize("sub", ["y", "X", None, ""])
def test_userinfo_about_somebody_else_is_refused(sub):
    """Core 5.3.2."""
    with pytest.raises(ProtocolError, match="two different people") as refused:
        check_userinfo_sub(UserInfo(sub), "x")
    assert "Nothing was stored" in refused.value.hint
