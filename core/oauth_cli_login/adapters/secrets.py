"""Revealing a secret: from the variable, file or command that a setting refers to."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping

from oauth_cli_login.errors import ConfigError
from oauth_cli_login.model import SecretReference

COMMAND_TIMEOUT = 60.0
_MAX_SECRET = 64 * 1024


def revealer(environ: Mapping[str, str]) -> Callable[[str, SecretReference], str]:
    """Return what turns (setting name, reference) into the secret; it raises ConfigError, never quoting one."""

    def reveal(name: str, reference: SecretReference) -> str:
        match reference.kind:
            case "value":
                secret = reference.target
            case "env":
                secret = environ.get(reference.target, "")
                if not secret:
                    raise ConfigError(f"{name} is in the environment variable {reference.target}, which is not set now")
            case "file":
                secret = _from_file(name, reference.target)
            case "command":
                secret = _from_command(name, reference.target)
        place = {
            "value": "as it was typed",
            "env": f"in {reference.target}",
            "file": f"from the file {reference.target!a}",
            "command": "from its command",  # which may hold what nobody is to see
        }[reference.kind]
        if not secret:
            raise ConfigError(f"the {name} is empty {place}")
        if not secret.isprintable():
            raise ConfigError(f"the {name} has several lines, or control characters, {place}")
        return secret

    return reveal


def _from_file(name: str, path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read(_MAX_SECRET).strip()
    except (OSError, ValueError) as error:  # not UTF-8, or a NUL in the name
        raise ConfigError(f"the file with the {name} cannot be read: {path!a} ({_reason(error)})") from None


def _from_command(name: str, command: str) -> str:
    """Run the command with the terminal as it is (it may ask for a password), and return what it prints."""
    try:
        words = shlex.split(command, posix=os.name != "nt")
        done = subprocess.run(  # noqa: S603 - the user's own command, as a list, without a shell
            words or [""],
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the command for the {name} did not end within {COMMAND_TIMEOUT:.0f} seconds") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"the command for the {name} cannot be run ({_reason(error)})") from None
    if done.returncode:
        raise ConfigError(f"the command for the {name} ended with status {done.returncode}")
    try:
        return done.stdout[:_MAX_SECRET].decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError(f"the command for the {name} does not print text") from None


def _reason(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else "it is not text, or not a name"
