"""Each fault on the wire: what it changes there, and that a healthy server's answer is not taken for it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import http.client
import http.server
import itertools
import json
import re
import socket
import threading
import time
import zlib
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests

from oauth_cli_login.errors import UsageError
from oauth_cli_providers.mock.authorization_server import AuthorizationServer
from oauth_cli_providers.mock.faults import (
    FAULTS,
    Faults,
    bodies,
    callbacks,
    claims,
    documents,
    keys,
    signatures,
    statuses,
    timing,
    tokens,
)
from oauth_cli_providers.mock.faults.fault import ESCAPES, PROGRAMS
from oauth_cli_providers.mock.messages import Request, Response
from oauth_cli_providers.mock.signing import b64url, b64url_decode, emsa_pkcs1_v1_5
from oauth_cli_providers.mock.storage import Storage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
NEEDS_NO_TOKENS = ("code", "poll", "discovery", "jwks", "device_authorization")
SCOPE = "openid profile offline_access"


@dataclass
class Answer:
    """An answer as it came, nothing decoded."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """A client that sees bytes; ``client`` is what signs in."""

    def __init__(self, client):
        self.client = client

    def send(self, path, form=None, authorization=None):
        connection = http.client.HTTPConnection("localhost", self.client.server.port, timeout=10)
        try:
            body = None if form is None else urlencode({"client_id": "cli-app", **form})
            headers = FORM | ({"Authorization": authorization} if authorization else {})
            connection.request("GET" if form is None else "POST", "/default" + path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def location(self, **changes):
        answer = self.client.authorize({"username": "demouser"}, **changes)
        assert answer.status_code == 302
        return answer.headers["Location"]

    def callback(self):
        return parse_qs(urlsplit(self.location(state="the-state")).query, keep_blank_values=True)

    def healthy(self, work):
        """Do something with no fault on."""
        faults, self.client.faults = self.client.faults, Faults()
        try:
            return work()
        finally:
            self.client.faults = faults

    def move(self, place):
        """Put the faults that are on to another place."""
        self.client.faults = Faults(f"{one.fault.name}@{place}" for one in self.client.faults.active)

    def at(self, place):
        """Send the request of a place, after whatever leads there has gone well."""
        tokens = {} if place in NEEDS_NO_TOKENS else self.healthy(self.client.tokens)
        requests = {
            "code": lambda: ("/token", self.code()),
            "refresh": lambda: ("/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}),
            "poll": lambda: ("/token", {"grant_type": DEVICE_CODE, "device_code": self.healthy(self.approved)}),
            "device_authorization": lambda: ("/device_authorization", {}),
            "discovery": lambda: ("/.well-known/openid-configuration", None),
            "jwks": lambda: ("/jwks", None),
            "userinfo": lambda: ("/userinfo", None, f"Bearer {tokens['access_token']}"),
            "introspect": lambda: ("/introspect", {"token": tokens["access_token"]}),
            "revoke": lambda: ("/revoke", {"token": tokens["refresh_token"]}),
        }
        return self.send(*requests[place]())

    def code(self):
        """Return the form of a token request with a new code."""
        code = self.healthy(lambda: self.client.code(scope=SCOPE))
        redirect_uri = "http://127.0.0.1:8085/callback"
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": "v" * 43,
        }

    def approved(self):
        device = self.client.post("device_authorization", scope=SCOPE).json()
        answer = self.client.http.post(device["verification_uri_complete"], data={"username": "demouser"})
        assert answer.status_code == 200
        return device["device_code"]

    def id_token(self, place="code"):
        return Jwt(self.at(place).json["id_token"])

    @property
    def key(self):
        return self.healthy(lambda: self.at("jwks").json["keys"][0])


class Jwt:
    def __init__(self, text):
        self.parts = text.split(".")
        self.header, self.claims = (json.loads(b64url_decode(part)) for part in self.parts[:2])
        self.signature = b64url_decode(self.parts[2])
        self.input = ".".join(self.parts[:2]).encode()

    def is_signed_by(self, key):
        n, e = (int.from_bytes(b64url_decode(key[name]), "big") for name in ("n", "e"))
        size = (n.bit_length() + 7) // 8
        message = pow(int.from_bytes(self.signature, "big"), e, n).to_bytes(size, "big")
        return len(self.signature) == size and message == emsa_pkcs1_v1_5(self.input, size)


CHECKS = {}


def check(*names):
    """Mark a function as what tells that these faults are on; with several it is told which."""

    def marked(function):
        for name in names:
            CHECKS[name] = (lambda wire, name=name: function(wire, name)) if len(names) > 1 else function
        return function

    return marked


# ---- refused


@check("rotation-race")
def _(wire):
    tokens = wire.healthy(wire.client.tokens)
    assert wire.client.is_refused(wire.client.refresh(tokens["refresh_token"]), "invalid_grant")
    assert wire.client.userinfo(tokens["access_token"]).status_code == 401  # the whole sign-in has ended


@check("invalid-grant")
def _(wire):
    tokens = wire.healthy(wire.client.tokens)
    assert wire.client.is_refused(wire.client.refresh(tokens["refresh_token"]), "invalid_grant")
    assert wire.client.userinfo(tokens["access_token"]).status_code == 200
    assert wire.healthy(lambda: wire.client.refresh(tokens["refresh_token"])).status_code == 200


POLLS = {
    "authorization-pending": "authorization_pending",
    "slow-down": "slow_down",
    "device-denied": "access_denied",
    "device-expired": "expired_token",
}


@check(*POLLS)
def _(wire, name):
    device_code = wire.healthy(wire.approved)
    for _ in range(3):
        answer = wire.send("/token", {"grant_type": DEVICE_CODE, "device_code": device_code})
        assert (answer.status, answer.json["error"]) == (400, POLLS[name])


@check("error-escapes")
def _(wire):
    assert ESCAPES in wire.at("code").json["error_description"]
    assert {"\x1b", "\x07", "\u202e", "\x9b"} <= set(ESCAPES)


@check("error-escapes-in-code")
def _(wire):
    assert ESCAPES in wire.at("code").json["error"]


# ---- members of the token response


def member(name, fault, expected):
    """A member of the token response, of a code and of a refresh token; ``None`` stands for one that is not there."""

    @check(fault)
    def _(wire):
        for place in ("code", "refresh"):
            found = wire.at(place).json
            assert expected(found.get(name)) if callable(expected) else (name in found, found.get(name)) == expected


GONE = (False, None)


def is_(value):
    return lambda found: (type(found), found) == (type(value), value)


member("access_token", "access-token-number", is_(12345))
member("access_token", "no-access-token", GONE)
member("access_token", "empty-access-token", is_(""))
member("token_type", "no-token-type", GONE)
member("token_type", "unknown-token-type", is_("mac"))
member("token_type", "lower-case-token-type", is_("bearer"))
member("token_type", "upper-case-token-type", is_("BEARER"))
member("token_type", "dpop-token-type", is_("DPoP"))
member("token_type", "empty-token-type", is_(""))
member("token_type", "padded-token-type", is_("Bearer "))
member("token_type", "number-token-type", is_(7))
member("expires_in", "no-expires-in", GONE)
member("expires_in", "string-expires-in", is_("3600"))
member("expires_in", "words-expires-in", is_("soon"))
member("expires_in", "null-expires-in", (True, None))
member("expires_in", "fraction-expires-in", is_(3600.9))
member("expires_in", "boolean-expires-in", is_(True))
member("expires_in", "zero-expires-in", is_(0))
member("expires_in", "negative-expires-in", is_(-3600))
member("expires_in", "absurd-expires-in", is_(10**18))
member("scope", "narrower-scope", is_("openid"))
member("scope", "no-scope", GONE)
member("refresh_token", "refresh-token-crlf", lambda token: token.endswith("\r\nX-Injected: 1"))
member("id_token", "no-id-token", GONE)
member("id_token", "garbage-id-token", is_("not.a-token.!"))
member("id_token", "id-token-crlf", lambda token: token.endswith("\r\nX-Injected: 1"))


ENDS = {"token-control-characters": "\x00\x07\x7f", "token-crlf": "\r\nX-Injected: 1", "token-not-ascii": "-tökén"}


@check(*ENDS)
def _(wire, name):
    answer = wire.at("code").json
    assert answer["access_token"].endswith(ENDS[name])
    bound = Jwt(answer["id_token"])  # it fits: the token is the only failure
    assert bound.claims["at_hash"] == b64url(hashlib.sha256(answer["access_token"].encode()).digest()[:16])
    assert bound.is_signed_by(wire.key)


@check("no-rotation")
def _(wire):
    refresh_token = wire.client.tokens()["refresh_token"]
    for _ in range(2):
        answer = wire.client.refresh(refresh_token)
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


@check("no-refresh-token")
def _(wire):
    assert "refresh_token" not in wire.at("code").json


@check("error-with-200")
def _(wire):
    answer = wire.at("refresh")
    assert (answer.status, answer.json["error"], "access_token" in answer.json) == (200, "invalid_grant", False)


@check("error-beside-tokens")
def _(wire):
    answer = wire.at("refresh")
    assert (answer.status, answer.json["error"], "access_token" in answer.json) == (200, "invalid_client", True)


# ---- claims of the ID token: rightly signed


def claim(fault, expected, place="code"):
    @check(fault)
    def _(wire):
        token = wire.id_token(place)
        assert token.is_signed_by(wire.key)
        assert token.header["alg"] == "RS256"
        assert expected(token.claims, wire.client.server.issuer)


claim("wrong-nonce", lambda claims, _: claims["nonce"] == "another-nonce")
claim("no-nonce", lambda claims, _: "nonce" not in claims)
claim("id-token-wrong-iss", lambda claims, _: claims["iss"] == "https://attacker.example")
claim("id-token-iss-prefix", lambda claims, issuer: claims["iss"].startswith(issuer) and claims["iss"] != issuer)
claim("id-token-iss-cut", lambda claims, issuer: len(claims["iss"]) > 20 and claims["iss"] + issuer[-1] == issuer)
claim("id-token-iss-slash", lambda claims, issuer: claims["iss"] == f"{issuer}/")
claim("id-token-iss-list", lambda claims, issuer: claims["iss"] == [issuer])
claim("id-token-no-iss", lambda claims, _: "iss" not in claims)
claim("wrong-aud", lambda claims, _: claims["aud"] == "another-client")
claim("no-aud", lambda claims, _: "aud" not in claims)
claim("empty-aud", lambda claims, _: claims["aud"] == [])
claim("extra-aud", lambda claims, _: claims["aud"] == ["cli-app", "another-client"])
claim("wrong-azp", lambda claims, _: claims["azp"] == "another-client" and claims["aud"] == "cli-app")
claim(
    "expired-id-token", lambda claims, _: claims["exp"] < claims["auth_time"] - 3000 and claims["iat"] < claims["exp"]
)
claim("string-exp", lambda claims, _: int(claims["exp"]) > 0 and isinstance(claims["exp"], str))
claim("future-nbf", lambda claims, _: claims["iat"] + 1000 < claims["nbf"] < claims["exp"])
claim("clock-ahead", lambda claims, _: abs(claims["iat"] - 30 - time.time()) < 15 and claims["iat"] == claims["nbf"])
claim("no-exp", lambda claims, _: "exp" not in claims)
claim("future-iat", lambda claims, _: claims["auth_time"] + 3000 < claims["iat"] < claims["exp"])
claim("no-iat", lambda claims, _: "iat" not in claims)
claim("float-dates", lambda claims, _: [claims[name] % 1 for name in ("iat", "nbf", "exp", "auth_time")] == [0.5] * 4)
claim("no-sub", lambda claims, _: "sub" not in claims)
claim("empty-sub", lambda claims, _: claims["sub"] == "")
claim("number-sub", lambda claims, _: claims["sub"] == 7)
claim("other-sub", lambda claims, _: claims["sub"] == "somebody-else", "refresh")
claim("empty-at-hash", lambda claims, _: claims["at_hash"] == "")
claim("no-at-hash", lambda claims, _: "at_hash" not in claims)
claim("id-token-escapes", lambda claims, _: claims["name"] == claims["preferred_username"] == ESCAPES)


@check("wrong-at-hash")
def _(wire):
    answer = wire.at("code").json
    token = Jwt(answer["id_token"])
    right = b64url(hashlib.sha256(answer["access_token"].encode()).digest()[:16])
    assert len(token.claims["at_hash"]) == len(right)
    assert token.claims["at_hash"] != right
    assert token.is_signed_by(wire.key)


# ---- its header and signature


def header(fault, expected, *, signed_by=None, length=None):
    """The header, and who signed: ``signed_by`` makes a key of the wire; or how long the signature is."""

    @check(fault)
    def _(wire):
        token = wire.id_token()
        assert expected(token.header)
        if length is None:
            assert token.is_signed_by(signed_by(wire) if signed_by else wire.key)
        else:
            assert len(token.signature) == length
        assert token.claims["nonce"] == "the-nonce"  # the claims are right


def strangers(_wire):
    return keys.STRANGER.public_jwk


header("alg-none", lambda header: header["alg"] == "none" and "kid" not in header, length=0)
header("alg-none-mixed-case", lambda header: header["alg"] == "nOnE", length=0)
header("alg-none-signed", lambda header: header["alg"] == "none")
header("empty-alg", lambda header: header["alg"] == "")
header("no-alg", lambda header: "alg" not in header, length=0)
header("no-signature", lambda header: header["alg"] == "RS256", length=0)
header("wrong-alg", lambda header: header["alg"] == "RS512")
header("unknown-alg", lambda header: header["alg"] == "XX256")
header("unknown-kid", lambda header: header["kid"] == "unknown-kid")
header("no-kid", lambda header: "kid" not in header)
header("crit-header", lambda header: [name for name in header["crit"] if name in header] == header["crit"] != [])
header("crit-b64", lambda header: (header["crit"], header["b64"]) == (["b64"], False))
header("empty-crit", lambda header: header["crit"] == [])
header("at-jwt", lambda header: header["typ"] == "at+jwt")
header("logout-jwt", lambda header: header["typ"] == "logout+jwt")
header("strangers-signature", lambda header: header["kid"] != keys.STRANGER.kid, signed_by=strangers)
header("jwk-in-header", lambda header: header["jwk"] == keys.STRANGER.public_jwk, signed_by=strangers)
header("jwk-with-right-kid", lambda header: header["jwk"]["kid"] == header["kid"], signed_by=strangers)
header("x5u-in-header", lambda header: header["x5u"].endswith("/x5u"), signed_by=strangers)


@check("jku-in-header")
def _(wire):
    token = wire.id_token()
    [key] = wire.send(token.header["jku"].partition("/default")[2]).json["keys"]
    assert token.is_signed_by(key)
    assert wire.at("jwks").json["keys"] == [wire.key]  # who asks where the metadata says gets the right one


def _pem(key):
    """Return the key in PEM, its DER with lengths that are worked out."""

    def der(tag, content):
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    numbers = b"".join(der(2, b"\0" * (name == "n") + b64url_decode(key[name])) for name in ("n", "e"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    text = base64.b64encode(der(0x30, algorithm + der(3, b"\0" + der(0x30, numbers)))).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----\n"]).encode()


SECRETS = {
    "hs256-public-key": _pem,
    "hs256-jwk": lambda key: json.dumps(key).encode(),
    "hs256-modulus": lambda key: key["n"].encode(),
    "hs256-client-id": lambda _key: b"cli-app",
}


@check(*SECRETS)
def _(wire, name):
    token = wire.id_token()
    assert token.header["alg"] == "HS256"
    assert token.signature == hmac.digest(SECRETS[name](wire.key), token.input, "sha256")


@check("bad-signature")
def _(wire):
    token = wire.id_token()
    assert not token.is_signed_by(wire.key)
    token.signature = token.signature[:-1] + bytes([token.signature[-1] ^ 1])
    assert token.is_signed_by(wire.key)


@check("weak-key", "exponent-one")
def _(wire, name):
    token = wire.id_token()
    [key] = wire.at("jwks").json["keys"]
    assert token.is_signed_by(key)
    assert token.header["kid"] == key["kid"]
    assert len(b64url_decode(key["n"])) == {"weak-key": 64, "exponent-one": 256}[name]
    assert key["e"] == {"weak-key": "AQAB", "exponent-one": "AQ"}[name]


@check("point-off-curve")
def _(wire):
    token = wire.id_token()
    [key] = wire.at("jwks").json["keys"]
    assert (token.header["alg"], token.header["kid"], len(token.signature)) == ("ES256", key["kid"], 64)
    x, y = (int.from_bytes(b64url_decode(key[name]), "big") for name in "xy")
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    assert (key["kty"], key["crv"]) == ("EC", "P-256")
    assert (y * y - (x**3 - 3 * x + b)) % p != 0
    assert "ES256" in wire.at("discovery").json["id_token_signing_alg_values_supported"]


@check("encrypted-id-token")
def _(wire):
    parts = wire.at("code").json["id_token"].split(".")
    assert len(parts) == 5
    assert "enc" in json.loads(b64url_decode(parts[0]))


# ---- discovery, jwks, device, userinfo


def at(place, fault, expected):
    @check(fault)
    def _(wire):
        answer = wire.at(place)
        assert answer.status == 200
        assert expected(answer.json, wire.client.server.issuer)


at("discovery", "discovery-other-issuer", lambda found, _: found["issuer"] == "https://attacker.example")
at("discovery", "discovery-issuer-slash", lambda found, issuer: found["issuer"] == f"{issuer}/")
at("discovery", "discovery-issuer-case", lambda found, issuer: found["issuer"] == issuer.replace("default", "DEFAULT"))
at("discovery", "discovery-issuer-scheme", lambda found, issuer: found["issuer"] == issuer.replace("http", "HTTP"))
at("discovery", "no-issuer", lambda found, _: "issuer" not in found)
at("discovery", "no-s256", lambda found, _: found["code_challenge_methods_supported"] == ["plain"])
at("discovery", "no-pkce", lambda found, _: "code_challenge_methods_supported" not in found)
at("discovery", "plain-and-s256", lambda found, _: found["code_challenge_methods_supported"] == ["plain", "S256"])
at(
    "discovery",
    "iss-not-promised",
    lambda found, _: "authorization_response_iss_parameter_supported" not in found and found["issuer"],
)
at(
    "discovery",
    "rs256-not-announced",
    lambda found, _: found["id_token_signing_alg_values_supported"] == ["ES256", "PS256"],
)
at(
    "discovery",
    "shell-endpoint",
    lambda found, issuer: found["authorization_endpoint"] == f"{issuer}/authorize?{documents.SHELL}",
)
at("discovery", "number-endpoint", lambda found, _: found["authorization_endpoint"] == 7)
at("discovery", "no-token-endpoint", lambda found, _: "token_endpoint" not in found)
at("discovery", "no-jwks-uri", lambda found, _: "jwks_uri" not in found)
at("discovery", "http-endpoint", lambda found, _: found["token_endpoint"] == "http://idp.example/token")
for _name, _start in {
    "javascript": "javascript:",
    "file": "file:///",
    "dash": "-",
    "crlf": "http://localhost/authorize\r\n",
    "percent": "http://localhost/authorize?%action%",
    "line": "http://localhost/authorize\n",
    "backslash": "http://localhost\\@",
    "relative": "//localhost/",
}.items():
    at("discovery", f"{_name}-endpoint", lambda found, _, s=_start: found["authorization_endpoint"].startswith(s))
at("jwks", "jwks-empty", lambda found, _: found == {"keys": []})
at("jwks", "jwks-other-key", lambda found, _: found == {"keys": [keys.STRANGER.public_jwk]})
at(
    "jwks",
    "jwks-two-keys",
    lambda found, _: found["keys"][0] == keys.STRANGER.public_jwk and len({key["kid"] for key in found["keys"]}) == 2,
)
at("jwks", "jwks-number", lambda found, _: found == {"keys": 7})
at("jwks", "jwks-key-ops", lambda found, _: found["keys"][0]["key_ops"] == ["encrypt"])
at("jwks", "jwks-false-kty", lambda found, _: (found["keys"][0]["kty"], "n" in found["keys"][0]) == ("EC", True))
at("jwks", "jwks-many-keys", lambda found, _: len({key["kid"] for key in found["keys"]}) == 10_000)
at("jwks", "jwks-huge", lambda found, _: len(found["keys"][0]["x5c"][0]) == 10 << 20)
at("jwks", "jwks-use-enc", lambda found, _: found["keys"][0]["use"] == "enc")
at("jwks", "jwks-wrong-alg", lambda found, _: found["keys"][0]["alg"] == "RS512")
at("jwks", "jwks-wrong-kty", lambda found, _: found["keys"][0]["kty"] == "oct")
at("device_authorization", "no-interval", lambda found, _: "interval" not in found)
at("device_authorization", "device-expires-soon", lambda found, _: found["expires_in"] == 1)
at("device_authorization", "no-user-code", lambda found, _: "user_code" not in found)
at("device_authorization", "device-escapes", lambda found, _: found["user_code"] == ESCAPES)
for _name in ("javascript", "file"):
    at(
        "device_authorization",
        f"{_name}-verification-uri",
        lambda found, _, start=f"{_name}:": all(
            found[name].startswith(start) for name in ("verification_uri", "verification_uri_complete")
        ),
    )
at("userinfo", "userinfo-other-sub", lambda found, _: found["sub"] == "somebody-else")
at("userinfo", "userinfo-no-sub", lambda found, _: "sub" not in found)
at("userinfo", "userinfo-escapes", lambda found, _: found["name"] == found["preferred_username"] == ESCAPES)


@check("userinfo-encrypted")
def _(wire):
    answer = wire.at("userinfo")
    assert answer.headers["Content-Type"] == "application/jwt"
    assert answer.body.count(b".") == 4


# ---- the callback


def callback(fault, **expected):
    """The parameters of the callback, each with its values; the others are right, and there once."""

    @check(fault)
    def _(wire):
        found = wire.callback()
        right = {"code": found.get("code", [""])[:1], "state": ["the-state"], "iss": [wire.client.server.issuer]}
        for name, values in {**right, **expected}.items():
            wanted = right[name] + values[1:] if values[:1] == ["right"] else values
            assert found.pop(name, []) == wanted
        assert found == {}
        if "code" not in expected:
            code = right["code"][0]
            assert wire.client.redeem(code).status_code == 200


callback("wrong-state", state=["another-state"])
callback("no-state", state=[])
callback("empty-state", state=[""])
callback("wrong-iss", iss=["https://attacker.example"])
callback("no-iss", iss=[])
callback("empty-iss", iss=[""])
callback("no-code", code=[])
callback("empty-code", code=[""])
callback("repeated-code", code=["right", "another-code"])
callback("repeated-state", state=["right", "another-state"])
callback("repeated-iss", iss=["right", "https://attacker.example"])
callback("code-and-error", error=["access_denied"])
callback("access-denied", code=[], error=["access_denied"], error_description=["The person denied the request."])
for _error in (
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
):
    callback(
        f"callback-{_error.replace('_', '-')}",
        code=[],
        error=[_error],
        error_description=["The server says no."],
    )
callback(
    "callback-markup-in-code",
    code=[],
    error=["<img src=x onerror=alert(1)>"],
    error_description=["Sorry."],
)
callback("error-without-state", code=[], state=[], error=["access_denied"])
callback("error-wrong-state", code=[], state=["another-state"], error=["access_denied"])
callback("callback-escapes", code=[], error=["server_error"], error_description=[ESCAPES])
callback(
    "callback-markup",
    code=[],
    error=["server_error"],
    error_description=["<script>alert(document.domain)</script>"],
)


@check("callback-twice")
def _(wire):
    seen = []

    class Client(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Client) as listening:
        waiting = threading.Thread(target=listening.handle_request, daemon=True)
        waiting.start()
        location = wire.location(redirect_uri=f"http://127.0.0.1:{listening.server_port}/callback?a=b")
        if not seen:  # a healthy server: end the wait
            requests.get(location, timeout=5)
            seen.clear()
        waiting.join()
    parts = urlsplit(location)
    assert seen == [f"{parts.path}?{parts.query}"]
    assert dict(parse_qsl(parts.query))["a"] == "b"


# ---- statuses and redirects


def status(fault, number, *, body=b"", spent=False, **headers):
    @check(fault)
    def _(wire):
        refresh_token = wire.healthy(wire.client.tokens)["refresh_token"]
        answer = wire.send("/token", {"grant_type": "refresh_token", "refresh_token": refresh_token})
        assert (answer.status, answer.body) == (number, body)
        for name, value in headers.items():
            assert answer.headers[name.replace("_", "-")] == value
        after = wire.healthy(lambda: wire.client.refresh(refresh_token))
        assert after.status_code == (400 if spent else 200)


UNAVAILABLE = b'{"error": "temporarily_unavailable"}'
status("http-400", 400)
status("http-403", 403)
status("http-404", 404)
status("http-405", 405)
status("http-418", 418)
status("http-401-empty", 401)
status("http-500", 500)
status("http-500-after", 500, spent=True)
status("http-429", 429, body=UNAVAILABLE, Retry_After="1")
status("http-503", 503, body=UNAVAILABLE, Retry_After="1")
status("retry-after-an-hour", 503, body=UNAVAILABLE, Retry_After="3600")
status("retry-after-a-year", 503, body=UNAVAILABLE, Retry_After="31536000")
status("retry-after-words", 503, body=UNAVAILABLE, Retry_After="soon")
status("retry-after-negative", 503, body=UNAVAILABLE, Retry_After="-5")
status("http-401", 401, body=b'{"error": "invalid_client", "error_description": "The client is not known."}')


@check("http-400-after")
def _(wire):
    answer = wire.at("code")
    assert answer.status == 400
    assert wire.client.userinfo(answer.json["access_token"]).status_code == 200


@check(*(f"redirect-{number}" for number in (301, 302, 303, 307, 308)))
def _(wire, name):
    form = {"client_id": "cli-app", "grant_type": "refresh_token"}
    form["refresh_token"] = wire.healthy(wire.client.tokens)["refresh_token"]
    answer = wire.send("/token", form)
    assert f"redirect-{answer.status}" == name
    location = answer.headers["Location"]
    assert location == f"http://127.0.0.1:{wire.client.server.port}/default/token?redirected=1"
    assert requests.post(location, data=form, timeout=5).json()["access_token"]  # who follows is answered


# ---- bodies

HTML = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


def body(fault, expected, content_type="application/json"):
    """The body of a refresh, of userinfo and of the discovery document, against what a JSON object's would be."""

    @check(fault)
    def _(wire):
        for place in ("refresh", "userinfo", "discovery"):
            wire.move(place)
            answer = wire.at(place)
            assert answer.status == 200
            assert answer.headers["Content-Type"] == content_type
            assert expected(answer.body)


