from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode

import pytest
from answers import ISSUER

from oauth_cli_login.errors import ExitStatus, ProtocolError
from oauth_cli_login.protocol.id_token import WHAT, check_refreshed, decode, validate
from oauth_cli_login.protocol.jws import parse_jws

NOW = 1_800_000_000.0
CLIENT_ID = "cli-app"
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
CLAIMS = {
    "iss": ISSUER,
    "sub": "248289761001",
    "aud": CLIENT_ID,
    "exp": NOW + 3600,
    "iat": NOW,
    "nonce": "n-0S6_WzA2Mj",
}


def part(value) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def id_token(header=(), **claims) -> str:
    """Return a token that is right unless the arguments say otherwise; ``...`` takes a member away."""
    headers = {"alg": "RS256", "kid": "k", **dict(header)}
    members = {**CLAIMS, **claims}
    return ".".join(
        [*(part({k: v for k, v in half.items() if v is not ...}) for half in (headers, members)), "c2lnbmF0dXJl"]
    )


def check(token, *, issuers=(ISSUER,), nonce="n-0S6_WzA2Mj", now=NOW, access_token=ACCESS_TOKEN):
    """Check the claims; test_jws.py and test_client.py are about signatures."""
    return validate(
        parse_jws(token, WHAT),
        issuers=lambda _claims: issuers,
        client_id=CLIENT_ID,
        now=now,
        nonce=nonce,
        access_token=access_token,
    )


def test_a_right_token_gives_its_claims():
    claims = check(id_token(email="me@idp.example"))
    assert claims == {**CLAIMS, "email": "me@idp.example"}


def test_a_refusal_is_a_matter_of_the_protocol():
    with pytest.raises(ProtocolError) as refused:
        check("x")
    assert refused.value.exit_status == ExitStatus.PROTOCOL


def test_the_header_is_returned_too():
    assert decode(id_token({"kid": "key-1"})) == ({"alg": "RS256", "kid": "key-1"}, CLAIMS)


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "logout+JWT", "at+jwt ", "at+jwt;x=y", 7])
def test_a_token_of_another_kind_is_refused(typ):
    with pytest.raises(ProtocolError, match="another kind of token"):
        check(id_token({"typ": typ}))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "ID", None])
def test_any_other_typ_is_accepted(typ):
    check(id_token({"typ": typ}))


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c.d", ".".join("abcdef"), "{}"])
def test_what_has_not_three_parts_is_no_signed_jwt(token):
    with pytest.raises(ProtocolError, match="not a signed JWT"):
        check(token)


