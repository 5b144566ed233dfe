"""What ``python oauth-cli.pyz`` runs: a cached token at once, or the full command line from its unpacked folder.

Every interpreter from 2.7 on must be able to read this file, so that an old one can hand over to a newer one.
"""

# ruff: noqa: E402, UP036 - an old interpreter must hand over before it meets what it cannot read
import sys

if sys.version_info < (3, 10):
    import oauth_cli_interpreter

    oauth_cli_interpreter.require((3, 10))

import os

BUILD_ID = "set by scripts/build-pyz"

# Run, not imported: zipimport compiles a module twice, to find it and to run it: a sixth of a cached token's time. And
# definition by definition, as the formatter parts them: compiled at once, they take half a megabyte more.
cached = {"__name__": "oauth_cli_login.cached"}
for definition in __loader__.get_data("oauth_cli_login/cached.py").split(b"\n\n\n"):
    exec(definition, cached)  # noqa: S102 - this very file's own module

status = cached["answer"](sys.argv[1:])
if status is not None:
    os._exit(status)  # nothing is open: an orderly shutdown would only cost time

import oauth_cli_unpacked

# The folder takes the zip's place, in front of PYTHONPATH and of whatever the interpreter has: our own copies of the
# dependencies win, plugins installed beside the interpreter stay visible, and no scan for metadata reads the zip.
builds = os.path.join(cached["folder"]("cache", os.environ), "pyz")
sys.path[0] = oauth_cli_unpacked.site_packages(sys.path[0], builds, BUILD_ID)

from oauth_cli_login.cli import main

sys.exit(main())
