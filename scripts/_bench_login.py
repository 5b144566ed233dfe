"""Sign-ins, measured: a server in another process, and a robot that is a browser, both with a watch.

What the server and the robot take is not ours, and is subtracted. A robot's visit to our own callback is ours.
"""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType

import robot
from _bench_place import Place
from _demo import free_port

TIME_LIMIT = 60
ALLOWED = ("/.well-known/openid-configuration", "/token", "/jwks", "/userinfo")
"""Ends of the paths that a sign-in of ours may ask for; the browser asks for more."""


class Server:
    """The embedded server in a process of its own; ``requests`` says what came since it was asked last."""

    def __init__(self, place: Place) -> None:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_bench_server.py")
        self._process = subprocess.Popen(
            [place.installed, script, os.path.join(place.folder, "server")],
            env=place.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        self.issuer = self._process.stdout.readline().strip()
        self._told: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Server:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=TIME_LIMIT)

    def _listen(self) -> None:
        assert self._process.stdout  # noqa: S101 - as above
        for line in self._process.stdout:
            self._told.put(line)

    def requests(self, last: str) -> list[dict[str, object]]:
        """Return what oauth-cli has asked for, up to a path that ends so; the browser's requests are left out."""
        ours: list[dict[str, object]] = []
        while not ours or not str(ours[-1]["path"]).endswith(last):
            request = json.loads(self._told.get(timeout=TIME_LIMIT))
            if str(request["agent"]).startswith("oauth-cli/"):
                ours.append(request)
        return ours


class Browser:
    """What ``$BROWSER`` starts: a shell that hands the URL to us, so that its own start is nearly nothing."""

    def __init__(self, place: Place) -> None:
        self.command = os.path.join(place.folder, "browser")
        pipe = os.path.join(place.folder, "urls")
        os.mkfifo(pipe)
        with open(os.open(self.command, os.O_WRONLY | os.O_CREAT, 0o700), "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\necho "$1" >"{pipe}"\n')
        self._urls = os.open(pipe, os.O_RDWR)  # and not for reading alone: it never ends

    def url(self) -> str:
        """Wait until it is called, and return what with."""
        if not select.select([self._urls], [], [], TIME_LIMIT)[0]:
            sys.exit("bench: the browser was not called")
        return os.read(self._urls, select.PIPE_BUF).decode().strip()


class Robot(robot.Robot):
    """A robot that notes the seconds it was away from us."""

    def __init__(self) -> None:
        super().__init__("demouser")
        self.away = 0.0

    def sign_in(self, url: str) -> None:
        """Go from the authorization request to the callback."""
        self._begun = time.perf_counter()
        super().sign_in(url)

    def _request(self, url: str, body: str | None) -> tuple[int, str | None, str]:
        if "/callback?" in url:
            self.away = time.perf_counter() - self._begun
        return super()._request(url, body)


class Logins:
    """``oauth-cli login`` against one server, with one browser.

    Each measurement has a home of its own, where the command has run before: nobody is signed in, but it is known which
    providers are installed.
    """

    def __init__(self, place: Place, server: Server, browser: Browser) -> None:
        self._place, self._server, self._browser = place, server, browser
        self._homes = 0
        self._used = place.home("home-used")
        subprocess.run([place.command(place.installed), "providers", "--quiet"], env=self._used, check=True)
        self.discovering = ["--provider", "oidc", "--issuer", server.issuer, "--client-id", "cli-app"]
        self.knowing = ["--provider", "oauth2", "--client-id", "cli-app"]
        for name in ("authorization", "token", "userinfo"):
            path = "authorize" if name == "authorization" else name
            self.knowing += [f"--{name}-endpoint", f"{server.issuer}/{path}"]

    def home(self) -> dict[str, str]:
        """Return the environment of a command with a home like that."""
        self._homes += 1
        home = self._place.home(f"home-{self._homes}", BROWSER=self._browser.command)
        shutil.copytree(self._used["OAUTH_CLI_HOME"], home["OAUTH_CLI_HOME"])
        return home

    def start(self, options: list[str], home: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a sign-in."""
        command = [self._place.command(self._place.installed), "login", *options, "--port", str(free_port())]
        return subprocess.Popen(
            command, env=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def to_browser(self, options: list[str], home: Mapping[str, str], *, asks: bool) -> float:
        """Return the seconds from the start until the browser is called, less what the server takes if it is asked."""
        started = time.perf_counter()
        process = self.start(options, home)
        try:
            self._browser.url()
            seconds = time.perf_counter() - started
        finally:
            process.terminate()
            process.wait(TIME_LIMIT)
        return seconds - (_seconds(self._server.requests(ALLOWED[0])) if asks else 0)

    def whole(self, home: Mapping[str, str]) -> float:
        """Return the seconds of a whole sign-in, less those of the server and the robot; check what was asked for."""
        visitor = Robot()
        started = time.perf_counter()
        process = self.start(self.discovering, home)
        try:
            visitor.sign_in(self._browser.url())
            status = process.wait(TIME_LIMIT)
        finally:
            process.kill()
        seconds = time.perf_counter() - started
        if status:
            sys.exit(f"bench: the sign-in ended with exit status {status}")
        requests = self._server.requests("/userinfo")
        _check(requests)
        return seconds - visitor.away - _seconds(requests)


def _seconds(requests: list[dict[str, object]]) -> float:
    return sum(float(str(request["seconds"])) for request in requests)


def _check(requests: list[dict[str, object]]) -> None:
    """Stop where a sign-in asked for more than it needs, or over more than one connection."""
    paths = [str(request["path"]) for request in requests]
    if len(set(paths)) < len(paths) or not all(path.endswith(ALLOWED) for path in paths):
        sys.exit(f"bench: a sign-in sent more requests than it needs: {', '.join(paths)}")
    if len({request["connection"] for request in requests}) > 1:
        sys.exit("bench: a sign-in did not keep its connection")
