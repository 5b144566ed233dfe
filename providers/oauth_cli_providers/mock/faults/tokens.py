"""Faults of the token endpoint: what it refuses, and the fields of its response (RFC 6749 section 5, RFC 8628)."""

from __future__ import annotations

from oauth_cli_providers.mock import state
from oauth_cli_providers.mock.authorization_server import AuthorizationServer, at_hash
from oauth_cli_providers.mock.faults.fault import ESCAPES, TOKEN, Catalogue, Document, IdToken
from oauth_cli_providers.mock.messages import OAuthError, Request

faults = Catalogue()


# ---- refused


@faults.before("refresh")
def rotation_race(server: AuthorizationServer, request: Request) -> bool:
    """Somebody else was faster: the refresh token is spent a moment before, so it is refused and the sign-in ends."""
    with server.transaction() as current:
        spent = request.form.get("refresh_token", "")
        grant = current.grants.get(state.grant_key(spent))
        if grant is None or grant.refresh_token != state.digest(spent):
            return False
        server.renew(grant, state.mint(state.handle_of(spent)))
        return True


@faults.refuses(*TOKEN)
def invalid_grant() -> OAuthError:
    """Every token request is refused with invalid_grant; no token is spent."""
    return OAuthError("invalid_grant", "The grant is unknown or has ended.")


@faults.refuses("poll")
def authorization_pending() -> OAuthError:
    """A poll for a device's tokens is told authorization_pending, whoever has answered."""
    return OAuthError("authorization_pending", "The person has not answered yet.")


@faults.refuses("poll")
def slow_down() -> OAuthError:
    """A poll for a device's tokens is told slow_down, however slow it is."""
    return OAuthError("slow_down", "Wait five seconds more between requests.")


@faults.refuses("poll")
def device_denied() -> OAuthError:
    """A poll for a device's tokens is told access_denied."""
    return OAuthError("access_denied", "The person denied the request.")


@faults.refuses("poll")
def device_expired() -> OAuthError:
    """A poll for a device's tokens is told expired_token."""
    return OAuthError("expired_token", "The device code has expired.")


@faults.refuses(*TOKEN, "device_authorization", "introspect", "revoke")
def error_escapes() -> OAuthError:
    """An error whose error_description holds ESC, OSC and bidi sequences, for the terminal to swallow."""
    return OAuthError("invalid_request", f"Sorry: {ESCAPES}")


@faults.refuses(*TOKEN, "device_authorization", "introspect", "revoke")
def error_escapes_in_code() -> OAuthError:
    """An error whose code itself holds ESC, OSC and bidi sequences."""
    return OAuthError(f"invalid_request {ESCAPES}", "Sorry.")


# ---- the access token


def _replace_access_token(answer: Document, access_token: str) -> None:
    """Put another access token in, and bind the ID token to it: it is no other failure beside."""
    answer.members["access_token"] = access_token
    if "id_token" in answer.members:
        bound = IdToken.decode(answer.server, str(answer.members["id_token"]))
        bound.claims["at_hash"] = at_hash(access_token)
        answer.members["id_token"] = bound.encode()


@faults.document(*TOKEN)
def token_control_characters(answer: Document) -> None:
    """The access token holds NUL, BEL and DEL."""
    _replace_access_token(answer, f"{answer.members['access_token']}\x00\x07\x7f")


@faults.document(*TOKEN)
def token_crlf(answer: Document) -> None:
    """The access token ends with a line break and a header of the server's own."""
    _replace_access_token(answer, f"{answer.members['access_token']}\r\nX-Injected: 1")


@faults.document(*TOKEN)
def token_not_ascii(answer: Document) -> None:
    """The access token has letters that are not ASCII."""
    _replace_access_token(answer, f"{answer.members['access_token']}-t\u00f6k\u00e9n")


@faults.document(*TOKEN)
def refresh_token_crlf(answer: Document) -> None:
    """The refresh token ends with a line break and more."""
    answer.members["refresh_token"] = f"{answer.members['refresh_token']}\r\nX-Injected: 1"


@faults.document(*TOKEN)
def empty_access_token(answer: Document) -> None:
    """The access token is an empty string."""
    _replace_access_token(answer, "")


@faults.document(*TOKEN)
def access_token_number(answer: Document) -> None:
    """The access token is a number."""
    answer.members["access_token"] = 12345


@faults.document(*TOKEN)
def no_access_token(answer: Document) -> None:
    """The access token is left out."""
    del answer.members["access_token"]


