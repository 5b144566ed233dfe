"""What ``python oauth-cli.pyz`` runs: a cached token at once, or the full command line (oauth_cli_start.py).

Every interpreter from 2.7 on must be able to read this file, so that an old one can hand over to a newer one.

zipimport compiles a module twice, to find it and to run it. So what most starts need is run instead of imported, and
here stands as little as can be.
"""

import os
import sys

BUILD_ID = "set by scripts/build-pyz"

try:
    if sys.version_info < (3, 10):  # noqa: UP036 - an old one must hand over before it meets what it cannot read
        import oauth_cli_interpreter

        oauth_cli_interpreter.require((3, 10))

    read = __loader__.get_data

    # Definition by definition, as the formatter parts them: compiled at once, they take half a megabyte more.
    cached = {"__name__": "oauth_cli_login.cached"}
    for definition in read("oauth_cli_login/cached.py").split(b"\n\n\n"):
        exec(definition, cached)  # noqa: S102 - this very file's own module

    status = cached["answer"](sys.argv[1:])
    if status is not None:
        os._exit(status)  # nothing is open: an orderly shutdown would only cost time

    start = {"__name__": "oauth_cli_start"}
    exec(compile(read("oauth_cli_start.py"), "oauth_cli_start.py", "exec"), start)  # noqa: S102 - as above
    status = start["main"](cached["folder"]("cache", os.environ), BUILD_ID)
except KeyboardInterrupt:
    status = 130
sys.exit(status)
