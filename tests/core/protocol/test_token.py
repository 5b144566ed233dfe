from __future__ import annotations

import json
from base64 import b64decode
from urllib.parse import parse_qs

import pytest
from answers import ISSUER, json_response, metadata, response

from oauth_cli_login.errors import ConfigError, ExitStatus, ProtocolError, TokenError, TransportError
from oauth_cli_login.model import HttpResponse, TokenResponse
from oauth_cli_login.protocol.body import FORM
from oauth_cli_login.protocol.token import (
    MAX_LIFETIME,
    ClientAuthentication,
    authorization_code_request,
    client_authentication,
    device_code_request,
    expires_at,
    narrower_scopes,
    parse_token_response,
    refresh_request,
)

PUBLIC = ClientAuthentication("cli-app")
BASIC = ClientAuthentication("cli-app", "the-secret", "client_secret_basic")
POST = ClientAuthentication("cli-app", "the-secret", "client_secret_post")
TEN_YEARS = 10 * 365 * 24 * 3600


def as_it_is(_status, fields):
    return fields


def parse(status=200, /, **members):
    """Parse an answer that has a Bearer token unless ``members`` say otherwise; ``...`` takes a member away."""
    fields = {"access_token": "2YotnFZFEjr1zCsicMWpAA", "token_type": "Bearer", **members}
    answer = json_response(status, **{name: value for name, value in fields.items() if value is not ...})
    return parse_token_response(answer, token_fields=as_it_is)


def form_of(request):
    return parse_qs(request.body.decode(), strict_parsing=True)


# client authentication


@pytest.mark.parametrize(
    ("supported", "secret", "method"),
    [
        (None, None, "none"),
        (None, "", "none"),
        (["client_secret_basic"], None, "none"),
        (None, "s", "client_secret_basic"),
        ([], "s", "client_secret_basic"),
        (["client_secret_basic", "client_secret_post"], "s", "client_secret_basic"),
        (["client_secret_post"], "s", "client_secret_post"),
        (["none", "client_secret_post"], "s", "client_secret_post"),
        (["private_key_jwt"], "s", "client_secret_basic"),
    ],
)
def test_the_client_authenticates_as_the_server_supports_it(supported, secret, method):
    """RFC 8414 section 2: a server that names no method takes client_secret_basic."""
    server = metadata(token_endpoint_auth_methods_supported=supported)
    assert client_authentication("cli-app", secret, metadata=server).method == method


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_the_users_choice_of_method_wins(method):
    server = metadata(token_endpoint_auth_methods_supported=["client_secret_basic"])
    assert client_authentication("cli-app", "s", metadata=server, method=method).method == method


def test_a_public_client_keeps_its_secret_to_itself():
    client = client_authentication("cli-app", "the-secret", metadata=metadata(), method="none")
    assert client == ClientAuthentication("cli-app", None, "none")


@pytest.mark.parametrize("method", ["private_key_jwt", "basic", ""])
def test_an_unknown_method_is_refused_with_those_there_are(method):
    with pytest.raises(ConfigError, match="token_endpoint_auth_method") as refused:
        client_authentication("cli-app", "s", metadata=metadata(), method=method)
    assert "client_secret_basic" in refused.value.hint


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("secret", [None, ""])
def test_a_method_that_lacks_its_secret_is_refused(method, secret):
    with pytest.raises(ConfigError, match="there is no client_secret"):
        client_authentication("cli-app", secret, metadata=metadata(), method=method)


def test_client_secret_basic_percent_encodes_both_halves():
    """RFC 6749 section 2.3.1 and appendix B: so that a colon stays unambiguous. Every server reads a space as %20."""
    client = ClientAuthentication("id:1 2", "s:/+&=%\N{POUND SIGN}", "client_secret_basic")
    scheme, _, credentials = client.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(credentials) == b"id%3A1%202:s%3A%2F%2B%26%3D%25%C2%A3"
    assert client.params == {}


