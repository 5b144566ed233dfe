"""Real Chromium, headless, by Playwright."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from servers import runtime

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Visit:
    """One page of a fresh profile, with what went wrong on it."""

    def __init__(self, page: Page, color_scheme: str) -> None:
        self.page = page
        self._color_scheme = color_scheme
        self.troubles: list[str] = []
        page.on("console", lambda message: self._note(message.type in {"error", "warning"}, message.text))
        page.on("pageerror", lambda error: self._note(True, f"uncaught: {error}"))
        page.on("requestfailed", lambda request: self._note(True, f"failed: {request.url.partition('?')[0]}"))

    def _note(self, trouble: bool, text: str) -> None:
        if trouble:
            self.troubles.append(text)

    def screenshot(self, name: str) -> None:
        """Keep a picture, where OAUTH_CLI_SCREENSHOTS names a folder; the README's come from here."""
        folder = os.environ.get("OAUTH_CLI_SCREENSHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.page.screenshot(path=os.path.join(folder, f"{name}-{self._color_scheme}.png"))


@contextlib.contextmanager
def visit(color_scheme: str) -> Iterator[Visit]:
    """Yield a page of the installed Chromium, ``light`` or ``dark``; Playwright's own would be another download."""
    executable = runtime.command("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        runtime.missing("the package playwright is not installed")
    flags = ["--disable-gpu", "--no-first-run", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        try:
            size = {"width": 900, "height": 620}
            yield Visit(browser.new_page(color_scheme=color_scheme, viewport=size), color_scheme)
        finally:
            browser.close()
