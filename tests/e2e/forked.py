"""Commands as children of one process that has imported everything: no import is part of what a test looks at.

``forked.py SITE_PACKAGES FOLDER`` reads lines: ``run ARGUMENTS`` lets a child run the command, ``hold ARGUMENTS`` one
that first stops itself, until it gets SIGCONT. It prints the child's process id, and then how it ended as
``waitpid`` says it. What the child printed stands in FOLDER, in ``stdout`` and ``stderr``.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

site_packages, folder = sys.argv[1:]
sys.path.insert(0, site_packages)
# what a refresh imports on its way, and could not import any more when it has been killed
for module in (
    *("oauth_cli_login.cli", "oauth_cli_login.context", "oauth_cli_login.commands.token", "oauth_cli_login.on_demand"),
    *("oauth_cli_login.adapters.http", "oauth_cli_providers.oauth2", "encodings.idna", "platform", "traceback"),
):
    importlib.import_module(module)
from oauth_cli_login.cli import main  # noqa: E402 - from the folder that was named


def child(argv: list[str], *, hold: bool) -> int:
    for handle, name in enumerate(("stdout", "stderr"), start=1):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), handle)
    if hold:
        os.kill(os.getpid(), signal.SIGSTOP)
    return int(main(argv))


for line in sys.stdin:
    how, *words = line.split()
    pid = os.fork()
    if not pid:
        status = 99
        try:
            status = child(words, hold=how == "hold")
        finally:
            os._exit(status)
    os.write(1, f"{pid}\n".encode("ascii"))
    os.write(1, f"{os.waitpid(pid, 0)[1]}\n".encode("ascii"))
