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

_IN_THE_TERMINAL = frozenset({"www-browser", "links", "links2", "elinks", "lynx", "w3m"})

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
        return _start([words[0], *arguments])

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
        if not environ.get("BROWSER") and os.path.basename(controller.name) in _IN_THE_TERMINAL:
            return False
        if type(controller) in (webbrowser.GenericBrowser, webbrowser.BackgroundBrowser):
            return _start([controller.name, *(argument.replace("%s", url) for argument in controller.args)])
        if isinstance(controller, webbrowser.UnixBrowser):  # it would give Firefox and its like all our environment
            return _start([controller.name, url])
        # the others wait seconds for their browser: the callback must not wait with them
        threading.Thread(target=_open, args=(controller, url), daemon=True).start()
        return True

    return open_browser


def _start(command: list[str]) -> bool:
    try:
        browser = subprocess.Popen(  # noqa: S603 - the user's own command, as a list, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # a client secret may be in there, and is none of the browser's business
            env={name: value for name, value in os.environ.items() if not name.startswith("OAUTH_CLI_")},
        )
    except (OSError, ValueError):  # a NUL in the command is a ValueError
        return False
    threading.Thread(target=browser.wait, daemon=True).start()  # so that no zombie is left
    return True


def _open(controller: webbrowser.BaseBrowser, url: str) -> None:
    with suppress(Exception):  # the URL stands on the terminal, and the wait goes on
        controller.open(url)
