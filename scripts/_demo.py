"""Show a sign-in from beginning to end, with the file that people get and the embedded server.

1. Build dist/oauth-cli.pyz.
2. Sign in with a browser, or with a robot where this machine has no screen.
3. Ask who is signed in, and what is stored.
4. Sign out.

Everything is kept in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import subprocess
import sys
import tempfile

from _environment import ROOT

PYZ = os.path.join("dist", "oauth-cli.pyz")


def main(arguments: list[str] | None = None) -> int:
    """Run the steps; return the exit status of the first one that failed, or 0."""
    parser = argparse.ArgumentParser(prog="demo", description="Build oauth-cli and show a sign-in.")
    parser.add_argument("--robot", action="store_true", help="let a robot sign in, even where there is a screen")
    robot = parser.parse_args(arguments).robot or not has_screen()

    os.chdir(ROOT)
    python = os.path.basename(sys.executable)
    login = [PYZ, "login", "--provider", "mock", *other_ports()]
    note = "Sign in as anybody: the server runs on this machine for the length of the command"
    if robot:
        login += ["--browser", shlex.join([sys.executable, os.path.join("scripts", "robot.py")])]
        note = "A small robot plays the browser" + ("" if has_screen() else ", because this machine has no screen")
    steps = [
        ("One file, which runs wherever Python 3.10 or newer does", [os.path.join("scripts", "build-pyz")]),
        (note, login),
        ("Who is that?", [PYZ, "whoami"]),
        ("What is stored, and for how long", [PYZ, "status"]),
        ("And out again", [PYZ, "logout"]),
    ]
    with tempfile.TemporaryDirectory(prefix="oauth-cli-demo-") as home:
        for text, command in steps:
            say(f"\n# {text}", "2")
            say(f"$ {python} {shlex.join(command)}", "1")
            environ = {**os.environ, "OAUTH_CLI_HOME": home}
            status = subprocess.run([sys.executable, *command], env=environ, check=False).returncode
            if status:
                say(f"\nThat failed with exit status {status}.", "31")
                return status
    say("\nThe same with your own provider: see README.md.", "2")
    return 0


def other_ports() -> list[str]:
    """Return options for other ports where somebody on this machine has the usual ones."""
    options = []
    if taken(8080):
        options += ["--issuer", f"http://localhost:{free_port()}/default"]
    if taken(8085):
        options += ["--port", str(free_port())]
    return options


def taken(port: int) -> bool:
    """Tell whether somebody answers at a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def has_screen() -> bool:
    """Tell whether a browser has somewhere to open."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def say(text: str, style: str) -> None:
    """Print a line, in a style (the number of an ANSI sequence) where that is welcome."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        text = f"\x1b[{style}m{text}\x1b[0m"
    print(text, flush=True)