def test_an_encrypted_token_is_said_to_be_unsupported():
    """RFC 7516 section 3.1: five parts."""
    with pytest.raises(ProtocolError, match="encrypted, which is unsupported"):
        check("a.b.c.d.e")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "e30=",  # padded
        "e30\n",
        " e30",
        "e3-",  # the unused bits are not zero
        "e31",
        "e30!",
        "e+0/",
        "e",
        "\N{SNOWMAN}",
        part(b"\xff\xfe"),
        part(b"not json"),
        part(b"[]"),
        part(b"null"),
        part(b'"text"'),
        part(b'{"alg":"none","alg":"RS256"}'),
        part(b'{"exp":NaN}'),
        part(b'{"exp":1e999}'),
        part(b"[" * 100_000),
        part(b"\xef\xbb\xbf{}"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_part_that_is_no_canonical_base64url_of_an_object_is_refused(place, broken):
    parts = id_token().split(".")
    parts[place] = broken
    with pytest.raises(ProtocolError, match="cannot be read"):
        check(".".join(parts))


@pytest.mark.parametrize(
    "iss", [..., None, "", "https://evil.example", ISSUER + "/", ISSUER[:-1], ISSUER + ".evil.example", 7, [ISSUER], {}]
)
def test_another_issuer_is_refused_and_named(iss):
    with pytest.raises(ProtocolError, match="another issuer") as refused:
        check(id_token(iss=iss))
    assert (ascii(None) if iss is ... else ascii(iss)) in refused.value.message


def test_an_issuer_is_quoted_in_part_and_escaped():
    with pytest.raises(ProtocolError) as refused:
        check(id_token(iss="\x1b[31m" * 1000))
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 300


def test_the_provider_says_which_issuers_are_its_own():
    """Google's may lack the scheme."""
    assert check(id_token(iss="idp.example"), issuers=(ISSUER, "idp.example"))
    with pytest.raises(ProtocolError, match="another issuer"):
        check(id_token(), issuers=())


def test_the_provider_is_asked_with_the_claims():
    """Entra's issuer depends on the tenant in them."""
    token = id_token(tid="t", iss="https://idp.example/t")
    claims = validate(
        parse_jws(token, WHAT),
        issuers=lambda claims: (f"https://idp.example/{claims['tid']}",),
        client_id=CLIENT_ID,
        now=NOW,
        nonce=None,
        access_token=ACCESS_TOKEN,
    )
    assert claims["tid"] == "t"


@pytest.mark.parametrize("sub", [..., None, "", 7, True, ["x"]])
def test_a_token_about_nobody_is_refused(sub):
    with pytest.raises(ProtocolError, match="no sub"):
        check(id_token(sub=sub))


@pytest.mark.parametrize(
    "aud", [..., None, "", "other", [], ["other"], [CLIENT_ID.upper()], {CLIENT_ID: 1}, 7, [[CLIENT_ID]]]
)
def test_a_token_for_another_client_is_refused(aud):
    with pytest.raises(ProtocolError, match="another client"):
        check(id_token(aud=aud))


def test_a_list_of_this_one_client_is_accepted():
    assert check(id_token(aud=[CLIENT_ID]))["aud"] == [CLIENT_ID]


@pytest.mark.parametrize("azp", [..., CLIENT_ID, "other"])
def test_a_token_for_somebody_else_as_well_is_refused(azp):
    """Core 3.1.3.7 point 3: an audience that is not trusted; no other is."""
    with pytest.raises(ProtocolError, match="somebody else as well"):
        check(id_token(aud=[CLIENT_ID, "https://api.example"], azp=azp))


@pytest.mark.parametrize("azp", ["other", "", 7, [CLIENT_ID]])
@pytest.mark.parametrize("aud", [CLIENT_ID, [CLIENT_ID]])
def test_a_token_issued_to_another_client_is_refused(aud, azp):
    with pytest.raises(ProtocolError, match="azp"):
        check(id_token(aud=aud, azp=azp))


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"exp": NOW - 60}, "expired"),
        ({"exp": NOW - 60 - 1}, "expired"),
        ({"exp": 0}, "expired"),
        ({"iat": NOW + 60 + 1}, "future"),
        ({"nbf": NOW + 60 + 1}, "not valid yet"),
    ],
)
def test_a_token_outside_its_time_is_refused_and_the_clock_suspected(claims, fault):
    with pytest.raises(ProtocolError, match=fault) as refused:
        check(id_token(**claims))
    assert "clock" in refused.value.message
    assert "clock" in refused.value.hint


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 60 + 1},
        {"exp": NOW + 0.5, "iat": NOW - 0.5},
        {"exp": 10**29},
        {"iat": NOW + 60},
        {"iat": 0},
        {"nbf": NOW + 60},
        {"nbf": NOW - 0.25},
    ],
)
def test_a_clock_may_be_a_minute_off_and_dates_may_have_fractions(claims):
    assert check(id_token(**claims))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [None, "1800003600", True, [], {}])
def test_a_date_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(ProtocolError, match=f"no usable {name}"):
        check(id_token(**{name: value}))


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_date_that_is_required_is_missed(name):
    with pytest.raises(ProtocolError, match=f"no usable {name}"):
        check(id_token(**{name: ...}))


