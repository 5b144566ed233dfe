from __future__ import annotations

import pytest
from answers import ISSUER, json_response, metadata, response

from oauth_cli_login.errors import ConfigError, ProtocolError, TransportError
from oauth_cli_login.protocol.metadata import ENDPOINTS, discovery_requests, parse_discovery_response, server_metadata


@pytest.mark.parametrize(
    ("issuer", "openid", "oauth"),
    [
        (
            "https://idp.example",
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://idp.example/",
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://example.com/issuer1",
            "https://example.com/issuer1/.well-known/openid-configuration",
            "https://example.com/.well-known/oauth-authorization-server/issuer1",
        ),
        (
            "http://localhost:8080/default/",
            "http://localhost:8080/default/.well-known/openid-configuration",
            "http://localhost:8080/.well-known/oauth-authorization-server/default",
        ),
        (
            "http://[::1]:8080",
            "http://[::1]:8080/.well-known/openid-configuration",
            "http://[::1]:8080/.well-known/oauth-authorization-server",
        ),
    ],
)
def test_the_document_is_asked_for_at_both_places(issuer, openid, oauth):
    """Discovery section 4 appends to the issuer; RFC 8414 section 3 inserts between host and path."""
    first, second = discovery_requests(issuer)
    assert (first.url, second.url) == (openid, oauth)
    assert {first.method, second.method} == {"GET"}
    assert first.headers["Accept"] == second.headers["Accept"] == "application/json"
    assert first.body is second.body is None


@pytest.mark.parametrize(
    "issuer", ["http://idp.example", "idp.example", "https://idp.example/?tenant=1", "https://idp.example/#x"]
)
def test_what_cannot_be_an_issuer_is_refused_before_anything_is_asked(issuer):
    """RFC 8414 section 2: https, and neither query nor fragment."""
    with pytest.raises(ProtocolError, match="issuer"):
        discovery_requests(issuer)


def test_the_document_of_the_issuer_is_returned_whole():
    answer = json_response(issuer=ISSUER, token_endpoint=f"{ISSUER}/token", x_own=[1])
    expected = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "x_own": [1]}
    assert parse_discovery_response(answer, issuer=ISSUER) == expected


@pytest.mark.parametrize(
    "found",
    ["https://idp.example/", "https://IDP.example", "https://evil.example", "http://idp.example", "", 7, [ISSUER]],
)
def test_another_issuer_is_a_wrong_setting_and_both_are_named(found):
    """Discovery section 4.3, RFC 8414 section 3.3: every character counts."""
    with pytest.raises(ConfigError, match="the issuer does not match") as refused:
        parse_discovery_response(json_response(issuer=found), issuer=ISSUER)
    assert ascii(found) in refused.value.message
    assert ISSUER in refused.value.message
    assert "spelling" in refused.value.hint


@pytest.mark.parametrize("members", [{}, {"issuer": None}])
def test_a_document_without_an_issuer_is_refused(members):
    with pytest.raises(ConfigError, match=f"at the issuer {ISSUER} names no issuer") as refused:
        parse_discovery_response(json_response(token_endpoint=f"{ISSUER}/token", **members), issuer=ISSUER)
    assert "OpenID" in refused.value.hint


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404])
def test_a_server_without_the_document_is_told_to_be_used_without_discovery(status):
    with pytest.raises(ConfigError, match=rf"no discovery document at the issuer {ISSUER} \(HTTP {status}\)") as e:
        parse_discovery_response(json_response(status, issuer=ISSUER), issuer=ISSUER)
    assert "--provider oauth2" in e.value.hint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_is_a_matter_of_the_network(status):
    with pytest.raises(TransportError, match=str(status)):
        parse_discovery_response(response(status, "<html>busy"), issuer=ISSUER)


@pytest.mark.parametrize("body", ["<html>", "", "[]", "null", '{"issuer": 1, "issuer": 2}'])
def test_a_document_that_is_none_is_refused(body):
    with pytest.raises(ProtocolError, match="discovery document"):
        parse_discovery_response(response(body=body), issuer=ISSUER)


def test_the_endpoints_become_fields():
    found = metadata()
    assert found.issuer == ISSUER
    assert found.authorization_endpoint == f"{ISSUER}/authorize"
    assert found.token_endpoint == f"{ISSUER}/token"
    assert found.device_authorization_endpoint == f"{ISSUER}/device"
    assert found.userinfo_endpoint == f"{ISSUER}/userinfo"
    assert found.revocation_endpoint == f"{ISSUER}/revoke"
    assert found.jwks_uri == f"{ISSUER}/jwks"
    assert found.document["token_endpoint"] == f"{ISSUER}/token"


def test_what_the_document_leaves_out_or_sets_to_null_is_none():
    found = server_metadata({"token_endpoint": "https://idp.example/token", "jwks_uri": None})
    assert (found.issuer, found.jwks_uri, found.userinfo_endpoint) == (None, None, None)
    assert found.iss_parameter_supported is False
    assert found.token_endpoint_auth_methods is None


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "-x",
        "https://idp.example/\r\nX: y",
        "http://idp.example/",
        "http://127.0.0.1/",  # weaker than the https issuer
        "",
        7,
        ["https://idp.example"],
        False,
    ],
)
def test_an_endpoint_that_nobody_may_be_sent_to_is_refused_by_name(name, url):
    with pytest.raises(ProtocolError, match=f"the {name} "):
        metadata(**{name: url})


@pytest.mark.parametrize("issuer", ["http://idp.example", "", 7, "https://idp.example/?a=b"])
def test_an_issuer_that_can_be_none_is_refused(issuer):
    with pytest.raises(ProtocolError, match="the issuer"):
        server_metadata({"issuer": issuer})


@pytest.mark.parametrize(("value", "promised"), [(True, True), (False, False), ("true", False), (1, False)])
def test_iss_is_promised_by_true_alone(value, promised):
    assert metadata(authorization_response_iss_parameter_supported=value).iss_parameter_supported is promised


@pytest.mark.parametrize(
    ("value", "methods"),
    [
        (["none", "client_secret_post"], ("none", "client_secret_post")),
        (["none", 7, None], ("none",)),
        ([], ()),
        ("client_secret_post", None),
        ({"a": 1}, None),
    ],
)
def test_the_authentication_methods_are_the_strings_of_a_list(value, methods):
    assert metadata(token_endpoint_auth_methods_supported=value).token_endpoint_auth_methods == methods
