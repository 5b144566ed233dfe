"""ID tokens are verified with the keys of the server, at each sign-in and refresh; and what that may cost."""

from __future__ import annotations

import json

import pytest
from answers import json_response, metadata

from oauth_cli_login.context import Connection
from oauth_cli_login.errors import ProtocolError, TransportError
from oauth_cli_login.keys import Keys
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.jws import parse_jws
from oauth_cli_providers.mock.signing import generate_key

LOGIN = ("login", "--provider", "mock")


@pytest.fixture(scope="session")
def other_key():
    return generate_key()


@pytest.fixture
def expired(signed_in, clock):
    return signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600)


@pytest.fixture
def no_waiting(cli, world):
    """Time passes at once where somebody sleeps, and only there."""
    passed = [1000.0]
    world(monotonic=lambda: sum(passed), sleep=passed.append)


class Published:
    """Stands in for Http, at a server that publishes these keys, each set once and the last one for good."""

    def __init__(self, *key_sets) -> None:
        self.key_sets = list(key_sets)
        self.sent = []

    def close(self):
        pass

    def send(self, request, *, repeat):
        self.sent.append((request.method, request.url, repeat))
        return json_response(keys=self.key_sets.pop(0) if len(self.key_sets) > 1 else self.key_sets[0])


def keys_of(published, **members):
    return Keys(metadata(**members), Connection(lambda: published))


def jws_of(key, kid=..., alg="RS256"):
    header = {"alg": alg, "kid": key.kid if kid is ... else kid}
    text = f"{base64url(json.dumps(header).encode())}.{base64url(b'{}')}"
    return parse_jws(f"{text}.{base64url(key.sign(text.encode()))}", "ID token")


# ---- fetched once


def test_the_keys_are_asked_for_once_however_many_tokens_there_are(signing_key):
    published = Published([signing_key.public_jwk])
    keys = keys_of(published)
    assert published.sent == []
    for _ in range(3):
        keys.verify(jws_of(signing_key))
    keys.fetch()
    assert published.sent == [("GET", "https://idp.example/jwks", "always")]


def test_a_kid_that_is_new_has_them_asked_for_once_more(signing_key, other_key):
    published = Published([other_key.public_jwk], [other_key.public_jwk, signing_key.public_jwk])
    keys = keys_of(published)
    keys.verify(jws_of(other_key))
    keys.verify(jws_of(signing_key))
    assert len(published.sent) == 2


def test_threat_55_a_hundred_unknown_kids_cost_two_requests(signing_key):
    published = Published([signing_key.public_jwk])
    keys = keys_of(published)
    for number in range(100):
        with pytest.raises(ProtocolError, match=f"no key of the provider's fits .*'unknown-{number}'"):
            keys.verify(jws_of(signing_key, kid=f"unknown-{number}"))
    keys.verify(jws_of(signing_key))
    assert len(published.sent) == 2


@pytest.mark.parametrize("kid", [..., None])
def test_a_wrong_signature_does_not_have_them_asked_for_again(signing_key, other_key, kid):
    published = Published([signing_key.public_jwk])
    with pytest.raises(ProtocolError, match="signature"):
        keys_of(published).verify(jws_of(other_key, kid=signing_key.kid if kid is ... else kid))
    assert len(published.sent) == 1


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "PS256"])
def test_what_no_key_can_mend_has_none_asked_for(signing_key, alg):
    published = Published([signing_key.public_jwk])
    announced = ["RS256", "HS256", "none"]
    with pytest.raises(ProtocolError, match="signed"):
        keys_of(published, id_token_signing_alg_values_supported=announced).verify(jws_of(signing_key, alg=alg))
    assert published.sent == []


@pytest.mark.parametrize("announced", [None, ["RS256"], ["ES256", "RS256", 7], "RS256"])
def test_metadata_that_announces_the_alg_or_says_nothing_that_can_be_read_allows_it(signing_key, announced):
    """OpenID Connect Discovery section 3."""
    published = Published([signing_key.public_jwk])
    keys_of(published, id_token_signing_alg_values_supported=announced).verify(jws_of(signing_key))


class Failing(Published):
    """Its answer of this number, and all after it, are none."""

    def __init__(self, *key_sets, fails_at=1):
        super().__init__(*key_sets)
        self.fails_at = fails_at

    def send(self, request, *, repeat):
        answer = super().send(request, repeat=repeat)
        if len(self.sent) >= self.fails_at:
            raise TransportError("nothing answers")
        return answer


def test_a_server_that_does_not_answer_is_asked_once(signing_key):
    published = Failing([signing_key.public_jwk])
    keys = keys_of(published)
    for _ in range(5):
        with pytest.raises(TransportError) as refusal:
            keys.verify(jws_of(signing_key))
        assert refusal.value is keys.failure
    with pytest.raises(TransportError):
        keys.fetch()
    assert len(published.sent) == 1


