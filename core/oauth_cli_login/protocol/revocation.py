"""Token revocation (RFC 7009)."""

from __future__ import annotations

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse
from oauth_cli_login.protocol.body import parse_object_response, text_field
from oauth_cli_login.protocol.token import ClientAuthentication, client_request, token_error

WHAT = "revocation response"


def revocation_request(
    revocation_endpoint: str, client: ClientAuthentication, *, token: str, token_type_hint: str
) -> HttpRequest:
    """Build the request of section 2.1."""
    return client_request(
        revocation_endpoint,
        client,
        {"client_id": client.client_id, "token": token, "token_type_hint": token_type_hint},
    )


def parse_revocation_response(response: HttpResponse) -> bool:
    """Tell whether the token is gone: any 2xx (section 2.2 says 200; GitHub answers 202 and 204).

    ``False`` where the server revokes no tokens of this type (section 2.2.1). Raises TokenError for the other errors
    of RFC 6749 section 5.2, ProtocolError for what is none, TransportError where the server cannot answer now.
    """
    if 200 <= response.status < 300:  # noqa: PLR2004 - the class of success
        return True
    try:
        fields = parse_object_response(response, WHAT)
        error = text_field(fields, "error", WHAT)
    except ProtocolError:
        error = None
    if not error:
        raise ProtocolError(f"the provider did not revoke the token (HTTP {response.status})")
    if error == "unsupported_token_type":
        return False
    raise token_error(error, fields, response)
