"""A browser's share of a sign-in without a browser: follow the redirects, fill in the first form of each page."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

MOST_PAGES = 20


class _FirstForm(HTMLParser):
    """The action, the fields and the names of the buttons of the first form that is posted."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.buttons: set[str] = set()
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and values.get("method", "").lower() == "post":
            self.action, self._inside = values.get("action", ""), True
        elif self._inside and tag in {"input", "textarea"} and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")
        elif self._inside and tag == "button" and values.get("name"):
            self.buttons.add(values["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def sign_in(url: str, values: Mapping[str, str]) -> requests.Response:
    """Visit ``url`` and post form after form; return the first page without one.

    ``values`` go into the fields of those names, and press the button that has such a name and value.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxy stands between this machine and itself
        page = session.get(url, timeout=30)
        for _ in range(MOST_PAGES):
            form = _FirstForm(page.text)
            if form.action is None:
                page.raise_for_status()
                return page
            fields = {name: values.get(name, value) for name, value in form.fields.items()}
            fields.update((name, values[name]) for name in form.buttons & values.keys())
            page = session.post(urljoin(page.url, form.action), data=fields, timeout=30)
    raise AssertionError(f"still a form after {MOST_PAGES} pages: {page.url.partition('?')[0]}")
