"""``request``: bytes that come through as they are, at once and in little memory, and a token that stays at home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import BinaryIO

import pytest
from command import LONGEST, Command
from quiet_server import QuietHandler, QuietServer

MIB = 1 << 20


class Api:
    """An API; ``paths`` says what each path does with its request, ``seen`` which token each request had."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.paths: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        api = self

        class Handler(QuietHandler):
            def handle_any(self) -> None:
                api.seen.append((self.path, self.headers.get("Authorization", "")))
                with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough, and that is the test
                    api.paths[self.path](self)
                self.close_connection = True

            do_GET = do_POST = handle_any

        self.server = QuietServer(Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"


def head(handler: BaseHTTPRequestHandler, status: int = 200, **headers: object) -> BinaryIO:
    """Send an answer's head, and return where its body goes."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    return handler.wfile


@pytest.fixture
def new_api() -> Iterator[Callable[[], Api]]:
    running: list[tuple[Api, threading.Thread]] = []

    def start() -> Api:
        api = Api()
        running.append((api, threading.Thread(target=api.server.serve_forever, args=(0.01,))))
        running[-1][1].start()
        return api

    yield start
    for api, thread in running:
        api.server.shutdown()
        thread.join()
        api.server.server_close()


@pytest.fixture
def api(new_api: Callable[[], Api], oauth_cli: Command) -> Api:
    """An API that the session of ``oauth_cli`` allows."""
    oauth_cli.login()
    oauth_cli.env["OAUTH_CLI_MOCK_API_HOSTS"] = (api := new_api()).host
    return api


@pytest.fixture
def run(pyz: str, oauth_cli: Command) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*argv: str, **how: object) -> subprocess.CompletedProcess[bytes]:
        pipes = {"stdin": subprocess.DEVNULL} if "input" not in how else {}
        return subprocess.run(
            [sys.executable, pyz, "request", *argv],
            env=oauth_cli.env,
            capture_output=True,
            timeout=LONGEST,
            check=False,
            **pipes,
            **how,
        )

    return run


def test_bytes_go_in_and_come_out_as_they_are(api: Api, run, oauth_cli: Command) -> None:
    data = bytes(range(256)) * 1000

    def echo(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        head(handler, Content_Length=len(body)).write(body)

    api.paths["/echo"] = echo

    done = run("-d", "@-", f"{api.url}/echo", input=data)

    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")
    assert api.seen == [("/echo", f"Bearer {oauth_cli.stored().access_token}")]


def test_the_embedded_server_answers_for_the_length_of_the_command(run, oauth_cli: Command) -> None:
    oauth_cli.login()

    done = run("-q", f"{oauth_cli.env['OAUTH_CLI_MOCK_ISSUER']}/userinfo")

    assert done.returncode == 0
    assert b'"sub": "demouser"' in done.stdout


def test_what_comes_is_passed_on_at_once(api: Api, pyz: str, oauth_cli: Command) -> None:
    """An event stream would be of no use otherwise."""
    go_on = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        body = head(handler)
        body.write(b"first\n")
        body.write(b"second\n" if go_on.wait(LONGEST) else b"nobody had the first\n")

    api.paths["/events"] = drip
    argv = [sys.executable, pyz, "request", f"{api.url}/events"]
    with subprocess.Popen(argv, env=oauth_cli.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"first\n"
        assert process.poll() is None
        go_on.set()
        assert process.stdout.read() == b"second\n"
        assert process.wait(LONGEST) == 0


@pytest.mark.parametrize("target", ["stdout", "file"])
def test_a_download_takes_no_memory_of_its_size(
    api: Api, pyz: str, oauth_cli: Command, tmp_path: Path, target: str
) -> None:
    piece = bytes(MIB)

    def send(size: int) -> Callable[[BaseHTTPRequestHandler], None]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            body = head(handler, Content_Length=size * MIB)
            for _ in range(size):
                body.write(piece)

        return answer

    def peak(size: int) -> int:
        """Return the most memory in bytes that a download of ``size`` MiB took."""
        api.paths["/large"] = send(size)
        options = ["-o", str(tmp_path / "large")] if target == "file" else []
        with open(tmp_path / "stdout", "wb") as stdout:
            argv = [sys.executable, pyz, "request", *options, f"{api.url}/large"]
            process = subprocess.Popen(argv, env=oauth_cli.env, stdin=subprocess.DEVNULL, stdout=stdout)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        assert os.path.getsize(tmp_path / ("large" if target == "file" else "stdout")) == size * MIB
        return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    assert peak(200) < peak(1) + 20 * MIB


def test_a_reader_that_has_enough_is_141_in_silence(api: Api, pyz: str, oauth_cli: Command) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        body = head(handler)
        for _ in range(1000):
            body.write(bytes(MIB))

    api.paths["/endless"] = endless
    shell = '"$0" "$1" request "$2" | head -c 10; exit "${PIPESTATUS[0]}"'

    done = subprocess.run(
        ["bash", "-c", shell, sys.executable, pyz, f"{api.url}/endless"],
        env=oauth_cli.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (141, bytes(10), b"")


def has_begun(path: Path) -> bool:
    """Tell whether something is written there."""
    with suppress(FileNotFoundError):
        return path.stat().st_size > 0
    return False


def test_ctrl_c_leaves_no_half_file(api: Api, pyz: str, oauth_cli: Command, tmp_path: Path) -> None:
    over = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        head(handler, Content_Length=100).write(b"half")
        over.wait(LONGEST)

    api.paths["/slow"] = stall
    argv = [sys.executable, pyz, "request", "-o", str(tmp_path / "file"), f"{api.url}/slow"]
    with subprocess.Popen(argv, env=oauth_cli.env, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        while not has_begun(tmp_path / f".file.{process.pid}.part"):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 130
    over.set()
    assert list(tmp_path.iterdir()) == []


def test_a_401_is_refreshed_at_the_real_server(api: Api, run, oauth_cli: Command) -> None:
    old = oauth_cli.stored().access_token

    def takes_no_old_one(handler: BaseHTTPRequestHandler) -> None:
        head(handler, 401 if handler.headers["Authorization"] == f"Bearer {old}" else 200).write(b"body")

    api.paths["/x"] = takes_no_old_one

    done = run("-q", f"{api.url}/x")

    new = oauth_cli.stored().access_token
    assert (done.returncode, done.stdout) == (0, b"body")
    assert api.seen == [("/x", f"Bearer {old}"), ("/x", f"Bearer {new}")]
    assert old != new


def test_a_refusal_is_10_with_its_body(api: Api, run) -> None:
    api.paths["/x"] = lambda handler: head(handler, 404).write(b"no")

    done = run(f"{api.url}/x")

    assert (done.returncode, done.stdout) == (10, b"no")
    assert done.stderr.startswith(b"warning: the API answered 404")


def test_the_token_goes_to_nobody_who_was_not_named(
    api: Api, new_api: Callable[[], Api], run, oauth_cli: Command
) -> None:
    stranger = new_api()
    api.paths["/x"] = lambda handler: head(handler, 307, Location=f"{stranger.url}/stolen").write(b"moved")

    moved = run(f"{api.url}/x")
    direct = run(f"{stranger.url}/x")

    assert (moved.returncode, moved.stdout) == (10, b"moved")
    assert (direct.returncode, direct.stdout) == (3, b"")
    assert f"--allow-host {stranger.host}".encode() in direct.stderr
    assert stranger.seen == []
    assert oauth_cli.stored().access_token.encode() not in moved.stderr + direct.stderr


def test_a_host_is_allowed_for_good(run, new_api: Callable[[], Api], oauth_cli: Command) -> None:
    oauth_cli.login()
    api = new_api()
    api.paths["/x"] = lambda handler: head(handler).write(b"yes")

    assert run("--allow-host", api.host, f"{api.url}/x").returncode == 0
    done = run(f"{api.url}/x")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"yes", b"")
    oauth_cli.login()  # a new sign-in keeps what was allowed
    assert run(f"{api.url}/x").returncode == 0
