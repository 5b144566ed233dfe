"""Keys as servers publish them: each is used for what it is for, and what cannot be trusted is not used at all."""

from __future__ import annotations

import pytest

from oauth_cli_login.protocol import ecdsa
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.jwk import ALGORITHMS, parse_jwk


def uint(number: int, size: int | None = None) -> str:
    return base64url(number.to_bytes(size or max(1, (number.bit_length() + 7) // 8), "big"))


def rsa_jwk(n: int = (1 << 2048) - 1, e: int = 65537, **members: object) -> dict[str, object]:
    """Return a key of RSA; that its modulus has no two primes is nothing that anybody could see."""
    return given_members({"kty": "RSA", "n": uint(n), "e": uint(e), **members})


def ec_jwk(crv: str = "P-256", **members: object) -> dict[str, object]:
    """Return a key whose point is the curve's own generator."""
    curve = ecdsa.CURVES[crv]
    x, y = (uint(number, curve.size) for number in curve.g)
    return given_members({"kty": "EC", "crv": crv, "x": x, "y": y, **members})


def given_members(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not ...}


RSA_ALGS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


@pytest.mark.parametrize(
    ("jwk", "algs"),
    [
        (rsa_jwk(), RSA_ALGS),
        (rsa_jwk(alg="PS384"), {"PS384"}),
        (ec_jwk("P-256"), {"ES256"}),
        (ec_jwk("P-384"), {"ES384"}),
        (ec_jwk("P-521", alg="ES512"), {"ES512"}),
    ],
)
def test_kty_crv_and_alg_say_which_algorithms_a_key_fits(jwk, algs):
    """RFC 7518 sections 3.1, 6.1 and 6.2.1.1; RFC 7517 section 4.4."""
    key = parse_jwk(jwk)
    assert {alg for alg in [*ALGORITHMS, "none", "HS256", "EdDSA", "ES256K"] if key.fits(alg)} == algs


def test_a_key_that_does_not_fit_verifies_nothing(signing_key):
    """Whoever calls: the same numbers under another algorithm are another key."""
    key, other = (parse_jwk({**signing_key.public_jwk, "alg": alg}) for alg in ("RS256", "PS256"))
    signature = signing_key.sign(b"message")
    assert key.verifies("RS256", b"message", signature)
    assert not other.verifies("RS256", b"message", signature)
    assert not key.verifies("none", b"message", signature)


@pytest.mark.parametrize(
    "members", [{"use": "sig"}, {"key_ops": ["verify"]}, {"use": "sig", "key_ops": ["verify", "encrypt"]}, {"x5c": []}]
)
@pytest.mark.parametrize("make", [rsa_jwk, ec_jwk])
def test_a_key_for_signatures_is_taken(make, members):
    assert parse_jwk(make(kid="k", **members)).kid == "k"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"use": "enc"}, "use"),
        ({"use": None}, "use"),
        ({"use": ["sig"]}, "use"),
        ({"key_ops": ["sign"]}, "key_ops"),
        ({"key_ops": []}, "key_ops"),
        ({"key_ops": "verify"}, "key_ops"),
        ({"key_ops": None}, "key_ops"),
        ({"use": "enc", "key_ops": ["verify"]}, "use"),
        ({"use": "sig", "key_ops": ["encrypt"]}, "key_ops"),
        ({"alg": "HS256"}, "alg"),
        ({"alg": "none"}, "alg"),
        ({"alg": "RSA-OAEP"}, "alg"),
        ({"alg": "ES521"}, "alg"),
        ({"alg": ""}, "alg"),
        ({"alg": 256}, "alg is not a string"),
        ({"kid": 7}, "kid is not a string"),
        ({"kty": "oct"}, "kty"),
        ({"kty": "OKP"}, "kty"),
        ({"kty": "rsa"}, "kty"),
        ({"kty": ...}, "kty"),
        ({"kty": ["RSA"]}, "kty is not a string"),
        ({"d": "AQAB"}, "private half"),
    ],
)
@pytest.mark.parametrize("make", [rsa_jwk, ec_jwk])
def test_a_key_that_is_for_something_else_is_refused_with_the_reason(make, members, reason):
    with pytest.raises(ValueError, match=reason):
        parse_jwk(make(**members))


