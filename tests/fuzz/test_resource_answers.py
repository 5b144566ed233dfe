"""Answers about whom a token stands for, about the token itself, and to its revocation."""

from __future__ import annotations

import json
from functools import partial

from answers import response
from hypothesis import given
from hypothesis import strategies as st
from outside import PIECES, TEXTS, VALUES, bodies, each, near, neighbours, only

from oauth_cli_login.adapters import http
from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.model import HttpResponse
from oauth_cli_login.protocol.introspection import parse_introspection_response
from oauth_cli_login.protocol.revocation import parse_revocation_response
from oauth_cli_login.protocol.userinfo import parse_userinfo_response

USER = {
    "sub": "248289761001",
    "id": 583231,
    "login": "octocat",
    "name": "Jane Doe",
    "preferred_username": "j.doe",
    "email": "jane@idp.example",
    "picture": "https://idp.example/jane.png",
}
EMAIL = {"email": "jane@idp.example", "primary": True, "verified": True}
STATUSES = st.sampled_from([200, 200, 201, 204, 400, 401, 403, 429, 500])
CONTENT_TYPES = st.sampled_from(["application/json", "application/jwt", "text/html", ""])


def answers(document):
    return st.builds(response, STATUSES, bodies(document), CONTENT_TYPES)


EMAILS = st.one_of(
    st.just(EMAIL).map(lambda email: [email]),
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(EMAIL, VALUES)) | VALUES, max_size=3),
    VALUES,
)


@given(answer=answers(USER), emails=EMAILS)
@each("answer", map(partial(response, 200), neighbours(USER)), emails=[EMAIL])
@each("emails", [[json.loads(body, parse_constant=str)] for body in neighbours(EMAIL)], answer=response(200, "{}"))
def test_any_userinfo_is_somebody_or_an_error_of_ours(reading, answer, emails):
    with only(OAuthCliError):
        userinfo = reading.userinfo([parse_userinfo_response(answer), emails])
        assert userinfo.sub is None or (isinstance(userinfo.sub, str) and userinfo.sub)
        assert isinstance(userinfo.label, str)


@given(answers({"active": True, "scope": "openid", "exp": 1_800_000_000}))
@each("answer", map(partial(response, 200), neighbours({"active": True})))
def test_any_introspection_says_whether_the_token_is_active_or_is_an_error_of_ours(answer):
    with only(OAuthCliError):
        assert isinstance(parse_introspection_response(answer)["active"], bool)


@given(answers({"error": "unsupported_token_type", "error_description": "x"}))
@each("answer", map(partial(response, 400), neighbours({"error": "invalid_request"})))
@each("answer", [response(400, b"<html>"), response(400, b"[]")])
def test_any_answer_to_a_revocation_is_a_yes_or_no_or_an_error_of_ours(answer):
    with only(OAuthCliError):
        assert parse_revocation_response(answer) is (answer.status < 300)


@given(
    TEXTS | near("120").filter(lambda value: isinstance(value, str)) | PIECES.map(lambda data: data.decode("latin-1"))
)
def test_any_retry_after_is_a_number_of_seconds(value):
    with only():
        assert http._retry_after(HttpResponse(429, {"retry-after": value}, b""), 1.0) >= 0  # the wait bounds it