@pytest.mark.parametrize(
    "nonce", [..., None, "", "other", "N-0S6_WZA2MJ", 7, ["n-0S6_WzA2Mj"], "\N{SNOWMAN}", "\ud800"]
)
def test_a_nonce_that_is_not_this_logins_is_refused(nonce):
    with pytest.raises(ProtocolError, match=r"nonce|cannot be read") as refused:
        check(id_token(nonce=nonce))
    assert "n-0S6_WzA2Mj" not in refused.value.message


@pytest.mark.parametrize("nonce", [..., "whatever"])
def test_no_nonce_is_expected_where_none_was_sent(nonce):
    """Device flow and refresh."""
    assert check(id_token(nonce=nonce), nonce=None)


@pytest.mark.parametrize(
    ("alg", "name"),
    [
        ("RS256", "sha256"),
        ("ES256", "sha256"),
        ("PS384", "sha384"),
        ("ES384", "sha384"),
        ("RS512", "sha512"),
        ("PS512", "sha512"),
    ],
)
def test_at_hash_is_the_left_half_of_the_algorithms_hash(alg, name):
    """Core 3.1.3.6."""
    digest = hashlib.new(name, ACCESS_TOKEN.encode()).digest()
    right = part(digest[: len(digest) // 2])
    assert check(id_token({"alg": alg}, at_hash=right))
    for wrong in (part(digest), part(digest[len(digest) // 2 :]), right[:-1], right + "=", "", 7, [right]):
        with pytest.raises(ProtocolError, match="at_hash"):
            check(id_token({"alg": alg}, at_hash=wrong))


def test_at_hash_is_that_of_core_appendix_a_3():
    token = id_token(at_hash="77QmUPtjPfzWtF2AnpK9RQ")
    assert check(token)
    with pytest.raises(ProtocolError, match="another access token"):
        check(token, access_token=ACCESS_TOKEN + "x")


def test_half_a_surrogate_pair_is_no_at_hash():
    with pytest.raises(ProtocolError):
        check(id_token(at_hash="\ud800"))


def test_at_hash_may_be_missing():
    assert check(id_token(at_hash=...))


@pytest.mark.parametrize("alg", ["x", "RS1", "HS256", "HS2560", "EdDSA", "ES256K", ..., None, ["RS256"]])
def test_at_hash_with_an_algorithm_that_names_no_hash_is_refused(alg):
    with pytest.raises(ProtocolError, match="names no hash"):
        check(id_token({"alg": alg}, at_hash="77QmUPtjPfzWtF2AnpK9RQ"))


def test_a_refreshed_token_is_about_the_same_person():
    """Core 12.2; it needs no nonce."""
    first = id_token()
    claims = check(id_token(nonce=...), nonce=None)
    check_refreshed(claims, first=first, sub="248289761001")
    check_refreshed(claims, first=None, sub="248289761001")
    check_refreshed({**claims, "aud": [claims["aud"]]}, first=first, sub="248289761001")  # the same, written otherwise


@pytest.mark.parametrize(
    ("first", "refreshed", "sub"),
    [
        ({}, {"sub": "somebody-else"}, "248289761001"),
        ({}, {}, "somebody-else"),
        ({}, {}, None),
        ({}, {"iss": "https://other.example"}, "248289761001"),
        ({}, {"aud": [CLIENT_ID, "https://api.example"], "azp": CLIENT_ID}, "248289761001"),
    ],
)
def test_a_refreshed_token_with_another_sub_iss_or_aud_is_refused(first, refreshed, sub):
    with pytest.raises(ProtocolError, match="refreshed ID token"):
        check_refreshed({**CLAIMS, **refreshed}, first=id_token(**first), sub=sub)


def test_a_first_token_that_cannot_be_read_is_refused():
    with pytest.raises(ProtocolError):
        check_refreshed(CLAIMS, first="x", sub="248289761001")
