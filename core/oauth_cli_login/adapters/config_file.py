"""config.toml: the user's own file, read and never written."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping

from oauth_cli_login import cached
from oauth_cli_login.errors import ConfigError

MAX_BYTES = 1 << 20


def read_profiles(environ: Mapping[str, str]) -> tuple[dict[str, dict[str, object]], bool]:
    """Return the tables under ``[profiles]`` by name, and whether nobody else can read the file.

    Raises ConfigError, naming the file, where it cannot be read or is not what it should be.
    """
    path = cached.config_path(environ)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a regular file")
            if hasattr(os, "geteuid") and (status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o022):
                raise ConfigError(f"{path} can be written by others: it may name commands", hint=f"chmod go-w {path}")
            data = file.read(MAX_BYTES + 1)
            private = sys.platform == "win32" or not status.st_mode & 0o077
    except FileNotFoundError:
        return {}, True
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is too large: more than 1 MiB")
    document = _parse(path, data)
    if unknown := [name for name in document if name != "profiles"]:
        raise ConfigError(f"{path}: {unknown[0]!a} is unknown", hint="Settings stand under [profiles.NAME].")
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(f"{path}: profiles must be a table", hint="Settings stand under [profiles.NAME].")
    for name, table in profiles.items():
        _check_profile(path, name, table)
    return profiles, private


def _check_profile(path: str, name: str, table: object) -> None:
    if not cached.is_profile_name(name) or not isinstance(table, dict):
        raise ConfigError(
            f"{path}: {name!a} under profiles is no profile",
            hint="A profile is a table, and its name is lower-case letters, digits, '.', '_' and '-'.",
        )
    dotted, inner = name, table
    while nested := [key for key, value in inner.items() if isinstance(value, dict)]:
        dotted, inner = f"{dotted}.{nested[0]}", inner[nested[0]]
    if inner is not table:
        raise ConfigError(
            f"{path}: {dotted[:200]!a} under profiles is a table within a table",
            hint=f'A profile whose name has dots in it is quoted: [profiles."{dotted}"]'
            if cached.is_profile_name(dotted)
            else "A profile is one table of settings.",
        )


def _parse(path: str, data: bytes) -> dict[str, object]:
    import tomli  # noqa: PLC0415 - most profiles have no such file

    try:
        return tomli.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8") from None
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error.msg} (line {error.lineno})") from None
    except (ValueError, RecursionError):  # a number of 5,000 digits, tables nested without end
        raise ConfigError(f"{path} is not valid TOML") from None
