from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from answers import ISSUER, response

from oauth_cli_login.errors import ProtocolError, TokenError, TransportError
from oauth_cli_login.protocol.revocation import parse_revocation_response, revocation_request
from oauth_cli_login.protocol.token import ClientAuthentication


@pytest.mark.parametrize(
    ("client", "own", "header"),
    [
        (ClientAuthentication("cli-app"), {"client_id": ["cli-app"]}, False),
        (ClientAuthentication("cli-app", "s", "client_secret_basic"), {"client_id": ["cli-app"]}, True),
        (
            ClientAuthentication("cli-app", "s", "client_secret_post"),
            {"client_id": ["cli-app"], "client_secret": ["s"]},
            False,
        ),
    ],
)
def test_the_request_is_that_of_rfc_7009_section_2_1(client, own, header):
    request = revocation_request(f"{ISSUER}/revoke", client, token="t/+", token_type_hint="refresh_token")
    assert (request.method, request.url) == ("POST", f"{ISSUER}/revoke")
    assert parse_qs(request.body.decode()) == {"token": ["t/+"], "token_type_hint": ["refresh_token"], **own}
    assert ("Authorization" in request.headers) is header


@pytest.mark.parametrize(("status", "body"), [(200, ""), (200, "{}"), (202, "x"), (204, ""), (200, "<html>")])
def test_any_success_will_do(status, body):
    """RFC 7009 section 2.2: the body means nothing."""
    parse_revocation_response(response(status, body))


@pytest.mark.parametrize("status", [199, 300, 400, 401, 403, 404])
def test_everything_else_says_that_the_token_is_not_gone(status):
    with pytest.raises(ProtocolError, match=rf"did not revoke the token \(HTTP {status}\)"):
        parse_revocation_response(response(status, "<html>no"))


def test_a_server_that_revokes_no_such_tokens_says_so():
    """RFC 7009 section 2.2.1."""
    assert parse_revocation_response(response(400, '{"error": "unsupported_token_type"}')) is False


def test_another_error_is_the_token_endpoints():
    with pytest.raises(TokenError, match="invalid_client"):
        parse_revocation_response(response(401, '{"error": "invalid_client"}'))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status):
    with pytest.raises(TransportError, match=f"HTTP {status}"):
        parse_revocation_response(response(status, ""))
