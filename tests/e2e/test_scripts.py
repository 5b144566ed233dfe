"""The two commands of the README and the build, on the machines they have to cope with."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from interpreters import interpreter
from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = os.path.join(ROOT, "scripts")


def run(python: str, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, os.path.join(SCRIPTS, script), *arguments],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), **env},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


@pytest.mark.parametrize("script", ["build-pyz", "demo", "test", "bench", "interop"])
@pytest.mark.parametrize("old", ["2.7", "3.6", "3.8"])
def test_an_old_python_without_a_newer_one_on_path_is_one_line(script: str, old: str) -> None:
    done = run(interpreter(old), script, PATH="/nowhere")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"{script} needs Python 3.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["build-pyz", "demo", "bench", "interop"])
@pytest.mark.parametrize("old", ["2.7", "3.6", "3.8"])
def test_an_old_python_goes_on_with_a_newer_one(script: str, old: str) -> None:
    done = run(interpreter(old), script, "--help", PATH=os.path.dirname(interpreter("3.10")))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {script} ")


def test_the_demo_signs_in_and_out_on_a_machine_without_a_screen() -> None:
    settings = {
        "OAUTH_CLI_MOCK_ISSUER": f"http://localhost:{free_port()}/default",
        "OAUTH_CLI_MOCK_REDIRECT_URI": f"http://localhost:{free_port()}/callback",
    }
    done = run(sys.executable, "demo", DISPLAY="", WAYLAND_DISPLAY="", **settings)
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    for command, subject in zip(commands, ["build-pyz", "login", "whoami", "status", "logout"], strict=True):
        assert subject in command
    assert "robot plays the browser, because this machine has no screen" in done.stdout
    assert "Signed in as demouser" in done.stderr
    assert "\x1b" not in done.stdout


def test_the_bench_measures_every_row() -> None:
    """Once each: whether a bound is kept in so few turns says nothing."""
    done = run(sys.executable, "bench", "--runs", "1")
    assert done.returncode in (0, 1), done.stderr
    for row in (
        "python -c pass",
        "oauth-cli token, cached, installed by pip",
        "oauth-cli token, cached, the .pyz",
        "1,000 other distributions, 10,000 profiles",
        "first run after download",
        "oauth-cli --help, installed by pip",
        "login, to the browser: endpoints known",
        "login, to the browser: discovery first",
        "a whole sign-in, less server and robot",
    ):
        assert row in done.stdout
