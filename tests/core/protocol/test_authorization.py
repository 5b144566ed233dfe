from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from answers import ISSUER, metadata

from oauth_cli_login.browser_flow import STATE_BYTES
from oauth_cli_login.context import Context
from oauth_cli_login.errors import AuthorizationError, ExitStatus, ProtocolError
from oauth_cli_login.protocol.authorization import (
    StrangersCallback,
    authorization_request,
    parse_authorization_response,
)
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.pkce import ENTROPY_BYTES, pkce_pair

PKCE = pkce_pair(bytes(range(32)))
STATE = "the-state"
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # 256 bits at least, and nothing that a URL would have to escape
REDIRECT_URI = "http://localhost:8085/callback"


def request(server=None, scopes=("openid", "email"), params=()):
    return authorization_request(
        server or metadata(),
        client_id="cli-app",
        redirect_uri=REDIRECT_URI,
        scopes=scopes,
        state=STATE,
        nonce="the-nonce",
        pkce=PKCE,
        params=dict(params),
    )


def query_of(url):
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def parse(query, server=None):
    return parse_authorization_response(query, state=STATE, metadata=server or metadata())


def test_the_request_is_that_of_the_code_flow_with_pkce():
    """RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core 3.1.2.1."""
    built = request()
    assert built.url.startswith(f"{ISSUER}/authorize?")
    assert query_of(built.url) == {
        "response_type": ["code"],
        "client_id": ["cli-app"],
        "redirect_uri": [REDIRECT_URI],
        "scope": ["openid email"],
        "state": [STATE],
        "nonce": ["the-nonce"],
        "code_challenge": [PKCE.code_challenge],
        "code_challenge_method": ["S256"],
    }
    assert (built.redirect_uri, built.state, built.nonce) == (REDIRECT_URI, STATE, "the-nonce")


def test_threat_01_a_thousand_logins_share_nothing():
    """With the engine's own sizes and the source that it has by default; RFC 6749 section 10.10."""
    entropy = Context({}, terminal=None).entropy
    seen = set()
    for _ in range(1000):
        pkce = pkce_pair(entropy(ENTROPY_BYTES))
        state, nonce = base64url(entropy(STATE_BYTES)), base64url(entropy(STATE_BYTES))
        built = authorization_request(
            metadata(),
            client_id="cli-app",
            redirect_uri=REDIRECT_URI,
            scopes=("openid",),
            state=state,
            nonce=nonce,
            pkce=pkce,
            params={},
        )
        sent = query_of(built.url)
        assert (sent["state"], sent["nonce"]) == ([state], [nonce])
        assert all(UNRESERVED.fullmatch(value) for value in (pkce.code_verifier, state, nonce))
        seen |= {pkce.code_verifier, sent["code_challenge"][0], state, nonce}
    assert len(seen) == 4000


def test_the_verifier_stays_here():
    assert PKCE.code_verifier not in request().url


def test_without_openid_no_nonce_is_sent_or_expected():
    built = request(scopes=("repo",))
    assert built.nonce is None
    assert "nonce" not in query_of(built.url)


def test_without_scopes_the_parameter_is_left_out():
    assert "scope" not in query_of(request(scopes=()).url)


def test_extra_parameters_are_added():
    assert query_of(request(params={"prompt": "consent", "login_hint": "a&b@x"}).url)["login_hint"] == ["a&b@x"]


def test_the_endpoints_own_query_is_kept():
    built = request(metadata(authorization_endpoint=f"{ISSUER}/authorize?p=b2c_1"))
    assert query_of(built.url)["p"] == ["b2c_1"]
    assert query_of(built.url)["client_id"] == ["cli-app"]


def test_a_request_shows_neither_state_nor_nonce():
    shown = repr(request())
    assert STATE not in shown
    assert "the-nonce" not in shown


def test_a_server_without_the_endpoint_is_for_the_device_flow():
    with pytest.raises(ProtocolError, match="no authorization_endpoint") as refused:
        request(metadata(authorization_endpoint=None))
    assert "--flow device" in refused.value.hint


@pytest.mark.parametrize("methods", [["plain"], [], ["s256"], "S256", {"S256": True}, 7, False])
def test_a_server_that_says_it_has_no_s256_is_refused(methods):
    """RFC 9700 section 2.1.1; never plain."""
    with pytest.raises(ProtocolError, match="does not support PKCE with S256"):
        request(metadata(code_challenge_methods_supported=methods))


@pytest.mark.parametrize("methods", [None, ["S256"], ["plain", "S256"], ("S256",)])
def test_s256_is_sent_where_the_server_has_it_or_says_nothing(methods):
    built = request(metadata(code_challenge_methods_supported=methods))
    assert query_of(built.url)["code_challenge_method"] == ["S256"]


