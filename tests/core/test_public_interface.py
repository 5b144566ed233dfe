"""What ``import oauth_cli_login`` offers, and that it costs next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import oauth_cli_login
from oauth_cli_login import errors


def test_the_public_names_are_these_and_all_can_be_had():
    """A name that goes, or comes, is a decision: it belongs in docs/python.md and in the changelog."""
    assert set(oauth_cli_login.__all__) == {
        *("get_token", "OAuthCliAuth", "__version__"),
        *("OAuthCliError", "NotSignedIn", "UsageError", "ConfigError"),
        *("TokenError", "TransportError", "ProtocolError", "StoreError"),
    }
    assert oauth_cli_login.__all__ == sorted(oauth_cli_login.__all__)
    starred: dict[str, object] = {}
    exec("from oauth_cli_login import *", starred)
    for name in oauth_cli_login.__all__:
        assert starred[name] is getattr(oauth_cli_login, name)


def test_the_errors_are_those_of_the_tree():
    public = {name: getattr(errors, name) for name in oauth_cli_login.__all__ if hasattr(errors, name)}
    assert len(public) == 8
    for name, error in public.items():
        assert getattr(oauth_cli_login, name) is error
        assert issubclass(error, oauth_cli_login.OAuthCliError)


def test_what_is_not_public_is_not_there():
    assert set(oauth_cli_login.__all__) <= set(dir(oauth_cli_login))
    with pytest.raises(AttributeError, match="no attribute 'get_tokens'"):
        _ = oauth_cli_login.get_tokens
    with pytest.raises(ImportError):
        exec("from oauth_cli_login import ExitStatus")


def loaded_by(code: str, **environ: str) -> set[str]:
    """Return the modules that the code adds to those of an interpreter without site."""
    core = os.path.dirname(os.path.dirname(oauth_cli_login.__file__))
    program = (
        f"import sys; sys.path.insert(0, {core!r}); before = set(sys.modules)\n{code}\n"
        "print(*(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else():
    assert loaded_by("import oauth_cli_login; assert oauth_cli_login.__version__") == {"oauth_cli_login"}


def test_catching_an_error_loads_the_errors_alone():
    loaded = loaded_by(
        "import __future__, enum, oauth_cli_login; before |= set(sys.modules); oauth_cli_login.NotSignedIn"
    )
    assert loaded == {"oauth_cli_login.errors"}


def test_a_cached_token_loads_neither_requests_nor_the_engine(tmp_path):
    path = tmp_path / "sessions" / "work"
    path.parent.mkdir()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(b"1 0 1 9\nthe-token\n{}\n")
    code = "import __future__, threading, oauth_cli_login\nbefore |= set(sys.modules)\n"
    code += "assert oauth_cli_login.get_token('work') == 'the-token'"
    assert loaded_by(code, OAUTH_CLI_HOME=str(tmp_path)) == {"oauth_cli_login.api", "oauth_cli_login.cached"}