def test_client_secret_post_goes_into_the_body_alone():
    assert POST.params == {"client_id": "cli-app", "client_secret": "the-secret"}
    assert POST.headers == {}


def test_a_public_client_names_itself_alone():
    assert PUBLIC.params == {"client_id": "cli-app"}
    assert PUBLIC.headers == {}


def test_the_secret_is_not_shown():
    assert "the-secret" not in repr(BASIC)


# requests


@pytest.mark.parametrize(
    ("client", "own"),
    [
        (PUBLIC, {"client_id": ["cli-app"]}),
        (POST, {"client_id": ["cli-app"], "client_secret": ["the-secret"]}),
        (BASIC, {}),
    ],
)
def test_a_code_is_exchanged_as_rfc_6749_section_4_1_3_says(client, own):
    request = authorization_code_request(
        metadata(),
        client,
        code="c",
        redirect_uri="http://localhost:8085/callback",
        code_verifier="v",
        params={"x": "y"},
    )
    assert (request.method, request.url) == ("POST", f"{ISSUER}/token")
    assert request.headers["Content-Type"] == FORM
    assert request.headers["Accept"] == "application/json"
    assert form_of(request) == {
        "grant_type": ["authorization_code"],
        "code": ["c"],
        "redirect_uri": ["http://localhost:8085/callback"],
        "code_verifier": ["v"],
        "x": ["y"],
        **own,
    }
    assert ("Authorization" in request.headers) is (client is BASIC)


def test_a_refresh_leaves_the_scope_out():
    """RFC 6749 section 6: the same as before."""
    request = refresh_request(metadata(), PUBLIC, refresh_token="r", params={"redirect_uri": "http://localhost/"})
    assert form_of(request) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r"],
        "redirect_uri": ["http://localhost/"],
        "client_id": ["cli-app"],
    }


def test_a_poll_is_that_of_rfc_8628_section_3_4():
    request = device_code_request(metadata(), PUBLIC, device_code="d", params={})
    assert form_of(request) == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:device_code"],
        "device_code": ["d"],
        "client_id": ["cli-app"],
    }


def test_extra_parameters_replace_nothing_of_the_grant():
    extra = {"grant_type": "password", "refresh_token": "other"}
    request = refresh_request(metadata(), PUBLIC, refresh_token="r", params=extra)
    assert form_of(request)["grant_type"] == ["refresh_token"]
    assert form_of(request)["refresh_token"] == ["r"]


def test_a_server_without_a_token_endpoint_is_refused():
    with pytest.raises(ProtocolError, match="no token_endpoint"):
        refresh_request(metadata(token_endpoint=None), PUBLIC, refresh_token="r", params={})


def test_a_request_shows_nothing_of_its_body_and_headers():
    shown = repr(refresh_request(metadata(), BASIC, refresh_token="canary", params={}))
    assert "canary" not in shown
    assert "Basic" not in shown


# responses


def test_the_answer_of_rfc_6749_section_5_1_is_read():
    tokens = parse(expires_in=3600, refresh_token="tGzv3JOkF0XG5Qx2TlKWIA", scope="openid email", id_token="a.b.c")
    assert tokens == TokenResponse(
        access_token="2YotnFZFEjr1zCsicMWpAA",
        token_type="Bearer",
        expires_in=3600,
        refresh_token="tGzv3JOkF0XG5Qx2TlKWIA",
        scope=("openid", "email"),
        id_token="a.b.c",
    )


@pytest.mark.parametrize("status", [200, 201, 299])
def test_any_success_will_do(status):
    assert parse(status).access_token


def test_what_may_be_missing_is_none():
    assert parse(refresh_token=None, id_token="", scope=None) == parse()
    assert parse() == TokenResponse("2YotnFZFEjr1zCsicMWpAA", "Bearer")


