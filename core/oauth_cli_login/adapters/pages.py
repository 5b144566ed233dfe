"""The HTML that people see in the browser: the callback's pages, and the frame and style that all our pages share.

Invariants:

- Everything that is not written in this file is escaped.
- A page fetches nothing and runs nothing: no script, no external resource. ``HEADERS`` makes the browser enforce that,
  and is sent with every page.
"""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = """
:root {
  color-scheme: light dark;
  --canvas: #f3f4f8; --card: #ffffff; --text: #1b1e28; --muted: #565d70; --line: #d9dce6; --field: #8a90a2;
  --accent: #3d4fd1; --on-accent: #ffffff; --accent-soft: #e9ecfd; --hover: #3140b3;
  --good: #146c43; --good-soft: #def3e7; --bad: #b3261e; --bad-soft: #fce8e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --canvas: #12141b; --card: #1b1e28; --text: #eceef5; --muted: #a5abbd; --line: #303544; --field: #747b90;
    --accent: #a9b6ff; --on-accent: #161a33; --accent-soft: #272d4d; --hover: #c3ccff;
    --good: #7fd9a9; --good-soft: #173427; --bad: #ffb1aa; --bad-soft: #43201f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; padding: 1.25rem;
  display: flex; flex-direction: column; align-items: center; justify-content: center;
  background: var(--canvas); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
main {
  width: 100%; max-width: 27rem; padding: 2.25rem 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 12px 32px rgb(0 0 0 / .07);
  overflow-wrap: anywhere;
}
footer { margin-top: 1.25rem; color: var(--muted); font-size: .8125rem; text-align: center; }
.badge {
  width: 3rem; height: 3rem; margin-bottom: 1.25rem; border-radius: .875rem;
  display: grid; place-items: center; color: var(--accent); background: var(--accent-soft);
}
.badge.good { color: var(--good); background: var(--good-soft); }
.badge.bad { color: var(--bad); background: var(--bad-soft); }
.badge svg { width: 1.5rem; height: 1.5rem; }
h1 {
  margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.3; font-weight: 650; letter-spacing: -.01em;
  text-wrap: balance;
}
p { margin: 0 0 .75rem; }
p:last-child { margin-bottom: 0; }
.muted { color: var(--muted); }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.tags { display: flex; flex-wrap: wrap; gap: .375rem; margin: 0; padding: 0; list-style: none; }
.tags li { padding: .125rem .625rem; border-radius: 1rem; color: var(--accent); background: var(--accent-soft); }
.note {
  margin: 0 0 1.25rem; padding: .625rem .875rem; border-radius: .625rem;
  color: var(--bad); background: var(--bad-soft);
}
.user-code {
  margin: 1.25rem 0; padding: .75rem; border-radius: .625rem; background: var(--accent-soft);
  text-align: center; font-size: 1.5rem; letter-spacing: .12em;
}
form { margin-top: 1.5rem; }
label { display: block; margin-bottom: .375rem; font-weight: 600; font-size: .9375rem; }
input, textarea {
  display: block; width: 100%; min-height: 2.75rem; padding: .5625rem .75rem;
  border: 1px solid var(--field); border-radius: .625rem;
  background: var(--card); color: inherit; font: inherit;
}
textarea { resize: vertical; font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
::placeholder { color: var(--muted); opacity: 1; }
.code-field { text-align: center; text-transform: uppercase; font-size: 1.25rem; letter-spacing: .12em; }
.hint { margin: .375rem 0 0; color: var(--muted); font-size: .8125rem; }
details { margin-top: 1rem; }
summary { width: fit-content; padding: .125rem 0; color: var(--muted); font-size: .9375rem; cursor: pointer; }
details[open] summary { margin-bottom: .5rem; }
.actions { display: flex; gap: .75rem; margin-top: 1.5rem; }
button {
  flex: 1; min-height: 2.75rem; padding: .5625rem 1rem; border: 1px solid var(--field); border-radius: .625rem;
  background: transparent; color: inherit; font: inherit; font-weight: 600; cursor: pointer;
}
button:hover { background: var(--accent-soft); }
button.primary { flex: 2; border-color: transparent; background: var(--accent); color: var(--on-accent); }
button.primary:hover { background: var(--hover); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 30rem) {
  body { padding: 1rem; }
  main { padding: 1.75rem 1.25rem; }
}
"""

_ICON = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="{colour}" stroke-width="2" stroke-linecap="round"'
    ' stroke-linejoin="round" aria-hidden="true" xmlns="http://www.w3.org/2000/svg">{paths}</svg>'
)
_PATHS = {
    "": '<circle cx="7.5" cy="15.5" r="4.5"/><path d="M10.7 12.3 20.5 2.5M16 7l3.5 3.5M19.5 3.5 22 6"/>',  # a key
    "good": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "bad": '<path d="M12 4v10M12 19.5v.01"/>',
}
# In the page itself, so that the browser asks no server for /favicon.ico.
_FAVICON = base64.b64encode(_ICON.format(colour="#5b6cf0", paths=_PATHS[""]).encode()).decode()


def headers(*, form_action: str = "'none'") -> dict[str, str]:
    """Return the headers, beside Content-Type, of a page whose forms may lead to ``form_action`` (CSP sources).

    Browsers hold the redirect that answers a form to ``form-action`` too: a form that ends at a client's redirect_uri
    must name that origin (https://www.w3.org/TR/CSP3/#directive-form-action).
    """
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; "
            f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


HEADERS = headers()
"""What every page without a form is served with, beside its Content-Type."""


def document(title: str, body: str, *, tone: str = "", footer: str = "oauth-cli") -> str:
    """Return a whole page: ``title`` and ``footer`` are text, ``body`` is HTML in which the caller escaped.

    ``tone`` chooses the sign above the heading: ``""`` a key, ``"good"``, or ``"bad"``.
    """
    heading = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n"
        f'<link rel="icon" href="data:image/svg+xml;base64,{_FAVICON}">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<div class="badge {tone}">{_ICON.format(colour="currentColor", paths=_PATHS[tone])}</div>\n'
        f"<h1>{heading}</h1>\n{body}\n</main>\n<footer>{html.escape(footer)}</footer>\n</body>\n</html>\n"
    )


def signed_in(provider: str, label: str | None = None) -> str:
    """Return the page of a callback that brought a code; ``label`` is who signed in, where that is known already.

    It is shown before the code is exchanged, so it promises no more than has happened.
    """
    who = f" as <strong>{html.escape(label)}</strong>" if label else ""
    return document(
        f"Signed in with {provider}",
        f"<p>The browser has done its part{who}, and the terminal finishes the sign-in.</p>\n"
        '<p class="muted">You can close this tab and return to the terminal.</p>',
        tone="good",
    )


def sign_in_failed(error: str, error_description: str = "") -> str:
    """Return the page of a callback that brought an error (RFC 6749 section 4.1.2.1)."""
    said = f"<p>{html.escape(error_description)}</p>\n" if error_description else ""
    return document(
        "You are not signed in",
        f"<p>The provider answered <code>{html.escape(error)}</code>.</p>\n{said}"
        '<p class="muted">The terminal says what to do next. You can close this tab.</p>',
        tone="bad",
    )


def problem(title: str, text: str) -> str:
    """Return the page of a request that cannot be carried out: what is wrong, in plain text."""
    return document(title, f"<p>{html.escape(text)}</p>", tone="bad")
