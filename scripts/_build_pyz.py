"""Build the one file: the wheel and the locked dependencies, packed by shiv and then put in order.

1. Make an environment with the locked build tools.
2. Build the wheel with hatchling.
3. Download the locked dependencies into a wheelhouse, each against its hash.
4. Let shiv install and pack all of it from the wheelhouse; nothing comes from an index here.
5. Repack: what no run needs is left out, and what decides the start-up time is put in.
6. Write it twice: behind Python's first line, for every system, and behind launcher.sh, for PATH on Linux and macOS.

The result depends on the sources and the locks only: not on the folder, the umask, the time, or the Python that builds.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import io
import os
import re
import shutil
import stat
import sys
import tempfile
import zipfile

from _environment import BUILD, ROOT, digest, lock_path, python_with, run

SHEBANG = b"#!/usr/bin/env python3\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
SOURCE_DATE_EPOCH = "315532800"  # the same for hatchling and shiv, in seconds

# Wheels for every platform and no other, as Python 3.10 would choose them: the file runs everywhere.
UNIVERSAL = (
    "--only-binary=:all:", "--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", "3.10",
)  # fmt: skip

# What nothing here uses stays out: the packages that rich would highlight sources and
# Markdown with, and the modules that need them (a test imports every command without them); code for browsers; tools;
# our plugin for pytest, which is for whoever has pytest.
UNUSED = {"pygments", "markdown_it", "markdown_it_py", "mdurl"}
UNUSED_FILES = re.compile(
    r"rich/(__main__|logging|markdown|syntax|traceback)\.py"
    r"|oauth_cli_login/testing\.py"
    r"|urllib3/contrib/emscripten/.*"
    r"|charset_normalizer/(__main__\.py|cli/.*)"
    r"|.*(\.pyi|\.pyx|\.pxd|\.c|\.h|/py\.typed)"
)
SITE_PACKAGES = "site-packages/"
CACHED = "oauth_cli_login/cached.py"  # the one module that a cached token needs: beside __main__ too
COMPILED_SUFFIXES = (".so", ".pyd", ".dll", ".dylib", ".pyc")
KEPT_METADATA = re.compile(
    r"METADATA|entry_points\.txt|(licenses/)?(LICEN[SC]E|COPYING|NOTICE|AUTHORS)[^/]*|licenses/.+"
)

Entries = dict[str, bytes]


def main(arguments: list[str] | None = None) -> int:
    """Build the file and say on stderr what it became."""
    parser = argparse.ArgumentParser(prog="build-pyz", description="Build oauth-cli as one file.")
    parser.add_argument(
        "--output", metavar="PATH.pyz", type=output_path, default=os.path.join(ROOT, "dist", "oauth-cli.pyz"),
        help="where the file goes; the one behind the launcher goes to PATH",
    )  # fmt: skip
    output = os.path.abspath(parser.parse_args(arguments).output)

    os.makedirs(BUILD, exist_ok=True)
    tools = python_with("build")
    wheelhouse = download(tools)
    with tempfile.TemporaryDirectory(dir=BUILD) as work:
        wheel = build_wheel(tools, work)
        packed = pack(tools, wheel, wheelhouse, work)
        entries = repack(packed)
    for path, head in ((output, SHEBANG), (output.removesuffix(".pyz"), launcher())):
        content = zipped(entries, head)
        write(content, path)
        print(path, file=sys.stderr)
        print(f"{len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}", file=sys.stderr)
    return 0


def output_path(path: str) -> str:
    """Return the path of the file, which must end in ``.pyz``: the launcher's is the same without it."""
    if not path.endswith(".pyz"):
        raise argparse.ArgumentTypeError(f"{path} does not end in .pyz")
    return path


def download(tools: str) -> str:
    """Return the folder with the locked wheels of the dependencies, filled now or by an earlier build."""
    with open(lock_path("pyz"), "rb") as lock:
        wheelhouse = os.path.join(BUILD, "wheelhouse-" + digest(lock.read()))
    if not os.path.isdir(wheelhouse):
        new = tempfile.mkdtemp(prefix="wheelhouse-", dir=BUILD)
        try:
            run(
                tools, "-m", "pip", "--quiet", "--disable-pip-version-check", "download",
                "--require-hashes", "--no-deps", *UNIVERSAL, "--dest", new, "-r", lock_path("pyz"),
            )  # fmt: skip
            if not os.path.isdir(wheelhouse):
                os.rename(new, wheelhouse)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return wheelhouse


