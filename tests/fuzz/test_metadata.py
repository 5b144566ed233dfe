"""Discovery documents, the addresses in them, and those that stand in a redirect."""

from __future__ import annotations

from answers import ISSUER, metadata, response
from hypothesis import given
from hypothesis import strategies as st
from outside import TEXTS, bodies, each, edited, neighbours, only

from oauth_cli_login.errors import OAuthCliError, ProtocolError
from oauth_cli_login.protocol.authorization import authorization_request
from oauth_cli_login.protocol.metadata import ENDPOINTS, parse_discovery_response, server_metadata
from oauth_cli_login.protocol.pkce import pkce_pair
from oauth_cli_login.protocol.resource import redirect_target
from oauth_cli_login.protocol.url import check_endpoint, host_of, is_loopback, origin_of

DOCUMENT = {
    **metadata().document,
    "authorization_response_iss_parameter_supported": True,
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
    "id_token_signing_alg_values_supported": ["RS256"],
}
URLS = st.one_of(
    TEXTS,
    st.builds("{}://{}".format, st.sampled_from(["http", "https", "HTTPS", ""]), TEXTS),
    edited(b"https://user@idp.example:8443/path?query#fragment").map(lambda data: data.decode("latin-1")),
    edited(b"http://[::1]:8085/callback").map(lambda data: data.decode("latin-1")),
    st.sampled_from(
        ["https://[", "https://x:99999/", "https://x:y", "https://\u00e9.example", "https://idp\u2100.example"]
    ),
)


@given(bodies(DOCUMENT), st.sampled_from([200, 200, 200, 404, 500]))
@each("body", neighbours(DOCUMENT), status=200)
def test_any_discovery_document_becomes_metadata_or_an_error_of_ours(body, status):
    with only(OAuthCliError):
        found = server_metadata(parse_discovery_response(response(status, body), issuer=ISSUER))
        assert found.issuer == ISSUER
        for name in ENDPOINTS:
            url = getattr(found, name)
            assert url is None or url.startswith("https://")
        authorization_request(
            found,
            client_id="cli-app",
            redirect_uri="http://localhost:8085/callback",
            scopes=["openid"],
            state="s",
            nonce="n",
            pkce=pkce_pair(bytes(32)),
            params={},
        )


@given(URLS)
def test_any_text_is_a_usable_address_or_a_protocol_error(text):
    host_of(text)
    is_loopback(text)
    with only(ProtocolError):
        url = check_endpoint("token_endpoint", text)
        assert url.startswith("https://") or is_loopback(url)
        assert url.isascii()
        assert url.isprintable()
        assert origin_of(url)[1] == host_of(url) != ""


@given(URLS, st.sampled_from(["GET", "HEAD", "POST"]))
def test_any_location_leads_to_the_same_origin_or_nowhere(location, method):
    url = "https://api.example/v1/items"
    with only():
        target = redirect_target(method, url, location)
        assert target is None or (method != "POST" and origin_of(target) == origin_of(url))
