"""Faults of the ID token: its claims, then its header and signature (OpenID Connect Core section 3.1.3.7, RFC 8725)."""

from __future__ import annotations

import hashlib
import hmac

from oauth_cli_providers.mock.authorization_server import CLIENT_ID
from oauth_cli_providers.mock.faults.fault import ESCAPES, TOKEN, Catalogue, Document, IdToken
from oauth_cli_providers.mock.faults.keys import STRANGER, WEAK, off_curve, pem
from oauth_cli_providers.mock.signing import b64url, emsa_pkcs1_v1_5

faults = Catalogue()

_STRANGERS_JWKS = "strangers-keys"
_HOUR = 3600


def _now(token: IdToken) -> int:
    return int(token.server.clock())


# ---- claims


@faults.id_token()
def wrong_nonce(token: IdToken) -> None:
    """The ID token's nonce is another one."""
    token.claims["nonce"] = "another-nonce"


@faults.id_token()
def no_nonce(token: IdToken) -> None:
    """The ID token has no nonce."""
    token.claims.pop("nonce", None)


@faults.id_token()
def id_token_wrong_iss(token: IdToken) -> None:
    """The ID token's iss is another server's."""
    token.claims["iss"] = "https://attacker.example"


@faults.id_token()
def id_token_iss_prefix(token: IdToken) -> None:
    """The ID token's iss begins with the issuer and goes on."""
    token.claims["iss"] = f"{token.server.issuer}.attacker.example"


@faults.id_token()
def id_token_no_iss(token: IdToken) -> None:
    """The ID token has no iss."""
    del token.claims["iss"]


@faults.id_token()
def wrong_aud(token: IdToken) -> None:
    """The ID token's aud is another client."""
    token.claims["aud"] = "another-client"


@faults.id_token()
def no_aud(token: IdToken) -> None:
    """The ID token has no aud."""
    del token.claims["aud"]


@faults.id_token()
def extra_aud(token: IdToken) -> None:
    """The ID token's aud holds the client and one more that nobody knows."""
    token.claims["aud"] = [CLIENT_ID, "another-client"]


@faults.id_token()
def wrong_azp(token: IdToken) -> None:
    """The ID token's azp is another client."""
    token.claims["azp"] = "another-client"


@faults.id_token()
def expired_id_token(token: IdToken) -> None:
    """The ID token's exp was an hour ago, its iat two hours ago."""
    now = _now(token)
    token.claims.update(iat=now - 2 * _HOUR, nbf=now - 2 * _HOUR, exp=now - _HOUR)


@faults.id_token()
def no_exp(token: IdToken) -> None:
    """The ID token has no exp."""
    del token.claims["exp"]


@faults.id_token()
def future_iat(token: IdToken) -> None:
    """The ID token's iat is in an hour, its exp in three."""
    now = _now(token)
    token.claims.update(iat=now + _HOUR, exp=now + 3 * _HOUR)


@faults.id_token()
def no_iat(token: IdToken) -> None:
    """The ID token has no iat."""
    del token.claims["iat"]


@faults.id_token()
def float_dates(token: IdToken) -> None:
    """The ID token's dates are numbers with a fraction (which is allowed)."""
    for name in ("iat", "nbf", "exp", "auth_time"):
        token.claims[name] = float(str(token.claims[name])) + 0.5


@faults.id_token()
def no_sub(token: IdToken) -> None:
    """The ID token has no sub."""
    del token.claims["sub"]


@faults.id_token("refresh", "token", "code", "poll")
def other_sub(token: IdToken) -> None:
    """The ID token's sub is somebody else's; after a refresh, unless another place is named."""
    token.claims["sub"] = "somebody-else"


@faults.id_token()
def wrong_at_hash(token: IdToken) -> None:
    """The ID token's at_hash belongs to another access token."""
    token.claims["at_hash"] = b64url(hashlib.sha256(b"another access token").digest()[:16])


@faults.id_token()
def no_at_hash(token: IdToken) -> None:
    """The ID token has no at_hash (which is allowed)."""
    del token.claims["at_hash"]


@faults.id_token()
def id_token_escapes(token: IdToken) -> None:
    """The ID token's name and preferred_username hold ESC, OSC and bidi sequences."""
    token.claims.update(name=ESCAPES, preferred_username=ESCAPES)


# ---- header and signature


@faults.id_token()
def alg_none(token: IdToken) -> None:
    """The ID token's alg is none, and its signature empty."""
    token.header = {"alg": "none", "typ": "JWT"}
    token.sign = lambda _message: b""


@faults.id_token()
def alg_none_mixed_case(token: IdToken) -> None:
    """The ID token's alg is nOnE, and its signature empty."""
    token.header = {"alg": "nOnE", "typ": "JWT"}
    token.sign = lambda _message: b""


@faults.id_token()
def no_alg(token: IdToken) -> None:
    """The ID token's header has no alg, and its signature is empty."""
    del token.header["alg"]
    token.sign = lambda _message: b""


@faults.id_token()
def no_signature(token: IdToken) -> None:
    """The ID token's alg is RS256, and its signature empty."""
    token.sign = lambda _message: b""