@pytest.mark.parametrize(
    ("jwk", "alg"), [(rsa_jwk(), "ES256"), (ec_jwk("P-256"), "ES384"), (ec_jwk("P-521"), "ES256"), (ec_jwk(), "RS256")]
)
def test_an_alg_that_is_of_another_kind_of_key_is_refused(jwk, alg):
    with pytest.raises(ValueError, match="alg"):
        parse_jwk({**jwk, "alg": alg})


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        (rsa_jwk(n=(1 << 512) - 1), "512 bits"),
        (rsa_jwk(n=(1 << 2047) - 1), "2047 bits"),
        (rsa_jwk(n=(1 << 8192) + 1), "8193 bits"),
        (rsa_jwk(n=(1 << 2048) - 2), "even"),
        *((rsa_jwk(e=e), "exponent") for e in (0, 1, 2, 65536, (1 << 32) + 1, (1 << 2047) + 1)),
        ({**rsa_jwk(), "n": ""}, "n is missing"),
        ({**rsa_jwk(), "n": None}, "n is missing"),
        ({**rsa_jwk(), "e": 65537}, "e is missing"),
        ({**rsa_jwk(), "e": "AQAB=="}, "e is not base64url"),
        ({**rsa_jwk(), "n": "A" * 2001}, "n is missing, or is no number of reasonable size"),
    ],
)
def test_an_rsa_key_that_is_weak_or_absurd_is_refused(jwk, reason):
    """RFC 7518 section 3.3: 2048 bits at least. With an exponent of 1 a signature is its own message."""
    with pytest.raises(ValueError, match=reason):
        parse_jwk(jwk)


@pytest.mark.parametrize("jwk", [rsa_jwk(n=(1 << 2047) + 1), rsa_jwk(n=(1 << 8192) - 1), rsa_jwk(e=3)])
def test_the_bounds_themselves_are_inside(jwk):
    assert parse_jwk(jwk).fits("RS256")


def test_a_modulus_may_begin_with_a_zero_that_some_library_has_put_there():
    """RFC 7518 section 6.3.1.1."""
    assert parse_jwk({**rsa_jwk(), "n": uint((1 << 2048) - 1, 257)}) == parse_jwk(rsa_jwk())


X, Y = (uint(number, 32) for number in ecdsa.CURVES["P-256"].g)
P = ecdsa.CURVES["P-256"].p


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"y": X}, "not on its curve"),
        ({"x": Y, "y": X}, "not on its curve"),
        ({"x": uint(0, 32), "y": uint(0, 32)}, "not on its curve"),
        ({"x": uint(P, 32)}, "not on its curve"),
        ({"x": uint((1 << 256) - 1, 32)}, "not on its curve"),
        ({"crv": "P-384"}, "x is not 48 bytes"),
        ({"x": uint(0, 48), "y": uint(0, 48), "crv": "P-384"}, "not on its curve"),
        ({"x": uint(ecdsa.CURVES["P-256"].g[0], 33)}, "x is not 32 bytes"),
        ({"y": "AQ"}, "y is not 32 bytes"),
        ({"x": ...}, "x is missing"),
        ({"y": None}, "y is missing"),
        ({"y": Y + "="}, "y is not base64url"),
        ({"crv": "secp256k1"}, "curve"),
        ({"crv": "p-256"}, "curve"),
        ({"crv": "Ed25519"}, "curve"),
        ({"crv": ...}, "curve"),
        ({"crv": ["P-256"]}, "crv is not a string"),
    ],
)
def test_an_elliptic_key_that_is_no_point_of_its_curve_is_refused(members, reason):
    """RFC 7518 section 6.2.1."""
    with pytest.raises(ValueError, match=reason):
        parse_jwk(given_members({**ec_jwk(), **members}))


def test_a_coordinate_that_is_the_same_modulo_the_prime_is_another_and_refused():
    """P-521's prime leaves room in its bytes: x + p stands for the same point."""
    curve = ecdsa.CURVES["P-521"]
    with pytest.raises(ValueError, match="not on its curve"):
        parse_jwk(ec_jwk("P-521", x=uint(curve.g[0] + curve.p, 66)))


@pytest.mark.parametrize("crv", ecdsa.CURVES)
def test_the_curves_are_those_of_sec_2(crv):
    """Their parameters hold together: G is a point, and its order is n. The oracle's tests are about the rest."""
    curve = ecdsa.CURVES[crv]
    ecdsa.check_point(curve, curve.g)
    assert ecdsa._sum_of_multiples(curve, curve.n, 0, curve.g) is None
    assert ecdsa._sum_of_multiples(curve, curve.n - 1, 2, curve.g) == curve.g
    assert curve.size == (curve.p.bit_length() + 7) // 8


@pytest.mark.parametrize(("u1", "u2"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 3), (5, 5), (7, 1), (255, 257)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_exceptions_of_the_addition_are_seen_to(u1, u2, sign):
    """With the generator, or its opposite, for a public key the sums meet equal and opposite points on their way."""
    curve = ecdsa.CURVES["P-256"]
    x, y = curve.g
    total = ecdsa._sum_of_multiples(curve, u1, u2, (x, sign * y % curve.p))
    assert total == ecdsa._sum_of_multiples(curve, (u1 + sign * u2) % curve.n, 0, curve.g)
