"""The world that a command runs in: everything that is not pure reaches the engine through here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from oauth_cli_login.model import HttpRequest, HttpResponse, JsonObject
from oauth_cli_login.values import dataclass, field

if TYPE_CHECKING:
    from oauth_cli_login.adapters.documents import Documents
    from oauth_cli_login.adapters.http import Http, Repeat, StreamedResponse
    from oauth_cli_login.adapters.terminal import Terminal


class Connection:
    """HTTP for one server; the library is imported, and certificates are read, at the first request or before.

    ``documents`` are the discovery documents that came over connections like this; ``believing`` lets them be used.
    """

    def __init__(
        self, make: Callable[[], Http], documents: Documents | None = None, *, believing: bool = False
    ) -> None:
        self._make = make
        self._http: Http | None = None
        self._believed: set[str] = set()
        self._documents = documents
        self._believing = believing

    def __enter__(self) -> Connection:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(self, failed: type[BaseException] | None, *_exception: object) -> None:
        if self._http is not None:
            self._http.close()
        if failed and self._documents:
            for address in self._believed:
                self._documents.forget(address)

    def known_document(self, address: str) -> JsonObject | None:
        """Return the document of an address, if it is kept; where the command fails all the same, it is forgotten."""
        found = self._documents.get(address) if self._documents and self._believing else None
        if found is not None:
            self._believed.add(address)
        return found

    def keep_document(self, address: str, document: JsonObject) -> None:
        """Keep a document for the commands to come; it has just been asked for and checked."""
        if self._documents:
            self._documents.keep(address, document)

    def prepare(self) -> None:
        """Do what the first request would wait for; ConfigError where certificates cannot be read."""
        self._ready()

    def send(self, request: HttpRequest, *, repeat: Repeat = "never") -> HttpResponse:
        """Send a request as adapters/http.py does."""
        return self._ready().send(request, repeat=repeat)

    def stream(self, request: HttpRequest) -> StreamedResponse:
        """Send a request and return its answer while it arrives, as adapters/http.py does."""
        return self._ready().stream(request)

    def _ready(self) -> Http:
        if self._http is None:
            self._http = self._make()
        return self._http


@dataclass(frozen=True)
class Context:
    """``clock`` is seconds since the epoch, ``monotonic`` seconds since anything; ``entropy`` returns so many bytes."""

    environ: Mapping[str, str]
    terminal: Terminal
    clock: Callable[[], float] = field(default=time.time)
    monotonic: Callable[[], float] = field(default=time.monotonic)
    entropy: Callable[[int], bytes] = field(default=os.urandom)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def connection(self, ca_file: str | None, *, believing: bool = False) -> Connection:
        """Return a connection that trusts ``ca_file``, or the system's certificates.

        ``believing`` lets it take a discovery document for current that was kept by an earlier command.
        """
        from oauth_cli_login.adapters.documents import Documents  # noqa: PLC0415 - most commands send nothing

        def make() -> Http:
            from oauth_cli_login.adapters.http import Http  # noqa: PLC0415 - costs more than all the rest together

            return Http(self.environ, ca_file=ca_file, log=self.terminal.debug, clock=self.monotonic, sleep=self.sleep)

        documents = Documents(self.environ, ca_file, clock=self.clock)
        return Connection(make, documents, believing=believing)