def has_raw(value):
    """Tell whether the value is in the object, as ``expires_in`` or ``extra``, and all else is right."""

    def found(answer):
        member = re.search(rb'"(?:expires_in|extra)": ' + re.escape(value) + rb"[,}]", answer)
        return bool(member) and len(json.loads(answer.replace(value, b"0"))) > 5

    return found


def doubled(answer):
    names = [name for name, _ in json.loads(answer, object_pairs_hook=list)]
    return len(names) == len(set(names)) + 1 and names[0] == names[1]


def not_utf_8(answer):
    with pytest.raises(UnicodeDecodeError):
        answer.decode()
    return len(json.loads(answer.replace(b"\xff", b""))) > 5


def cut(answer):
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        json.loads(answer)
    return answer.startswith(b"{")


def trailing(answer):
    _, end = json.JSONDecoder().raw_decode(answer.decode())
    return json.loads(answer[end:]) == {"error": "server_error"}


body("html", lambda answer: answer == HTML, "text/html; charset=utf-8")
body("html-as-json", lambda answer: answer == HTML)
body("wrong-content-type", lambda answer: len(json.loads(answer)) > 5, "text/plain")
body("form-encoded", lambda answer: len(dict(parse_qsl(answer.decode()))) > 4, "application/x-www-form-urlencoded")
body("empty-body", lambda answer: answer == b"")
body("null", lambda answer: answer == b"null")
body("array", lambda answer: answer == b"[]")
body("empty-object", lambda answer: answer == b"{}")
body("string", lambda answer: answer == b'"a string"')
body("cut-json", cut)
body("trailing-json", trailing)
body("bom", lambda answer: answer.startswith(b"\xef\xbb\xbf{") and json.loads(answer[3:]))
body("utf-16", lambda answer: answer[:2] in (b"\xff\xfe", b"\xfe\xff") and json.loads(answer.decode("utf-16")))
body("not-utf-8", not_utf_8)
body("lone-surrogate", lambda answer: json.loads(answer)["extra"] == "\ud800" and len(json.loads(answer)) > 5)
body("duplicate-keys", doubled)
body("nan", has_raw(b"NaN"))
body("infinity", has_raw(b"1e999"))
body("minus-infinity", has_raw(b"-Infinity"))
body("long-number", has_raw(b"9" * 40))
body("long-fraction", has_raw(b"0." + b"1" * 5000))
body("huge-number", has_raw(b"9" * 5000))
body("deep-nesting", has_raw(b"[" * 100_000 + b"]" * 100_000))
body("deep-objects", has_raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000))
body("huge-body", lambda answer: len(answer) > 16 << 20 and json.loads(answer))


