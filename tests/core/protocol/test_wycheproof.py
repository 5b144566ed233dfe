"""The vectors of Wycheproof (github.com/C2SP/wycheproof): its verdict is ours, save for what is listed with its reason.

They are read from the folder that OAUTH_CLI_WYCHEPROOF names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import keys_of, response

from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.protocol import ecdsa, rsa
from oauth_cli_login.protocol.jws import parse_jws, verify

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("OAUTH_CLI_WYCHEPROOF") or ROOT.parent / "shared" / "data" / "wycheproof")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no vectors: OAUTH_CLI_WYCHEPROOF names no folder of Wycheproof's"
)

HMAC = "a valid HMAC: no ID token is verified with a secret, ours or anybody's"
OTHER_ALG = "the signature is right, and the key's own alg is another one (PS256 for PS384, ES521 for ES512)"
ROCA = "the key is of a chip whose primes can be guessed; whose keys a provider uses is not ours to judge"
NO_NULL = "the NULL is missing in the DigestInfo, which RFC 8017 asks for"
JWE = "an encrypted token: unsupported"

DIFFERENCES = {
    "json_web_signature": {
        **dict.fromkeys((1, 348, 352, 357, 358, 359, 372, 373, 376, 377), HMAC),
        **dict.fromkeys((346, 347, 350, 351), OTHER_ALG),
    },
    "json_web_key": {**dict.fromkeys((2, 13, 14, 15), HMAC), 7: ROCA},
    "json_web_crypto": {**dict.fromkeys((1, 48), HMAC), 46: ROCA, **dict.fromkeys((50, 67), JWE)},
    "rsa_signature_2048_sha256": {8: NO_NULL},
    "rsa_signature_3072_sha256": {8: NO_NULL},
    "rsa_signature_4096_sha256": {8: NO_NULL},
    "rsa_pss_2048_sha256_mgf1_32": {},
    "ecdsa_secp256r1_sha256_p1363": {},
    "ecdsa_secp384r1_sha384_p1363": {},
}
"""The vectors that we judge otherwise, by file and tcId. ``acceptable`` ones count as valid."""

COUNTS = {
    "json_web_signature": 401,
    "json_web_key": 26,
    "json_web_crypto": 83,
    "rsa_signature_2048_sha256": 259,
    "rsa_signature_3072_sha256": 259,
    "rsa_signature_4096_sha256": 258,
    "rsa_pss_2048_sha256_mgf1_32": 108,
    "ecdsa_secp256r1_sha256_p1363": 262,
    "ecdsa_secp384r1_sha384_p1363": 280,
}


def vectors(name) -> Iterator[tuple[dict, dict]]:
    """Yield (group, vector) of a file."""
    with open(FOLDER / f"{name}.json", encoding="utf-8") as file:
        groups = json.load(file)["testGroups"]
    yield from ((group, vector) for group in groups for vector in group["tests"])


def is_taken(group, vector) -> bool:
    if group["type"].startswith("JsonWeb"):
        return is_token_taken(group.get("public") or group["private"], vector.get("jws", vector.get("jwe")))
    message, signature = bytes.fromhex(vector["msg"]), bytes.fromhex(vector["sig"])
    hash_name = group["sha"].replace("-", "").lower()
    if group["type"] == "EcdsaP1363Verify":
        curve = ecdsa.CURVES[{"secp256r1": "P-256", "secp384r1": "P-384"}[group["publicKey"]["curve"]]]
        public = (int(group["publicKey"]["wx"], 16), int(group["publicKey"]["wy"], 16))
        ecdsa.check_point(curve, public)
        return ecdsa.verify(curve, public, hash_name, message, signature)
    n, e = (int(group["publicKey"][name], 16) for name in ("modulus", "publicExponent"))
    rsa.check_key(n, e)
    verify_rsa = {"RsassaPkcs1Verify": rsa.verify_pkcs1_v1_5, "RsassaPssVerify": rsa.verify_pss}[group["type"]]
    return verify_rsa(n, e, hash_name, message, signature)


def is_token_taken(key, token) -> bool:
    """Read the key as a server publishes it, and the token as one that came."""
    keys = keys_of(response(200, json.dumps(key if "keys" in key else {"keys": [key]})))
    try:
        verify(parse_jws(token if isinstance(token, str) else json.dumps(token), "token"), keys, allowed=None)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_verdict_is_the_vectors_but_for_the_listed_differences(name):
    """A difference that is listed and is none any more fails as well."""
    judged = {
        vector["tcId"]: (vector["result"] != "invalid", is_taken(group, vector)) for group, vector in vectors(name)
    }
    assert len(judged) == COUNTS[name]
    assert {number for number, (right, taken) in judged.items() if taken is not right} == set(DIFFERENCES[name])


@pytest.mark.parametrize("number", [346, 347, 350, 351])
def test_the_examples_of_rfc_7520_verify_where_the_keys_alg_does_not_contradict_them(number):
    """PS384 and ES512 (sections 4.2 and 4.3): known answers for what has no file of its own."""
    ((group, vector),) = [pair for pair in vectors("json_web_signature") if pair[1]["tcId"] == number]
    key = {name: value for name, value in group["public"].items() if name != "alg"}
    assert is_token_taken(key, vector["jws"])
