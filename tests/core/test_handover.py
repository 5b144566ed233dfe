"""The forms of a token, and which version of the ExecCredential client-go asks for."""

from __future__ import annotations

import json
import subprocess

import pytest

from oauth_cli_login.errors import ConfigError
from oauth_cli_login.handover import Token, document, env, exec_api_version, exec_credential, header

ACCESS = Token("work", "access_token", "the-token", "Bearer", 1_800_003_600, ("openid", "profile"))
ID = Token("work", "id_token", "e.y.J", "Bearer", 1_800_000_600, ("openid",))
ENDLESS = Token("work", "access_token", "the-token", "Bearer", 0, ())


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (ACCESS, {"access_token": "the-token", "expires_at": 1_800_003_600, "scopes": ["openid", "profile"]}),
        (ID, {"id_token": "e.y.J", "expires_at": 1_800_000_600, "scopes": ["openid"]}),
        (ENDLESS, {"access_token": "the-token", "expires_at": None, "scopes": []}),
    ],
)
def test_json_names_the_token_by_its_kind(token, expected):
    assert document(token) == {"profile": "work", "token_type": "Bearer", **expected}


@pytest.mark.parametrize(
    ("token", "line"), [(ACCESS, "Authorization: Bearer the-token"), (ID, "Authorization: Bearer e.y.J")]
)
def test_the_header_is_one_line(token, line):
    assert header(token) == line


# ---- env


@pytest.mark.parametrize(
    ("token", "lines"),
    [
        (ACCESS, ["export OAUTH_ACCESS_TOKEN=the-token", "export OAUTH_ACCESS_TOKEN_EXPIRES_AT=1800003600"]),
        (ID, ["export OAUTH_ID_TOKEN=e.y.J", "export OAUTH_ID_TOKEN_EXPIRES_AT=1800000600"]),
        (ENDLESS, ["export OAUTH_ACCESS_TOKEN=the-token", "export OAUTH_ACCESS_TOKEN_EXPIRES_AT="]),
    ],
)
def test_env_exports_the_token_and_its_end(token, lines):
    assert env(token).splitlines() == lines


@pytest.mark.parametrize(
    "value", ["it's", "''", "$HOME", "`id`", "$(id)", "a;b", "a  b", "\\", "*", '"', "~", "#", "!x"]
)
def test_a_shell_gets_the_token_to_the_letter(value):
    lines = env(Token("work", "access_token", value, "Bearer", 0, ()))

    script = 'eval "$1"; exec sh -c \'printf %s "$OAUTH_ACCESS_TOKEN"\''
    done = subprocess.run(["sh", "-c", script, "sh", lines], capture_output=True, text=True, check=True, timeout=20)

    assert (done.stdout, done.stderr) == (value, "")


def test_every_character_that_a_token_may_have_survives_the_shell():
    value = "".join(map(chr, range(0x20, 0x7F)))
    lines = env(Token("work", "access_token", value, "Bearer", 0, ()))

    script = 'eval "$1"; printf %s "$OAUTH_ACCESS_TOKEN"'
    done = subprocess.run(["sh", "-c", script, "sh", lines], capture_output=True, text=True, check=True, timeout=20)

    assert done.stdout == value


# ---- kubernetes


@pytest.mark.parametrize(
    ("expires_at", "timestamp"),
    [
        (1_800_000_600, "2027-01-15T08:10:00Z"),
        (951_827_696, "2000-02-29T12:34:56Z"),
        (10**20, "9999-12-31T23:59:59Z"),  # RFC 3339 has four digits for the year
    ],
)
def test_the_end_of_an_exec_credential_is_in_utc(expires_at, timestamp):
    token = Token("work", "id_token", "e.y.J", "Bearer", expires_at, ())

    assert exec_credential(token, api_version="client.authentication.k8s.io/v1") == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "e.y.J", "expirationTimestamp": timestamp},
    }


def test_an_end_that_nobody_knows_is_left_out():
    assert exec_credential(ENDLESS, api_version="v")["status"] == {"token": "the-token"}


def exec_info(version, **members):
    return json.dumps({"kind": "ExecCredential", "apiVersion": version, "spec": {"interactive": True}, **members})


@pytest.mark.parametrize(
    ("info", "version"),
    [
        (None, "v1"),
        ("", "v1"),
        (exec_info("client.authentication.k8s.io/v1"), "v1"),
        (exec_info("client.authentication.k8s.io/v1beta1"), "v1beta1"),
    ],
)
def test_the_version_is_the_one_that_was_asked_for(info, version):
    assert exec_api_version(info) == f"client.authentication.k8s.io/{version}"


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (exec_info("client.authentication.k8s.io/v1alpha1"), "v1alpha1"),
        (exec_info("v1"), "'v1'"),
        (exec_info(None), "None"),
        (exec_info(["client.authentication.k8s.io/v1"]), "does not speak"),
        (exec_info("x" * 1000), "xxx"),
        (exec_info("client.authentication.k8s.io/v1", kind="Pod"), "not an ExecCredential"),
        ("[]", "not an ExecCredential"),
        ('{"kind": "ExecCredential"', "not an ExecCredential"),
        ("[" * 10_000, "not an ExecCredential"),
        ("\udcff", "not an ExecCredential"),  # a byte that is no UTF-8, as os.environ has it
    ],
)
def test_anything_else_is_told_in_one_line(info, words):
    with pytest.raises(ConfigError) as raised:
        exec_api_version(info)

    assert words in raised.value.message
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 200
    assert raised.value.hint


def test_a_token_shows_nothing_of_itself():
    assert "the-token" not in repr(ACCESS)
