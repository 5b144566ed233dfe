"""The mock's own pages, in the frame and style of ``oauth_cli_login.adapters.pages``."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from oauth_cli_login.adapters import pages
from oauth_cli_providers.mock.login import LoginError

_FOOTER = "oauth-cli mock server · for development only: it lets anybody in as anybody"


def _first(here: bool, error: object) -> str:
    """Return the attributes of the field that the person comes to first: the one that is wrong, if any."""
    if not here:
        return ""
    return 'autofocus aria-invalid="true" aria-describedby="error"' if error else "autofocus"


def _note(error: str) -> str:
    return f'<p class="note" role="alert" id="error">{html.escape(error)}</p>\n' if error else ""


def login(
    client_id: str,
    scopes: Sequence[str],
    fields: Mapping[str, str],
    *,
    user_code: str = "",
    error: LoginError | None = None,
) -> str:
    """Return the login form; ``fields`` is what was typed before, ``user_code`` what a device shows (RFC 8628)."""
    tags = "".join(f"<li><code>{html.escape(scope)}</code></li>" for scope in scopes)
    asks = f'<p><strong>{html.escape(client_id)}</strong> asks for:</p>\n<ul class="tags">{tags}</ul>\n'
    if user_code:
        asks = (
            f'<p class="user-code"><code>{html.escape(user_code)}</code></p>\n'
            f'<p class="muted">Go on only if your device shows this code.</p>\n{asks}'
        )
    claims = html.escape(fields.get("claims", ""))
    in_claims = error is not None and error.field == "claims"
    return pages.document(
        "Sign in to the mock server",
        f"""{asks}<form method="post">
{_note(str(error or ""))}<label for="username">Username</label>
<input id="username" name="username" value="{html.escape(fields.get("username", ""))}" required maxlength="255" \
autocomplete="username" autocapitalize="none" spellcheck="false" {_first(not in_claims, error)}>
<p class="hint">Any name: it becomes the <code>sub</code> of the tokens.</p>
<details{" open" if claims else ""}>
<summary>More claims</summary>
<label for="claims">Claims, a JSON object</label>
<textarea id="claims" name="claims" rows="5" spellcheck="false" \
placeholder="{{&quot;email&quot;: &quot;demouser@example.com&quot;}}" {_first(in_claims, error)}>
{claims}</textarea>
<p class="hint">They go into the tokens and userinfo. Those of the protocol (<code>iss</code>, <code>sub</code>, \
<code>exp</code> …) stay as they are.</p>
</details>
<div class="actions">
<button class="primary" name="action" value="sign_in">Sign in</button>
<button name="action" value="deny" formnovalidate>Deny</button>
</div>
</form>""",
        footer=_FOOTER,
    )


def device(user_code: str = "", *, error: str = "") -> str:
    """Return the form for the code that a device shows (RFC 8628 section 3.3)."""
    return pages.document(
        "Connect a device",
        f"""<p>Enter the code that the device or terminal shows.</p>
<form method="post">
{_note(error)}<label for="user_code">Code</label>
<input class="code-field" id="user_code" name="user_code" value="{html.escape(user_code)}" required \
maxlength="32" placeholder="XXXX-XXXX" autocomplete="off" autocapitalize="characters" spellcheck="false" \
{_first(True, error)}>
<div class="actions"><button class="primary">Continue</button></div>
</form>""",
        footer=_FOOTER,
    )


def device_answered(*, allowed: bool) -> str:
    """Return the last page of the device flow."""
    if allowed:
        title, text, tone = "Signed in", "The device goes on by itself in a few seconds.", "good"
    else:
        title, text, tone = "Denied", "The device was told that it may not sign in.", "bad"
    return pages.document(
        title, f'<p>{text}</p>\n<p class="muted">You can close this tab.</p>', tone=tone, footer=_FOOTER
    )


def signed_out() -> str:
    """Return the page of the end of a session."""
    return pages.document(
        "Signed out",
        "<p>The mock server keeps nobody signed in: there is nothing to end.</p>",
        tone="good",
        footer=_FOOTER,
    )
