"""Where a session is stored, and whether its access token may be used at once: the one home of both rules.

Invariants:

- Imports only modules that every Python process has loaded, so that a cached token costs next to nothing; hence no
  ``__future__`` either, and annotations in quotes. The build copies this file to where ``oauth-cli.pyz`` starts; the
  installed command and the rest of the code import it here.
- ``answer`` prints a token only where nothing at all is doubtful. Every doubt returns ``None``, and the full command
  line decides.

A session file (docs/session-file.md) begins ``1 EXPIRES_AT ISSUED_AT LENGTH``, a newline, LENGTH characters of access
token (RFC 6749's VSCHAR), a newline; the rest is JSON, which is not read here. Times are seconds since the epoch.
``EXPIRES_AT`` is 0 where the server gave no lifetime; ``ISSUED_AT`` is 0 where nobody is signed in.
"""

import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

MIN_VALID = 60
"""Seconds of life that a token must have left to be handed out."""

MAX_SESSION_BYTES = 1 << 20

# no link, no wait for a pipe's other side, and no line endings changed: each where the system has it
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_PROFILE_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_PROFILE_REST = _PROFILE_FIRST | frozenset("._-")
_DEVICE_NAMES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))]
)


def folder(kind: "Literal['config', 'state', 'cache']", environ: "Mapping[str, str]") -> str:
    """Return the folder of our configuration, state or cache: OAUTH_CLI_HOME, XDG, or Windows' own."""
    home = environ.get("OAUTH_CLI_HOME")
    if home:
        home = os.path.abspath(home)
        return os.path.join(home, "cache") if kind == "cache" else home
    if sys.platform == "win32":
        base = environ.get("APPDATA" if kind == "config" else "LOCALAPPDATA") or os.path.expanduser("~")
        return os.path.join(base, "oauth-cli", "cache") if kind == "cache" else os.path.join(base, "oauth-cli")
    variable, fallback = {
        "config": ("XDG_CONFIG_HOME", ".config"),
        "state": ("XDG_STATE_HOME", ".local/state"),
        "cache": ("XDG_CACHE_HOME", ".cache"),
    }[kind]
    base = environ.get(variable, "")
    if not os.path.isabs(base):  # the XDG specification: a relative path is ignored
        home = environ.get("HOME") or os.path.expanduser("~")
        # a user without a home: a place where nothing can be, so that the answer is "cannot be stored"
        base = os.path.join(home if os.path.isabs(home) else "/nonexistent", fallback)
    return os.path.join(base, "oauth-cli")


def config_path(environ: "Mapping[str, str]") -> str:
    """Return where ``config.toml`` is."""
    return os.path.join(folder("config", environ), "config.toml")


def default_profile_path(environ: "Mapping[str, str]") -> str:
    """Return the flat file that names the default profile."""
    return os.path.join(folder("state", environ), "default")


def session_path(profile: str, environ: "Mapping[str, str]") -> str:
    """Return the session file of a profile, whose name must be valid."""
    return os.path.join(folder("state", environ), "sessions", profile)


def is_profile_name(name: str) -> bool:
    """Tell whether this may name a profile: ``[a-z0-9][a-z0-9._-]{0,63}``, and a file on Windows too."""
    return (
        0 < len(name) <= 64  # noqa: PLR2004 - the rule itself
        and name[0] in _PROFILE_FIRST
        and _PROFILE_REST.issuperset(name)
        and not name.endswith(".")  # Windows drops it
        and name.partition(".")[0] not in _DEVICE_NAMES
    )


def environment_prefix(profile: str) -> str:
    """Return what the environment variables of this profile's settings begin with."""
    return "OAUTH_CLI_" + profile.upper().replace(".", "_").replace("-", "_") + "_"


