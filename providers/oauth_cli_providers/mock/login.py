"""Who signs in, and with which claims: the form that the authorization endpoint and the device page share."""

from __future__ import annotations

import json
from collections.abc import Mapping

from oauth_cli_providers.mock.messages import OAuthError, Request
from oauth_cli_providers.mock.signing import compact_json

_MAX_USERNAME = 255  # what OpenID Connect Core section 2 allows a sub


class LoginError(Exception):
    """What was typed into a field of the form cannot be used; the message is for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_same_origin(request: Request) -> None:
    """Raise ``OAuthError`` where another site's page sent this form: nobody signs in unasked.

    Origin would not tell: the pages ask for no referrer, and so browsers send ``Origin: null``.
    """
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise OAuthError("invalid_request", "This form was sent from another site.", status=403)


def denied(form: Mapping[str, str]) -> bool:
    """Tell whether the Deny button was pressed; a form without buttons (a robot's) signs in."""
    return form.get("action") == "deny"


def signed_in(form: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    """Return the username and the claims; raise ``LoginError``."""
    username = form.get("username", "").strip()
    if not username:
        raise LoginError("username", "Enter a username: any name will do.")
    if len(username) > _MAX_USERNAME or not username.isprintable():
        raise LoginError("username", f"A username has at most {_MAX_USERNAME} characters, all of them visible.")
    return username, _claims(form.get("claims", ""))


def _claims(text: str) -> dict[str, object]:
    if not text.strip():
        return {}
    try:
        claims = json.loads(text)
        if isinstance(claims, dict):
            compact_json(claims)  # what cannot be written into a token must not get into the state
            return claims
    except (ValueError, RecursionError):
        pass
    raise LoginError("claims", "The claims must be one JSON object.")
