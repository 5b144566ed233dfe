"""A server's key set: what can be used of it, and what it may cost to look at it."""

from __future__ import annotations

import json

import pytest
from answers import json_response, keys_of, response

from oauth_cli_login.errors import ProtocolError, TransportError
from oauth_cli_login.protocol.jwks import MAX_KEYS, jwks_request


def test_the_request_is_a_get_that_names_both_types():
    """RFC 7517 section 8.5."""
    request = jwks_request("https://idp.example/jwks")
    assert (request.method, request.url, request.body) == ("GET", "https://idp.example/jwks", None)
    assert request.headers == {"Accept": "application/jwk-set+json, application/json"}


@pytest.mark.parametrize("content_type", ["application/json", "application/jwk-set+json; charset=utf-8", "text/plain"])
def test_the_keys_are_read_whatever_their_type_is_called(signing_key, content_type):
    keys = keys_of(response(200, json.dumps({"keys": [signing_key.public_jwk]}), content_type))
    (key,) = keys.keys
    assert (key.kid, key.alg, key.kind, key.numbers) == (signing_key.kid, "RS256", "RSA", (signing_key.n, 65537))
    assert keys.unusable == ()


def test_keys_that_cannot_be_used_are_set_aside_and_the_others_are_there(signing_key):
    """RFC 7517 section 5: unknown kinds, and those with members that are missing or unsupported."""
    others = [{}, {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "ed"}, {"kty": "RSA", "n": "AQ", "e": "AQAB"}]
    keys = keys_of(json_response(keys=[*others, signing_key.public_jwk, signing_key.private_jwk]))
    assert [key.kid for key in keys.keys] == [signing_key.kid]
    assert [kid for kid, _ in keys.unusable] == [None, "ed", None, signing_key.kid]


def test_a_kid_that_is_there_is_known_usable_or_not(signing_key):
    keys = keys_of(json_response(keys=[signing_key.public_jwk, {"kty": "oct", "kid": "secret"}, {}]))
    assert [kid for kid in (None, signing_key.kid, "secret", "other", "") if keys.knows(kid)] == [
        None,
        signing_key.kid,
        "secret",
    ]


def test_the_kid_picks_and_without_one_all_are_tried_that_fit(signing_key):
    """RFC 7515 section 4.1.4; RFC 7517 section 4.5 lets keys share one."""
    jwk = {name: value for name, value in signing_key.public_jwk.items() if name != "alg"}
    named = [{**jwk, "kid": "a"}, {**jwk, "kid": "b"}, {**jwk, "kid": "b", "alg": "PS256"}, {**jwk, "kid": ...}]
    members = [{name: value for name, value in key.items() if value is not ...} for key in named]
    keys = keys_of(json_response(keys=members))
    assert [key.kid for key in keys.fitting("RS256", "b")] == ["b"]
    assert [key.alg for key in keys.fitting("PS256", "b")] == [None, "PS256"]
    assert [key.kid for key in keys.fitting("RS256", None)] == ["a", "b", None]
    assert keys.fitting("RS256", "c") == ()
    assert keys.fitting("ES256", None) == ()


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "null", "{}", '{"keys":{}}', '{"keys":null}', '{"keys":["k"]}', '{"keys":[[]]}', "<html>"),
        *("\ufeff{}", '{"keys":[],"keys":[]}', '{"keys":[{"kid":NaN}]}', "[" * 100_000),
    ],
)
def test_what_is_no_key_set_is_a_matter_of_the_protocol(body):
    with pytest.raises(ProtocolError, match="JSON Web Key Set"):
        keys_of(response(200, body))


@pytest.mark.parametrize(("number", "taken"), [(MAX_KEYS, True), (MAX_KEYS + 1, False), (10_000, False)])
def test_more_than_a_hundred_keys_are_not_looked_at(signing_key, number, taken):
    answer = json_response(keys=[signing_key.public_jwk] * number)
    if taken:
        assert len(keys_of(answer).keys) == number
    else:
        with pytest.raises(ProtocolError, match=f"has {number} keys"):
            keys_of(answer)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, ProtocolError), (401, ProtocolError), (204, ProtocolError), (429, TransportError), (503, TransportError)],
)
def test_an_answer_without_keys_says_why(status, error):
    with pytest.raises(error, match=str(status)):
        keys_of(json_response(status, keys=[]))
