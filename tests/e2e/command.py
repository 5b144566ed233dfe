"""The built file as a process: its own home, a clean environment, no screen."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROBOT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "robot.py")
LONGEST = 60
"""Seconds that any command may take before the test gives up; none is expected to come near."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str

    def json(self) -> dict[str, Any]:
        """Return the one JSON object on stdout."""
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value


class Running:
    """A command that has not ended yet."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._changed = threading.Condition()
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        self._readers = [threading.Thread(target=self._read, args=item) for item in streams.items() if item[1]]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines[name].append(line)
                    self._changed.notify_all()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What stands on stderr so far."""
        return "".join(self._lines["stderr"])

    def has_ended(self) -> bool:
        """Tell whether it has ended."""
        return self._process.poll() is not None

    def check_alive(self) -> None:
        """Raise AssertionError where it has ended already."""
        assert not self.has_ended(), f"ended with {self._process.returncode}:\n{self.stderr}"

    def wait_for(self, pattern: str) -> str:
        """Return what matches ``pattern`` on stderr, as soon as it is there."""
        deadline = time.monotonic() + LONGEST
        with self._changed:
            while True:
                everything_was_read = not any(reader.is_alive() for reader in self._readers)
                if found := re.search(pattern, self.stderr):
                    return found[0]
                if everything_was_read:
                    self.check_alive()
                assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.stderr}"
                self._changed.wait(timeout=0.1)

    def authorization_url(self) -> str:
        """Return the URL that a browser login shows."""
        return self.wait_for(r"https?://\S+\?\S*redirect_uri=\S+")

    def device_prompt(self) -> tuple[str, str]:
        """Return the verification_uri and the user_code that a device login shows."""
        user_code = self.wait_for(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b")
        return self.wait_for(r"Open this address .*https?://\S+").split()[-1], user_code

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def finish(self, timeout: float = LONGEST) -> Finished:
        """Wait for the end."""
        try:
            self._process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s:\n{self.stderr}") from None
        for reader in self._readers:
            reader.join()
        return Finished(self._process.returncode, "".join(self._lines["stdout"]), self.stderr)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()


class Command:
    """``oauth-cli`` for one test."""

    def __init__(self, pyz: str, folder: str) -> None:
        self.pyz = pyz
        self._folder = folder
        self._started: list[Running] = []
        self._numbers = itertools.count(1)
        self.home = os.path.join(folder, "home")
        self.port = free_port()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LANG": "C.UTF-8",
            "OAUTH_CLI_HOME": self.home,
            "ROBOT_USERNAME": "demouser",
            "OAUTH_CLI_MOCK_ISSUER": f"http://localhost:{free_port()}/default",
        }

    def start(self, *argv: str, env: Mapping[str, str] | None = None, stdout: int = subprocess.PIPE) -> Running:
        """Start a command; it is ended with the test at the latest."""
        process = subprocess.Popen(
            [sys.executable, self.pyz, *argv],
            env={**self.env, **(env or {})},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,  # the test's own Ctrl-C is no business of the command
        )
        running = Running(process)
        self._started.append(running)
        return running

    def __call__(self, *argv: str, env: Mapping[str, str] | None = None) -> Finished:
        """Run a command to its end."""
        return self.start(*argv, env=env).finish()

    def login(self, *argv: str, provider: str = "mock", env: Mapping[str, str] | None = None) -> Finished:
        """Sign in by the robot; the login must succeed."""
        done = self.start_login(*argv, browser=f"{sys.executable} {ROBOT}", provider=provider, env=env).finish()
        assert done.returncode == 0, done.stderr
        return done

    def start_login(
        self, *argv: str, browser: str | None = None, provider: str = "mock", env: Mapping[str, str] | None = None
    ) -> Running:
        """Start a browser login on a port of this test's own: 8085 may be somebody else's.

        Without a ``browser`` it is the test that visits the URL. Where there is a time limit it must be: a process that
        begins within the limit may come late.
        """
        how = ["--no-browser"] if browser is None else ["--browser", browser]
        return self.start("login", "--provider", provider, *how, "--port", str(self.port), *argv, env=env)

    def robot(self, url: str) -> None:
        """Let the robot visit the URL that a login printed."""
        subprocess.run([sys.executable, ROBOT, url], env=self.env, check=True, timeout=LONGEST)

    def close(self) -> None:
        """End what a failed test left running."""
        for running in self._started:
            running.kill()

    def session_file(self, profile: str = "mock") -> str:
        """Return where a profile's session is stored."""
        return os.path.join(self.home, "sessions", profile)

    def stored(self, profile: str = "mock") -> Stored:
        """Return what a profile's session file holds."""
        with open(self.session_file(profile), encoding="ascii") as file:
            head, access_token, rest = file.read().split("\n", 2)
        return Stored(head, access_token, _found(json.loads(rest), "refresh_token"))

    def expire(self, profile: str = "mock") -> None:
        """Let the stored access token have expired a while ago."""
        with open(self.session_file(profile), "r+", encoding="ascii") as file:
            head, rest = file.read().split("\n", 1)
            version, expires_at, issued_at, length = head.split(" ")
            now, lifetime = int(time.time()), int(expires_at) - int(issued_at)
            file.seek(0)
            file.write(f"{version} {now - 10} {now - 10 - lifetime} {length}\n{rest}")
            file.truncate()

    def store(self, data: bytes, profile: str) -> None:
        """Write a profile's session file, as it is."""
        path = self.session_file(profile)
        for folder in (self.home, os.path.dirname(path)):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)

    def handed_over(self) -> HandedOver:
        """Return a browser, for one login, that leaves the URL to the test."""
        return HandedOver(os.path.join(self._folder, f"url-{next(self._numbers)}"))


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a session file holds (docs/session-file.md)."""

    head: str
    access_token: str
    refresh_token: str


def _found(value: object, name: str) -> str:
    """Return the string called ``name``, wherever in the JSON it stands, or ``""``."""
    if isinstance(value, dict):
        found = value.get(name)
        return found if isinstance(found, str) else next(filter(None, (_found(v, name) for v in value.values())), "")
    return ""


class HandedOver:
    """The URL that a login gave to its browser."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.browser = f"{sys.executable} {os.path.join(HERE, 'hand_over.py')} {path}"

    def was_started(self) -> bool:
        """Tell whether the login came as far as its browser."""
        return os.path.exists(self._path)

    def url(self, login: Running) -> str:
        """Wait for the URL and return it."""
        deadline = time.monotonic() + LONGEST
        while not self.was_started():
            if login.has_ended() and not self.was_started():
                login.check_alive()
            assert time.monotonic() < deadline, "the browser was not started"
            time.sleep(0.02)
        with open(self._path, encoding="utf-8") as file:
            return file.read()
