"""Discovery documents, kept for a day: a sign-in or a refresh at a server that is known asks for one thing less.

Invariants: what is kept is what the issuer publishes to everybody, and nothing else. It is looked up by the issuer and
by what made its certificate trusted; nothing of this machine's own is kept, nor what came without TLS. Whoever gets it
checks it as if it had just come, and a command that fails has it forgotten: the next one asks again.
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
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Documents:
    """The documents that were fetched with these certificates."""

    def __init__(
        self, environ: Mapping[str, str], ca_file: str | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = cached.folder("cache", environ)
        self._trust = [ca_file, *(environ.get(name) for name in _TRUST)]
        self._clock = clock

    def get(self, issuer: str) -> Mapping[str, object] | None:
        """Return the document that is kept for an issuer, if it is the issuer's own and not too old."""
        data = files.kept(self._path(issuer))
        if data is None:
            return None
        try:
            trust, fetched, document = json.loads(data)
            fresh = 0 <= self._clock() - fetched < MAX_AGE
        except (ValueError, TypeError, RecursionError):
            return None
        ours = trust == self._trust and isinstance(document, dict) and document.get("issuer") == issuer
        return document if fresh and ours else None

    def keep(self, issuer: str, document: Mapping[str, object]) -> None:
        """Keep a document that has been checked."""
        if issuer.startswith("https:") and not is_loopback(issuer):
            data = json.dumps([self._trust, int(self._clock()), dict(document)])
            files.keep(self._path(issuer), data.encode())

    def forget(self, issuer: str) -> None:
        """Have the issuer asked again."""
        with suppress(OSError):
            os.unlink(self._path(issuer))

    def _path(self, issuer: str) -> str:
        known_by = json.dumps([issuer, self._trust])
        return os.path.join(self._folder, f"issuer-{crc32(known_by.encode()):08x}")
