"""Faults of the ID token's header and signature, and of the token as a whole (RFC 8725)."""

from __future__ import annotations

import hmac
import json

from oauth_cli_providers.mock.authorization_server import CLIENT_ID
from oauth_cli_providers.mock.faults.fault import TOKEN, Catalogue, Document, IdToken
from oauth_cli_providers.mock.faults.keys import STRANGER, WEAK, off_curve, pem
from oauth_cli_providers.mock.signing import b64url, emsa_pkcs1_v1_5

faults = Catalogue()

_STRANGERS_JWKS = "strangers-keys"


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
def alg_none_signed(token: IdToken) -> None:
    """The ID token's alg is none, and its signature right."""
    token.header["alg"] = "none"


@faults.id_token()
def empty_alg(token: IdToken) -> None:
    """The ID token's alg is an empty string, and its signature right."""
    token.header["alg"] = ""


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
def hs256_jwk(token: IdToken) -> None:
    """The ID token's alg is HS256, keyed by the public key as JSON."""
    token.header["alg"] = "HS256"
    token.sign = lambda message: hmac.digest(json.dumps(token.server.key.public_jwk).encode("ascii"), message, "sha256")


@faults.id_token()
def hs256_modulus(token: IdToken) -> None:
    """The ID token's alg is HS256, keyed by the public key's n as it stands in the JWKS."""
    token.header["alg"] = "HS256"
    token.sign = lambda message: hmac.digest(str(token.server.key.public_jwk["n"]).encode("ascii"), message, "sha256")


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
def crit_b64(token: IdToken) -> None:
    """The ID token's crit names b64, which is false (RFC 7797), though the claims are in base64url."""
    token.header.update(crit=["b64"], b64=False)


@faults.id_token()
def empty_crit(token: IdToken) -> None:
    """The ID token's crit is an empty list."""
    token.header["crit"] = []


@faults.id_token()
def at_jwt(token: IdToken) -> None:
    """The ID token's typ is at+jwt: by its header it is an access token (RFC 9068)."""
    token.header["typ"] = "at+jwt"


@faults.id_token()
def logout_jwt(token: IdToken) -> None:
    """The ID token's typ is logout+jwt: by its header it ends a session."""
    token.header["typ"] = "logout+jwt"


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


@faults.id_token()
def jwk_with_right_kid(token: IdToken) -> None:
    """The ID token's header brings the key that signed it, as jwk, under the kid of the one in the JWKS."""
    token.header["jwk"] = {**STRANGER.public_jwk, "kid": token.server.key.kid}
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


def _announce_es256(metadata: Document) -> None:
    metadata.members["id_token_signing_alg_values_supported"] = ["RS256", "ES256"]


@faults.id_token(jwks=_serve_point_off_curve, discovery=_announce_es256)
def point_off_curve(token: IdToken) -> None:
    """The ID token's alg is ES256, as announced, and the key in the JWKS a point that is not on P-256."""
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
def id_token_crlf(answer: Document) -> None:
    """id_token ends with a line break and more."""
    if "id_token" in answer.members:
        answer.members["id_token"] = f"{answer.members['id_token']}\r\nX-Injected: 1"


@faults.document(*TOKEN)
def encrypted_id_token(answer: Document) -> None:
    """id_token is an encrypted JWT: five parts, the header of a JWE."""
    header = b64url(b'{"alg":"RSA-OAEP","enc":"A256GCM"}')
    if "id_token" in answer.members:
        answer.members["id_token"] = ".".join([header, *(b64url(bytes([part]) * 32) for part in range(4))])
