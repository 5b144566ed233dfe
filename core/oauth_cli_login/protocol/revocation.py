"""Token revocation (RFC 7009)."""

from __future__ import annotations

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse
from oauth_cli_login.protocol.body import check_available
from oauth_cli_login.protocol.token import ClientAuthentication, client_request


def revocation_request(
    revocation_endpoint: str, client: ClientAuthentication, *, token: str, token_type_hint: str
) -> HttpRequest:
    """Build the request of section 2.1."""
    return client_request(
        revocation_endpoint,
        client,
        {"client_id": client.client_id, "token": token, "token_type_hint": token_type_hint},
    )


def parse_revocation_response(response: HttpResponse) -> None:
    """Return where the token is gone: any 2xx (section 2.2 says 200; GitHub answers 202 and 204).

    Raises ProtocolError where it is not, TransportError where the server cannot answer now.
    """
    check_available(response, "answer to the revocation")
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of success
        raise ProtocolError(f"the provider did not revoke the token (HTTP {response.status})")
