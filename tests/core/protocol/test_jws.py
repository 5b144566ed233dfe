"""Tokens with a signature: who signed, and nothing that the token itself says about it is believed."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from answers import json_response, keys_of

from oauth_cli_login.errors import ExitStatus, ProtocolError
from oauth_cli_login.protocol.base64url import base64url
from oauth_cli_login.protocol.jwk import ALGORITHMS
from oauth_cli_login.protocol.jws import parse_jws, verify
from oauth_cli_providers.mock.signing import emsa_pkcs1_v1_5, generate_key

PAYLOAD = b'{"sub":"248289761001"}'


@pytest.fixture(scope="session")
def other_key():
    return generate_key()


@pytest.fixture
def keys(signing_key):
    return keys_of(json_response(keys=[signing_key.public_jwk]))


def signing_input(header, payload: bytes = PAYLOAD) -> str:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{base64url(encoded)}.{base64url(payload)}"


@pytest.fixture
def token(signing_key):
    """Return a token with this header that the server's key has signed by RS256, whatever the header says."""

    def make(key=signing_key, /, **header) -> str:
        members = {"alg": "RS256", "kid": signing_key.kid, **header}
        text = signing_input({name: value for name, value in members.items() if value is not ...})
        return f"{text}.{base64url(key.sign(text.encode()))}"

    return make


def check(token, keys, allowed=None):
    verify(parse_jws(token, "ID token"), keys, allowed=allowed)


def refused(token, keys, *words, allowed=None):
    with pytest.raises(ProtocolError) as refusal:
        check(token, keys, allowed)
    assert refusal.value.exit_status == ExitStatus.PROTOCOL
    for word in ("ID token", *words):
        assert word in refusal.value.message
    return refusal.value


def test_a_token_that_the_servers_key_has_signed_is_verified(token, keys):
    check(token(), keys)
    check(token(), keys, allowed=("ES256", "RS256"))


def test_the_parts_are_as_they_came(token, signing_key):
    jws = parse_jws(token(typ="JWT"), "ID token")
    assert jws.header == {"alg": "RS256", "kid": signing_key.kid, "typ": "JWT"}
    assert (jws.payload, jws.kid, jws.what) == (PAYLOAD, signing_key.kid, "ID token")


def test_an_empty_payload_is_one(signing_key, keys):
    text = signing_input({"alg": "RS256"}, b"")
    check(f"{text}.{base64url(signing_key.sign(text.encode()))}", keys)


# ---- compact serialization


@pytest.mark.parametrize("text", ["", ".", "a.b", "a.b.c.d", ".".join("abcdef"), "." * 1000, '{"payload":""}'])
def test_what_has_not_three_parts_is_no_signed_jwt(keys, text):
    refused(text, keys, "not a signed JWT")


def test_five_parts_are_encrypted_and_unsupported(keys):
    """RFC 7516 section 3.1."""
    refused("a.b.c.d.e", keys, "encrypted, which is unsupported")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", [lambda part: part + "=", lambda part: part + "\n", lambda part: " " + part])
def test_each_part_is_canonical_base64url(token, keys, place, change):
    parts = token().split(".")
    parts[place] = change(parts[place])
    refused(".".join(parts), keys, "cannot be read")


def test_unused_bits_of_the_signature_are_zero(token, keys):
    """A signature of 256 bytes leaves four of them: sixteen texts that a careless decoder takes for the same."""
    text = token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(text[-1])
    for last in alphabet[place + 1 : place + 16]:
        refused(text[:-1] + last, keys, "cannot be read")


@pytest.mark.parametrize(
    "header",
    [b"", b"x", b"[]", b"null", b'"RS256"', b'{"alg":"none","alg":"RS256"}', b"\xef\xbb\xbf{}", b"\xff", b"[" * 9999],
)
def test_a_header_is_one_json_object_without_doubled_members(signing_key, keys, header):
    text = signing_input(header)
    refused(f"{text}.{base64url(signing_key.sign(text.encode()))}", keys, "cannot be read")


# ---- algorithms


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", " none", "", ..., None, 1, True, ["RS256"], {}])
def test_a_token_that_says_it_is_not_signed_is_refused_even_with_a_signature(token, keys, alg):
    refused(token(alg=alg), keys, "not signed")


@pytest.mark.parametrize("alg", ["RS256", "none"])
def test_a_token_without_a_signature_is_refused_whatever_it_says(keys, alg):
    refused(signing_input({"alg": alg}) + ".", keys, "not signed")


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_an_hmac_is_refused_by_name_whatever_public_thing_is_its_secret(signing_key, keys, bits):
    """Keyed by the public key's own bytes, or by the client id: what everybody knows proves nothing."""
    alg = f"HS{bits}"
    for secret in (json.dumps(signing_key.public_jwk).encode(), signing_key.n.to_bytes(256, "big"), b"cli-app", b""):
        text = signing_input({"alg": alg, "kid": signing_key.kid})
        mac = hmac.new(secret, text.encode(), f"sha{bits}").digest()
        hint = refused(f"{text}.{base64url(mac)}", keys, f"'{alg}'", "RS256").hint
        assert "id_token_signed_response_alg" in hint


