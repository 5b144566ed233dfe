"""The terminal: words for people on standard error, answers for programs on standard output.

Invariants: what is written is escaped here, at the last moment, so that no server's or plugin's text can move the
cursor or forge a line. Colour and the running time are for terminals only.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import contextmanager, suppress

from oauth_cli_login.errors import OAuthCliError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.table import Table

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_WIDE = 400
"""Columns of a table that no terminal shows: nothing is folded."""
_PLAIN = {"…": "...", "·": "-"}
"""What our own texts use that some encodings lack."""
_CLEAR_LINE = "\r\x1b[2K"


def inert(text: str, *, keep: str = "") -> str:
    """Return ``text`` with everything that is not printable (controls, bidi, line ends) escaped, but what to ``keep``.

    Without ``keep`` it is one line.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape", "replace").decode("ascii")
        for character in text
    )


def _inert_bytes(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return what a terminal may show of a body: text with its lines and tabs, and everything else escaped."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("backslashreplace"), translate=True)
    for chunk in chunks:
        yield inert(decoder.decode(chunk), keep="\n\t").encode("utf-8")
    yield inert(decoder.decode(b"", final=True), keep="\n\t").encode("utf-8")


def _encodable(text: str, encoding: str) -> str:
    for character, plain in _PLAIN.items():
        if character.encode(encoding, "replace") == b"?":
            text = text.replace(character, plain)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def minutes(seconds: float) -> str:
    """Return a time as people read it."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02} min" if whole >= 60 else f"{whole} s"  # noqa: PLR2004 - a minute


def roughly(seconds: int) -> str:
    """Return a time in whole days, hours, minutes or seconds, whichever is the largest that is not 0."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


class Terminal:
    """Where a command speaks.

    ``answer`` is the stream for programs, ``stream`` the one for people. ``quiet`` drops everything but warnings and
    errors; ``verbosity`` counts the ``-v``.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        answer: TextIO,
        stream: TextIO,
        source: TextIO | None = None,
        quiet: bool = False,
        verbosity: int = 0,
    ) -> None:
        self.answer_stream = answer
        self.stream = stream
        self.source = source
        self.quiet = quiet
        self.verbosity = verbosity
        self.is_terminal = stream.isatty()
        self.colour = self.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        if sys.platform == "win32" and not environ.get("WT_SESSION"):
            self.colour = False  # an older console would show the escape sequences themselves
        self._running = False

    @property
    def can_ask(self) -> bool:
        """Tell whether a person is there to answer a question."""
        return self.source is not None and self.source.isatty() and self.is_terminal

    def answer_columns(self) -> int | None:
        """Return how wide the terminal is that standard output is; ``None`` where it is none, and lines have no end."""
        if not self.answer_stream.isatty():
            return None
        with suppress(OSError, ValueError):  # standard output's own: shutil's is whatever descriptor 1 is meanwhile
            return max(os.get_terminal_size(self.answer_stream.fileno()).columns or 80, 20)  # 0: it does not say
        return 80

    def answer(self, text: str) -> None:
        """Write one line for programs; raise BrokenPipeError, or StoreError where it cannot be written."""
        with _answering():
            self.answer_stream.write(text + "\n")
            self.answer_stream.flush()

    def answer_bytes(self, chunks: Iterable[bytes]) -> None:
        """Write a body for programs, each piece as it comes and as it is; raises as ``answer`` does.

        Where standard output is a terminal, a person reads it: nothing that a server sends reaches that raw.
        """
        shown = self.answer_stream.isatty()
        last = b"\n"
        for chunk in _inert_bytes(chunks) if shown else chunks:
            with _answering():
                self.answer_stream.buffer.write(chunk)
                self.answer_stream.flush()
            last = chunk[-1:] or last
        if shown and last != b"\n":
            self.answer("")  # lest the prompt stands behind it

    def flush(self) -> None:
        """Write out what argparse has printed; raises as ``answer`` does."""
        with _answering():
            self.answer_stream.flush()

    def answer_json(self, document: Mapping[str, object]) -> None:
        """Write one JSON object for programs."""
        import json  # noqa: PLC0415 - most answers are plain

        self.answer(json.dumps(document, indent=2, ensure_ascii=True))

    def say(self, text: str = "", *styles: str) -> None:
        """Write one line for people."""
        if not self.quiet:
            self._write(self.styled(inert(text), *styles))

    def mention(self, text: str) -> None:
        """Write one line that is for somebody who watches: on a terminal only, and not into a log."""
        if self.is_terminal:
            self.say(text)

    def step(self, number: int, text: str) -> None:
        """Write one numbered step of a sign-in."""
        if not self.quiet:
            self._write(f"{self.styled(f'{number}.', 'bold')} {inert(text)}")

    def signed_in(self, label: str, facts: str) -> None:
        """Write the line that ends a sign-in."""
        if not self.quiet:
            self._write(
                f"{self.styled('Signed in as', 'green')} {self.styled(inert(label), 'bold')}"
                f"   {self.styled(inert(facts), 'dim')}"
            )

    def must_see(self, text: str = "", *styles: str) -> None:
        """Write one line that ``--quiet`` does not drop: without it the person could not go on."""
        self._write(self.styled(inert(text), *styles))

    def warn(self, text: str) -> None:
        """Write a warning."""
        self._write(self.styled("warning: ", "yellow") + inert(text))

    def error(self, error: OAuthCliError) -> None:
        """Write an error and, behind it, what to do next."""
        self._write(self.styled("error: ", "red", "bold") + inert(error.message))
        if error.hint:
            for line in error.hint.splitlines():
                self._write(self.styled("  " + inert(line), "dim"))

    def debug(self, text: str) -> None:
        """Write a line that only ``-v`` shows."""
        if self.verbosity:
            self._write(self.styled(inert(text), "dim"))

    def running(self, text: str) -> None:
        """Show a line that the next one replaces; on a terminal only."""
        if self.is_terminal and not self.quiet and self.colour:
            self._put(_CLEAR_LINE + self.styled(inert(text), "dim"))
            self._running = True

    def clear_running(self) -> None:
        """Take the running line away."""
        if self._running:
            self._put(_CLEAR_LINE)
            self._running = False

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table for people. The columns that a terminal is too narrow for stand below each row instead."""
        if self.quiet:
            return
        from rich.console import Console  # noqa: PLC0415 - costs five starts of Python; most commands print no table

        self.clear_running()
        console = Console(
            file=self.stream,
            force_terminal=self.colour,
            color_system="standard" if self.colour else None,
            highlight=False,
            width=None if self.is_terminal else _WIDE,
        )
        beside = len(header)
        while beside > 1 and _wanted(console, header[:beside], rows) > console.width:
            beside -= 1
        with suppress(OSError, ValueError):
            with console.capture() as captured:
                console.print(_table(header[:beside], [row[:beside] for row in rows]))
            first, *lines = captured.get().splitlines()
            self._put(first.rstrip() + "\n")
            for line, row in zip(lines, rows, strict=True):
                self._put(line.rstrip() + "\n")
                for title, cell in zip(header[beside:], row[beside:], strict=True):
                    self.say(f"  {title}: {cell}", "dim")

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """Return what the person types, without what surrounds it; ``hidden`` shows nothing of it."""
        if hidden:
            import getpass  # noqa: PLC0415 - it is asked for rarely

            with suppress(EOFError):
                return getpass.getpass(inert(question) + " ", stream=self.stream).strip()
            return ""
        self._put(inert(question) + " ")
        line = self.source.readline() if self.source else ""
        return line.strip()

    def styled(self, text: str, *styles: str) -> str:
        """Return ``text`` in these styles, where colour is wanted."""
        if not self.colour or not styles:
            return text
        codes = ";".join(_STYLES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def _write(self, line: str) -> None:
        self.clear_running()
        self._put(line + "\n")

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody reads standard error: that is no reason to fail
            encoding = self.stream.encoding or "utf-8"
            self.stream.write(_encodable(text, encoding))
            self.stream.flush()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError):
        raise StoreError(
            "the answer could not be written", hint="Is the disk full, or standard output closed?"
        ) from None


def _wanted(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many columns of a terminal a table of as many columns as the header takes."""
    table = _table(header, [row[: len(header)] for row in rows])
    return console.measure(table, options=console.options.update(width=_WIDE)).maximum


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table whose rows are a line each."""
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in header:
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(inert(cell)) for cell in row))  # Text, not markup: a server chose some of these words
    return table


