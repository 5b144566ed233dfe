"""Servers as processes: started on a free loopback port, waited for, and ended by their own process id."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping

READY_WITHIN = 60
"""Seconds; a JVM on a busy machine takes some of them."""


@contextlib.contextmanager
def running(argv: list[str], *, env: Mapping[str, str], log: str, port: int, ready: str) -> Iterator[None]:
    """Run a server from its first answer 200 at the path ``ready`` to the end of the block."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, port, ready, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, ready: str, log: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        if _status(port, ready) == http.client.OK:
            return
        time.sleep(0.1)
    with open(log, encoding="utf-8", errors="replace") as output:
        raise RuntimeError(f"{process.args!r} did not get ready; its output:\n{output.read()[-4000:]}")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