@check("gzip-bomb")
def _(wire):
    wire.move("discovery")
    answer = wire.at("discovery")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.body) < 1 << 20
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    size, start = 0, b""
    data = answer.body
    while data:
        piece = unpack.decompress(data, 1 << 20)
        size, start, data = size + len(piece), start or piece, unpack.unconsumed_tail
    assert unpack.eof  # the checksum is right: it is a whole gzip file
    assert size > 200 << 20
    assert start.startswith(b'{"issuer": ')


@check("gzip-garbage")
def _(wire):
    wire.move("discovery")
    answer = wire.at("discovery")
    assert answer.headers["Content-Encoding"] == "gzip"
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(answer.body)


# ---- time


def refresh(port, refresh_token, timeout=10):
    """Return a connection on which a refresh was asked for; a healthy server answers and closes it."""
    content = urlencode({"client_id": "cli-app", "grant_type": "refresh_token", "refresh_token": refresh_token})
    lines = ["POST /default/token HTTP/1.1", "Host: localhost", "Content-Type: application/x-www-form-urlencoded"]
    lines += ["Connection: close", f"Content-Length: {len(content)}", "", content]
    connection = socket.create_connection(("localhost", port), timeout=timeout)
    connection.sendall("\r\n".join(lines).encode())
    return connection


