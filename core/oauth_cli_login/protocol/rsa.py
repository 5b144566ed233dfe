"""RSA signatures, verified: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 section 8).

Verify only. Keys, messages and signatures are public, so nothing here has to take the same time whatever they are.
"""

from __future__ import annotations

import hashlib

MIN_BITS = 2048
"""RFC 7518 section 3.3."""
MAX_BITS = 8192
"""A verification takes about 1 ms at this size; keys in use have 4096 bits at the most."""
MAX_EXPONENT = 1 << 32
"""65537 and 3 are in use; time grows with the exponent's length."""

_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before each digest (RFC 8017 section 9.2, note 1)."""


def check_key(n: int, e: int) -> None:
    """Raise ValueError, with the reason, for a modulus and exponent that no signature may be verified with."""
    bits = n.bit_length()
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"it has {bits} bits, and RSA keys have {MIN_BITS} to {MAX_BITS} here")
    if n % 2 == 0:
        raise ValueError("its modulus is even")
    if e % 2 == 0 or not 1 < e < MAX_EXPONENT:
        raise ValueError("its exponent is 1, even or absurdly large")


def verify_pkcs1_v1_5(n: int, e: int, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Tell whether this is the key's RSASSA-PKCS1-v1_5 signature of the message (RFC 8017 section 8.2.2).

    The one encoded message that is right is made whole and compared: nothing in the signature is parsed.
    """
    size = (n.bit_length() + 7) // 8
    info = _DIGEST_INFO[hash_name] + hashlib.new(hash_name, message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return _recovered(n, e, signature) == int.from_bytes(expected, "big")


def verify_pss(n: int, e: int, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Tell whether this is the key's RSASSA-PSS signature of the message (RFC 8017 section 8.1.2).

    MGF1 uses the same hash, and the salt is as long as its digest (RFC 7518 section 3.5).
    """
    em_bits = n.bit_length() - 1
    recovered = _recovered(n, e, signature)
    if recovered is None or recovered >> em_bits:
        return False
    em = recovered.to_bytes((em_bits + 7) // 8, "big")
    digest = hashlib.new(hash_name, message).digest()
    size = len(digest)
    masked_db, h, trailer = em[: -size - 1], em[-size - 1 : -1], em[-1:]
    db = int.from_bytes(masked_db, "big") ^ int.from_bytes(_mgf1(hash_name, h, len(masked_db)), "big")
    db &= (1 << (em_bits - 8 * (size + 1))) - 1
    # DB is zeros, a one, and the salt
    if trailer != b"\xbc" or db >> (8 * size) != 1:
        return False
    salt = db.to_bytes(len(masked_db), "big")[-size:]
    return hashlib.new(hash_name, bytes(8) + digest + salt).digest() == h


def _recovered(n: int, e: int, signature: bytes) -> int | None:
    """Return the message representative (RSAVP1, section 5.2.2); ``None`` for a signature out of range."""
    s = int.from_bytes(signature, "big")
    if len(signature) != (n.bit_length() + 7) // 8 or s >= n:
        return None
    return pow(s, e, n)


def _mgf1(hash_name: str, seed: bytes, length: int) -> bytes:
    mask = b""
    counter = 0
    while len(mask) < length:
        mask += hashlib.new(hash_name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return mask[:length]
