"""Discovery documents, kept for a day: where a server is known, a sign-in opens the browser without asking it first.

Invariants: what is kept is what the server publishes to everybody, and nothing else: no keys. It is looked up by its
issuer. Nothing of this machine's own is kept, nor what came without TLS or under certificates that the user named: what
one place trusts is not another's to believe. Whoever gets it checks it as if it had just come, and a command that fails
has it forgotten: the next one asks again. What spends a refresh token believes none of it.
"""

from __future__ import annotations

import json
import os
import time
from binascii import crc32
from collections.abc import Callable, Mapping
from contextlib import suppress

from oauth_cli_login import cached
from oauth_cli_login.adapters import files
from oauth_cli_login.protocol.url import is_loopback

MAX_AGE = 24 * 3600
"""Seconds."""
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


class Documents:
    """The documents that were fetched with the system's certificates."""

    def __init__(
        self, environ: Mapping[str, str], ca_file: str | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = cached.folder("cache", environ)
        self._may_be_kept = not ca_file and not any(environ.get(name) for name in _TRUST)
        self._clock = clock

    def get(self, issuer: str) -> Mapping[str, object] | None:
        """Return the document that came from an issuer, if it is kept and not too old."""
        data = files.kept(self._path(issuer)) if self._may_be_kept else None
        if data is None:
            return None
        try:
            kept_for, fetched, document = json.loads(data)
            fresh = 0 <= self._clock() - fetched < MAX_AGE
        except (ValueError, TypeError, ArithmeticError, RecursionError):  # arithmetic: a time of 400 digits
            return None
        return document if fresh and kept_for == issuer and isinstance(document, dict) else None

    def keep(self, issuer: str, document: Mapping[str, object]) -> None:
        """Keep a document that has been checked."""
        if self._may_be_kept and issuer.startswith("https:") and not is_loopback(issuer):
            data = json.dumps([issuer, int(self._clock()), dict(document)])
            files.keep(self._path(issuer), data.encode())

    def forget(self, issuer: str) -> None:
        """Have the server asked again."""
        with suppress(OSError):
            os.unlink(self._path(issuer))

    def _path(self, issuer: str) -> str:
        return os.path.join(self._folder, f"discovery-{crc32(issuer.encode()):08x}")
