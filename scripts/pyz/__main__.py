"""What ``python oauth-cli.pyz`` runs: a cached token at once, or the full command line (oauth_cli_start.py).

Every interpreter from 2.7 on must be able to read this file, so that an old one can hand over to a newer one.

zipimport compiles a module twice, to find it and to run it. So what most starts need is run instead of imported, and
here stands as little as can be.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - an old interpreter must hand over before it meets what it cannot read
    import oauth_cli_interpreter

    oauth_cli_interpreter.require((3, 10))

import marshal
import os

BUILD_ID = "set by scripts/build-pyz"

read = __loader__.get_data

cached = {"__name__": "oauth_cli_login.cached"}
try:
    # Definition by definition, as the formatter parts them: compiled at once, they take half a megabyte more.
    definitions = iter(read("oauth_cli_login/cached.py").split(b"\n\n\n"))
    while "read_file" not in cached:
        exec(next(definitions), cached)  # noqa: S102 - this very file's own module

    # Links are resolved once: nobody can put another folder in the place of one that was looked at.
    build = os.path.join(os.path.realpath(cached["folder"]("cache", os.environ)), "pyz", BUILD_ID)

    # Python keeps no bytecode of what is in a zip: the build's folder does, since the last full start of this version.
    kept = os.path.join(build, "cached.{}-{:x}".format(sys.implementation.cache_tag, sys.hexversion))  # noqa: UP032 - for 2.7
    try:
        bytecode, about = cached["read_file"](kept)
        if os.name == "nt" or not about.st_mode & 0o077:
            definitions = marshal.loads(bytecode)  # noqa: S302 - it is this user's, and nobody else could write to it
            kept = None
    except (OSError, ValueError, EOFError, TypeError):
        pass
    for definition in definitions:
        exec(definition, cached)  # noqa: S102 - as above

    status = cached["answer"](sys.argv[1:])
    if status is not None:
        os._exit(status)  # nothing is open: an orderly shutdown would only cost time

    start = {"__name__": "oauth_cli_start"}
    exec(compile(read("oauth_cli_start.py"), "oauth_cli_start.py", "exec"), start)  # noqa: S102 - as above
    status = start["main"](build, kept)
except KeyboardInterrupt:
    status = 130
sys.exit(status)