def test_the_code_of_the_right_answer_is_returned():
    assert parse(f"code=SplxlOBeZQQYbYS6WxSbIA&state={STATE}") == "SplxlOBeZQQYbYS6WxSbIA"
    assert parse(f"code=a%2Fb%20c&state={STATE}&session_state=x&scope=a+b") == "a/b c"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=x",
        "state=",
        "code=x&state=other",
        f"code=x&state={STATE}x",
        f"code=x&state={STATE.upper()}",
        "error=access_denied",
        "error=access_denied&state=other",
        f"code=x&state={STATE}&state={STATE}",
        f"code=x&state={STATE}&state=other",
        "code=x&state=%E2%98%83",
        f"code=%FF&state={STATE}",
        f"state={STATE}&" + "&".join(f"a{n}=1" for n in range(60)),
    ],
)
def test_what_does_not_carry_this_logins_state_once_changes_nothing(query):
    with pytest.raises(StrangersCallback, match=r"^it|^its") as stranger:
        parse(query)
    assert STATE not in str(stranger.value)


@pytest.mark.parametrize(
    ("query", "repeated"),
    [
        ("code=x&code=y", "code"),
        ("code=x&code=x", "code"),
        ("error=a&error=b", "error"),
        (f"code=x&iss={ISSUER}&iss={ISSUER}", "iss"),
        (f"code=x&code=y&iss={ISSUER}&iss=z", "code, iss"),
    ],
)
def test_a_parameter_that_stands_there_twice_is_named(query, repeated):
    """RFC 6749 section 3.1."""
    with pytest.raises(ProtocolError, match=f"repeats {repeated}$"):
        parse(f"{query}&state={STATE}")


def test_a_code_and_an_error_together_are_refused():
    with pytest.raises(ProtocolError, match="both a code and an error"):
        parse(f"code=x&error=access_denied&state={STATE}")


@pytest.mark.parametrize("query", ["", "code=&", "id_token=x&"])
def test_neither_code_nor_error_is_refused(query):
    with pytest.raises(ProtocolError, match="neither a code nor an error"):
        parse(f"{query}state={STATE}")


@pytest.mark.parametrize("iss", ["https://evil.example", ISSUER + "/", ISSUER.upper(), "", ISSUER + ".evil.example"])
@pytest.mark.parametrize("rest", ["code=x", "error=access_denied"])
def test_an_answer_of_another_issuer_is_refused_before_it_is_believed(iss, rest):
    """RFC 9207 section 2.4: ahead of the code and of the error."""
    with pytest.raises(ProtocolError, match="another issuer") as refused:
        parse(f"{rest}&state={STATE}&iss={iss}")
    assert ISSUER in refused.value.message
    assert "Nothing was sent to the token endpoint" in refused.value.hint


def test_the_servers_own_iss_is_accepted():
    assert parse(f"code=x&state={STATE}&iss=https%3A%2F%2Fidp.example") == "x"


def test_a_missing_iss_is_refused_only_where_it_was_promised():
    promise = metadata(authorization_response_iss_parameter_supported=True)
    with pytest.raises(ProtocolError, match="lacks the iss"):
        parse(f"code=x&state={STATE}", promise)
    assert parse(f"code=x&state={STATE}&iss={ISSUER}", promise) == "x"
    assert parse(f"code=x&state={STATE}") == "x"


def test_iss_means_nothing_where_the_server_has_no_issuer():
    assert parse(f"code=x&state={STATE}&iss=https://whoever.example", metadata(issuer=None)) == "x"


def test_a_denial_says_that_nothing_was_stored():
    with pytest.raises(AuthorizationError, match="access_denied") as refused:
        parse(f"error=access_denied&state={STATE}")
    assert refused.value.exit_status == ExitStatus.REFUSED
    assert refused.value.error == "access_denied"
    assert "Nothing was stored" in refused.value.hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("invalid_scope", "--scope"),
        ("unauthorized_client", "not registered"),
        ("temporarily_unavailable", "later"),
        ("server_error", "later"),
        ("interaction_required", ""),
    ],
)
def test_an_error_keeps_the_servers_words(error, hint):
    """RFC 6749 section 4.1.2.1."""
    with pytest.raises(AuthorizationError, match=rf"{error} \(In words\)") as refused:
        parse(f"error={error}&error_description=In+words&error_uri=https%3A%2F%2Fidp.example%2Fe&state={STATE}")
    assert refused.value.error == error
    assert refused.value.error_description == "In words"
    assert refused.value.error_uri == "https://idp.example/e"
    assert hint in refused.value.hint
