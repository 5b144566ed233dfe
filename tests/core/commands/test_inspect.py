"""``inspect``: what a token says, what was checked of it, and that nothing of the rest of it is shown."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_providers.mock.signing import generate_key

ALL_OK = {name: {"result": "ok"} for name in ("signature", "typ", "iss", "sub", "aud", "exp", "iat")}
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
def claims(server, clock):
    """Return what makes the claims of an access token, in the way of RFC 9068; ``None`` leaves one out."""

    def make(**changes):
        now = int(clock())
        own = {"iss": server.issuer, "sub": "demouser", "aud": "https://api.example", "iat": now, "exp": now + 600}
        return {name: value for name, value in {**own, **changes}.items() if value is not None}

    return make


@pytest.fixture
def jwt(sign, claims):
    """Return what signs such a token with the server's key."""
    return lambda **changes: sign(json.dumps(claims(**changes)))


@pytest.fixture
def given(monkeypatch):
    """Put a text on standard input, as ``-`` reads it."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def piped(monkeypatch):
    """Put a text into a pipe."""

    @contextmanager
    def piped(text):
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        with open(read, encoding="utf-8") as source:
            monkeypatch.setattr("sys.stdin", source)
            yield

    return piped


def only(done):
    """Return the one token of an answer."""
    (token,) = done.json["tokens"]
    return token


def resigned(token, **header):
    """Return the token with another header, and a signature that cannot fit."""
    _, payload, signature = token.split(".")
    return f"{base64url(json.dumps({'typ': 'JWT', **header}).encode())}.{payload}.{signature}"


# the profile's own tokens


def test_a_person_sees_header_claims_and_checks(cli, server, signed_in):
    signed_in()

    done = cli("inspect", "--id-token")

    assert (done.status, done.out) == (0, "")
    lines = done.err.splitlines()
    assert lines[0] == "ID token of mock"
    assert "    alg  RS256" in lines
    assert f"    iss  {server.issuer}" in lines
    assert "    exp  1800000600  2027-01-15 08:10:00 UTC, in 10 min" in lines
    assert lines[lines.index("  checks") + 1] == "    signature  ok"


def test_json_has_both_tokens(cli, server, signed_in):
    session = signed_in().session

    done = cli("inspect", "--json", "-vvv")

    assert done.status == 0
    assert done.json["profile"] == "mock"
    access, id_token = done.json["tokens"]
    assert access == {
        "kind": "access_token",
        "format": "opaque",
        "header": None,
        "claims": None,
        "checks": {"active": {"result": "ok"}},
        "introspection": {"active": True, "sub": "demouser"},
    }
    assert id_token["header"]["alg"] == "RS256"
    assert id_token["claims"]["iss"] == server.issuer
    assert id_token["checks"] == ALL_OK
    assert id_token["introspection"] is None
    for token in (session.access_token, session.id_token, session.id_token.rpartition(".")[2], session.refresh_token):
        assert token not in done.out + done.err


def test_nothing_is_refreshed(cli, server, signed_in, clock, store):
    signed_in()
    clock.now += 7200
    before = store.read("mock")

    done = cli("inspect", "--json")

    assert done.status == 8
    assert done.json["tokens"][1]["checks"]["exp"]["result"] == "failed"
    assert server.received("/token") == []
    assert store.read("mock") == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"iss": ELSEWHERE}, "iss"),
        ({"sub": None}, "sub"),
        ({"aud": "another"}, "aud"),
        ({"azp": "another"}, "aud"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": 2_000_000_000}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"nbf": 2_000_000_000}, "nbf"),
    ],
)
def test_each_claim_that_is_wrong_fails_alone(cli, server, signed_in, change, name):
    server.claims = change
    signed_in()

    done = cli("inspect", "--id-token", "--json")

    checks = only(done)["checks"]
    assert done.status == 8
    assert [key for key, check in checks.items() if check["result"] == "failed"] == [name]
    assert checks[name]["reason"]


def test_a_signature_that_is_wrong_fails(cli, server, signed_in):
    head, _, signature = server.id_token().rpartition(".")
    signed_in(id_token=f"{head}.{signature[:-8]}AAAAAAAA"[: len(head) + 1 + len(signature)])

    done = cli("inspect", "--id-token")

    assert done.status == 8
    assert "    signature  failed: the signature of the ID token is wrong" in done.err.splitlines()


def test_a_check_that_failed_is_told_quietly_too(cli, server, signed_in):
    server.claims = {"exp": 1}
    signed_in()

    assert cli("inspect", "--id-token", "-q").err.strip().startswith("exp        failed: the ID token expired")


def test_another_kind_of_token_is_no_id_token(cli, server, signed_in):
    signed_in(id_token=resigned(server.id_token(), typ="at+jwt"))

    assert only(cli("inspect", "--id-token", "--json"))["checks"]["typ"] == {
        "result": "failed",
        "reason": "the ID token is another kind of token (typ 'at+jwt')",
    }


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_an_algorithm_that_proves_nothing_fails(cli, server, signed_in, alg):
    signed_in(id_token=resigned(server.id_token(), alg=alg))

    assert only(cli("inspect", "--id-token", "--json"))["checks"]["signature"]["result"] == "failed"


def test_the_nonce_was_the_sign_ins(cli, server, signed_in):
    server.claims = {"nonce": "n"}
    signed_in()

    done = cli("inspect", "--id-token", "--json")

    assert done.status == 0
    assert only(done)["checks"]["nonce"]["result"] == "not checked"


def test_the_hash_of_an_access_token_that_was_renewed_is_not_checked(cli, server, signed_in, clock):
    """A refresh need not bring an ID token (OpenID Connect Core 12.2): the first one stays, with its hash."""
    access_token = "the-first-access-token"
    server.claims = {"at_hash": base64url(hashlib.sha256(access_token.encode()).digest()[:16])}
    signed_in(access_token=access_token)
    assert only(cli("inspect", "--id-token", "--json"))["checks"]["at_hash"] == {"result": "ok"}
    server.tokens = {"id_token": None}
    clock.now += 5
    assert cli("token", "--refresh").status == 0

    done = cli("inspect", "--id-token", "--json")

    assert done.status == 0
    assert only(done)["checks"]["at_hash"] == {
        "result": "not checked",
        "reason": "the access token has been renewed since",
    }


def test_a_server_that_does_not_answer_leaves_the_rest_checked(cli, server, reply, signed_in):
    signed_in()
    server.queue("/jwks", *[reply(503)] * 3)

    done = cli("inspect", "--id-token", "--json")

    checks = only(done)["checks"]
    assert done.status == 7
    assert checks["signature"]["result"] == "not checked"
    assert "503" in checks["signature"]["reason"]
    assert {**checks, "signature": {"result": "ok"}} == ALL_OK


def test_a_server_that_publishes_no_keys_leaves_the_signature_alone(cli, server, signed_in):
    server.metadata = {"jwks_uri": None}
    signed_in()

    done = cli("inspect", "--id-token", "--json")

    assert done.status == 0
    assert only(done)["checks"]["signature"] == {
        "result": "not checked",
        "reason": "the provider publishes no keys",
    }


def test_keys_that_cannot_be_had_are_no_failing_of_the_token(cli, server, reply, signed_in):
    """So the exit status is not 8, which is a check's that failed."""
    signed_in()
    server.queue("/jwks", reply(404))

    done = cli("inspect", "--id-token", "--json")

    assert done.status == 7
    assert only(done)["checks"]["signature"]["result"] == "not checked"
    assert "404" in only(done)["checks"]["signature"]["reason"]


