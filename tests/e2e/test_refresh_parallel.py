"""Many processes at once: one of them refreshes or opens the browser, and all have its outcome."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from command import HERE, LONGEST, Command, Finished, Running
from forms import sign_in
from ports import free_port
from servers import oidc_provider, runtime

PERSON = {"login": "demouser", "password": "made up"}
PROFILE = "work"


@pytest.fixture(autouse=True)
def proc() -> None:
    if not os.path.isdir("/proc/self/fd"):
        runtime.missing("there is no /proc to see from outside who waits for a lock")


class Server:
    """oidc-provider, what it has logged, and the file that holds its answers to refreshes."""

    def __init__(self, issuer: str, log: Path, hold: Path) -> None:
        self.issuer, self.hold = issuer, hold
        self._log = log

    def asked(self, what: str) -> list[str]:
        """Return the statuses with which it has answered these requests."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line.split()[2] for line in lines if line.startswith(f"token {what} ")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    log, hold = tmp_path / "log", tmp_path / "hold"
    with oidc_provider.serve(str(log), {"HOLD": str(hold), "DEVICE_CODE_TTL": "5"}) as issuer:
        yield Server(issuer, log, hold)


def wait_until_all_have_open(path: str, processes: Sequence[Running]) -> None:
    """Wait until each of these processes has the lock file open: it holds the lock, or waits for it."""
    waiting = list(processes)
    deadline = time.monotonic() + 4 * LONGEST
    while waiting := [running for running in waiting if path not in _open_files(running)]:
        assert time.monotonic() < deadline, f"{len(waiting)} do not wait"
        waiting[0].check_alive()
        time.sleep(0.1)


def _open_files(running: Running) -> set[str]:
    folder = f"/proc/{running.pid}/fd"
    found = set()
    try:
        for handle in os.listdir(folder):
            found.add(os.readlink(os.path.join(folder, handle)))
    except FileNotFoundError:
        pass  # it was closed meanwhile, or the process has ended
    return found


def finish(processes: Sequence[Running]) -> list[Finished]:
    return [running.finish(timeout=2 * LONGEST) for running in processes]


def test_threat_62_two_hundred_at_once_refresh_once(oauth_cli: Command, server: Server) -> None:
    """The server holds its answer until all others wait, and would end the session where a refresh token came twice."""
    handed_over = oauth_cli.handed_over()
    login = oauth_cli.start_login(
        *("--profile", PROFILE, "--issuer", server.issuer, "--client-id", oidc_provider.CLIENT_ID),
        provider="oidc",
        browser=handed_over.browser,
    )
    sign_in(handed_over.url(login), PERSON)
    assert login.finish().returncode == 0
    before = oauth_cli.stored(PROFILE)
    oauth_cli.expire(PROFILE)

    lock = os.path.join(os.path.dirname(oauth_cli.session_file(PROFILE)), f".{PROFILE}.lock")
    server.hold.touch()
    with open(lock, "r+b") as held:  # so that the first does not wait for its answer longer than its own time limit
        fcntl.flock(held, fcntl.LOCK_EX)
        processes = [oauth_cli.start("token") for _ in range(200)]
        wait_until_all_have_open(lock, processes)
        assert server.asked("refresh_token") == []
    deadline = time.monotonic() + LONGEST
    while not server.asked("refresh_token"):
        assert time.monotonic() < deadline, "nobody refreshes"
        time.sleep(0.05)
    time.sleep(1)  # long enough for the others to try the lock many times
    for running in processes:
        running.check_alive()
    server.hold.unlink()

    ended = finish(processes)
    after = oauth_cli.stored(PROFILE)
    assert server.asked("refresh_token") == ["200"]
    assert Counter(ended) == {Finished(0, after.access_token + "\n", ""): 200}
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token

    oauth_cli.expire(PROFILE)
    assert oauth_cli("token") == Finished(0, oauth_cli.stored(PROFILE).access_token + "\n", "")
    assert server.asked("refresh_token") == ["200", "200"]


class Asked:
    """The mock's profile, whose session has ended, and a browser that waits for the test."""

    def __init__(self, oauth_cli: Command, folder: Path) -> None:
        self._oauth_cli, self._folder = oauth_cli, folder
        self.env = {
            "BROWSER": f"{sys.executable} {os.path.join(HERE, 'asked_browser.py')} {folder} %s",
            "OAUTH_CLI_MOCK_REDIRECT_URI": f"http://localhost:{free_port()}/callback",
        }
        oauth_cli.login()
        oauth_cli.expire()
        path = oauth_cli.session_file()
        with open(path, encoding="ascii") as file:
            head, token, rest = file.read().split("\n", 2)
        document = json.loads(rest)
        del document["session"]["refresh_token"]
        oauth_cli.store(f"{head}\n{token}\n{json.dumps(document)}\n".encode("ascii"), "mock")

    def twenty(self, answer: str) -> list[Finished]:
        """Start so many ``token --login``, let the browser answer when all of them wait, and return how they ended."""
        processes = [self._oauth_cli.start("token", "--login", env=self.env) for _ in range(20)]
        wait_until_all_have_open(
            os.path.join(os.path.dirname(self._oauth_cli.session_file()), ".mock.login.lock"), processes
        )
        with open(self._folder / "new", "w", encoding="ascii") as file:
            file.write(answer)
        os.replace(self._folder / "new", self._folder / "answer")
        return finish(processes)

    @property
    def browsers(self) -> int:
        return (self._folder / "opened").read_text(encoding="ascii").count("once")


@pytest.fixture
def asked(oauth_cli: Command, tmp_path: Path) -> Asked:
    return Asked(oauth_cli, tmp_path)


def test_of_twenty_that_may_sign_in_one_opens_the_browser_and_all_have_its_token(
    oauth_cli: Command, asked: Asked
) -> None:
    ended = asked.twenty("sign in")
    assert {(done.returncode, done.stdout) for done in ended} == {(0, oauth_cli.stored().access_token + "\n")}
    assert asked.browsers == 1


def test_of_twenty_that_may_sign_in_none_asks_again_where_a_person_said_no(asked: Asked) -> None:
    ended = asked.twenty("deny")
    assert Counter((done.returncode, done.stdout) for done in ended) == {(5, ""): 1, (4, ""): 19}
    assert all("another process began has failed" in done.stderr for done in ended if done.returncode == 4)
    assert asked.browsers == 1


def test_of_twenty_that_may_sign_in_none_asks_again_where_nobody_answered(oauth_cli: Command, server: Server) -> None:
    """By the device flow: its codes end as fast as the server likes."""
    settings = {"issuer": server.issuer, "client_id": oidc_provider.CLIENT_ID, "flow": "device", "scopes": "openid"}
    document = json.dumps({"provider": "oidc", "settings": settings})
    oauth_cli.store(f"1 0 0 0\n\n{document}\n".encode("ascii"), PROFILE)
    processes = [oauth_cli.start("token", "--login", "--profile", PROFILE, env={"BROWSER": "true"}) for _ in range(20)]
    ended = finish(processes)
    assert Counter((done.returncode, done.stdout) for done in ended) == {(6, ""): 1, (4, ""): 19}
    assert sum("Open this address" in done.stderr for done in ended) == 1
    done = oauth_cli("token", "--login", "--profile", PROFILE, env={"BROWSER": "true"})
    assert (done.returncode, done.stdout) == (4, "")
    assert "nobody answered" in done.stderr
