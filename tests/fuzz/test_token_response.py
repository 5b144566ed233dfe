"""The token endpoint's answers, in JSON and as a form, with every provider's own reading of them."""

from __future__ import annotations

from urllib.parse import urlencode

from answers import response
from hypothesis import given
from hypothesis import strategies as st
from outside import bodies, each, edited, neighbours, only

from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.protocol.body import FORM
from oauth_cli_login.protocol.token import MAX_LIFETIME, expires_at, parse_token_response

FIELDS = {
    "access_token": "2YotnFZFEjr1zCsicMWpAA",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
    "scope": "openid,email profile",
    "id_token": "e30.e30.c2ln",
}
REFUSAL = {"error": "invalid_grant", "error_description": "The code\nexpired", "error_uri": "https://idp.example/e"}
ANSWERS = st.one_of(
    st.tuples(bodies(FIELDS) | bodies(REFUSAL), st.sampled_from(["application/json", FORM, "text/html", ""])),
    st.tuples(edited(urlencode(FIELDS).encode()) | edited(urlencode(REFUSAL).encode()), st.just(FORM)),
)
STATUSES = st.sampled_from([200, 200, 201, 400, 401, 429, 500])


@given(answer=ANSWERS, status=STATUSES)
@each("answer", [(body, "application/json") for body in neighbours(FIELDS)], status=200)
@each("answer", [(body, "application/json") for body in neighbours(REFUSAL)], status=400)
def test_any_token_response_is_tokens_or_an_error_of_ours(reading, answer, status):
    body, content_type = answer
    with only(OAuthCliError):
        tokens = parse_token_response(response(status, body, content_type), token_fields=reading.token_fields)
        for token in (tokens.access_token, tokens.refresh_token, tokens.id_token):
            assert token is None or (token.isascii() and token.isprintable() and token)
        assert tokens.expires_in is None or 0 <= tokens.expires_in <= MAX_LIFETIME
        assert isinstance(expires_at(tokens, issued_at=1_800_000_000, renewable=True), int)
