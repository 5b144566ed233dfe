"""Keys that nobody should trust: constants of no value, so that no fault waits for a key to be made."""

from __future__ import annotations

import base64
from textwrap import wrap

from oauth_cli_providers.mock.signing import SigningKey, b64url

STRANGER = SigningKey(
    int(
        "e7e1751bd5f6826fd615cbdc542d437ffae5ae1a1ae1ab63a17b8e5c84e43fd817746a2390b7ebc733d7da3066f5753b"
        "6581f545ed5e6114835039969302fef86fc9e70d8786641507b7e5411f0280d8b04818757ec630992b35e00eeb821391"
        "f5e034801f614b3e090a64e3282962f72ab7c21ef87bb43863a467183136e123",
        16,
    ),
    int(
        "dd97eea979c34d15a5ea0b9cc6da67241e50a407171f92471de771f43f33108c5a6cbdef5b42631c0848f7fd914f3f57"
        "7a4f516a0380f057590517669837aa1a51fac9a88ef63f32b2011ec7d29596799f34d91803cc618166ad175b69ea64ee"
        "58258e9ea59aa05523494a4dd358680219cde6a561cdfda81d1d85843f2cf029",
        16,
    ),
)
"""A good key of somebody else."""

WEAK = SigningKey(
    0xDD3E35EFA84A8255339A3537DD1D4B6DA2CB87589342FE1953AAF8D63DB3A935,
    0xE8943D0C13FC0F91F7E90D02E013E478A08AA551C811EE3C8B5E7A82C08949FD,
)
"""A key of 512 bits: anybody can factor it."""

_SPKI = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_EXPONENT = bytes.fromhex("0203010001")


def pem(key: SigningKey) -> bytes:
    """Return the public key of 2048 bits as a SubjectPublicKeyInfo in PEM (RFC 5280 section 4.1, RFC 7468)."""
    der = _SPKI + key.n.to_bytes(key.size, "big") + _EXPONENT
    lines = wrap(base64.b64encode(der).decode("ascii"), 64)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode("ascii")


def off_curve(kid: str) -> dict[str, object]:
    """Return an ES256 key whose point, (1, 1), is not on P-256 (RFC 7518 section 6.2.1)."""
    one = b64url((1).to_bytes(32, "big"))
    return {"kty": "EC", "use": "sig", "alg": "ES256", "kid": kid, "crv": "P-256", "x": one, "y": one}