@pytest.mark.parametrize("alg", ["EdDSA", "ES256K", "RS1", "RS256 ", "rs256", "RSA1_5", "A" * 9999, "\x1b[31m"])
def test_any_other_algorithm_is_refused_by_name(token, keys, alg):
    message = refused(token(alg=alg), keys, ascii(alg)[:40]).message
    assert message.isprintable()
    assert len(message) < 200


def test_an_algorithm_that_the_metadata_does_not_announce_is_refused(token, keys):
    """OpenID Connect Discovery section 3: id_token_signing_alg_values_supported."""
    refused(token(), keys, "RS256", "does not announce", allowed=("ES256",))
    refused(token(), keys, "does not announce", allowed=())


def test_an_algorithm_that_is_announced_and_unknown_stays_refused(token, keys):
    refused(token(alg="none"), keys, "not signed", allowed=("none",))
    refused(token(alg="HS256"), keys, "'HS256'", allowed=("HS256",))


@pytest.mark.parametrize("alg", sorted(set(ALGORITHMS) - {"RS256"}))
def test_an_algorithm_that_the_key_is_not_for_is_refused(token, keys, alg):
    refused(token(alg=alg), keys, "fits", alg)
    refused(token(alg=alg, kid=...), keys, "fits", alg)


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_a_signature_by_another_algorithm_is_wrong_where_the_key_is_for_any(signing_key, token, alg):
    jwk = {name: value for name, value in signing_key.public_jwk.items() if name != "alg"}
    refused(token(alg=alg), keys_of(json_response(keys=[jwk])), "signature", "wrong")


# ---- headers


@pytest.mark.parametrize("crit", [["b64"], ["exp"], ["alg"], [], None, "x"])
def test_critical_header_parameters_are_unknown_and_refused(token, keys, crit):
    """RFC 7515 section 4.1.11."""
    refused(token(crit=crit, exp=1), keys, "critical header parameters")


@pytest.mark.parametrize("b64", [False, True, None])
def test_an_unencoded_payload_is_refused_though_nobody_calls_it_critical(token, keys, b64):
    """RFC 7797 section 7: never in a JWT."""
    refused(token(b64=b64), keys, "critical header parameters")


def test_keys_that_the_token_brings_are_never_used(token, keys, other_key):
    """RFC 7515 sections 4.1.2 to 4.1.6: jku, jwk, x5u, x5c."""
    brought = {
        "jwk": other_key.public_jwk,
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x",
        "x5c": ["AA=="],
    }
    refused(token(other_key, **brought), keys, "signature", "wrong")
    refused(token(other_key, **brought, kid=...), keys, "signature", "wrong")
    refused(token(other_key, **brought, kid=other_key.kid), keys, "no key of the provider's")
    refused(token(other_key, **brought), keys_of(json_response(keys=[])), "no key of the provider's")
    check(token(**brought), keys)


# ---- keys


def test_a_kid_that_is_not_there_is_named(token, keys):
    message = refused(token(kid="\x1b[31m"), keys, "no key of the provider's", r"'\x1b[31m'").message
    assert message.isprintable()


@pytest.mark.parametrize("kid", [7, ["k"], {}, True, "k" * 1001])
def test_a_kid_that_is_no_name_is_refused(token, keys, kid):
    refused(token(kid=kid), keys, "no kid")


@pytest.mark.parametrize("kid", [..., None])
def test_without_a_kid_the_keys_that_fit_are_tried(token, signing_key, other_key, kid):
    both = [other_key.public_jwk, signing_key.public_jwk]
    check(token(kid=kid), keys_of(json_response(keys=both)))
    refused(token(kid=kid), keys_of(json_response(keys=both[:1])), "signature", "wrong")


def test_the_kid_picks_though_another_key_has_signed(token, signing_key, other_key):
    keys = keys_of(json_response(keys=[other_key.public_jwk, signing_key.public_jwk]))
    refused(token(kid=other_key.kid), keys, "signature", "wrong")


def test_a_key_that_cannot_be_used_says_why(token, signing_key):
    jwk = {**signing_key.public_jwk, "use": "enc"}
    refused(token(), keys_of(json_response(keys=[jwk])), "no key of the provider's", "its use is not sig")
    other = {**jwk, "kid": "other"}
    assert "its use" not in refused(token(), keys_of(json_response(keys=[other])), "fits").message


# ---- signatures


