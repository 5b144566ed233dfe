"""What git writes to its helper, what its configuration says of helpers, and what it is answered."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from outside import TEXTS, each, edited, encoded, only

from oauth_cli_login.errors import UsageError
from oauth_cli_login.protocol.git_credential import (
    address_of,
    answer,
    covers,
    helper,
    meant,
    origin_of_address,
    parse_request,
    profile_of_helper,
)
from oauth_cli_login.protocol.url import LOOPBACK_HOSTS

REQUEST = (
    b"capability[]=authtype\nprotocol=https\nhost=git.example.com:8443\npath=acme/app.git\nusername=alice\n"
    b'password=a=b\nwwwauth[]=Basic realm="GitHub"\nwwwauth[]=Bearer\npassword_expiry_utc=1800000000\n\n'
)
TOKENS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=20)
ODD = ["x:0", "x:99999", "x:99999999999", "[::1", "[1:2]:3", "http://[::1]:80", "git@x", "x/y", "x?", "-x", "."]
ADDRESSES = (
    TEXTS | st.sampled_from(ODD) | edited(b"https://git.example.com:8443").map(lambda data: data.decode("latin-1"))
)


@given(edited(REQUEST) | ADDRESSES.map("protocol=https\nhost={}\n".format).map(encoded))
@each("data", [f"protocol=http\nhost={host}\n".encode() for host in (*ODD, "x.example", "127.0.0.1.example", "[::1]")])
def test_any_bytes_are_a_request_or_refused(data):
    with only(UsageError):
        request = parse_request(data)
        head = data.partition(b"\n\n")[0]
        assert request.origin is None or request.origin[1].strip("[]").encode() in head.lower()
        assert request.origin is None or request.origin[0] == "https" or request.origin[1] in LOOPBACK_HOSTS
        meant(request, {"work": ["alice", ""], "home": []})


@given(username=VALUES, owner=VALUES, password=VALUES, token=TOKENS, expires_at=st.integers(0, 10**11))
def test_what_is_written_is_read_as_git_reads_it(username, owner, password, token, expires_at):
    """A helper's answer has the form of a request: it is read by the same rules."""
    text = f"protocol=https\nhost=git.example.com\npath={owner}\nusername={username}\npassword={password}\n\n"
    request = parse_request(text.encode())
    assert (request.username, request.password) == (username, password)
    back = parse_request(answer(request, access_token=token, expires_at=expires_at).encode())
    assert (back.username, back.password) == (username or "oauth2", token)


@given(ADDRESSES)
@each("address", ODD)
def test_any_address_is_an_origin_or_none(address):
    with only():
        place = origin_of_address(address)
        if place is not None:
            spelled = address.lower() if "://" in address else f"https://{address.lower()}"
            assert address_of(place) in (spelled, spelled.removesuffix(":443" if place[0] == "https" else ":80"))
            assert origin_of_address(address_of(place)) == place
            assert covers(address_of(place), place)
            assert place[0] == "https" or place[1] in LOOPBACK_HOSTS


@given(TEXTS | edited(b"https://*.example.com:8443/acme").map(lambda data: data.decode("latin-1")))
def test_any_section_of_gits_configuration_covers_a_place_or_does_not(section):
    with only():
        assert covers(section, ("https", "git.example.com", 8443)) in (True, False)


@given(st.lists(VALUES, min_size=1, max_size=3), VALUES, st.none() | VALUES)
def test_a_helper_that_was_written_is_known_again(command, profile, host):
    assume("git-credential" not in command)
    assert profile_of_helper(helper(command, profile=profile, host=host)) == profile


@given(
    TEXTS
    | edited(b"!/my/python '/it'\"'\"'s/x.pyz' git-credential --profile work --host h").map(
        lambda data: data.decode("utf-8", "surrogateescape")
    )
)
def test_any_helper_is_a_profiles_or_anothers(value):
    with only():
        profile = profile_of_helper(value)
        assert profile is None or isinstance(profile, str)