def read_file(path: str) -> tuple[bytes, os.stat_result]:
    """Return a file of ours, whole and without following a link, and its status; raise OSError or ValueError.

    ValueError: it is not a regular file, is not this user's, or is larger than any session.
    """
    handle = os.open(path, _FLAGS)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise ValueError("it belongs to another user")
        if status.st_size > MAX_SESSION_BYTES:
            raise ValueError("it is larger than any session")
        return os.read(handle, status.st_size), status
    finally:
        os.close(handle)


def split(data: bytes) -> tuple[int, int, str, bytes]:
    """Return (expires_at, issued_at, access_token, the JSON behind) of a session file; raise ValueError.

    A version other than 1 is a ``ValueError`` too.
    """
    head, _, rest = data.partition(b"\n")
    fields = head.split(b" ")
    if len(fields) != 4 or fields[0] != b"1" or not all(f.isdigit() and len(f) < 12 for f in fields):  # noqa: PLR2004 - as the module's docstring has it
        raise ValueError("its first line is not that of a session")
    expires_at, issued_at, length = (int(field) for field in fields[1:])
    token = rest[:length]
    if rest[length : length + 1] != b"\n":
        raise ValueError("its access token is cut short or too long")
    text = token.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("its access token holds characters that no token has")
    return expires_at, issued_at, text, rest[length + 1 :]


def is_fresh(expires_at: int, issued_at: int, now: float, min_valid: int = MIN_VALID) -> bool:
    """Tell whether a token may be handed out at ``now``: not from the future, and ``min_valid`` seconds are left."""
    return 0 < issued_at <= now and (expires_at == 0 or expires_at - now > min_valid)


def default_profile(environ: "Mapping[str, str]") -> str:
    """Return what the ``default`` file says, or ``""``; a valid name or not is the caller's question."""
    try:
        data, _ = read_file(default_profile_path(environ))
    except (OSError, ValueError):
        return ""
    return data.decode("latin-1").removesuffix("\n")


def _named_profile(argv: "Sequence[str]", environ: "Mapping[str, str]") -> str:
    if len(argv) == 1:
        return environ.get("OAUTH_CLI_PROFILE") or default_profile(environ)
    if len(argv) == 3 and argv[1] == "--profile":  # noqa: PLR2004 - token --profile NAME
        return argv[2]
    if len(argv) == 2 and argv[1].startswith("--profile="):  # noqa: PLR2004 - token --profile=NAME
        return argv[1][len("--profile=") :]
    return ""


def _settings_may_differ(profile: str, changed: float, environ: "Mapping[str, str]") -> bool:
    """Tell whether a setting may have changed since the session was stored at ``changed``."""
    prefix = environment_prefix(profile)
    secret = prefix + "CLIENT_SECRET"
    if any(name.startswith(prefix) and not name.startswith(secret) for name in environ):
        return True
    try:
        return os.stat(config_path(environ)).st_mtime >= changed
    except FileNotFoundError:
        return False


def cached_token(argv: "Sequence[str]", environ: "Mapping[str, str]", now: float) -> str | None:
    """Return the access token that ``oauth-cli token [--profile NAME]`` prints, or ``None`` at any doubt."""
    if not argv or argv[0] != "token":
        return None
    profile = _named_profile(argv, environ)
    if not is_profile_name(profile):
        return None
    try:
        data, status = read_file(session_path(profile, environ))
        expires_at, issued_at, token, _ = split(data)
        if _settings_may_differ(profile, status.st_mtime, environ):
            return None
    except (OSError, ValueError):
        return None
    private = sys.platform == "win32" or not status.st_mode & 0o077
    return token if token and private and is_fresh(expires_at, issued_at, now) else None


def answer(argv: "Sequence[str]") -> int | None:
    """Print the cached token and return the exit status, or return ``None``: the full command line must decide."""
    token = cached_token(argv, os.environ, time.time())
    if token is None:
        return None
    whole = rest = token.encode("ascii") + b"\n"
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except BrokenPipeError:
        return 141
    except OSError:
        return None if rest == whole else 9  # nobody may print a token behind half of it
    return 0
