"""What goes into the one file, and that nothing which is left out is missed."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import _build_pyz
import pytest


@pytest.mark.parametrize(
    "path",
    [
        "oauth_cli_login/cached.py",
        "rich/table.py",
        "certifi/cacert.pem",
        "urllib3/contrib/socks.py",
        "rich-15.0.0.dist-info/METADATA",
        "oauth_cli_login-0.1.0.dist-info/entry_points.txt",
        "oauth_cli_login-0.1.0.dist-info/licenses/LICENSE",
        "requests-2.34.2.dist-info/licenses/NOTICE",
        "x-1.dist-info/LICENSE.txt",
    ],
)
def test_what_a_run_or_a_licence_needs_is_kept(path):
    assert _build_pyz.is_needed("site-packages/" + path)


@pytest.mark.parametrize(
    "name",
    [
        "__main__.py",
        "_bootstrap/__init__.py",
        "site-packages/bin/oauth-cli",
        "site-packages/pygments/lexer.py",
        "site-packages/pygments-2.21.0.dist-info/METADATA",
        "site-packages/markdown_it/main.py",
        "site-packages/markdown_it_py-4.3.0.dist-info/licenses/LICENSE",
        "site-packages/mdurl/_parse.py",
        "site-packages/rich/markdown.py",
        "site-packages/rich/py.typed",
        "site-packages/urllib3/contrib/emscripten/fetch.py",
        "site-packages/charset_normalizer/cli/__main__.py",
        "site-packages/x/y.pyi",
        "site-packages/x-1.dist-info/RECORD",
        "site-packages/x-1.dist-info/INSTALLER",
        "site-packages/x-1.dist-info/direct_url.json",
        "site-packages/x-1.dist-info/top_level.txt",
    ],
)
def test_what_nothing_needs_is_left_out(name):
    assert not _build_pyz.is_needed(name)


def test_the_build_id_tells_names_contents_and_their_borders_apart():
    builds = [{"a": b"b"}, {"a": b"c"}, {"b": b"b"}, {"a": b"bc"}, {"ab": b"c"}, {"a": b"", "b": b""}, {}]
    assert len({_build_pyz.build_id(packages) for packages in builds}) == len(builds)


def test_the_output_ends_in_pyz_because_the_launchers_is_the_same_without(capsys):
    assert _build_pyz.output_path("a/b.pyz") == "a/b.pyz"
    with pytest.raises(SystemExit) as caught:
        _build_pyz.main(["--output", "oauth-cli"])
    assert caught.value.code == 2
    assert "oauth-cli does not end in .pyz" in capsys.readouterr().err


def test_a_zip_file_may_have_anything_in_front():
    content = _build_pyz.zipped({"a": b"1", "b/c": b"2"}, b"#!/bin/sh\n")
    assert content.startswith(b"#!/bin/sh\n")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a", "b/c"]


def test_main_holds_the_build_id():
    assert b'BUILD_ID = "0123abcd"' in _build_pyz.main_module("0123abcd")


def test_every_command_imports_without_the_packages_that_are_left_out():
    code = (
        "import importlib, pkgutil, sys\n"
        "sys.modules.update(dict.fromkeys(sys.argv[1:]))\n"  # None there: the import fails
        "import oauth_cli_login.commands as commands\n"
        "names = [module.name for module in pkgutil.iter_modules(commands.__path__, 'oauth_cli_login.commands.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "from rich.console import Console; from rich.table import Table\n"
        "table = Table('a'); table.add_row('[b]b[/b]'); Console().print(table)\n"
        "print(len(names))\n"
    )
    missing = [*_build_pyz.UNUSED, *(f"rich.{name}" for name in ("logging", "markdown", "syntax", "traceback"))]
    done = subprocess.run([sys.executable, "-c", code, *missing], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[-1]) > 0


@pytest.mark.parametrize("name", ["build", "pyz", "test"])
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(name):
    with open(_build_pyz.lock_path(name), encoding="utf-8") as lock:
        lines = [line for line in lock if not line.startswith("#")]
    assert lines
    for line in lines:
        assert _build_pyz.re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}\n", line), line