@contextmanager
def claimed_stdout() -> Iterator[TextIO]:
    """Keep standard output for our answer alone: whatever a hook, a browser or a command prints goes to standard error.

    Yields the stream to answer on. Both are put back at the end.
    """
    closed = _open_standard_streams()
    shown = sys.stdout
    if shown is not None:
        shown.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        if 1 in closed:
            with open(os.devnull, encoding="utf-8") as nowhere:  # what is written there is an error
                yield nowhere
            return
        answer = os.fdopen(saved, "w", encoding="utf-8", newline="\n", closefd=False)
        try:
            yield answer
        finally:
            with suppress(OSError):  # it is flushed line by line: what could not be written has been told of
                answer.close()
    finally:
        sys.stdout = shown
        os.dup2(saved, 1)
        os.close(saved)


def _open_standard_streams() -> set[int]:
    """Open what our caller closed of descriptors 0, 1 and 2 on nothing, lest a file or socket of ours becomes one."""
    opened: set[int] = set()
    while True:
        handle = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
        if handle > 2:  # noqa: PLR2004 - standard error
            os.close(handle)
            return opened
        opened.add(handle)


def give_back_stdout(answer: TextIO) -> None:
    """Let descriptor 1 be what our caller gave us, for a program that takes this process's place.

    ``answer`` is what ``claimed_stdout`` yielded. Where our caller had closed it, and Python saw so at its start, it is
    closed again; so are the others, since what we opened there ends with an exec.
    """
    if sys.__stdout__ is not None:
        os.dup2(answer.fileno(), 1)
    else:
        with suppress(OSError):  # a program without a console has none
            os.close(1)
