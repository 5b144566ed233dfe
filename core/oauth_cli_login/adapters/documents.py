"""Discovery documents and key sets, kept for a day: at a server that is known, a sign-in or refresh asks for less.

Invariants: what is kept is what the server publishes to everybody, and nothing else. It is looked up by its address (a
discovery document's is the issuer) and by what made the certificate trusted; nothing of this machine's own is kept, nor
what came without TLS. Whoever gets it checks it as if it had just come, and a command that fails has it forgotten: the
next one asks again.
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

    def get(self, address: str) -> Mapping[str, object] | None:
        """Return the document that came from an address, if it is kept and not too old."""
        data = files.kept(self._path(address))
        if data is None:
            return None
        try:
            known_by, fetched, document = json.loads(data)
            fresh = 0 <= self._clock() - fetched < MAX_AGE
        except (ValueError, TypeError, ArithmeticError, RecursionError):  # arithmetic: a time of 400 digits
            return None
        return document if fresh and known_by == [address, self._trust] and isinstance(document, dict) else None

    def keep(self, address: str, document: Mapping[str, object]) -> None:
        """Keep a document that has been checked."""
        if address.startswith("https:") and not is_loopback(address):
            data = json.dumps([[address, self._trust], int(self._clock()), dict(document)])
            files.keep(self._path(address), data.encode())

    def forget(self, address: str) -> None:
        """Have the server asked again."""
        with suppress(OSError):
            os.unlink(self._path(address))

    def _path(self, address: str) -> str:
        known_by = json.dumps([address, self._trust])
        return os.path.join(self._folder, f"document-{crc32(known_by.encode()):08x}")
