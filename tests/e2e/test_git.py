"""A real git that clones and pushes with a session's token, through the lines that the file's ``setup git`` wrote.

The git server asks the authorization server whether a token is good, so a token that is revoked there is refused here.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from command import LONGEST, Command
from servers import git_http_backend, runtime
from servers.git_http_backend import GitServer


@dataclass
class Git:
    """git with a home of its own and no terminal; ``trace`` is what it and its children said of themselves."""

    folder: Path
    env: dict[str, str]
    trace: str = ""
    arguments: set[str] = field(default_factory=set)

    def __call__(self, *argv: str, cwd: str = ".", status: int = 0) -> str:
        """Run git to its end, and return what it says; ``arguments`` gathers the command lines of all processes."""
        log = self.folder / "trace"
        log.unlink(missing_ok=True)
        traces = {name: str(log) for name in ("GIT_TRACE", "GIT_TRACE2_EVENT", "GIT_TRACE_CURL", "GIT_TRACE_SETUP")}
        process = subprocess.Popen(
            ["git", *argv],
            cwd=self.folder / cwd,
            env={**self.env, **traces},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            said, _ = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
            over.set()
            watcher.join()
        self.trace = log.read_text(errors="replace") if log.exists() else ""
        assert process.returncode == status, said
        return said

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.002):
            for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
                if entry.isdigit():
                    try:
                        self.arguments.add(Path("/proc", entry, "cmdline").read_text(errors="replace"))
                    except OSError:
                        continue  # it has ended

    @property
    def operations(self) -> list[str]:
        """What the helper was called with, in order."""
        return re.findall(r"run_command: .*git-credential --profile mock(?: --host \S+?)? (\w+)", self.trace)

    @property
    def configuration(self) -> str:
        return (self.folder / ".gitconfig").read_text()


@pytest.fixture
def git(oauth_cli: Command) -> Git:
    runtime.command("git")
    names = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}
    people = {
        f"GIT_{who}_{what}": "demouser@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return Git(Path(oauth_cli.env["HOME"]), {**oauth_cli.env, **names, **people})


@pytest.fixture
def issuer(oauth_cli: Command) -> str:
    """A running authorization server, and somebody signed in to it."""
    issuer = oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"]
    server = oauth_cli.start("mock-server", "--port", issuer.rpartition(":")[2].partition("/")[0])
    server.wait_for("answers at")
    oauth_cli.login()
    return issuer


@pytest.fixture
def revoke(issuer: str) -> Callable[[str], None]:
    """Revoke a token, as an administrator would."""

    def post(token: str) -> None:
        answer = requests.post(f"{issuer}/revoke", data={"client_id": "cli-app", "token": token}, timeout=20)
        answer.raise_for_status()

    return post


@pytest.fixture
def server(issuer: str, git: Git, tmp_path: Path) -> Iterator[GitServer]:
    """A git server with one repository that has one commit."""
    seed = tmp_path / "seed"
    git("init", "--quiet", "--initial-branch=main", str(seed))
    (seed / "README").write_text("hello\n")
    git("add", "README", cwd=str(seed))
    git("commit", "--quiet", "--message=first", cwd=str(seed))
    git("clone", "--quiet", "--bare", str(seed), str(tmp_path / "served" / "repo.git"))

    def accepts(_username: str, password: str) -> bool:
        question = {"client_id": "cli-app", "token": password}
        answer = requests.post(f"{issuer}/introspect", data=question, timeout=20)
        return bool(answer.json()["active"]) and "username" in answer.json()

    with git_http_backend.serve(str(tmp_path / "served"), accepts) as running:
        yield running


@pytest.fixture
def set_up(oauth_cli: Command, server: GitServer) -> GitServer:
    """The server, with git set up for it."""
    done = oauth_cli("setup", "git", "--host", server.address)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return server


def test_git_clones_and_pushes_with_the_sessions_token(git: Git, set_up: GitServer, oauth_cli: Command) -> None:
    url = f"{set_up.address}/repo.git"
    git("clone", url, "copy")
    assert git.operations == ["get", "store"]
    (git.folder / "copy" / "README").write_text("hello again\n")
    git("commit", "--quiet", "--all", "--message=second", cwd="copy")
    git("push", "origin", "main", cwd="copy")
    assert git.operations == ["get", "store"]
    git("clone", "--quiet", url, "other")
    assert (git.folder / "other" / "README").read_text() == "hello again\n"
    assert set(set_up.seen) == {("oauth2", oauth_cli.stored().access_token, 200)}


def test_the_token_is_nowhere_but_in_the_request(git: Git, set_up: GitServer, oauth_cli: Command) -> None:
    git("clone", f"{set_up.address}/repo.git", "copy")

    token = oauth_cli.stored().access_token
    assert set_up.seen == [("oauth2", token, 200)] * len(set_up.seen)
    assert "Authorization: Basic <redacted>" in git.trace
    watched = "\n".join(git.arguments)
    if sys.platform == "linux":
        assert "git-credential" in watched
    for text in (git.trace, watched, git.configuration, (git.folder / "copy" / ".git" / "config").read_text()):
        assert token not in text
    kept = [path for path in git.folder.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert kept == [Path(oauth_cli.session_file())]


def test_a_refused_token_is_erased_renewed_and_nobody_is_signed_out(
    git: Git, set_up: GitServer, oauth_cli: Command, revoke: Callable[[str], None]
) -> None:
    before = oauth_cli.stored()
    revoke(before.access_token)
    url = f"{set_up.address}/repo.git"

    said = git("clone", url, "copy", status=128)

    assert git.operations == ["get", "erase"]
    assert "Authentication failed" in said
    assert oauth_cli.stored().refresh_token == before.refresh_token

    git("clone", url, "copy")

    assert git.operations == ["get", "store"]
    assert [status for _, _, status in set_up.seen[:2]] == [401, 200]
    assert oauth_cli.stored().access_token not in (before.access_token, "")
    assert oauth_cli("token").stdout.strip() == oauth_cli.stored().access_token


def test_another_host_gets_nothing(git: Git, set_up: GitServer, oauth_cli: Command) -> None:
    elsewhere = set_up.address.replace("127.0.0.1", "localhost")
    helper = git("config", "--global", "--get", f"credential.{set_up.address}.helper", "git-credential").strip()
    git("config", "--global", "credential.helper", helper)

    git("clone", f"{elsewhere}/repo.git", "copy", status=128)

    assert git.operations == ["get"]
    assert set_up.seen == []


def test_an_ended_session_leaves_git_to_its_next_helper(git: Git, set_up: GitServer, oauth_cli: Command) -> None:
    token = oauth_cli.stored().access_token
    assert oauth_cli("logout", env={"OAUTH_CLI_MOCK_ISSUER": oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"]}).returncode == 0
    key = f"credential.{set_up.address}.helper"
    git("config", "--global", "--add", key, "!echo username=next; echo password=of-the-next; true")

    said = git("clone", f"{set_up.address}/repo.git", "copy", status=128)

    assert "you are not signed in to mock. Sign in: oauth-cli login --provider mock" in said
    assert [username for username, _, _ in set_up.seen] == ["next"]
    assert token not in said


@pytest.mark.parametrize("folder", ["plain", "with space", "it's $HOME"])
def test_the_lines_work_from_wherever_the_file_lies(
    git: Git, server: GitServer, oauth_cli: Command, pyz: str, folder: str, tmp_path: Path
) -> None:
    """The file behind an sh launcher runs by itself; the bare .pyz is run by the Python that set git up."""
    place = tmp_path / folder
    place.mkdir()
    copy = place / "oauth-cli"
    copy.write_bytes(b'#!/bin/sh\nexec "$PYTHON_OF_THE_TEST" "$0" "$@"\n' + _zip(pyz))
    copy.chmod(stat.S_IRWXU)
    env = {**oauth_cli.env, "PYTHON_OF_THE_TEST": sys.executable}
    argv = [f"./{folder}/oauth-cli", "setup", "git", "--host", server.address]
    subprocess.run(argv, cwd=tmp_path, env=env, check=True, timeout=LONGEST, stdin=subprocess.DEVNULL)
    git.env.update(PYTHON_OF_THE_TEST=sys.executable)

    git("clone", f"{server.address}/repo.git", "copy")

    assert git.operations == ["get", "store"]
    assert sys.executable not in git.configuration


def _zip(pyz: str) -> bytes:
    content = Path(pyz).read_bytes()
    return content[content.index(b"PK\x03\x04") :]


def test_set_up_again_and_removed(git: Git, set_up: GitServer, oauth_cli: Command, pyz: str) -> None:
    once = git.configuration
    assert f"'{pyz}' git-credential" in once or f"{pyz} git-credential" in once
    assert oauth_cli("setup", "git", "--host", set_up.address).returncode == 0
    assert git.configuration == once

    assert oauth_cli("setup", "git", "--remove").returncode == 0

    assert "git-credential" not in git.configuration
    git("clone", f"{set_up.address}/repo.git", "copy", status=128)
    assert git.operations == []