def pieces(wire, **options):
    """Return what comes of a refresh, as it comes."""
    refresh_token = wire.healthy(wire.client.tokens)["refresh_token"]
    with refresh(wire.client.server.port, refresh_token, **options) as connection:
        return list(iter(lambda: connection.recv(65536), b""))


class Pauses(threading.Event):
    """A server's ``stopping`` whose waits end when the test says so; ``seconds`` are what they were asked for."""

    def __init__(self):
        super().__init__()
        self.seconds = []
        self._over = threading.Semaphore(0)

    def wait(self, timeout=None):
        self.seconds.append(timeout)
        assert self._over.acquire(timeout=30)
        return self.is_set()

    def end_one(self):
        self._over.release()

    def stop(self):
        self.set()
        self.end_one()


def first_pieces(wire, wanted):
    """Return (seconds that the server waits before it, piece) of the first pieces of a refresh."""
    refresh_token = wire.healthy(wire.client.tokens)["refresh_token"]
    pauses, got = Pauses(), []
    with pytest.MonkeyPatch.context() as patch:
        for listener in wire.client.listeners:
            patch.setattr(listener, "stopping", pauses)
        with refresh(wire.client.server.port, refresh_token) as connection:
            try:
                for _ in range(wanted):
                    pauses.end_one()
                    got.append(connection.recv(65536))
            finally:
                pauses.stop()
    return list(zip(pauses.seconds, got, strict=False))


