from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode

import pytest

from oauth_cli_login.protocol.pkce import ENTROPY_BYTES, pkce_pair

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


def test_the_pair_is_that_of_rfc_7636_appendix_b():
    entropy = bytes.fromhex("7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79")
    pair = pkce_pair(entropy)
    assert pair.code_verifier == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pair.code_challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert pair.code_challenge_method == "S256"


def test_too_little_entropy_is_refused():
    with pytest.raises(ValueError, match="256 bits"):
        pkce_pair(b"\0" * (ENTROPY_BYTES - 1))


def test_a_thousand_verifiers_are_unique_and_of_the_right_alphabet():
    pairs = [pkce_pair(secrets.token_bytes(ENTROPY_BYTES)) for _ in range(1000)]
    assert len({pair.code_verifier for pair in pairs}) == 1000
    assert len({pair.code_challenge for pair in pairs}) == 1000
    assert all(VERIFIER.fullmatch(pair.code_verifier) for pair in pairs)


def test_a_verifier_carries_all_of_its_entropy():
    entropy = bytes(range(32))
    assert urlsafe_b64decode(pkce_pair(entropy).code_verifier + "=") == entropy


def test_the_verifier_is_not_shown():
    pair = pkce_pair(bytes(range(32)))
    assert pair.code_verifier not in repr(pair)
