"""Git's credential protocol: requests as git writes them, and as an attacker would have it write them."""

from __future__ import annotations

import shlex

import pytest

from oauth_cli_login.errors import UsageError
from oauth_cli_login.protocol.git_credential import (
    MAX_BYTES,
    address_of,
    answer,
    covers,
    helper,
    meant,
    origin,
    origin_of_address,
    parse_request,
    profile_of_helper,
)

GITHUB = ("https", "github.com", 443)


def request(**attributes: str) -> bytes:
    known = {"protocol": "https", "host": "github.com", **attributes}
    return "".join(f"{name}={value}\n" for name, value in known.items()).encode()


def test_a_request_of_a_new_git_is_understood():
    parsed = parse_request(
        b"capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=github.com\npath=acme/app.git\n"
        b'username=alice\npassword=a=b=c\nwwwauth[]=Basic realm="GitHub"\nwwwauth[]=\nstate[]=other:1\n'
        b"password_expiry_utc=1800000000\noauth_refresh_token=x\nauthtype=basic\nephemeral=0\nsomething_new=1\n\n"
    )
    assert (parsed.origin, parsed.owner, parsed.username, parsed.password) == (GITHUB, "acme", "alice", "a=b=c")
    assert "a=b=c" not in repr(parsed)


def test_the_blank_line_ends_it_and_so_does_the_end():
    assert parse_request(b"protocol=https\nhost=github.com\n\nhost=evil.example\nno line").origin == GITHUB
    assert parse_request(b"protocol=https\nhost=github.com").origin == GITHUB


@pytest.mark.parametrize("data", [b"", b"\n", b"protocol=https\n", b"host=github.com\n", b"protocol=smtp\nhost=a\n"])
def test_without_an_origin_there_is_nothing_to_answer(data):
    assert parse_request(data).origin is None


@pytest.mark.parametrize(
    "data",
    [
        b"protocol=https\nhost=github.com\rhost=evil.example\n",  # CVE-2024-50338: a line to some, none to git
        b"protocol=https\r\nhost=github.com\r\n",
        b"protocol=https\nhost=github.com\0.evil.example\n",
        b"protocol=https\nhost=evil.example\nhost=github.com\n",
        b"protocol=http\nprotocol=https\nhost=github.com\n",
        b"protocol=https\nhost\n",
        b"=https\nhost=github.com\n",
        b"x" * (MAX_BYTES + 1),
    ],
)
def test_what_two_programs_could_read_in_two_ways_is_refused(data):
    with pytest.raises(UsageError) as refused:
        parse_request(data)
    assert "evil" not in refused.value.message


@pytest.mark.parametrize(
    ("protocol", "host", "expected"),
    [
        ("https", "github.com", GITHUB),
        ("https", "GitHub.com:443", GITHUB),
        ("https", "github.com:8443", ("https", "github.com", 8443)),
        ("http", "localhost:8085", ("http", "localhost", 8085)),
        ("http", "[::1]:8085", ("http", "::1", 8085)),
        ("http", "127.0.0.1", ("http", "127.0.0.1", 80)),
    ],
)
def test_an_origin_is_scheme_host_and_port(protocol, host, expected):
    assert origin(protocol, host) == expected
    assert origin_of_address(address_of(expected)) == expected


@pytest.mark.parametrize(
    ("protocol", "host"),
    [
        ("http", "github.com"),
        ("http", "127.0.0.1.evil.example"),
        ("HTTPS", "github.com"),
        ("ftp", "github.com"),
        ("https", ""),
        ("https", "github.com/evil"),
        ("https", "github.com?x"),
        ("https", "github.com#x"),
        ("https", "github.com\\evil"),
        ("https", "evil@github.com"),
        ("https", "github.com:0"),
        ("https", "github.com:"),
        ("https", "github.com:0443"),
        ("https", "github.com:99999"),
        ("https", "github.com:443:443"),
        ("https", "github.com."),
        ("https", " github.com"),
        ("https", "github.com\n"),
        ("https", "g\N{LATIN SMALL LETTER DOTLESS I}thub.com"),
        ("https", "[::1"),
        ("https", "[evil]"),
        ("https://github.com/", "evil.example"),
    ],
)
def test_no_token_goes_anywhere_else(protocol, host):
    assert origin(protocol, host) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git.example.com", ("https", "git.example.com", 443)),
        ("git.example.com:8443", ("https", "git.example.com", 8443)),
        ("HTTPS://git.example.com", ("https", "git.example.com", 443)),
        ("http://localhost:3000", ("http", "localhost", 3000)),
        ("http://git.example.com", None),
        ("git.example.com/acme", None),
        ("://git.example.com", None),
        ("", None),
    ],
)
def test_a_host_that_a_person_names_is_https_unless_it_says_otherwise(address, expected):
    assert origin_of_address(address) == expected


ACCOUNTS = {"github": ("github", "Alice", "1"), "work": ("work", "alice-at-acme", "2")}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, ["github", "work"]),
        ({"username": "alice"}, ["github"]),
        ({"username": "ALICE-at-acme"}, ["work"]),
        ({"username": "work"}, ["work"]),
        ({"username": "bob"}, []),
        ({"username": "oauth2"}, ["github", "work"]),
        ({"username": "x-access-token"}, ["github", "work"]),
        ({"path": "alice-at-acme/app.git"}, ["work"]),
        ({"path": "somebody/app.git"}, ["github", "work"]),
        ({"path": "alice-at-acme/app.git", "username": "alice"}, ["github"]),
        ({"path": "alice-at-acme/app.git", "username": "oauth2"}, ["work"]),
        ({"path": "/"}, ["github", "work"]),
    ],
)
def test_the_user_name_decides_and_without_one_the_owner_in_the_path(attributes, expected):
    assert meant(parse_request(request(**attributes)), ACCOUNTS) == expected


def test_an_answer_has_the_user_name_that_git_had():
    lines = answer(parse_request(request(username="alice")), access_token="t", expires_at=1_800_000_000)
    assert lines == "username=alice\npassword=t\npassword_expiry_utc=1800000000"
    assert answer(parse_request(request()), access_token="t", expires_at=0) == "username=oauth2\npassword=t"


def test_a_helper_is_read_by_a_shell_and_known_again():
    value = helper(["/my programs/python", "/it's/oauth-cli.pyz"], profile="work", host="https://git.example.com")
    assert value[0] == "!"
    assert shlex.split(value[1:]) == [
        *("/my programs/python", "/it's/oauth-cli.pyz", "git-credential"),
        *("--profile", "work", "--host", "https://git.example.com"),
    ]
    assert profile_of_helper(value) == "work"
    assert profile_of_helper(helper(["/x"], profile="home", host=None)) == "home"


@pytest.mark.parametrize(
    "value",
    [
        *("", "store", "cache --timeout 3600", "!/usr/bin/gh auth git-credential", "!x 'unclosed", "!"),
        *("!oauth-cli git-credential --profile", "/usr/bin/oauth-cli git-credential --profile work"),
        "!x git-credential get work",
    ],
)
def test_another_programs_helper_is_left_to_it(value):
    assert profile_of_helper(value) is None


@pytest.mark.parametrize(
    ("section", "covered"),
    [
        ("http://[::1]:8085", True),
        ("http://[::1]:8085/acme", True),
        ("http://[::1]", False),
        ("http://[::2]:8085", False),
        ("http://::1:8085", False),
        ("https://[::1]:8085", False),
    ],
)
def test_an_address_of_ipv6_stands_in_brackets(section, covered):
    assert covers(section, ("http", "::1", 8085)) is covered
