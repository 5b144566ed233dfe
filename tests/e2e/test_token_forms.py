"""docs/tokens.md in real shells, with a real curl: each line of it does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Command
from quiet_server import QuietHandler, QuietServer

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FORMS = ["raw", "json", "header", "env", "kubernetes"]
SHELLS = [shell for shell in ("bash", "dash", "busybox sh") if shutil.which(shell.partition(" ")[0])]

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def api() -> Iterator[tuple[str, list[str | None]]]:
    """An API: its address, and the Authorization header of each request."""
    got: list[str | None] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            got.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with QuietServer(Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


@pytest.fixture
def shell(oauth_cli: Command, pyz: str, tmp_path: Path) -> Shell:
    """Run a script in a shell that has ``oauth-cli`` on its PATH."""
    command = tmp_path / "oauth-cli"
    command.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, pyz])} "$@"\n')
    command.chmod(0o755)
    environ = {**oauth_cli.env, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run(name: str, script: str) -> subprocess.CompletedProcess[str]:
        argv = [*name.split(), "-c", script]
        return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=60)

    return run


def block(words: str) -> str:
    """Return the one block of the page that has these words."""
    [found] = [text for text in BLOCKS if words in text]
    return found


@pytest.mark.parametrize(("name", "words"), [("bash", "@<("), *((name, "-H @-") for name in SHELLS)])
def test_curl_sends_the_token(
    oauth_cli: Command, shell: Shell, api: tuple[str, list[str | None]], name: str, words: str
) -> None:
    address, got = api
    oauth_cli.login()

    done = shell(name, block(words).replace("https://api.example.com", address))

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert got == [f"Bearer {oauth_cli.stored().access_token}"]


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_evaluates_the_token_for_the_programs_that_it_starts(
    oauth_cli: Command, shell: Shell, name: str
) -> None:
    oauth_cli.login()

    done = shell(name, block("eval") + "env")

    variables = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert variables["OAUTH_ACCESS_TOKEN"] == oauth_cli.stored().access_token
    assert variables["OAUTH_ACCESS_TOKEN_EXPIRES_AT"] == oauth_cli.stored().head.split()[1]


@pytest.mark.parametrize("name", SHELLS)
def test_a_script_tells_by_the_exit_status_what_to_do(oauth_cli: Command, shell: Shell, name: str) -> None:
    script = block("case $? in")

    signed_out = shell(name, script)
    oauth_cli.login("--profile", "work")
    signed_in = shell(name, script)

    assert signed_out.returncode == 1
    assert signed_out.stderr.splitlines()[-1] == "sign in first: oauth-cli login --profile work"
    assert (signed_in.returncode, signed_in.stdout, signed_in.stderr) == (0, "signed in\n", "")


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_that_went_away_is_141_in_silence(oauth_cli: Command, form: str) -> None:
    oauth_cli.login()
    reader, writer = os.pipe()
    os.close(reader)

    done = oauth_cli.start("token", "--format", form, stdout=writer).finish()
    os.close(writer)

    assert (done.returncode, done.stderr) == (141, "")


def test_the_page_has_every_form_and_every_option(oauth_cli: Command) -> None:
    told = oauth_cli("token", "--help").stdout

    assert f"--format {{{','.join(FORMS)}}}" in told
    assert [form for form in FORMS if f"| `{form}` |" not in PAGE] == []
    own = set(re.findall(r"--[a-z-]+", told)) - {"--help", "--quiet", "--verbose"}
    assert [option for option in sorted(own) if f"`{option}" not in PAGE] == []