def test_newer_keys_that_cannot_be_had_are_no_failing_of_the_token(cli, server, reply, signed_in, claims):
    signed_in(access_token=generate_key().encode(claims(), typ="at+jwt"))
    server.queue("/jwks", reply(200, {"keys": server.keys}), reply(404))

    done = cli("inspect", "--json")

    access, id_token = done.json["tokens"]
    assert done.status == 7
    assert access["checks"]["signature"]["result"] == "not checked"
    assert "404" in access["checks"]["signature"]["reason"]
    assert id_token["checks"] == ALL_OK
    assert len(server.received("/jwks")) == 2


def test_an_answer_of_the_provider_that_cannot_be_read_is_no_failing_of_the_token(cli, server, reply, signed_in):
    signed_in()
    server.queue("/introspect", reply(200, {"active": "perhaps"}))

    done = cli("inspect", "--access-token", "--introspect", "--json")

    assert (done.status, only(done)["checks"]["active"]["result"]) == (7, "not checked")


def test_a_server_without_discovery_leaves_the_rest_checked(cli, server, reply, signed_in):
    signed_in()
    server.queue("/.well-known/openid-configuration", *[reply(503)] * 3)

    done = cli("inspect", "--json")

    assert done.status == 7
    access, id_token = done.json["tokens"]
    assert access["checks"]["active"]["result"] == "not checked"
    assert {**id_token["checks"], "signature": {"result": "ok"}} == ALL_OK


