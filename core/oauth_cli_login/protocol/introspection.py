"""Token introspection (RFC 7662): what the authorization server itself says of a token."""

from __future__ import annotations

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse, JsonObject
from oauth_cli_login.protocol.body import parse_object_response, text_field
from oauth_cli_login.protocol.token import ClientAuthentication, client_request, token_error

WHAT = "introspection response"


def introspection_request(
    introspection_endpoint: str, client: ClientAuthentication, *, token: str, token_type_hint: str | None
) -> HttpRequest:
    """Build the request of section 2.1; ``token_type_hint`` is ``None`` where the kind of token is not known."""
    hint = {} if token_type_hint is None else {"token_type_hint": token_type_hint}
    return client_request(introspection_endpoint, client, {"token": token, **hint})


def parse_introspection_response(response: HttpResponse) -> JsonObject:
    """Return the members of section 2.2, of which ``active`` is a boolean and the only one that is always there.

    Raises TokenError where the server refuses to tell (section 2.3), ProtocolError for an answer that is none,
    TransportError where the server cannot answer now.
    """
    fields = parse_object_response(response, WHAT)
    if error := text_field(fields, "error", WHAT):
        raise token_error(error, fields, response)
    if response.status != 200:  # noqa: PLR2004 - section 2.2 knows no other success
        raise ProtocolError(f"the introspection_endpoint answered HTTP {response.status}")
    if not isinstance(fields.get("active"), bool):
        raise ProtocolError(f"the {WHAT} does not say whether the token is active")
    return fields