def test_a_server_that_does_not_answer_the_second_time_is_not_asked_again(signing_key, other_key):
    published = Failing([signing_key.public_jwk], fails_at=2)
    keys = keys_of(published)
    for _ in range(5):
        with pytest.raises(TransportError) as refusal:
            keys.verify(jws_of(other_key))
        assert refusal.value is keys.failure
        keys.verify(jws_of(signing_key))
        with pytest.raises(ProtocolError, match="signature"):
            keys.verify(jws_of(other_key, kid=signing_key.kid))
    assert len(published.sent) == 2


@pytest.mark.parametrize("kid", [7, ["a"], {}, "x" * 2000])
def test_a_kid_that_is_none_has_no_keys_asked_for(signing_key, kid):
    published = Published([signing_key.public_jwk])
    with pytest.raises(ProtocolError, match="no kid"):
        keys_of(published).verify(jws_of(signing_key, kid=kid))
    assert published.sent == []


# ---- another command


def test_a_key_that_was_withdrawn_vouches_for_nothing_in_the_next_command(signing_key, other_key):
    published = Published([signing_key.public_jwk], [other_key.public_jwk])
    keys_of(published).verify(jws_of(signing_key))

    with pytest.raises(ProtocolError):
        keys_of(published).verify(jws_of(signing_key))


# ---- at a sign-in


@pytest.mark.parametrize("flow", ["browser", "device"])
def test_a_sign_in_asks_for_the_keys_once(cli, server, no_waiting, flow):
    assert cli(*LOGIN, "--flow", flow).status == 0
    assert [request.method for request in server.received("/jwks")] == ["GET"]


@pytest.mark.parametrize("flow", ["browser", "device"])
def test_a_token_that_somebody_else_has_signed_stores_nothing(cli, server, other_key, session_file, no_waiting, flow):
    server.sign = lambda claims: other_key.encode(json.loads(claims), typ="JWT")
    server.keys[0] = {**server.keys[0], "kid": other_key.kid}

    assert cli(*LOGIN, "--flow", flow).failed(8, "the signature of the ID token is wrong")
    assert not session_file().exists()


def test_a_token_whose_claims_were_changed_stores_nothing(cli, server, sign, session_file):
    def tampered(claims: str) -> str:
        header, _, signature = sign(claims).split(".")
        return f"{header}.{base64url(json.dumps({**json.loads(claims), 'email': 'a@b.example'}).encode())}.{signature}"

    server.sign = tampered

    assert cli(*LOGIN).failed(8, "the signature of the ID token is wrong")
    assert not session_file().exists()


def test_a_key_that_was_published_a_moment_ago_is_found(cli, server, reply, other_key, store):
    server.queue("/jwks", reply(200, {"keys": [other_key.public_jwk]}))

    assert cli(*LOGIN).status == 0
    assert len(server.received("/jwks")) == 2
    assert store.read("mock").session.sub == "demouser"


def test_a_server_without_a_jwks_uri_is_refused_before_the_browser(cli, server, robot):
    server.metadata = {"jwks_uri": None}

    done = cli(*LOGIN)

    assert done.failed(8, "no jwks_uri")
    assert "--jwks-uri" in done.next_step
    assert robot.urls == []


def test_a_token_that_nobody_asked_for_is_verified_or_refused_as_well(cli, server, session_file):
    server.metadata = {"jwks_uri": None}

    assert cli(*LOGIN, "--scope", "api").failed(8, "no jwks_uri")
    assert not session_file().exists()


def test_without_an_id_token_no_key_is_asked_for(cli, server):
    server.tokens = {"id_token": None}
    server.metadata = {"jwks_uri": None}

    assert cli(*LOGIN, "--scope", "api").status == 0
    assert server.received("/jwks") == []


# ---- at a refresh


def test_a_refreshed_token_is_verified_before_it_is_stored(cli, server, expired, other_key, store):
    server.sign = lambda claims: other_key.encode(json.loads(claims), typ="JWT")
    server.keys[0] = {**server.keys[0], "kid": other_key.kid}

    assert cli("token").failed(8, "the signature of the ID token is wrong")
    assert len(server.received("/token")) == 1
    assert store.read("mock") == expired


def test_a_refresh_asks_for_the_keys_first_and_once(cli, server, expired):
    assert cli("token").status == 0
    paths = [request.path for request in server.requests]
    assert paths == ["/.well-known/openid-configuration", "/jwks", "/token"]


def test_where_the_keys_cannot_be_had_the_refresh_token_is_not_spent(cli, server, reply, expired, no_waiting, store):
    server.queue("/jwks", *[reply(503)] * 3)

    assert cli("token").failed(7, "JSON Web Key Set")
    assert server.received("/token") == []
    assert store.read("mock") == expired
    assert cli("token").status == 0


def test_a_session_without_an_id_token_needs_no_keys(cli, server, signed_in, clock):
    signed_in(expires_at=int(clock()), issued_at=int(clock()) - 3600, id_token=None)
    server.tokens = {"id_token": None}
    server.metadata = {"jwks_uri": None}

    assert cli("token").status == 0
    assert server.received("/jwks") == []