def test_settings_that_mean_another_server_stop_before_the_network(cli, server, signed_in):
    signed_in()

    done = cli("inspect", "--json", OAUTH_CLI_MOCK_ISSUER="http://127.0.0.1:9/default")

    assert done.status == 3
    assert server.requests == []
    assert only_kinds(done) == ["access_token", "id_token"]


def only_kinds(done):
    return [token["kind"] for token in done.json["tokens"]]


def test_a_session_without_an_id_token_shows_the_other(cli, server, signed_in):
    signed_in(id_token=None)

    assert only_kinds(cli("inspect", "--json")) == ["access_token"]
    assert cli("inspect", "--id-token").failed(4, "no ID token")


def test_nobody_signed_in_is_told_so(cli, server):
    assert cli("inspect").failed(4, "not signed in")


# access tokens


def test_an_access_token_that_is_a_jwt_is_shown_and_not_sent(cli, server, signed_in, jwt):
    signed_in(access_token=jwt())

    done = cli("inspect", "--access-token", "--json")

    token = only(done)
    assert (done.status, token["format"], token["claims"]["aud"]) == (0, "jwt", "https://api.example")
    assert {name: check["result"] for name, check in token["checks"].items()} == {
        "signature": "ok",
        "iss": "ok",
        "exp": "ok",
        "iat": "ok",
        "aud": "not checked",
    }
    assert server.received("/introspect") == []


def test_its_algorithm_need_not_be_one_of_id_tokens(cli, server, signed_in, jwt):
    """What the metadata announces is for ID tokens."""
    server.metadata = {"id_token_signing_alg_values_supported": ["ES256"]}
    signed_in(access_token=jwt())

    access, id_token = cli("inspect", "--json").json["tokens"]

    assert access["checks"]["signature"] == {"result": "ok"}
    assert id_token["checks"]["signature"]["result"] == "failed"


def test_a_key_that_is_newer_than_the_ones_kept_verifies_it(cli, server, signed_in, claims, signing_key):
    new = generate_key()
    signed_in(access_token=new.encode(claims(), typ="at+jwt"))
    assert cli("inspect", "--id-token").status == 0
    server.keys = [signing_key.public_jwk, new.public_jwk]

    done = cli("inspect", "--access-token", "--json")

    assert only(done)["checks"]["signature"] == {"result": "ok"}
    assert len(server.received("/jwks")) == 2


def test_it_may_be_from_another_issuer(cli, server, signed_in, jwt):
    signed_in(access_token=jwt(iss=ELSEWHERE))

    done = cli("inspect", "--access-token", "--json")

    checks = only(done)["checks"]
    assert done.status == 0
    assert checks["signature"]["result"] == "not checked"
    assert "iss" not in checks


