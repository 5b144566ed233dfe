"""Handing over from an interpreter that is too old; every Python from 2.7 on must be able to read this file."""

# ruff: noqa: ANN001, ANN201, ANN202, RUF005, UP031 - syntax that Python 2.7 lacks
import os
import re
import subprocess
import sys
import time

TIME_LIMIT = 10
"""Seconds that a candidate has to say what it is."""

_NAME = re.compile(r"python(?:3(?:\.(\d+))?)?(?:\.exe)?$|py\.exe$")
_QUESTION = "import sys; sys.stdout.write(sys.executable if sys.version_info >= (%d, %d) else '')"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator  # noqa: F401 - read in a type comment


def require(oldest):
    # type: (tuple[int, int]) -> None
    """Return where this interpreter is ``oldest`` or newer; else go on with one from PATH, or exit with status 3."""
    if sys.version_info >= oldest:
        return
    executable = find(oldest, os.environ.get("PATH", ""))
    if not executable:
        sys.stderr.write(
            "%s needs Python %d.%d or newer: this is %d.%d, and PATH has no newer one that runs. Install one first.\n"
            % ((os.path.basename(sys.argv[0]),) + oldest + sys.version_info[:2])
        )
        sys.exit(3)
    command = [executable] + sys.argv
    if os.name == "nt":  # exec there returns to the shell before the program has ended
        sys.exit(subprocess.call(command))
    os.execv(executable, command)  # noqa: S606 - no shell is the point


def find(oldest, path):
    # type: (tuple[int, int], str) -> str
    """Return the executable of the newest ``python3.X`` on ``path`` that runs, else of a plain ``python3``, or ""."""
    for candidate in _candidates(oldest, path):
        executable = _executable(candidate, oldest)
        if executable:
            return executable
    return ""


def _candidates(oldest, path):
    # type: (tuple[int, int], str) -> Iterator[str]
    found = []
    for position, folder in enumerate(path.split(os.pathsep)):
        if not os.path.isabs(folder) or not os.path.isdir(folder):
            continue
        for name in os.listdir(folder):
            match = _NAME.match(name)
            minor = int(match.group(1) or 0) if match else -1
            if minor == 0 or minor >= oldest[1]:
                found.append((-minor, position, os.path.join(folder, name)))
    for _, _, candidate in sorted(found):
        yield candidate


def _executable(candidate, oldest):
    # type: (str, tuple[int, int]) -> str
    """Ask the candidate what it is: version managers leave shims on PATH that fail, or stand for another version.

    The answer is the interpreter itself, so that the shim's own cost and choice are out of the way.
    """
    with open(os.devnull, "r+b") as nowhere:
        try:
            process = subprocess.Popen(
                [candidate, "-c", _QUESTION % oldest], stdin=nowhere, stdout=subprocess.PIPE, stderr=nowhere
            )
        except OSError:
            return ""
    deadline = time.time() + TIME_LIMIT
    while process.poll() is None and time.time() < deadline:
        time.sleep(0.01)
    if process.returncode is None:
        process.kill()
    assert process.stdout  # noqa: S101 - a pipe was asked for
    with process.stdout:
        answer = b"" if process.wait() else process.stdout.read()  # type: bytes
    executable = str(answer) if sys.version_info < (3,) else os.fsdecode(answer)
    return executable if os.path.isfile(executable) else ""