def test_a_form_encoded_answer_is_read_too():
    """GitHub's, where Accept is not honoured."""
    body = "access_token=gho_16C7e42F292c6912E7710c838347Ae178B4a&scope=repo+gist&token_type=bearer&expires_in=28800"
    tokens = parse_token_response(response(body=body, content_type=FORM), token_fields=as_it_is)
    assert tokens.access_token == "gho_16C7e42F292c6912E7710c838347Ae178B4a"
    assert (tokens.token_type, tokens.scope, tokens.expires_in) == ("Bearer", ("repo", "gist"), 28800)


def test_a_providers_dialect_is_translated_before_it_is_judged():
    def dialect(status, fields):
        assert status == 200
        return {**fields, "access_token": fields["token"], "token_type": "bearer"}

    tokens = parse_token_response(json_response(token="t"), token_fields=dialect)
    assert tokens.access_token == "t"


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_bearer_is_accepted_in_any_case(token_type):
    assert parse(token_type=token_type).token_type == "Bearer"


@pytest.mark.parametrize("token_type", [..., None, "", "mac", "DPoP", "N_A", "Bearer ", 7, ["Bearer"], "Bear\ner"])
def test_a_missing_or_unknown_token_type_is_refused(token_type):
    with pytest.raises(ProtocolError, match="token_type"):
        parse(token_type=token_type)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (..., None),
        (None, None),
        (0, 0),
        (3600, 3600),
        ("3600", 3600),
        ("0", 0),
        (3599.9, 3599),
        (3.6e3, 3600),
        (10**29, TEN_YEARS),
        (1e25, TEN_YEARS),
        ("9" * 15, TEN_YEARS),
    ],
)
def test_a_lifetime_is_whole_seconds_and_never_more_than_ten_years(value, seconds):
    found = parse(expires_in=value).expires_in
    assert (found, type(found)) == (seconds, type(seconds))
    assert MAX_LIFETIME == TEN_YEARS


@pytest.mark.parametrize(
    "value", [-1, "-1", -0.5, True, False, "", "soon", "3600s", "1e3", " 3600", "9" * 16, "\u0663", [3600], {}]
)
def test_what_is_no_lifetime_is_refused(value):
    with pytest.raises(ProtocolError, match="expires_in"):
        parse(expires_in=value)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
@pytest.mark.parametrize(
    "value",
    [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\0b",
        "a\n",
        "\x7f",
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
        7,
        True,
        ["t"],
        {"t": 1},
    ],
)
def test_a_token_that_no_header_could_carry_is_refused_and_not_quoted(name, value):
    """RFC 6749 appendix A.12: VSCHAR."""
    with pytest.raises(ProtocolError, match=name) as refused:
        parse(**{name: value})
    assert "X-Evil" not in refused.value.message


@pytest.mark.parametrize("access_token", [..., None, ""])
def test_an_answer_without_an_access_token_is_refused(access_token):
    with pytest.raises(ProtocolError, match="no access_token"):
        parse(access_token=access_token)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [(..., None), (None, None), ("", ()), ("a", ("a",)), ("a b", ("a", "b")), (" a  b ", ("a", "b"))],
)
def test_scopes_are_separated_by_spaces(scope, scopes):
    assert parse(scope=scope).scope == scopes


@pytest.mark.parametrize("scope", [["a"], 7, "a\nb", "a\tb"])
def test_a_scope_that_is_no_text_is_refused(scope):
    with pytest.raises(ProtocolError, match="scope"):
        parse(scope=scope)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_an_error_member_is_an_error_whatever_the_status(status):
    """RFC 6749 section 5.2; GitHub sends its errors with 200."""
    with pytest.raises(TokenError, match=r"invalid_grant \(Too late\)") as refused:
        parse(status, error="invalid_grant", error_description="Too late", error_uri="https://idp.example/e")
    error = refused.value
    assert (error.error, error.status, error.exit_status) == ("invalid_grant", status, ExitStatus.REFUSED)
    assert (error.error_description, error.error_uri) == ("Too late", "https://idp.example/e")
    assert "expired" in error.hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("invalid_client", "client secret"),
        ("unauthorized_client", "not registered"),
        ("invalid_scope", "--scope"),
        ("access_denied", "Nothing was stored"),
        ("acme_special", ""),
    ],
)
def test_an_error_says_what_to_do(error, hint):
    with pytest.raises(TokenError, match=error) as refused:
        parse(400, error=error)
    assert hint in refused.value.hint


