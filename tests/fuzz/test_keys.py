"""Keys, and sets of them, as servers publish them."""

from __future__ import annotations

import json

from answers import keys_of, response
from hypothesis import given
from hypothesis import strategies as st
from outside import TEXTS, VALUES, bodies, each, edited, encoded, neighbours, objects, only

from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.protocol import ecdsa, rsa
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.body import parse_json
from oauth_cli_login.protocol.jwk import parse_jwk
from oauth_cli_login.protocol.jwks import MAX_KEYS


def uint(number: int, size: int | None = None) -> str:
    return base64url(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


RSA = {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": uint((1 << 2048) - 1), "e": "AQAB"}
EC = [
    {"kty": "EC", "kid": name, "crv": name, "x": uint(curve.g[0], curve.size), "y": uint(curve.g[1], curve.size)}
    for name, curve in ecdsa.CURVES.items()
]
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
JWKS = [RSA, *EC, OKP]
SIZES = st.sampled_from([0, 1, 31, 32, 33, 48, 66, 128, 255, 256, 1024, 1025, 1500])
COORDINATES = SIZES.flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(base64url)
MEMBERS = {
    "kty": st.sampled_from(["RSA", "EC", "oct"]),
    "crv": st.sampled_from(list(ecdsa.CURVES)),
    **dict.fromkeys(("n", "x", "y"), COORDINATES),
    "e": st.sampled_from(["AQAB", "Aw", "AQ", "AA", ""]) | COORDINATES,
    "alg": st.sampled_from(["RS256", "ES256", "none", "HS256"]),
    "key_ops": st.lists(st.sampled_from(["verify", "sign"])) | VALUES,
}
KEYS = st.one_of(
    st.sampled_from(JWKS).flatmap(objects),
    st.fixed_dictionaries({}, optional={name: value | VALUES for name, value in MEMBERS.items()}).map(json.dumps),
)


@given(KEYS)
@each("text", [body.decode("utf-8", "surrogatepass") for key in (RSA, EC[0]) for body in neighbours(key)])
@each("text", [json.dumps({**EC[0], "crv": crv}) for crv in ecdsa.CURVES])
@each("text", [json.dumps({**EC[0], "y": EC[0]["x"]})])
def test_any_jwk_is_a_key_or_a_value_error(text):
    with only(ValueError):
        key = parse_jwk(parse_json(encoded(text)))
        if key.kind == "RSA":
            assert rsa.MIN_BITS <= key.numbers[0].bit_length() <= rsa.MAX_BITS
        else:
            assert is_on(ecdsa.CURVES[key.kind], key.numbers)


def is_on(curve, point):
    x, y = point
    return max(x, y) < curve.p and (y * y - x * x * x + 3 * x - curve.b) % curve.p == 0


SETS = st.one_of(
    st.lists(KEYS | VALUES.map(json.dumps), max_size=4).map(lambda keys: f'{{"keys": [{", ".join(keys)}]}}'),
    st.just('{"keys": [' + ", ".join(['{"kty": "oct"}'] * (MAX_KEYS + 1)) + "]}"),
).map(encoded)


@given(
    SETS | bodies({"keys": JWKS}) | edited(json.dumps({"keys": JWKS}).encode()),
    st.sampled_from([200, 200, 404, 503]),
    TEXTS | st.none(),
)
@each("body", neighbours({"keys": JWKS}), status=200, kid=None)
def test_any_key_set_is_keys_or_an_error_of_ours(body, status, kid):
    with only(OAuthCliError):
        keys = keys_of(response(status, body))
        assert len(keys.keys) + len(keys.unusable) <= MAX_KEYS
        assert not keys.fitting("RS256", kid) or keys.knows(kid)
