"""The authorization endpoint: RFC 6749 section 4.1.1 and 4.1.2, RFC 7636, RFC 9207, OpenID Connect Core 3.1.2."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from oauth_cli_login.errors import AuthorizationError, ProtocolError
from oauth_cli_login.model import ServerMetadata
from oauth_cli_login.protocol.pkce import Pkce
from oauth_cli_login.protocol.token import MAX_EXPLANATION
from oauth_cli_login.protocol.url import with_query
from oauth_cli_login.values import dataclass, field

_MAX_PARAMS = 50
_ONCE = frozenset({"code", "state", "iss", "error"})


class StrangersCallback(Exception):  # noqa: N818 - not an error of ours: the wait goes on
    """A request that is not the answer to this login: it changes nothing, and the wait goes on."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """One authorization request; ``url`` holds state and nonce, and is for the browser alone."""

    url: str = field(repr=False)
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str | None = field(repr=False)


def authorization_request(
    metadata: ServerMetadata,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Sequence[str],
    state: str,
    nonce: str,
    pkce: Pkce,
    params: Mapping[str, str],
) -> AuthorizationRequest:
    """Build the request. ``params`` are the extra ones, already checked against core's own.

    The nonce is sent where an ID token is asked for (scope ``openid``). Raises ProtocolError where the server has no
    authorization_endpoint, or says that it has no S256.
    """
    if metadata.authorization_endpoint is None:
        raise ProtocolError(
            "the server has no authorization_endpoint", hint="Sign in with a device code instead: --flow device"
        )
    _check_pkce_support(metadata)
    asks_id_token = "openid" in scopes
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        **({"scope": " ".join(scopes)} if scopes else {}),
        "state": state,
        **({"nonce": nonce} if asks_id_token else {}),
        "code_challenge": pkce.code_challenge,
        "code_challenge_method": pkce.code_challenge_method,
        **params,
    }
    own = parse_qsl(urlsplit(metadata.authorization_endpoint).query, keep_blank_values=True)
    if taken := sorted({name for name, _ in own} & query.keys()):
        raise ProtocolError(f"the authorization_endpoint has a {taken[0]} of its own in its query")
    url = with_query(metadata.authorization_endpoint, urlencode(query))
    return AuthorizationRequest(url, redirect_uri, state, nonce if asks_id_token else None)


def _check_pkce_support(metadata: ServerMetadata) -> None:
    """Refuse a server that says what it supports and leaves S256 out (RFC 9700 section 2.1.1).

    Where it says nothing (many do), S256 is sent all the same: no weaker method is ever used.
    """
    methods = metadata.document.get("code_challenge_methods_supported")
    if methods is not None and not (isinstance(methods, list | tuple) and "S256" in methods):
        raise ProtocolError(
            "the server's metadata says that it does not support PKCE with S256",
            hint="oauth-cli never opens a browser without it. A device sign-in may work: --flow device",
        )


def parse_authorization_response(query: str, *, state: str, metadata: ServerMetadata) -> str:
    """Return the code of the redirect's query.

    Raises StrangersCallback for anything that does not carry this login's ``state``. What does carry it ends the
    wait: ProtocolError (repeated parameters, ``iss`` wrong or missing where it is promised, neither code nor error),
    or AuthorizationError with the server's own words (RFC 6749 section 4.1.2.1).
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMS)
    except ValueError:
        raise StrangersCallback("its query cannot be read") from None
    states = [value for name, value in pairs if name == "state"]
    if len(states) != 1:
        raise StrangersCallback("it has no state" if not states else "it has several states")
    if not hmac.compare_digest(states[0].encode("utf-8", "surrogatepass"), state.encode()):
        raise StrangersCallback("its state is not this login's")

    names = [name for name, _ in pairs]
    if repeated := sorted(name for name in _ONCE if names.count(name) > 1):
        raise ProtocolError(f"the authorization response repeats {', '.join(repeated)}")
    answer = dict(pairs)
    _check_issuer(answer.get("iss"), metadata)
    if "error" in answer:
        if "code" in answer:
            raise ProtocolError("the authorization response has both a code and an error")
        raise _authorization_error(answer)
    if not answer.get("code"):
        raise ProtocolError("the authorization response has neither a code nor an error")
    return answer["code"]


def _check_issuer(iss: str | None, metadata: ServerMetadata) -> None:
    """Check ``iss`` as RFC 9207 section 2.4 says: compare where it is present, require it where it is promised."""
    if iss is None:
        if metadata.iss_parameter_supported:
            raise ProtocolError("the authorization response lacks the iss that the server's metadata promises")
    elif metadata.issuer is not None and iss != metadata.issuer:
        raise ProtocolError(
            f"the authorization response comes from another issuer: {ascii(iss)[:200]}, not {metadata.issuer}",
            hint="Nothing was sent to the token endpoint. If you did not expect this, do not try again.",
        )


def _authorization_error(answer: Mapping[str, str]) -> AuthorizationError:
    error = answer["error"][:MAX_EXPLANATION]
    description = answer.get("error_description", "")[:MAX_EXPLANATION]
    message = f"the provider refused the sign-in: {error}"
    return AuthorizationError(
        f"{message} ({description})" if description else message,
        error=error,
        error_description=description,
        error_uri=answer.get("error_uri", ""),
        hint=_HINTS.get(error, ""),
    )


_HINTS = {
    "access_denied": "Nothing was stored. Run the same command to try again.",
    "invalid_scope": "The client may not ask for one of these scopes: see --scope.",
    "unauthorized_client": "The client is not registered for this kind of sign-in at the provider.",
    "temporarily_unavailable": "Try again later.",
    "server_error": "Try again later.",
}
