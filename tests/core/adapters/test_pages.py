"""The pages of the callback, and the style of all pages."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from oauth_cli_login.adapters import pages

PAGES = {
    "signed_in": pages.signed_in("mock", "ada"),
    "sign_in_failed": pages.sign_in_failed("access_denied", "No."),
    "problem": pages.problem("Title", "Text"),
}
VOID = {"meta", "link", "input", "path", "circle", "br"}


class Document(HTMLParser):
    """What a page is made of; fails on tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data


@pytest.mark.parametrize("page", list(PAGES.values()), ids=list(PAGES))
def test_a_page_is_well_formed_and_fetches_and_runs_nothing(page: str) -> None:
    document = Document(page)
    names = {tag for tag, _ in document.tags}
    assert names.isdisjoint({"script", "iframe", "img", "object", "base"})
    for _, attributes in document.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "url(" not in document.style
    assert "@import" not in document.style


@pytest.mark.parametrize("page", list(PAGES.values()), ids=list(PAGES))
def test_a_page_tells_its_language_title_and_size(page: str) -> None:
    document = Document(page)
    assert ("html", {"lang": "en"}) in document.tags
    assert [tag for tag, _ in document.tags].count("h1") == 1
    assert re.search(r"<title>(.+)</title>", page).group(1) == re.search(r"<h1>(.+)</h1>", page).group(1)
    assert 'name="viewport"' in page


@pytest.mark.parametrize("page", list(PAGES.values()), ids=list(PAGES))
def test_the_policy_allows_the_style_of_the_page_and_no_other(page: str) -> None:
    digest = base64.b64encode(hashlib.sha256(Document(page).style.encode()).digest()).decode()
    assert pages.HEADERS["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def test_the_headers_keep_the_page_out_of_caches_frames_and_other_sites() -> None:
    assert {name: value for name, value in pages.HEADERS.items() if name != "Content-Security-Policy"} == {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def test_a_form_may_lead_where_its_page_says() -> None:
    policy = pages.headers(form_action="'self' http://localhost:1")["Content-Security-Policy"]
    assert "; form-action 'self' http://localhost:1; " in policy


@pytest.mark.parametrize(
    "page",
    [
        pages.signed_in("<script>&", "<script>&"),
        pages.sign_in_failed("<script>&", "<script>&"),
        pages.problem("<script>&", "<script>&"),
        pages.document("<script>&", "", footer="<script>&"),
    ],
)
def test_what_comes_from_outside_is_escaped(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;&amp;" in page


def test_the_success_page_promises_what_has_happened() -> None:
    page = pages.signed_in("mock")
    assert "<h1>Signed in with mock</h1>" in page
    assert "close this tab" in page
    assert "the terminal finishes" in page
    assert "<strong>ada</strong>" in pages.signed_in("mock", "ada")


def test_the_error_page_names_the_error_and_what_the_provider_said() -> None:
    page = pages.sign_in_failed("access_denied", "The person said no.")
    assert "<code>access_denied</code>" in page
    assert "The person said no." in page
    assert "<p></p>" not in pages.sign_in_failed("access_denied")


def palettes() -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", pages.STYLE, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    ("text", "card"),
    ("text", "accent-soft"),
    ("muted", "card"),
    ("muted", "canvas"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "hover"),
    ("bad", "bad-soft"),
    ("good", "good-soft"),
]
SHAPES = [("field", "card"), ("accent", "card")]


@pytest.mark.parametrize(("scheme", "pair"), list(itertools.product(["light", "dark"], TEXT + SHAPES)))
def test_contrast_is_that_of_wcag_aa(scheme: str, pair: tuple[str, str]) -> None:
    palette = palettes()[scheme == "dark"]
    assert contrast(palette[pair[0]], palette[pair[1]]) >= (4.5 if pair in TEXT else 3.0)


def test_both_schemes_have_every_colour() -> None:
    light, dark = palettes()
    assert set(light) == set(dark)
    assert set(re.findall(r"var\(--([\w-]+)\)", pages.STYLE)) == set(light)


def test_the_focus_is_visible_and_the_schemes_follow_the_system() -> None:
    assert ":focus-visible { outline: 3px" in pages.STYLE
    assert "outline: none" not in pages.STYLE
    assert "@media (prefers-color-scheme: dark)" in pages.STYLE


def test_importing_it_costs_little() -> None:
    """The callback server has it in every login, whatever the provider."""
    program = (
        "import __future__, sys, html, hashlib, base64; before = set(sys.modules); "
        "import oauth_cli_login.adapters.pages; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if not name.startswith("oauth_cli_login")] == []
