"""The installed command, and ``python -m oauth_cli_login``: a cached token at once, or the full command line."""

import os
import sys

from oauth_cli_login import cached


def main() -> int:
    """Run the command line and return its exit status."""
    status = cached.answer(sys.argv[1:])
    if status is not None:
        os._exit(status)  # nothing is open: an orderly shutdown would only cost time
    from oauth_cli_login.cli import main as command_line  # noqa: PLC0415 - a cached token does not wait for it

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
