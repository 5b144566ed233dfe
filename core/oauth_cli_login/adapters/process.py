"""Another program in this process's place, as if the shell had started it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn, TextIO

from oauth_cli_login.adapters.terminal import give_back_stdout
from oauth_cli_login.errors import CannotRun, CommandNotFound, OAuthCliError


def run_instead(command: list[str], environ: Mapping[str, str], *, answer: TextIO) -> int:
    """Run ``command`` with this environment in place of this process, its standard streams those of our caller.

    Returns on Windows alone, which has no exec: the exit status, once the program has ended. ``answer`` is what
    ``claimed_stdout`` gave. Raises CommandNotFound or CannotRun.
    """
    if not command[0]:  # Python's exec has an error of its own for it
        raise _not_found("")
    give_back_stdout(answer)
    return _run_beside(command, environ) if sys.platform == "win32" else _exec(command, environ)


def _exec(command: list[str], environ: Mapping[str, str]) -> NoReturn:
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores both from its start, and what is ignored stays so
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    atexit._run_exitfuncs()  # noqa: SLF001 - an exec skips them, and one removes the folder of a .pyz without a home
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 - no shell is the point
    except OSError as error:
        raise _failed(command[0], environ, error) from None


def _run_beside(command: list[str], environ: Mapping[str, str]) -> int:
    import subprocess  # noqa: PLC0415 - for Windows only

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the program as well, and it decides
    found = shutil.which(command[0], path=environ.get("PATH"))  # with the extensions of PATHEXT
    try:
        return subprocess.call([found or command[0], *command[1:]], env=dict(environ))  # noqa: S603 - the user's own
    except OSError as error:
        raise _failed(command[0], environ, error) from None


def _failed(program: str, environ: Mapping[str, str], error: OSError) -> OAuthCliError:
    """Return the error, with the shell's distinction: nothing is there, or what is there cannot be run."""
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    if missing and not shutil.which(program, path=os.pathsep.join(os.get_exec_path(environ))):
        return _not_found(program)
    reason = "the interpreter that its first line names is not there" if missing else error.strerror or "unknown reason"
    return CannotRun(f"{program[:200]!a} cannot be run: {reason}")


def _not_found(program: str) -> CommandNotFound:
    return CommandNotFound(f"there is no program {program[:200]!a}")