@check("slow-headers")
def _(wire):
    assert first_pieces(wire, 4) == [(0.25, b"H"), (0.25, b"T"), (0.25, b"T"), (0.25, b"P")]


@check("slow-drip")
def _(wire):
    (none, head), *rest = first_pieces(wire, 4)
    assert none == 0
    assert head.endswith(b"\r\n\r\n")
    assert rest == [(0.25, b"{"), (0.25, b'"'), (0.25, b"a")]


@check("silence")
def _(wire):
    with pytest.raises(TimeoutError):
        pieces(wire, timeout=0.5)


@check("hang-up")
def _(wire):
    assert pieces(wire) == []


@check("cut-short")
def _(wire):
    head, _, got = b"".join(pieces(wire)).partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: ([0-9]+)", head)[1])
    assert 0 < len(got) < length


# ---- the tests


def test_every_fault_is_looked_at():
    assert CHECKS.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_on_the_wire(misbehave, name):
    CHECKS[name](Wire(misbehave(name)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_healthy_server_is_not_taken_for_a_faulty_one(misbehave, name):
    with pytest.raises((AssertionError, LookupError, TypeError, ValueError, pytest.fail.Exception)):
        CHECKS[name](Wire(misbehave()))


def test_no_two_faults_have_one_name():
    modules = (tokens, claims, signatures, documents, callbacks, statuses, bodies, timing)
    assert sum(len(module.faults) for module in modules) == len(FAULTS) == 221


def test_a_fault_says_in_one_line_what_happens_on_the_wire():
    for fault in FAULTS.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.name)
        assert re.fullmatch(r"[^\n]{15,120}\.", fault.description), fault.name


@pytest.mark.parametrize("place", [place for place in PROGRAMS if place != "token"])
def test_a_fault_can_be_put_at_another_place(misbehave, place):
    wire = Wire(misbehave(f"html@{place}"))
    assert wire.at(place).body == HTML
    other = "refresh" if place != "refresh" else "code"
    assert wire.at(other).json["access_token"]


def test_a_fault_of_the_token_endpoint_is_there_for_each_grant(misbehave):
    wire = Wire(misbehave("http-503"))
    assert [wire.at(place).status for place in ("code", "refresh", "poll", "userinfo")] == [503, 503, 503, 200]


def test_a_fault_can_end_after_some_answers(misbehave):
    wire = Wire(misbehave("http-503@refresh:2"))
    assert [wire.at(place).status for place in ("code", "refresh", "refresh", "refresh")] == [200, 503, 503, 200]


def test_faults_go_together(misbehave):
    wire = Wire(misbehave("wrong-nonce", "alg-none", "html@userinfo", "no-expires-in", "unknown-token-type"))
    answer = wire.at("code").json
    assert (answer["token_type"], "expires_in" in answer) == ("mac", False)
    token = Jwt(answer["id_token"])
    assert (token.header["alg"], token.signature, token.claims["nonce"]) == ("none", b"", "another-nonce")
    assert wire.at("userinfo").body == HTML


def test_an_answer_that_a_fault_leaves_alone_is_not_counted(misbehave):
    wire = Wire(misbehave("wrong-state:1", "no-access-token@poll:1", "redirect-307@jwks:1"))
    assert wire.client.authorize().status_code == 200  # the form, as a browser gets it
    assert [wire.callback()["state"] for _ in range(2)] == [["another-state"], ["the-state"]]
    device = wire.client.post("device_authorization", scope=SCOPE).json()
    assert wire.send("/token", {"grant_type": DEVICE_CODE, "device_code": device["device_code"]}).status == 400
    assert ["access_token" in wire.at("poll").json for _ in range(2)] == [False, True]
    assert wire.send("/jwks?redirected=1").status == 200  # who followed another redirect
    assert [wire.send("/jwks").status for _ in range(2)] == [307, 200]


@pytest.mark.parametrize("name", ["rotation-race", "callback-twice"])
def test_what_a_fault_does_besides_the_answer_is_counted(misbehave, name):
    client = misbehave(f"{name}:1")
    if name == "rotation-race":
        assert client.refresh("unknown").status_code == 400  # there is nothing that could be spent
        assert [client.refresh(client.tokens()["refresh_token"]).status_code for _ in range(2)] == [400, 200]
    else:
        client.authorize()
        assert str(client.faults.active[0]) == "callback-twice@authorize:1"
        client.code()
    assert str(client.faults.active[0]).endswith(":0")


def test_no_two_faults_of_a_body_and_a_status_are_the_servers_own_error(
    monkeypatch, misbehave, state_folder, signing_key, clock
):
    monkeypatch.setattr(bodies, "_BOMB_MEBIBYTES", 1)
    server = AuthorizationServer("http://localhost/default", signing_key, Storage(state_folder), 3600, 5, clock)
    request = Request("GET", "/default/.well-known/openid-configuration", {"host": "localhost"})
    for pair in itertools.permutations([*bodies.faults, *statuses.faults], 2):
        answer = Faults(f"{name}@discovery" for name in pair).respond(server, request)  # an exception is a 500
        assert isinstance(answer, Response), pair
    assert Wire(misbehave("html", "form-encoded")).at("code").body == HTML
    assert Wire(misbehave("http-500", "form-encoded")).at("code").body == b""


@pytest.mark.parametrize("name", ["form-encoded", "utf-16", "not-utf-8", "duplicate-keys", "nan", "trailing-json"])
def test_a_fault_of_an_object_leaves_alone_what_is_none(misbehave, name):
    assert Wire(misbehave("html", name)).at("code").body == HTML


@pytest.mark.parametrize("order", [("html", "http-503"), ("http-503", "html")])
def test_the_order_in_which_they_are_named_does_not_matter(misbehave, order):
    answer = Wire(misbehave(*order)).at("refresh")
    assert (answer.status, answer.body) == (503, HTML)


def test_all_faults_at_once_are_no_trouble_for_the_server(misbehave):
    """What one takes away another does not miss; the time faults apart, each request has an answer."""
    everything = misbehave(*(name for name in FAULTS if name not in timing.faults and "redirect" not in name))
    for path in ("/authorize", "/jwks", "/.well-known/openid-configuration", "/userinfo", "/device", "/nowhere"):
        assert everything.http.get(everything.server.issuer + path, timeout=5).status_code in (200, 400, 401, 404)


@pytest.mark.parametrize("name", [*tokens.faults, *claims.faults, *signatures.faults])
def test_faults_of_tokens_miss_nothing_that_another_took_away(misbehave, name):
    others = ("no-access-token", "no-id-token", "no-scope", "no-expires-in", "no-exp", "no-iat")
    wire = Wire(misbehave(*others, name))
    assert wire.at("code").status in (200, 400)


@pytest.mark.parametrize(
    ("host", "path", "form"),
    [
        ("attacker.example", "/default/token", {"grant_type": "refresh_token"}),
        ("localhost", "/default/tokens", {"grant_type": "refresh_token"}),
        ("localhost", "/token", {"grant_type": "refresh_token"}),
    ],
)
def test_what_reaches_no_endpoint_is_answered_as_ever(misbehave, host, path, form):
    client = misbehave("html")
    answer = client.http.post(f"http://localhost:{client.server.port}{path}", data=form, headers={"Host": host})
    assert answer.status_code in (400, 404)
    assert HTML.decode() not in answer.text


def test_a_request_that_is_no_form_is_at_the_endpoint_without_a_grant(misbehave):
    client = misbehave("http-503@refresh", "http-403@userinfo")
    assert client.http.post(client.server.issuer + "/token", data=b"\xff").status_code == 400
    assert misbehave("http-503").http.post(client.server.issuer + "/token", data=b"\xff").status_code == 503


@pytest.mark.parametrize("name", ["silence", "slow-headers", "slow-drip"])
def test_an_answer_that_takes_long_ends_with_the_server(start, name):
    before = set(threading.enumerate())
    client = start(respond=Faults([f"{name}@refresh"]).respond)
    refresh_token = client.tokens()["refresh_token"]
    with refresh(client.server.port, refresh_token, timeout=timing.LONGEST_SECONDS / 2) as connection:
        if name != "silence":
            assert connection.recv(1)
        client.server.__exit__(None, None, None)
        assert len(b"".join(iter(lambda: connection.recv(65536), b""))) < 500  # it has ended, before it was whole
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=timing.LONGEST_SECONDS / 4)
        assert not thread.is_alive()


