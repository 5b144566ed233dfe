"""Discovery documents that are kept: whose, for how long, and when they are not believed."""

from __future__ import annotations

import json
import os

import pytest

from oauth_cli_login.adapters.documents import MAX_AGE, Documents

ISSUER = "https://idp.example/tenant"
DOCUMENT = {"issuer": ISSUER, "token_endpoint": "https://idp.example/token"}
KNOWN_BY = ISSUER
NOW = 1_800_000_000


@pytest.fixture
def environ(tmp_path):
    return {"OAUTH_CLI_HOME": str(tmp_path / "home")}


@pytest.fixture
def documents(environ, clock):
    return Documents(environ, None, clock=clock)


@pytest.fixture
def file(documents, tmp_path):
    documents.keep(ISSUER, DOCUMENT)
    [file] = (tmp_path / "home" / "cache").iterdir()
    return file


def test_what_is_kept_is_found_again_by_its_issuer(documents, file):
    assert documents.get(ISSUER) == DOCUMENT
    assert documents.get(ISSUER + "/") is None
    assert documents.get("https://idp.example") is None


def test_it_is_private(file):
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("later", "found"), [(0, True), (MAX_AGE - 1, True), (MAX_AGE, False), (-1, False)])
def test_it_is_believed_for_a_day_and_not_when_it_comes_from_the_future(documents, file, clock, later, found):
    clock.now += later
    assert (documents.get(ISSUER) is not None) is found


@pytest.mark.parametrize(
    "issuer",
    [
        "http://idp.example",
        "http://localhost:8080/default",
        "https://localhost:8443",
        "https://127.0.0.1",
        "https://[::1]",
    ],
)
def test_nothing_of_this_machine_is_kept_nor_what_came_without_tls(documents, tmp_path, issuer):
    documents.keep(issuer, {"issuer": issuer})
    assert documents.get(issuer) is None
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("ca_file", "more"),
    [("/ca.pem", {}), *((None, {name: "/ca"}) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"))],
)
def test_what_came_under_other_certificates_is_not_taken(documents, file, environ, clock, ca_file, more):
    """Else one command with a company's CA would say where all later ones send their tokens."""
    other = Documents({**environ, **more}, ca_file, clock=clock)
    assert other.get(ISSUER) is None
    other.keep(ISSUER, {"issuer": ISSUER, "token_endpoint": "https://proxy.example/token"})
    assert other.get(ISSUER) is None
    assert documents.get(ISSUER) == DOCUMENT


def test_other_certificates_are_told_apart_by_more_than_a_checksum(documents, environ, clock, monkeypatch):
    monkeypatch.setattr("oauth_cli_login.adapters.documents.crc32", lambda _data: 7)
    documents.keep(ISSUER, DOCUMENT)
    assert Documents(environ, "/ca.pem", clock=clock).get(ISSUER) is None
    assert documents.get("https://other.example") is None
    assert documents.get(ISSUER) == DOCUMENT


def test_what_is_forgotten_is_gone_and_may_be_gone_already(documents, file):
    documents.forget(ISSUER)
    assert documents.get(ISSUER) is None
    documents.forget(ISSUER)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_could_have_written_is_not_read(documents, file, mode):
    file.chmod(mode)
    assert documents.get(ISSUER) is None


def test_nor_in_a_folder_that_others_could_write(documents, file):
    file.parent.chmod(0o777)
    assert documents.get(ISSUER) is None


def test_nor_another_users(documents, file, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert documents.get(ISSUER) is None


def test_nor_through_a_link(documents, file, tmp_path):
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert documents.get(ISSUER) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"null",
        b"[1]",
        b"[" * 100_000,
        json.dumps([KNOWN_BY, NOW, "document"]).encode(),
        json.dumps([KNOWN_BY, "now", DOCUMENT]).encode(),
        json.dumps([KNOWN_BY, None, DOCUMENT]).encode(),
        json.dumps([None, NOW, DOCUMENT]).encode(),
        json.dumps([["https://evil.example", KNOWN_BY[1]], NOW, DOCUMENT]).encode(),
        json.dumps([KNOWN_BY, NOW, DOCUMENT]).encode()[:-9],
    ],
)
def test_a_damaged_file_is_as_if_it_were_not_there(documents, file, content):
    file.write_bytes(content)
    assert documents.get(ISSUER) is None
    documents.keep(ISSUER, DOCUMENT)
    assert documents.get(ISSUER) == DOCUMENT


def test_where_nothing_can_be_kept_nothing_happens(documents, tmp_path):
    (tmp_path / "home").write_text("a file where the folder would be")
    documents.keep(ISSUER, DOCUMENT)
    documents.forget(ISSUER)
    assert documents.get(ISSUER) is None


def test_a_time_that_no_clock_can_be_held_against_is_none(documents, file, clock):
    clock.now = NOW + 0.5  # as the system's clock has it: an integer would be subtracted, whatever its size
    file.write_text(json.dumps([KNOWN_BY, 10**400, DOCUMENT]))
    assert documents.get(ISSUER) is None
