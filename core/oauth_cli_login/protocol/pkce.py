"""Proof Key for Code Exchange (RFC 7636), S256 only."""

from __future__ import annotations

import hashlib

from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.values import dataclass, field

ENTROPY_BYTES = 32
"""RFC 7636 section 7.1: 256 bits, which become 43 characters."""


@dataclass(frozen=True)
class Pkce:
    """A code_verifier and its S256 code_challenge (RFC 7636 sections 4.1 and 4.2)."""

    code_verifier: str = field(repr=False)
    code_challenge: str
    code_challenge_method: str = "S256"


def pkce_pair(entropy: bytes) -> Pkce:
    """Return the pair for ``entropy``, 32 random bytes at least; ValueError for fewer."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError("a code_verifier needs 256 bits")
    code_verifier = base64url(entropy)
    return Pkce(code_verifier, base64url(hashlib.sha256(code_verifier.encode("ascii")).digest()))