def build_wheel(tools: str, work: str) -> str:
    """Return the path of our wheel, built in ``work``."""
    run(
        tools, "-m", "hatchling", "build", "--target", "wheel", "--directory", work,
        SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH,
    )  # fmt: skip
    (wheel,) = glob.glob(os.path.join(glob.escape(work), "*.whl"))
    return wheel


def pack(tools: str, wheel: str, wheelhouse: str, work: str) -> str:
    """Return the path of the file as shiv makes it."""
    packed = os.path.join(work, "shiv.pyz")
    requirements = os.path.join(work, "requirements.txt")
    name, version = os.path.basename(wheel).split("-")[:2]
    with open(wheel, "rb") as file, open(lock_path("pyz"), encoding="utf-8") as lock:
        own = f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read()).hexdigest()}\n"
        locked = lock.read()
    with open(requirements, "w", encoding="utf-8") as file_:
        file_.write(own + locked)
    run(
        tools, "-m", "shiv", "--reproducible", "--uncompressed", "--entry-point", "oauth_cli_login.cli:main",
        "--output-file", packed, "--quiet", *UNIVERSAL, "--no-compile", "--require-hashes",
        "--no-index", "--find-links", wheelhouse, "--find-links", work, "-r", requirements,
        SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH, PIP_CONFIG_FILE=os.devnull,
    )  # fmt: skip
    return packed


def repack(packed: str) -> Entries:
    """Return what the finished file holds, in order: what starts it, then the packages as one entry.

    Every start reads the names of all entries, so there are few. The packages are read only to be unpacked.
    """
    with zipfile.ZipFile(packed) as archive:
        names = sorted(name for name in archive.namelist() if is_needed(name))
        packages = {name.removeprefix(SITE_PACKAGES): archive.read(name) for name in names}
    compiled = [name for name in packages if name.endswith(COMPILED_SUFFIXES)]
    if compiled:
        sys.exit(f"build-pyz: compiled code has no place in a file for every platform: {', '.join(compiled)}")

    entries = {"__main__.py": main_module(build_id(packages)), CACHED: packages[CACHED]}
    for name in ("oauth_cli_start.py", "oauth_cli_unpacked.py", "oauth_cli_interpreter.py"):
        entries[name] = read_source("scripts", "pyz", name)
    entries["site-packages.zip"] = zipped(packages)
    return entries


def is_needed(name: str) -> bool:
    """Tell whether an entry of shiv's file belongs in ours; shiv's own bootstrap does not (see ``__main__``)."""
    path = name.removeprefix(SITE_PACKAGES)
    top, _, rest = path.partition("/")
    if path == name or top == "bin" or UNUSED_FILES.fullmatch(path):
        return False
    if top.endswith(".dist-info"):
        return top.partition("-")[0].lower() not in UNUSED and KEPT_METADATA.fullmatch(rest) is not None
    return top not in UNUSED


def build_id(packages: Entries) -> str:
    """Return the name of the folder that the packages are unpacked into: other contents, another folder."""
    contents = hashlib.sha256()
    for name, data in packages.items():
        contents.update(f"{name}\0{len(data)}\0".encode() + data)
    return contents.hexdigest()[:32]


def main_module(identity: str) -> bytes:
    """Return ``__main__.py`` with the build's identity in it."""
    before, placeholder, after = read_source("scripts", "pyz", "__main__.py").partition(b"set by scripts/build-pyz")
    assert placeholder  # noqa: S101 - a statement about a file of this repository, not about input
    return before + identity.encode() + after


def launcher() -> bytes:
    """Return the launcher in few bytes: a shell reads comments and indentation again at every start."""
    first, *lines = [line.strip() for line in read_source("scripts", "launcher.sh").splitlines()]
    code = [line for line in lines if line and not line.startswith(b"#")]
    return b"\n".join([first, b"# scripts/launcher.sh of oauth-cli-login, which has the comments", *code, b""])


def read_source(*path: str) -> bytes:
    """Return a file of this repository."""
    with open(os.path.join(ROOT, *path), "rb") as source:
        return source.read()


def zipped(entries: Entries, head: bytes = b"") -> bytes:
    """Return a zip file behind ``head``, which readers of zip files skip.

    Nothing is compressed: deflated bytes differ between versions of zlib, and a start would have to load it.
    """
    file = io.BytesIO()
    file.write(head)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, wherever this runs: it makes the modes below count
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    return file.getvalue()


def write(content: bytes, output: str) -> None:
    """Write a program in one step."""
    os.makedirs(os.path.dirname(output), exist_ok=True)
    handle, new = tempfile.mkstemp(dir=os.path.dirname(output))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(new, 0o755)  # noqa: S103 - a program for everybody to run
        os.replace(new, output)
    except BaseException:
        os.unlink(new)
        raise
