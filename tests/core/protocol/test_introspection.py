from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from answers import ISSUER, json_response, response

from oauth_cli_login.errors import ProtocolError, TokenError, TransportError
from oauth_cli_login.protocol.introspection import introspection_request, parse_introspection_response
from oauth_cli_login.protocol.token import ClientAuthentication


@pytest.mark.parametrize(
    ("client", "own", "header"),
    [
        (ClientAuthentication("cli-app"), {"client_id": ["cli-app"]}, False),
        (ClientAuthentication("cli-app", "s", "client_secret_basic"), {}, True),
        (
            ClientAuthentication("cli-app", "s", "client_secret_post"),
            {"client_id": ["cli-app"], "client_secret": ["s"]},
            False,
        ),
    ],
)
def test_the_request_is_that_of_rfc_7662_section_2_1(client, own, header):
    request = introspection_request(f"{ISSUER}/introspect", client, token="t/+", token_type_hint="access_token")
    assert (request.method, request.url) == ("POST", f"{ISSUER}/introspect")
    assert parse_qs(request.body.decode()) == {"token": ["t/+"], "token_type_hint": ["access_token"], **own}
    assert ("Authorization" in request.headers) is header


def test_no_hint_is_given_where_nobody_knows():
    request = introspection_request(ISSUER, ClientAuthentication("cli-app"), token="t", token_type_hint=None)
    assert "token_type_hint" not in parse_qs(request.body.decode())


@pytest.mark.parametrize("members", [{"active": True, "scope": "openid"}, {"active": False}])
def test_the_members_are_the_answer(members):
    assert parse_introspection_response(json_response(**members)) == members


@pytest.mark.parametrize("members", [{}, {"active": "true"}, {"active": 1}, {"active": None}])
def test_an_answer_that_does_not_say_active_in_a_boolean_is_none(members):
    with pytest.raises(ProtocolError, match="whether the token is active"):
        parse_introspection_response(json_response(**members))


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 403, 404])
def test_another_status_is_no_answer(status):
    with pytest.raises(ProtocolError, match=f"HTTP {status}"):
        parse_introspection_response(json_response(status, active=True))


@pytest.mark.parametrize("body", ["", "<p>no", "[]", '"active"', '{"active": true, "active": true}'])
def test_what_is_no_object_cannot_be_read(body):
    with pytest.raises(ProtocolError, match="introspection response"):
        parse_introspection_response(response(200, body))


@pytest.mark.parametrize("status", [200, 400, 401])
def test_an_error_is_the_token_endpoints(status):
    """Section 2.3: a client that does not authenticate is told so."""
    with pytest.raises(TokenError, match="invalid_client"):
        parse_introspection_response(json_response(status, error="invalid_client"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status):
    with pytest.raises(TransportError, match=f"HTTP {status}"):
        parse_introspection_response(response(status, ""))
