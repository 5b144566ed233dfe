"""The embedded authorization server, telling on standard output what each request was and how long it took.

Run by an interpreter that has oauth-cli installed: ``python _bench_server.py FOLDER``. The first line is the issuer;
each further one is a JSON object with ``path``, ``agent``, ``connection`` and ``seconds``.
"""

from __future__ import annotations

import json
import sys
import time

from oauth_cli_providers.mock import server as mock


class Timed(mock._Handler):  # noqa: SLF001 - the server as it is, with a watch
    """A request counts from its first line on: before that a kept connection only waits."""

    def parse_request(self) -> bool:
        """Note when it came."""
        self.started = time.perf_counter()
        return super().parse_request()

    def _answer(self) -> None:
        super()._answer()
        told = {
            "path": self.path.partition("?")[0],
            "agent": self.headers.get("User-Agent", ""),
            "connection": self.client_address[1],
            "seconds": time.perf_counter() - self.started,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends."""
    mock._Handler = Timed  # type: ignore[misc]  # noqa: SLF001 - as above
    with mock.MockServer(0, state_folder=sys.argv[1]) as server:
        print(server.issuer, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
