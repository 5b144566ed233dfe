"""Other tools that print a token which they have, where they are installed: with made-up accounts, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from _bench_place import Place

Measured = tuple[str, Sequence[str], Mapping[str, str]]
"""What to call it, its command, and the environment."""


def commands(place: Place) -> list[Measured]:
    """Return what can be measured on this machine: what prints a token at once."""
    return [other for other in _installed(place) if _works(other)]


def _installed(place: Place) -> Iterator[Measured]:
    """Yield what is on PATH, each with as much of a configuration as can be made up."""
    folder = os.path.join(place.folder, "others")
    os.mkdir(folder)
    token = os.path.join(folder, "token")
    _write(token, "made-up")
    if found := shutil.which("gh"):
        _write(os.path.join(folder, "hosts.yml"), "github.com:\n    oauth_token: made-up\n    user: nobody\n")
        yield "gh auth token", [found, "auth", "token"], {**place.environ, "GH_CONFIG_DIR": folder}
    if found := shutil.which("gcloud"):
        settings = {"CLOUDSDK_CONFIG": folder, "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": token}
        yield "gcloud auth print-access-token", [found, "auth", "print-access-token"], {**place.environ, **settings}
    # These two have no token without a server: they are measured with the account of whoever runs this.
    if (found := shutil.which("oidc-token")) and (account := os.environ.get("BENCH_OIDC_TOKEN")):
        yield f"oidc-token {account}", [found, account], dict(os.environ)
    if (found := shutil.which("kubelogin")) and (options := os.environ.get("BENCH_KUBELOGIN")):
        yield "kubelogin get-token, cached", [found, "get-token", *options.split()], dict(os.environ)


def _works(other: Measured) -> bool:
    _, command, environ = other
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