def test_a_changed_token_is_refused(token, keys, signing_key):
    header, payload, signature = token().split(".")
    raw = bytearray(int.to_bytes(1, 1, "big") + bytes(256))
    refused(f"{header}.{base64url(PAYLOAD + b' ')}.{signature}", keys, "signature", "wrong")
    refused(f"{signing_input({'kid': signing_key.kid, 'alg': 'RS256'})}.{signature}", keys, "signature", "wrong")
    for wrong in (bytes(256), bytes(raw), b"\x00", bytes(255), b"\xff" * 256):
        refused(f"{header}.{payload}.{base64url(wrong)}", keys, "signature", "wrong")


def test_a_signature_has_the_moduluss_length_and_is_less_than_it(token, keys, signing_key):
    """RFC 8017 section 8.2.2 step 1, section 5.2.2 step 1: else there are many for one message."""
    text, _, signature = token().rpartition(".")
    s = int.from_bytes(signing_key.sign(text.encode()), "big")
    assert base64url(s.to_bytes(256, "big")) == signature
    refused(f"{text}.{base64url(s.to_bytes(257, 'big'))}", keys, "signature", "wrong")
    refused(f"{text}.{base64url((s + signing_key.n).to_bytes(257, 'big'))}", keys, "signature", "wrong")


@pytest.mark.parametrize(
    "forge",
    [
        lambda em, message: em[:2] + em[-52:] + em[2:-52],  # the digest in front, rubbish behind
        lambda em, message: b"\x00\x01" + b"\xff" * 8 + em[-52:] + bytes(len(em) - 62),  # CVE-2006-4339
        lambda em, message: b"\x00\x02" + em[2:],
        lambda em, message: em[:10] + b"\x00" + em[11:],
        lambda em, message: em[:-32] + hashlib.sha256(message + b"x").digest(),
        lambda em, message: em[:-51] + hashlib.sha256(message).digest() + bytes(19),
        lambda em, message: b"\x00\x01" + b"\xff" * 221 + b"\x00" + hashlib.sha256(message).digest(),
    ],
)
def test_the_padding_is_the_only_one_that_is_right(signing_key, keys, forge):
    """RFC 8017 section 9.2: signed with the real key, and wrong inside."""
    text = signing_input({"alg": "RS256"})
    em = forge(emsa_pkcs1_v1_5(text.encode(), 256), text.encode())
    assert len(em) == 256
    s = pow(int.from_bytes(em, "big"), signing_key._d, signing_key.n)
    refused(f"{text}.{base64url(s.to_bytes(256, 'big'))}", keys, "signature", "wrong")


def pss_encoded(message: bytes, salt: bytes, *, db_start: bytes = b"\x01", trailer: bytes = b"\xbc") -> int:
    """Return the encoded message of RFC 8017 section 9.1.1 for SHA-256 and a modulus of 2048 bits."""
    h = hashlib.sha256(bytes(8) + hashlib.sha256(message).digest() + salt).digest()
    mask = b"".join(hashlib.sha256(h + number.to_bytes(4, "big")).digest() for number in range(7))[:223]
    db = (db_start + salt).rjust(223, b"\0")
    masked = int.from_bytes(db, "big") ^ int.from_bytes(mask, "big")
    return int.from_bytes(masked.to_bytes(223, "big") + h + trailer, "big")


LOWER = (1 << 2047) - 1


@pytest.mark.parametrize(
    ("encode", "taken"),
    [
        (lambda message, salt: pss_encoded(message, salt) & LOWER, True),
        (lambda message, salt: pss_encoded(message, salt) & LOWER | 1 << 2047, False),
        (lambda message, salt: pss_encoded(message, salt, trailer=b"\xbd") & LOWER, False),
        (lambda message, salt: pss_encoded(message, salt, db_start=b"\x02") & LOWER, False),
        (lambda message, salt: pss_encoded(message, salt, db_start=b"\x01\x01") & LOWER, False),
        (lambda message, salt: pss_encoded(message, salt[:31]) & LOWER, False),
        (lambda message, salt: pss_encoded(message, salt + b"\0") & LOWER, False),
        (lambda message, salt: pss_encoded(message, b"") & LOWER, False),
        (lambda message, salt: pss_encoded(message + b"x", salt) & LOWER, False),
    ],
)
def test_a_pss_encoding_is_right_in_every_bit_and_its_salt_as_long_as_the_hash(signing_key, encode, taken):
    """RFC 8017 section 9.1.2, RFC 7518 section 3.5: signed with the real key, and wrong inside."""
    text = signing_input({"alg": "PS256"})
    salts = (hashlib.sha256(bytes([number])).digest() for number in range(100))
    em = next(em for em in (encode(text.encode(), salt) for salt in salts) if em < signing_key.n)
    token = f"{text}.{base64url(pow(em, signing_key._d, signing_key.n).to_bytes(256, 'big'))}"
    keys = keys_of(json_response(keys=[{**signing_key.public_jwk, "alg": "PS256"}]))
    if taken:
        check(token, keys)
    else:
        refused(token, keys, "signature", "wrong")


# ---- anything at all