def test_it_is_introspected_where_that_is_asked_for(cli, server, signed_in, jwt):
    token = jwt()
    signed_in(access_token=token)

    done = cli("inspect", "--introspect", "--json")

    access, id_token = done.json["tokens"]
    assert access["introspection"] == {"active": True, "sub": "demouser"}
    assert id_token["introspection"] is None
    (asked,) = server.received("/introspect")
    assert asked.fields == {"client_id": "cli-app", "token": token, "token_type_hint": "access_token"}


def test_one_that_is_not_active_fails(cli, server, signed_in):
    signed_in()
    server.introspection = {"active": False, "sub": None}

    done = cli("inspect", "--access-token")

    assert done.status == 8
    assert "    active  failed: the provider says that it is not" in done.err.splitlines()


def test_a_server_that_cannot_introspect_leaves_an_opaque_token_unchecked(cli, server, signed_in):
    signed_in()
    server.metadata = {"introspection_endpoint": None}

    assert only(cli("inspect", "--access-token", "--json"))["checks"]["active"]["result"] == "not checked"
    assert cli("inspect", "--access-token").status == 0
    assert cli("inspect", "--access-token", "--introspect").failed(3, "no introspection_endpoint")


def test_a_client_that_may_not_introspect_is_told_so(cli, server, reply, signed_in):
    signed_in()
    refusal = reply(401, {"error": "invalid_client"})
    server.queue("/introspect", refusal, refusal)

    assert cli("inspect", "--access-token").status == 0
    assert cli("inspect", "--access-token", "--introspect").failed(5, "invalid_client")


def test_an_id_token_is_not_introspected(cli, server, signed_in):
    signed_in()

    assert cli("inspect", "--id-token", "--introspect").failed(2, "RFC 7662")


# standard input


def test_a_token_is_no_argument(cli, server, signed_in):
    signed_in()
    token = server.id_token()

    for argv in (["inspect", token], ["inspect", "-", token], ["inspect", "--json", token]):
        done = cli(*argv)
        assert done.failed(2, "not taken as an argument")
        assert token not in done.err
    assert server.requests == []


def test_a_token_is_read_from_standard_input(cli, server, signed_in, jwt, given):
    signed_in()
    token = jwt()
    given(token + "\n")

    done = cli("inspect", "-", "--json")

    found = only(done)
    assert (done.status, done.json["profile"], found["kind"]) == (0, "mock", "token")
    assert (found["checks"]["signature"], found["checks"]["iss"]) == ({"result": "ok"}, {"result": "ok"})
    assert token.rpartition(".")[2] not in done.out + done.err


@pytest.mark.parametrize("before", ["Bearer ", "Authorization: Bearer ", "authorization:bearer  "])
def test_it_may_come_as_the_header_that_it_was_sent_in(cli, server, jwt, given, before):
    given(before + jwt() + "\r\n")

    assert only(cli("inspect", "-", "--json"))["claims"]["sub"] == "demouser"


def test_a_pipe_is_read_without_being_asked_for(cli, server, signed_in, jwt, piped):
    signed_in()
    with piped(jwt(sub="somebody")):
        assert only(cli("inspect", "--json"))["claims"]["sub"] == "somebody"


def test_an_empty_pipe_means_the_profile(cli, server, signed_in, piped):
    signed_in()
    with piped(""):
        assert only_kinds(cli("inspect", "--json")) == ["access_token", "id_token"]


def test_an_option_that_names_a_token_of_the_profile_leaves_a_pipe_alone(cli, server, signed_in, jwt, piped):
    signed_in()
    with piped(jwt()):
        assert only_kinds(cli("inspect", "--id-token", "--json")) == ["id_token"]
        assert cli("inspect", "-", "--id-token").failed(2, "the profile's own")