# ---- its type, its life, its scope


@faults.document(*TOKEN)
def no_token_type(answer: Document) -> None:
    """token_type is left out."""
    del answer.members["token_type"]


@faults.document(*TOKEN)
def unknown_token_type(answer: Document) -> None:
    """token_type is mac."""
    answer.members["token_type"] = "mac"  # noqa: S105 - a type


@faults.document(*TOKEN)
def dpop_token_type(answer: Document) -> None:
    """token_type is DPoP, which nobody asked for."""
    answer.members["token_type"] = "DPoP"  # noqa: S105 - a type


@faults.document(*TOKEN)
def empty_token_type(answer: Document) -> None:
    """token_type is an empty string."""
    answer.members["token_type"] = ""


@faults.document(*TOKEN)
def padded_token_type(answer: Document) -> None:
    """token_type is Bearer and a space."""
    answer.members["token_type"] = "Bearer "  # noqa: S105 - a type


@faults.document(*TOKEN)
def number_token_type(answer: Document) -> None:
    """token_type is a number."""
    answer.members["token_type"] = 7


@faults.document(*TOKEN)
def upper_case_token_type(answer: Document) -> None:
    """token_type is BEARER, in upper case (which is allowed)."""
    answer.members["token_type"] = "BEARER"  # noqa: S105 - a type


@faults.document(*TOKEN)
def lower_case_token_type(answer: Document) -> None:
    """token_type is bearer, in lower case (which is allowed)."""
    answer.members["token_type"] = "bearer"  # noqa: S105 - a type


@faults.document(*TOKEN)
def no_expires_in(answer: Document) -> None:
    """expires_in is left out (which is allowed)."""
    del answer.members["expires_in"]


@faults.document(*TOKEN)
def string_expires_in(answer: Document) -> None:
    """expires_in is a string of digits."""
    answer.members["expires_in"] = str(answer.members["expires_in"])


@faults.document(*TOKEN)
def fraction_expires_in(answer: Document) -> None:
    """expires_in has a fraction."""
    answer.members["expires_in"] = float(str(answer.members["expires_in"])) + 0.9


@faults.document(*TOKEN)
def boolean_expires_in(answer: Document) -> None:
    """expires_in is true."""
    answer.members["expires_in"] = True


@faults.document(*TOKEN)
def words_expires_in(answer: Document) -> None:
    """expires_in is the string "soon"."""
    answer.members["expires_in"] = "soon"


@faults.document(*TOKEN)
def null_expires_in(answer: Document) -> None:
    """expires_in is null."""
    answer.members["expires_in"] = None


@faults.document(*TOKEN)
def zero_expires_in(answer: Document) -> None:
    """expires_in is 0."""
    answer.members["expires_in"] = 0


@faults.document(*TOKEN)
def negative_expires_in(answer: Document) -> None:
    """expires_in is -3600."""
    answer.members["expires_in"] = -3600


@faults.document(*TOKEN)
def absurd_expires_in(answer: Document) -> None:
    """expires_in is thirty thousand million years, in seconds."""
    answer.members["expires_in"] = 10**18


@faults.document(*TOKEN)
def narrower_scope(answer: Document) -> None:
    """The scope is the first of the scopes that were granted."""
    answer.members["scope"] = str(answer.members["scope"]).partition(" ")[0]


@faults.document(*TOKEN)
def no_scope(answer: Document) -> None:
    """The scope is left out (which is allowed: it is what was asked for)."""
    del answer.members["scope"]


# ---- the refresh token


@faults.document("refresh")
def no_rotation(answer: Document) -> None:
    """A refresh returns no new refresh token, and the old one stays good (which is allowed)."""
    del answer.members["refresh_token"]
    spent = answer.request.form["refresh_token"]
    with answer.server.transaction() as current:
        grant = current.grants.get(state.grant_key(spent))
        if grant is not None:
            grant.refresh_token = state.digest(spent)


@faults.document("code", "poll")
def no_refresh_token(answer: Document) -> None:
    """A sign-in returns no refresh token (which is allowed)."""
    del answer.members["refresh_token"]


@faults.document(*TOKEN)
def error_beside_tokens(answer: Document) -> None:
    """The status is 200, and an error stands beside the tokens."""
    answer.members["error"] = "invalid_client"


@faults.document(*TOKEN)
def error_with_200(answer: Document) -> None:
    """The status is 200, and the body an error."""
    answer.members.clear()
    answer.members.update(error="invalid_grant", error_description="The grant is unknown or has ended.")