def test_an_answer_that_takes_long_is_bounded():
    for name in timing.faults:
        [part] = FAULTS[name].parts
        answer = part.answer(None, None, lambda: Response(200, {}))  # neither is looked at
        seconds = sum(seconds for seconds, _ in answer.delivery(b"h" * 1000, b"b" * 100_000))
        assert seconds <= timing.LONGEST_SECONDS


# ---- how they are named


@pytest.mark.parametrize(
    ("spelled", "said"),
    [
        ("alg-nome", "there is no fault 'alg-nome'; did you mean alg-none"),
        ("zzzzzz", "there is no fault 'zzzzzz'"),
        ("alg-none@userinfo", "the fault alg-none is not for userinfo: token or code or refresh or poll"),
        ("html@nowhere", "the fault html is not for nowhere: token or code"),
        ("html:0", "'html:0' is not spelled NAME[@PLACE][:N]"),
        ("html:-1", "is not spelled"),
        ("html:9999999", "is not spelled"),
        ("html@", "is not spelled"),
        ("", "is not spelled"),
        (" , ", "is not spelled"),
        ("alg_nome", "there is no fault 'alg-nome'; did you mean alg-none"),
        ("h\x1b[31m", "'h\\x1b[31m' is not spelled"),
        ("x" * 5000, "there is no fault 'xxx"),
    ],
)
def test_what_is_no_fault_is_a_usage_error_that_names_what_is_near(spelled, said):
    with pytest.raises(UsageError) as caught:
        Faults([spelled])
    assert caught.value.message.startswith(said) or said in caught.value.message
    assert len(caught.value.message) < 250
    assert "--fault help" in caught.value.hint


@pytest.mark.parametrize(
    "spelled",
    [
        "alg_none,html@device_authorization:2",
        ["ALG-NONE", " html@device-authorization:2 "],
        ["alg-none, HTML@device_authorization:2,"],
    ],
)
def test_a_name_may_be_written_otherwise_and_several_with_commas(spelled):
    faults = Faults(spelled)
    assert [str(one) for one in faults.active] == ["alg-none@token", "html@device_authorization:2"]
    assert faults.spelled == {"alg-none", "html@device_authorization:2"}


def test_a_fault_that_is_named_twice_is_on_once():
    assert [str(one) for one in Faults(["html", "HTML,html"]).active] == ["html@token"]


def test_the_one_line_of_a_fault_that_is_on_says_where(misbehave):
    assert [str(one) for one in Faults(["html", "alg-none", "other-sub"]).active] == [
        "other-sub@refresh",
        "alg-none@token",
        "html@token",
    ]
