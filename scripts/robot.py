"""A browser for machines without a screen: visit a sign-in's URL, fill in its form, deliver the callback.

``oauth-cli login --browser "python scripts/robot.py"``: the URL is the last argument. It follows redirects one by one,
posts the first form of each page with ROBOT_USERNAME (default ``demouser``) as ``username``, and stops when the
address that the URL names as ``redirect_uri`` has answered. Exits with 1 and one line where that does not happen.
"""

from __future__ import annotations

import http.client
import os
import sys
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

MOST_STEPS = 20
TIME_LIMIT = 30  # seconds for each answer
REDIRECTS = {301, 302, 303, 307, 308}


class Stuck(Exception):  # noqa: N818 - what it is, to its one reader
    """The sign-in cannot be finished by a robot."""


class FirstForm(HTMLParser):
    """The action and the fields of a page's first form that is posted; ``action`` is ``None`` where it has none."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form, and the fields inside it."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and values.get("method", "").lower() == "post":
            self.action, self._inside = values.get("action", ""), True
        elif self._inside and tag in {"input", "textarea"} and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Stop at the form's end."""
        if tag == "form":
            self._inside = False


class Robot:
    """One visit, with the cookies of each host."""

    def __init__(self, username: str) -> None:
        self._username = username
        self._cookies: dict[str, dict[str, str]] = {}

    def sign_in(self, url: str) -> None:
        """Go from the authorization request to the callback; raise Stuck or OSError."""
        (redirect_uri,) = parse_qs(urlsplit(url).query).get("redirect_uri", [""])
        if not redirect_uri:
            raise Stuck("the URL names no redirect_uri")
        body = None
        for _ in range(MOST_STEPS):
            status, location, page = self._request(url, body)
            if url.partition("?")[0] == redirect_uri:
                return
            body = None
            if status in REDIRECTS and location:
                url = urljoin(url, location)
                continue
            form = FirstForm(page)
            if form.action is None:
                raise Stuck(f"{urlsplit(url).netloc} answered {status} with a page that has no form")
            if "username" in form.fields:
                form.fields["username"] = self._username
            url, body = urljoin(url, form.action), urlencode(form.fields)
        raise Stuck(f"no callback after {MOST_STEPS} pages")

    def _request(self, url: str, body: str | None) -> tuple[int, str | None, str]:
        """Return the answer's status, Location and page, with no redirect followed and no proxy in between."""
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=TIME_LIMIT)
        jar = self._cookies.setdefault(parts.netloc, {})
        headers = {"Accept": "text/html"}
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("GET" if body is None else "POST", target, body, headers)
            response = connection.getresponse()
            for line in response.headers.get_all("Set-Cookie") or []:
                jar.update((name, cookie.value) for name, cookie in SimpleCookie(line).items())
            return response.status, response.getheader("Location"), response.read().decode("utf-8", "replace")
        finally:
            connection.close()


def main() -> int:
    """Sign in at the URL that is the last argument."""
    try:
        Robot(os.environ.get("ROBOT_USERNAME", "demouser")).sign_in(sys.argv[-1])
    except (Stuck, OSError, http.client.HTTPException) as problem:
        print(f"robot: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
