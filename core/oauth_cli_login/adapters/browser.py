"""The browser: started with the URL as one argument, through no shell, and never waited for."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress

from oauth_cli_login.errors import UsageError
from oauth_cli_login.protocol.url import check_endpoint

OpenBrowser = Callable[[str], bool]
"""Take the URL; tell whether a browser was started, as far as one can know."""


def browser_command(command: str) -> OpenBrowser:
    """Return what opens URLs with the user's own command line, as ``$BROWSER`` spells them.

    ``%s`` stands for the URL; without it the URL is the last argument. Raises UsageError for an empty command.
    """
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError:
        words = []
    if not words:
        raise UsageError("--browser needs a command", hint='For example: --browser "firefox --private-window"')

    def open_browser(url: str) -> bool:
        check_endpoint("authorization URL", url)
        arguments = [word.replace("%s", url) for word in words[1:]]
        if arguments == words[1:]:
            arguments.append(url)
        try:
            subprocess.Popen(  # noqa: S603 - the user's own command, as a list, without a shell
                [words[0], *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return False
        return True

    return open_browser


def default_browser(environ: Mapping[str, str]) -> OpenBrowser:
    """Return what opens URLs as Python's ``webbrowser`` does, ``$BROWSER`` honoured.

    A browser that runs in the terminal itself is started only where ``$BROWSER`` asks for it.
    """

    def open_browser(url: str) -> bool:
        check_endpoint("authorization URL", url)
        try:
            controller = webbrowser.get()
        except webbrowser.Error:
            return False
        if type(controller) is webbrowser.GenericBrowser:
            if not environ.get("BROWSER"):
                return False
            background = webbrowser.BackgroundBrowser(controller.name)
            background.args = controller.args
            controller = background
        # some controllers wait seconds for their browser: the callback must not wait with them
        threading.Thread(target=_open, args=(controller, url), daemon=True).start()
        return True

    return open_browser


def _open(controller: webbrowser.BaseBrowser, url: str) -> None:
    with suppress(Exception):  # the URL stands on the terminal, and the wait goes on
        controller.open(url)