def test_a_token_from_elsewhere_is_read_and_not_verified(cli, server, signed_in, jwt, given):
    """No key is fetched from where a token says, and none of the profile's fits."""
    signed_in()
    given(jwt(iss=ELSEWHERE))

    done = cli("inspect", "-", "--json")

    checks = only(done)["checks"]
    assert done.status == 0
    assert checks["signature"] == {"result": "not checked", "reason": "it is not from the session's issuer"}
    assert checks["exp"] == {"result": "ok"}
    assert server.received("/jwks") == []


def test_a_token_that_only_says_that_it_is_from_here_fails(cli, server, signed_in, jwt, given):
    signed_in()
    given(resigned(jwt(), alg="RS256"))

    done = cli("inspect", "-", "--json")

    assert done.status == 8
    assert only(done)["checks"]["signature"]["result"] == "failed"


@pytest.mark.parametrize(("change", "name"), [({"exp": 1}, "exp"), ({"iat": 2e9}, "iat"), ({"nbf": 2e9}, "nbf")])
def test_its_times_are_judged(cli, server, jwt, given, change, name):
    given(jwt(**change))

    done = cli("inspect", "-", "--json")

    assert done.status == 8
    assert only(done)["checks"][name]["result"] == "failed"


def test_a_token_without_times_has_none_judged(cli, server, jwt, given):
    given(jwt(exp=None, iat=None))

    assert set(only(cli("inspect", "-", "--json"))["checks"]) == {"signature", "aud"}


def test_it_needs_no_session(cli, server, jwt, given):
    given(jwt())

    done = cli("inspect", "-", "--json")

    assert (done.status, done.json["profile"]) == (0, None)
    assert only(done)["checks"]["signature"]["result"] == "not checked"
    assert server.requests == []


@pytest.mark.parametrize("environ_of", [{}, {"OAUTH_CLI_PROFILE": "signed-out"}])
def test_where_no_one_session_is_meant_it_is_read_all_the_same(cli, server, signed_in, jwt, given, environ_of):
    signed_in("work")
    signed_in("home")
    given(jwt())

    done = cli("inspect", "-", "--json", **environ_of)

    assert (done.status, done.json["profile"]) == (0, None)
    assert server.requests == []


def test_a_profile_that_is_named_must_be_signed_in(cli, server, jwt, given):
    given(jwt())

    assert cli("inspect", "-", "--profile", "work").failed(4, "work")


def test_what_is_no_jwt_cannot_be_shown(cli, server, signed_in, given):
    signed_in()
    for text in ("opaque", "e30.e30", "e30.e30.e30.e30"):
        given(text)
        assert cli("inspect", "-").failed(2, "no JWT")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"iss":"https://elsewhere.example","n":1234567890123456789012345678901}', "a number in it is absurd"),
        (b'{"iss":"https://elsewhere.example","iss":"https://elsewhere.example"}', "a member stands in it twice"),
        (b'{"n":' + b"[" * 40 + b"]" * 40 + b"}", "it nests too deeply"),
        (b"[]", "its claims are no JSON object"),
        (b'{"sub":"\xff"}', "it is not UTF-8"),
    ],
)
@pytest.mark.parametrize("option", [(), ("--introspect",)])
def test_a_jwt_that_cannot_be_read_is_told_why_and_sent_nowhere(cli, server, signed_in, given, payload, reason, option):
    """Who issued it cannot be told, so it may be another server's."""
    signed_in()
    given(f"{base64url(b'{}')}.{base64url(payload)}.AA")

    done = cli("inspect", "-", *option)

    assert done.failed(2, f"the token cannot be read: {reason}")
    assert base64url(payload) not in done.err
    assert server.requests == []


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("e30=.e30.AA", "not base64url without padding"),
        ("W10.e30.AA", "its header is no JSON object"),
        ("e30.e30.e30.e30.e30", "encrypted"),
    ],
)
def test_parts_that_cannot_be_read_are_sent_nowhere_either(cli, server, signed_in, given, token, reason):
    signed_in()
    given(token)

    assert cli("inspect", "-", "--introspect").failed(2, reason)
    assert server.requests == []


