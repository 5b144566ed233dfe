"""Authorization server metadata: OpenID Connect Discovery 1.0 section 4, RFC 8414 sections 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from oauth_cli_login.errors import ConfigError, ProtocolError
from oauth_cli_login.model import HttpRequest, HttpResponse, ServerMetadata
from oauth_cli_login.protocol.body import check_available, parse_object_response
from oauth_cli_login.protocol.url import check_endpoint, is_loopback

ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "device_authorization_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "jwks_uri",
)
WHAT = "discovery document"


def discovery_requests(issuer: str) -> tuple[HttpRequest, HttpRequest]:
    """Return the requests for an issuer's document, in the order to try them.

    First OpenID Connect's place (appended to the issuer), then RFC 8414's (inserted between host and path).
    """
    checked = _check_issuer(issuer).rstrip("/")
    parts = urlsplit(checked)
    inserted = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
    accept = {"Accept": "application/json"}
    return (
        HttpRequest("GET", f"{checked}/.well-known/openid-configuration", accept),
        HttpRequest("GET", inserted, accept),
    )


def parse_discovery_response(response: HttpResponse, *, issuer: str) -> dict[str, object]:
    """Return the document, whose issuer must equal ``issuer`` (Discovery section 4.3, RFC 8414 section 3.3).

    Raises ConfigError where it differs or there is none, ProtocolError where the answer cannot be read, TransportError
    where the server cannot answer now.
    """
    check_available(response, WHAT)
    if response.status != 200:  # noqa: PLR2004 - RFC 8414 section 3.2 allows no other
        raise ConfigError(
            f"there is no {WHAT} at the issuer {issuer} (HTTP {response.status})",
            hint="Another program may have this port. End it, or sign in at the server that you mean: --issuer URL"
            if is_loopback(issuer)
            else "Check the issuer. A server without discovery works with --provider oauth2.",
        )
    document = parse_object_response(response, WHAT)
    found = document.get("issuer")
    if found is None:
        raise ConfigError(
            f"the {WHAT} at the issuer {issuer} names no issuer", hint="Is that an OpenID Connect or OAuth 2 server?"
        )
    if found != issuer:
        raise ConfigError(
            f"the issuer does not match: its document says {ascii(found)[:200]}, you gave {ascii(issuer)[:200]}",
            hint="Use the document's spelling, if that is the server you mean: every character counts.",
        )
    return document


def server_metadata(document: Mapping[str, object]) -> ServerMetadata:
    """Return the checked metadata of a document; raise ProtocolError for an unusable endpoint."""
    issuer = document.get("issuer")
    if issuer is not None:
        issuer = _check_issuer(issuer)
    endpoints = {
        name: check_endpoint(name, document[name], issuer=issuer)
        for name in ENDPOINTS
        if document.get(name) is not None
    }
    return ServerMetadata(
        document=dict(document),
        issuer=issuer,
        iss_parameter_supported=document.get("authorization_response_iss_parameter_supported") is True,
        token_endpoint_auth_methods=_strings(document.get("token_endpoint_auth_methods_supported")),
        id_token_signing_algs=_strings(document.get("id_token_signing_alg_values_supported")),
        **endpoints,
    )


def _check_issuer(issuer: object) -> str:
    """Return a usable issuer: an address without a query (RFC 8414 section 2); raise ProtocolError."""
    checked = check_endpoint("issuer", issuer)
    if "?" in checked:
        raise ProtocolError(f"the issuer has a query: {checked!a}", hint="An issuer is an address alone.")
    return checked


def _strings(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    return tuple(item for item in value if isinstance(item, str))
