"""What is kept in the cache folder: documents, and which entry points there are. A damaged file is as good as none."""

from __future__ import annotations

import json
import os
import sys

import pytest
from answers import ISSUER, metadata
from hypothesis import given
from hypothesis import strategies as st
from outside import NUMBERS, VALUES, edited, encoded, near, objects, only

from oauth_cli_login.adapters import entry_points
from oauth_cli_login.adapters.documents import Documents
from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.protocol.jwks import key_set
from oauth_cli_login.protocol.metadata import server_metadata

NOW = 1_800_000_000.5
DOCUMENT = metadata().document
KNOWN_BY = [ISSUER, [None, None, None]]
WRITTEN = [("acme", "plugin_acme:app", "acme 1.0")]
KEPT = json.dumps([KNOWN_BY, int(NOW), DOCUMENT])


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    return {"OAUTH_CLI_HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def kept_document(environ):
    documents = Documents(environ, None, clock=lambda: NOW)
    documents.keep(ISSUER, DOCUMENT)
    assert documents.get(ISSUER) == DOCUMENT
    return documents, documents._path(ISSUER)


@given(
    data=edited(KEPT.encode())
    | objects(DOCUMENT).map(lambda text: encoded(f"[{json.dumps(KNOWN_BY)}, {int(NOW)}, {text}]"))
    | st.tuples(st.just(KNOWN_BY) | VALUES, VALUES, VALUES).map(json.dumps).map(encoded)
    | near(DOCUMENT).map(lambda document: encoded(json.dumps([KNOWN_BY, int(NOW), document])))
    | (NUMBERS | VALUES).map(lambda fetched: encoded(json.dumps([KNOWN_BY, fetched, DOCUMENT])))
    | st.binary(max_size=60)
)
def test_any_kept_document_is_one_or_none(kept_document, data):
    documents, path = kept_document
    write(path, data)
    with only():
        found = documents.get(ISSUER)
        assert found is None or isinstance(found, dict)
    for read in (server_metadata, key_set):
        with only(OAuthCliError):
            read(found or {})


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o600)


@pytest.fixture(scope="module")
def kept_entry_points(environ, tmp_path_factory):
    """Where the entry points of one folder on sys.path are kept, and what is kept there."""
    site = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [str(site)])
        patched.setattr(entry_points, "scan", lambda _group: WRITTEN)
        os.utime(site, (1_700_000_000, 1_700_000_000))
        entry_points.entry_points("oauth_cli.fuzz", environ)
        [name] = [name for name in os.listdir(folder(environ)) if name.startswith("oauth_cli.fuzz")]
        path = os.path.join(folder(environ), name)
        with open(path, "rb") as file:
            yield path, file.read(), [str(site)]


@given(data=st.data())
def test_any_kept_entry_points_are_some_or_asked_for_anew(environ, kept_entry_points, data):
    path, valid, site = kept_entry_points
    write(path, data.draw(edited(valid) | st.binary(max_size=60)))
    with only():
        found = entry_points._read(path, site)
        assert found is None or {len(entry) for entry in found} <= {3}
        assert entry_points.entry_points("oauth_cli.fuzz", environ) == (WRITTEN if found is None else found)


def folder(environ):
    return os.path.join(environ["OAUTH_CLI_HOME"], "cache")
