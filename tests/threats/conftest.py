"""The command line among threats: the fixtures of tests/support/in_process.py, raw sockets, and real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from in_process import *  # noqa: F403 - fixtures, which pytest finds by their names here
from raw_server import certificates  # noqa: F401 - as above
from waiting import LONGEST


class Process:
    """A command in a process of its own; what it writes goes to files."""

    def __init__(self, folder: Path, argv: tuple[str, ...], environ: dict[str, str]) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "oauth_cli_login", *argv],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # the test's own Ctrl-C is no business of the command
            )
        self.pid = self._popen.pid

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_for(self, pattern: str) -> str:
        """Return what matches on standard error, as soon as it is there."""
        for _ in range(LONGEST * 50):
            if found := re.search(pattern, self.err):
                return found[0]
            assert self._popen.poll() is None, self.err
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in:\n{self.err}")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._popen.send_signal(signal.SIGINT)

    def finish(self) -> int:
        """Wait for the end, and return the exit status."""
        return self._popen.wait(timeout=LONGEST)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()


@pytest.fixture
def process(environ, clock, tmp_path_factory) -> Iterator[Callable[..., Process]]:
    """Start a command in a process of its own, which goes by the real time; the servers do as well then."""
    clock.now = time.time()
    started = []

    def start(*argv: str, **variables: str) -> Process:
        started.append(Process(tmp_path_factory.mktemp("process"), argv, {**environ, **variables}))
        return started[-1]

    yield start
    for running in started:
        running.end()


def send(url: str, data: bytes, *, timeout: float = 5) -> bytes:
    """Return what is answered to these bytes at the address of ``url``, until the other side closes; b"" for nothing.

    TimeoutError where it neither answers nor closes: nothing more is sent, and this side stays open.
    """
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=timeout) as peer:
        answer = b""
        with suppress(ConnectionError):  # refused before the end of it
            peer.sendall(data)
        with suppress(ConnectionError):
            while data := peer.recv(65536):
                answer += data
        return answer


@pytest.fixture
def knock() -> Callable[..., bytes]:
    """Send bytes to where a callback is served, and return the answer."""
    return send


@pytest.fixture
def request_of() -> Callable[..., bytes]:
    """Make the bytes of a request for a callback's address; further headers are lines."""

    def make(url: str, *headers: str, method: str = "GET", target: str | None = None, host: str | None = "") -> bytes:
        parts = urlsplit(url)
        named = parts.netloc if host == "" else host
        lines = [f"{method} {target or f'{parts.path}?{parts.query}'} HTTP/1.1", *headers]
        if named is not None:
            lines.append(f"Host: {named}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    return make
