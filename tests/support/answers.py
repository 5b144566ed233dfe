"""Answers of a server, as the HTTP adapter hands them to the protocol."""

from __future__ import annotations

import json

from oauth_cli_login.model import HttpResponse, ServerMetadata
from oauth_cli_login.protocol.jwks import KeySet, key_set, parse_jwks_response
from oauth_cli_login.protocol.metadata import server_metadata

ISSUER = "https://idp.example"


def response(status: int = 200, body: bytes | str = b"{}", content_type: str = "application/json") -> HttpResponse:
    """Return an answer with a body of any kind."""
    data = body.encode() if isinstance(body, str) else body
    return HttpResponse(status, {"content-type": content_type}, data)


def json_response(status: int = 200, /, **members: object) -> HttpResponse:
    """Return an answer whose body is a JSON object."""
    return response(status, json.dumps(members))


def metadata(**members: object) -> ServerMetadata:
    """Return the metadata of a server that has every endpoint; ``None`` takes a member away."""
    document = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "device_authorization_endpoint": f"{ISSUER}/device",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "jwks_uri": f"{ISSUER}/jwks",
        **members,
    }
    return server_metadata({name: value for name, value in document.items() if value is not None})


def keys_of(answer: HttpResponse) -> KeySet:
    """Return the keys of a jwks_uri's answer."""
    return key_set(parse_jwks_response(answer))
