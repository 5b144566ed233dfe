"""A real Secret Service: gnome-keyring on a D-Bus of its own, with a home of its own, unlocked with a password."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

from servers import runtime

READY_WITHIN = 30
"""Seconds."""

# No service is started by the bus: who is killed stays away.
BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
CLIENT = """\
import json, secretstorage
collection = secretstorage.get_default_collection(secretstorage.dbus_init())
"""
ITEMS = (
    "print(json.dumps({i.get_attributes()['service']: i.get_secret().decode() for i in collection.get_all_items()}))"
)


class SecretService:
    """The service from its user's side; ``env`` is what a program needs to find it."""

    def __init__(self, env: dict[str, str], daemon: subprocess.Popen[bytes]) -> None:
        self.env = env
        self._daemon = daemon

    def items(self) -> dict[str, str]:
        """Return every secret that it holds, by the attribute ``service``."""
        try:
            listed = self._client(ITEMS)
        except AssertionError:  # one that is still in its list may be gone already
            listed = self._client(ITEMS)
        found = json.loads(listed)
        assert isinstance(found, dict)
        return found

    def lock(self) -> None:
        """Lock everything; nobody is there to ask for the password."""
        self._client("collection.lock()")

    def hang(self) -> None:
        """Let it answer nothing any more, without ending."""
        self._daemon.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it."""
        self._daemon.kill()
        self._daemon.wait(timeout=10)

    def is_ready(self) -> bool:
        """Tell whether it is there, and unlocked."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            return self._client("print(collection.is_locked())") == "False\n"
        return False

    def _client(self, code: str) -> str:
        """Run a client in another process: the library reads the environment."""
        argv = [sys.executable, "-c", CLIENT + code]
        env = {**os.environ, **self.env}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=5)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextlib.contextmanager
def serve(folder: str) -> Iterator[SecretService]:
    """Yield a running service, whose files are in ``folder``."""
    if importlib.util.find_spec("secretstorage") is None:
        runtime.missing("the package keyring is not installed")
    path = os.path.join(folder, "bus")
    with open(os.path.join(folder, "bus.conf"), "w", encoding="utf-8") as file:
        file.write(BUS.format(path=path))
    env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}", "XDG_RUNTIME_DIR": folder}
    own = {**os.environ, **env, "HOME": folder, "XDG_DATA_HOME": folder}
    bus = [runtime.command("dbus-daemon"), f"--config-file={file.name}", "--nofork", "--nopidfile"]
    keyring = [runtime.command("gnome-keyring-daemon"), "--foreground", "--components=secrets", "--unlock"]
    with open(os.path.join(folder, "log"), "wb") as log, contextlib.ExitStack() as started:
        started.enter_context(_process(bus, own, log, stdin=b""))
        _wait(lambda: os.path.exists(path), log.name)
        service = SecretService(env, started.enter_context(_process(keyring, own, log, stdin=b"made up")))
        _wait(service.is_ready, log.name)
        yield service


@contextlib.contextmanager
def _process(
    argv: list[str], env: dict[str, str], log: IO[bytes], *, stdin: bytes
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()  # whether it hangs or not
        process.wait(timeout=10)


def _wait(ready: Callable[[], bool], log: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not ready():
        if time.monotonic() > deadline:
            with open(log, encoding="utf-8", errors="replace") as output:
                raise RuntimeError(f"the Secret Service did not get ready:\n{output.read()[-4000:]}")
        time.sleep(0.05)
