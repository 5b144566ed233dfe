"""What comes to the callback port: the head of a request, and the query in it."""

from __future__ import annotations

from answers import ISSUER, metadata
from hypothesis import example, given
from hypothesis import strategies as st
from outside import PIECES, TEXTS, edited, encoded, only

from oauth_cli_login.errors import AuthorizationError, ProtocolError
from oauth_cli_login.protocol.authorization import StrangersCallback, parse_authorization_response
from oauth_cli_login.protocol.callback import BadRequest, parse_callback_request

REDIRECT_URI = "http://localhost:8085/callback"
STATE = "the-state"
QUERY = f"code=SplxlOBeZQQYbYS6WxSbIA&state={STATE}&iss=https%3A%2F%2Fidp.example"
HEAD = (
    f"GET /callback?{QUERY} HTTP/1.1\r\nHost: localhost:8085\r\nUser-Agent: Mozilla/5.0\r\nSec-Purpose: none"
).encode()
LINE = HEAD.partition(b"\r\n")[0]
SERVERS = [metadata(), metadata(authorization_response_iss_parameter_supported=True), metadata(issuer=None)]

NAMES = st.sampled_from(["code", "state", "iss", "error", "error_description", "error_uri", "CODE", "", "a"])
PARAMETERS = st.tuples(NAMES, st.sampled_from([STATE, ISSUER, "", "%ff", "%", "a%00b", "+", ";"]) | TEXTS)
QUERIES = st.one_of(
    TEXTS,
    st.lists(PARAMETERS, max_size=8).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
    st.lists(PARAMETERS, max_size=4).map(lambda pairs: f"state={STATE}&" + "&".join(map("=".join, pairs))),
    edited(QUERY.encode()).map(lambda data: data.decode("latin-1")),
    st.sampled_from([STATE + "\u00e9", STATE + "%C3%A9", "%ED%A0%80", STATE + "%00"]).map("code=x&state={}".format),
    st.just("&" * 60_000),
)


@given(edited(HEAD) | st.tuples(st.just(b"GET /callback?a="), PIECES, st.just(HEAD[len(LINE) - 9 :])).map(b"".join))
@example(b"GET  HTTP/1.1")
@example(b"  ")
@example(b"GET /callback HTTP/1.1\r\n:\r\n\r\n")
def test_any_head_is_a_callback_or_a_bad_request(head):
    with only(BadRequest):
        query = parse_callback_request(head, redirect_uri=REDIRECT_URI).query
        assert head.startswith(b"GET /callback")
        assert query.isascii()
        assert query.isprintable()


@given(TEXTS.map("/callback?a={}".format) | TEXTS, st.lists(TEXTS, max_size=4))
@example("/callback?\u00e9", [])
def test_any_target_and_headers_are_a_callback_or_a_bad_request(target, headers):
    lines = [f"GET {target} HTTP/1.1", "Host: localhost:8085", *headers]
    with only(BadRequest):
        assert parse_callback_request(encoded("\r\n".join(lines)), redirect_uri=REDIRECT_URI).query.isascii()


@given(QUERIES, st.sampled_from(SERVERS))
def test_any_query_is_a_code_or_an_error_of_ours(query, server):
    with only(StrangersCallback, AuthorizationError, ProtocolError):
        assert parse_authorization_response(query, state=STATE, metadata=server)
        assert STATE in query or "%" in query


@given(TEXTS.filter(lambda state: state != STATE))
def test_no_other_state_gets_anywhere(state):
    try:
        parse_authorization_response(f"code=x&state={state}", state=STATE, metadata=SERVERS[0])
    except StrangersCallback:
        return
    raise AssertionError("that was somebody else's")