@faults.id_token()
def hs256_public_key(token: IdToken) -> None:
    """The ID token's alg is HS256, keyed by the PEM of the public key."""
    token.header["alg"] = "HS256"
    token.sign = lambda message: hmac.digest(pem(token.server.key), message, "sha256")


@faults.id_token()
def hs256_client_id(token: IdToken) -> None:
    """The ID token's alg is HS256, keyed by the client id."""
    token.header["alg"] = "HS256"
    token.sign = lambda message: hmac.digest(CLIENT_ID.encode("ascii"), message, "sha256")


@faults.id_token()
def wrong_alg(token: IdToken) -> None:
    """The ID token's alg is RS512, which neither the metadata nor the key allows; the signature is RS256's."""
    token.header["alg"] = "RS512"


@faults.id_token()
def unknown_alg(token: IdToken) -> None:
    """The ID token's alg is one that nobody has heard of."""
    token.header["alg"] = "XX256"


@faults.id_token()
def unknown_kid(token: IdToken) -> None:
    """The ID token's kid is not in the JWKS."""
    token.header["kid"] = "unknown-kid"


@faults.id_token()
def no_kid(token: IdToken) -> None:
    """The ID token's header has no kid (which is allowed: there is one key)."""
    del token.header["kid"]


@faults.id_token()
def crit_header(token: IdToken) -> None:
    """The ID token's crit names an extension that nobody knows, and the header holds it."""
    token.header.update({"crit": ["https://attacker.example/extension"], "https://attacker.example/extension": True})


@faults.id_token()
def bad_signature(token: IdToken) -> None:
    """One bit of the ID token's signature is another."""
    sign = token.sign

    def flip(message: bytes) -> bytes:
        signature = sign(message)
        return signature[:-1] + bytes([signature[-1] ^ 1])

    token.sign = flip


@faults.id_token()
def strangers_signature(token: IdToken) -> None:
    """The ID token is signed by a key that is not in the JWKS, under the kid of the one that is."""
    token.sign = STRANGER.sign


@faults.id_token()
def jwk_in_header(token: IdToken) -> None:
    """The ID token's header brings the key that signed it, as jwk."""
    token.header.update(jwk=STRANGER.public_jwk, kid=STRANGER.kid)
    token.sign = STRANGER.sign


def _serve_strangers_keys(keys: Document) -> None:
    if _STRANGERS_JWKS in keys.request.target:
        keys.members["keys"] = [STRANGER.public_jwk]


@faults.id_token(jwks=_serve_strangers_keys)
def jku_in_header(token: IdToken) -> None:
    """The ID token's header says where the key is that signed it, as jku; it is there (path jwks, with a query)."""
    token.header.update(jku=f"{token.server.issuer}/jwks?{_STRANGERS_JWKS}=1", kid=STRANGER.kid)
    token.sign = STRANGER.sign


@faults.id_token()
def x5u_in_header(token: IdToken) -> None:
    """The ID token's header says where the certificate is of the key that signed it, as x5u (path x5u)."""
    token.header.update(x5u=f"{token.server.issuer}/x5u", kid=STRANGER.kid)
    token.sign = STRANGER.sign


def _serve_weak_key(keys: Document) -> None:
    keys.members["keys"] = [WEAK.public_jwk]


@faults.id_token(jwks=_serve_weak_key)
def weak_key(token: IdToken) -> None:
    """The ID token is signed by an RSA key of 512 bits, the only one in the JWKS."""
    token.header["kid"] = WEAK.kid
    token.sign = WEAK.sign


def _serve_exponent_one(keys: Document) -> None:
    keys.members["keys"] = [{**keys.server.key.public_jwk, "e": b64url(b"\x01")}]


@faults.id_token(jwks=_serve_exponent_one)
def exponent_one(token: IdToken) -> None:
    """The key in the JWKS has the exponent 1, so that the padded hash is a signature."""
    token.sign = lambda message: emsa_pkcs1_v1_5(message, token.server.key.size)


def _serve_point_off_curve(keys: Document) -> None:
    keys.members["keys"] = [off_curve(keys.server.key.kid)]


@faults.id_token(jwks=_serve_point_off_curve)
def point_off_curve(token: IdToken) -> None:
    """The ID token's alg is ES256, and the key in the JWKS a point that is not on P-256."""
    token.header["alg"] = "ES256"
    token.sign = lambda _message: (b"\x00" * 31 + b"\x01") * 2


# ---- no ID token


@faults.document(*TOKEN)
def no_id_token(answer: Document) -> None:
    """id_token is left out."""
    answer.members.pop("id_token", None)


@faults.document(*TOKEN)
def garbage_id_token(answer: Document) -> None:
    """id_token is no JWT."""
    if "id_token" in answer.members:
        answer.members["id_token"] = "not.a-token.!"  # noqa: S105 - not even a token


@faults.document(*TOKEN)
def encrypted_id_token(answer: Document) -> None:
    """id_token is an encrypted JWT: five parts, the header of a JWE."""
    header = b64url(b'{"alg":"RSA-OAEP","enc":"A256GCM"}')
    if "id_token" in answer.members:
        answer.members["id_token"] = ".".join([header, *(b64url(bytes([part]) * 32) for part in range(4))])