@pytest.mark.parametrize("explanation", [7, None, ["a"], {"a": 1}])
def test_an_explanation_that_is_no_text_is_left_out(explanation):
    with pytest.raises(TokenError, match=r"invalid_grant$") as refused:
        parse(400, error="invalid_grant", error_description=explanation, error_uri=explanation)
    assert (refused.value.error_description, refused.value.error_uri) == ("", "")


@pytest.mark.parametrize("error", [7, True, ["invalid_grant"], "a\r\nb"])
def test_an_error_that_is_no_text_is_refused(error):
    with pytest.raises(ProtocolError, match="error"):
        parse(400, error=error)


@pytest.mark.parametrize("status", [199, 300, 400, 401, 404])
def test_a_refusal_without_an_error_code_hands_out_no_token(status):
    with pytest.raises(ProtocolError, match=f"HTTP {status} without an error code"):
        parse(status)


@pytest.mark.parametrize("body", ["", "<html>", "null", "[]", '{"access_token":"a","access_token":"b"}', "\ufeff{}"])
@pytest.mark.parametrize("status", [200, 400])
def test_a_body_that_is_no_object_is_refused(status, body):
    with pytest.raises(ProtocolError, match="token response"):
        parse_token_response(response(status, body), token_fields=as_it_is)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status):
    with pytest.raises(TransportError, match=str(status)):
        parse_token_response(response(status, "<html>"), token_fields=as_it_is)


def test_an_error_member_that_is_null_does_not_explain_a_503():
    with pytest.raises(TransportError, match="503"):
        parse_token_response(json_response(503, error=None), token_fields=as_it_is)


def test_no_token_is_shown():
    shown = repr(parse(access_token="canary", refresh_token="canary", id_token="canary"))
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("expires_in", "renewable", "expected"),
    [
        (600, True, 1_000_600),
        (600, False, 1_000_600),
        (0, False, 1_000_000),
        (None, True, 1_003_600),
        (None, False, 0),
    ],
)
def test_a_token_of_unknown_lifetime_is_renewed_after_an_hour_or_used_until_refused(expires_in, renewable, expected):
    tokens = TokenResponse("t", "Bearer", expires_in)
    assert expires_at(tokens, issued_at=1_000_000, renewable=renewable) == expected


def test_scopes_that_were_not_granted_are_named_in_the_order_asked():
    assert narrower_scopes(["c", "a", "b"], ["a", "x"]) == ("c", "b")
    assert narrower_scopes(["a"], ["a", "b"]) == ()
    assert narrower_scopes([], ["a"]) == ()


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_an_error_that_repeats_the_request_shows_no_secret_in_any_spelling(method):
    """Raw, as in a form, as in a path, and in the Basic header; the longer of two that begin alike as a whole."""
    client = ClientAuthentication("a-client", "top/secret+value 1", method)
    request = refresh_request(metadata(), client, refresh_token="top/secret", params={})
    said = f"{request.body.decode()} {dict(request.headers)} top/secret+value 1 top%2Fsecret%2Bvalue%201"
    answer = HttpResponse(400, {}, json.dumps({"error": "bad", "error_description": said}).encode(), request.secrets)

    with pytest.raises(TokenError) as refused:
        parse_token_response(answer, token_fields=lambda _status, fields: fields)

    shown = refused.value.message
    assert "refresh_token=***" in shown
    for piece in (
        "top",
        "secret%",
        "value",
        client.headers.get("Authorization", "no header").partition(" ")[2] or "top",
    ):
        assert piece not in shown
