"""ECDSA signatures on the NIST curves, verified (FIPS 186-5 section 6.4.2, RFC 7518 section 3.4).

Verify only. Keys, messages and signatures are public, so nothing here has to take the same time whatever they are.
A point is affine, ``(x, y)``, or ``None`` for the point at infinity; the long sum alone is kept in Jacobian
coordinates, where ``(X, Y, Z)`` stands for ``(X/Z², Y/Z³)`` and no step needs an inverse.
"""

from __future__ import annotations

import hashlib

from oauth_cli_login.values import dataclass

Point = tuple[int, int]


@dataclass(frozen=True)
class Curve:
    """y² = x³ - 3x + b modulo the prime p; ``g`` generates a group of the prime order ``n``, which is all of it.

    ``size`` is the length in bytes of a coordinate, and of each half of a signature.
    """

    p: int
    b: int
    n: int
    g: Point
    size: int


CURVES = {
    "P-256": Curve(
        p=2**256 - 2**224 + 2**192 + 2**96 - 1,
        b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        g=(
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
        size=32,
    ),
    "P-384": Curve(
        p=2**384 - 2**128 - 2**96 + 2**32 - 1,
        b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        g=(
            0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
            0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        ),
        size=48,
    ),
    "P-521": Curve(
        p=2**521 - 1,
        b=int(
            "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E1"
            "56193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00",
            16,
        ),
        n=int(
            "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
            "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
            16,
        ),
        g=(
            int(
                "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBA"
                "A14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66",
                16,
            ),
            int(
                "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C"
                "97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650",
                16,
            ),
        ),
        size=66,
    ),
}
"""The curves of RFC 7518 section 6.2.1.1, with the parameters of SEC 2."""


def check_point(curve: Curve, point: Point) -> None:
    """Raise ValueError for a point that is not on the curve; one that is has the order ``n``, as all have."""
    x, y = point
    if not (0 <= x < curve.p and 0 <= y < curve.p and (y * y - x * x * x + 3 * x - curve.b) % curve.p == 0):
        raise ValueError("its point is not on its curve")


def verify(curve: Curve, public: Point, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Tell whether this is the key's signature of the message: r and s, one after the other, each of full length.

    The digest must not be longer than the curve's order, as it is with each ``alg`` of RFC 7518.
    """
    r, s = (int.from_bytes(half, "big") for half in (signature[: curve.size], signature[curve.size :]))
    if len(signature) != 2 * curve.size or not (0 < r < curve.n and 0 < s < curve.n):
        return False
    z = int.from_bytes(hashlib.new(hash_name, message).digest(), "big")
    w = pow(s, -1, curve.n)
    point = _sum_of_multiples(curve, z * w % curve.n, r * w % curve.n, public)
    return point is not None and point[0] % curve.n == r


def _sum_of_multiples(curve: Curve, u1: int, u2: int, public: Point) -> Point | None:
    """Return u1·G + u2·public, both at once: one doubling for each digit of the two, and at most one addition."""
    p, g = curve.p, curve.g
    minus_g, minus_public = _negative(p, g), _negative(p, public)
    both, difference = _add(p, g, public), _add(p, g, minus_public)
    addends = {
        (0, 0): None,
        (1, 0): g,
        (-1, 0): minus_g,
        (0, 1): public,
        (0, -1): minus_public,
        (1, 1): both,
        (-1, -1): both and _negative(p, both),
        (1, -1): difference,
        (-1, 1): difference and _negative(p, difference),
    }
    x, y, z = 1, 1, 0
    width = curve.n.bit_length() + 2
    for digits in zip(_signed_digits(u1, width), _signed_digits(u2, width), strict=True):
        if z:
            x, y, z = _doubled(p, x, y, z)
        addend = addends[digits]
        if addend is not None:
            x, y, z = _increased(p, x, y, z, addend)
    return _affine(p, x, y, z)


def _signed_digits(number: int, width: int) -> list[int]:
    """Return the number's binary digits, each 1, 0 or -1, the highest first: two out of three are 0.

    That is its non-adjacent form. 3u - u is twice the number, and subtracting bit by bit, without a carry, gives it.
    """
    pairs = zip(f"{3 * number:0{width}b}", f"{number:0{width}b}", strict=True)
    return [(three > one) - (three < one) for three, one in pairs][:-1]


def _doubled(p: int, x: int, y: int, z: int) -> tuple[int, int, int]:
    """Return twice a point, by the formulas dbl-2001-b of the Explicit-Formulas Database (for a = -3)."""
    delta = z * z % p
    gamma = y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    doubled = (alpha * alpha - 8 * beta) % p
    return doubled, (alpha * (4 * beta - doubled) - 8 * gamma * gamma) % p, 2 * y * z % p


def _increased(p: int, x: int, y: int, z: int, addend: Point) -> tuple[int, int, int]:
    """Return the sum of a point in Jacobian coordinates and an affine one (madd-2004-hmv, and its exceptions)."""
    if z == 0:
        return (*addend, 1)
    zz = z * z % p
    h = (addend[0] * zz - x) % p
    r = (addend[1] * zz * z - y) % p
    if h == 0:  # the same point, or its opposite
        return _doubled(p, x, y, z) if r == 0 else (1, 1, 0)
    hh = h * h % p
    hhh = h * hh % p
    v = x * hh % p
    total = (r * r - hhh - 2 * v) % p
    return total, (r * (v - total) - y * hhh) % p, z * h % p


def _negative(p: int, point: Point) -> Point:
    return point[0], -point[1] % p


def _add(p: int, left: Point, right: Point) -> Point | None:
    return _affine(p, *_increased(p, *left, 1, right))


def _affine(p: int, x: int, y: int, z: int) -> Point | None:
    if z == 0:
        return None
    inverse = pow(z, -1, p)
    square = inverse * inverse % p
    return x * square % p, y * square * inverse % p