def test_an_access_token_of_the_session_that_looks_like_a_jwt_is_its_servers_to_read(cli, server, signed_in):
    signed_in(access_token="two.dots.inside")

    assert only(cli("inspect", "--access-token", "--json"))["checks"] == {"active": {"result": "ok"}}


@pytest.mark.parametrize("text", ["", "\n", "two tokens", "a\nb", "x" * 300_000, "caf\u00e9", "a\udc80", "a\x1b"])
def test_standard_input_holds_one_token(cli, server, signed_in, given, text):
    signed_in()
    given(text)

    assert cli("inspect", "-").failed(2, "standard input")


def test_what_cannot_be_read_is_one_line(cli, server, signed_in, monkeypatch):
    signed_in()

    class Folder(io.StringIO):
        def read(self, _size=-1):
            raise IsADirectoryError

    for source in (io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"), Folder()):
        monkeypatch.setattr("sys.stdin", source)
        assert cli("inspect", "-", "--introspect").failed(2, "cannot be read")


def test_an_opaque_token_is_introspected_where_that_is_asked_for(cli, server, signed_in, given):
    signed_in()
    given("opaque-token")

    done = cli("inspect", "-", "--introspect", "--json")

    assert (done.status, only(done)["checks"]) == (0, {"active": {"result": "ok"}})
    (asked,) = server.received("/introspect")
    assert asked.fields == {"client_id": "cli-app", "token": "opaque-token"}


def test_a_token_from_elsewhere_is_not_sent_to_the_profiles_server(cli, server, signed_in, jwt, given):
    signed_in()
    given(jwt(iss=ELSEWHERE))

    assert cli("inspect", "-", "--introspect").failed(2, "not sent there")
    assert server.received("/introspect") == []


def test_introspection_needs_a_session(cli, server, jwt, given):
    given(jwt())

    assert cli("inspect", "-", "--introspect").failed(2, "no session")


# what a terminal is shown


def test_what_a_token_says_cannot_move_the_cursor_or_forge_a_line(cli, server, jwt, given):
    given(jwt(**{"sub": "a\x1b[2J\nchecks", "x\n  checks": "\u202e", "groups": ["\x1b]0;"]}))

    done = cli("inspect", "-")

    assert "\x1b" not in done.err
    assert "\u202e" not in done.err
    assert done.err.count("\n  checks\n") == 1
    assert r"a\x1b[2J\nchecks" in done.err


def test_long_values_are_cut_for_people_and_whole_for_programs(cli, server, jwt, given):
    token = jwt(note="x" * 5000)
    given(token)
    assert "… (5000 characters)" in cli("inspect", "-").err
    given(token)
    assert only(cli("inspect", "-", "--json"))["claims"]["note"] == "x" * 5000


@pytest.mark.parametrize("time", [10**29, -1, True, "soon", [1]])
def test_a_time_that_is_none_is_shown_as_it_is(cli, server, jwt, given, time):
    given(jwt(auth_time=time))

    done = cli("inspect", "-")

    assert done.status == 0
    (line,) = [line for line in done.err.splitlines() if "auth_time" in line]
    assert line.split(maxsplit=1)[1] == (time if isinstance(time, str) else json.dumps(time))


def test_standard_input_that_is_a_device_or_closed_means_the_profile(environ, server, signed_in):
    """As a process: what pytest puts in the place of standard input has no descriptor."""
    signed_in(id_token=None)
    for how in ("</dev/null", "<&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -m oauth_cli_login inspect --json {how}', sys.executable],
            env={**environ, "PATH": os.defpath}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert json.loads(done.stdout)["profile"] == "mock", done.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_server_that_repeats_the_token_does_not_get_it_shown(cli, server, signed_in, as_json):
    signed_in()
    server.introspection = {"echo": "stored-access-token", "deep": {"in": ["of stored-access-token"]}}

    done = cli("inspect", "--access-token", *as_json)

    assert server.received("/introspect")
    assert "stored-access-token" not in done.out + done.err
    assert "(the token itself)" in done.out + done.err
