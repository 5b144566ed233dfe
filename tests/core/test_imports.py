"""What the paths that people wait for import, seen in a new process with nothing of this environment in it.

Not a timing: scripts/bench measures. Here stands what must not come back unnoticed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution

import pluggy
import pytest

import oauth_cli_login
import oauth_cli_providers

ISSUER = "https://idp.example"
KNOWN = [
    *("login", "--provider", "oauth2", "--client-id", "me"),
    *("--authorization-endpoint", f"{ISSUER}/authorize", "--token-endpoint", f"{ISSUER}/token"),
]
DATACLASSES = {"dataclasses"} if sys.version_info < (3, 14) else set()  # argparse has colours from then on
RUN = """
import os, subprocess, sys
tell = os.fdopen(os.dup(2), "w")
def called(*_, **__):
    print("called", *sys.modules, file=tell, flush=True)
    os._exit(0)
subprocess.Popen = called
sys.path[:0] = [sys.argv.pop(1)]
from oauth_cli_login.__main__ import main
try:
    main()
finally:
    print("ended", *sys.modules, file=tell, flush=True)
"""


@pytest.fixture
def loaded(tmp_path, free_port):
    """Return what runs a command and returns the modules it has loaded when the browser is called, or else at its end.

    Only the packages that it needs are there, and they were installed long ago.
    """
    site = tmp_path / "site"
    info = site / "oauth_cli_login-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: oauth-cli-login\nVersion: 1\n")
    (info / "entry_points.txt").write_text(distribution("oauth-cli-login").read_text("entry_points.txt"))
    for package in (oauth_cli_login, oauth_cli_providers, pluggy):
        os.symlink(os.path.dirname(package.__file__), site / package.__name__)
    os.utime(site, (1_700_000_000, 1_700_000_000))
    environ = {"OAUTH_CLI_HOME": str(tmp_path / "home"), "BROWSER": "a-browser"}

    def loaded(*argv, at):
        if argv[0] == "login":
            argv = [*argv, "--port", str(free_port)]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", RUN, str(site), *argv],
            env=environ, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        *_, last = done.stderr.splitlines()
        word, *modules = last.split()
        assert word == at, done.stderr
        return set(modules)

    return loaded


def test_help_imports_the_parser_and_little_else(loaded):
    modules = loaded("--help", at="ended")

    assert "argparse" in modules
    assert not modules & {"pluggy", "importlib.metadata", "requests", "json", *DATACLASSES}
    ours = {name for name in modules if name.startswith("oauth_cli_login.")}
    assert ours == {
        f"oauth_cli_login.{name}" for name in ("__main__", "cached", "cli", "errors", "adapters", "adapters.terminal")
    }


def test_a_login_with_known_endpoints_calls_the_browser_before_it_loads_what_sends_requests(loaded):
    loaded(*KNOWN, at="called")  # the first one ever looks for providers
    modules = loaded(*KNOWN, at="called")

    assert {"pluggy", "oauth_cli_providers.oauth2", "oauth_cli_login.adapters.loopback"} <= modules
    assert not modules & {"requests", "urllib3", "ssl", "http.client", "http.server", "email"}
    assert not modules & {"importlib.metadata", "rich", "asyncio", "tomli", *DATACLASSES}
    assert "oauth_cli_login.adapters.http" not in modules


def test_no_other_provider_is_loaded(loaded):
    modules = loaded(*KNOWN, at="called")

    assert {name for name in modules if name.startswith("oauth_cli_providers.")} == {"oauth_cli_providers.oauth2"}
