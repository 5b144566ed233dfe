"""What people and programs see, on terminals (pseudo ones) and on streams that are none."""

from __future__ import annotations

import getpass
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from oauth_cli_login.adapters.terminal import Terminal, claimed_stdout, inert, minutes
from oauth_cli_login.errors import ConfigError, OAuthCliError

HOSTILE = "a\x1b[2Jb\x1b]0;owned\x07c\u202ed\u2066e\nf\rg\x00h\x9bi\u2028j\ud800k\x7f[red]l[/red]"


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(stream: io.TextIOBase | None = None, environ: dict[str, str] | None = None, **options) -> Terminal:
    return Terminal(environ or {}, answer=io.StringIO(), stream=stream or io.StringIO(), **options)


def shown(terminal: Terminal) -> str:
    return terminal.stream.getvalue()


# --- text that others chose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "plain [bold]text[/bold] \u00e9\u00df\u65e5\U0001f600",
            "plain [bold]text[/bold] \u00e9\u00df\u65e5\U0001f600",
        ),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("\u202eevil\u2066\u2069", r"\u202eevil\u2066\u2069"),
        ("\u200b\ufeff\u2028\u2029", r"\u200b\ufeff\u2028\u2029"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("\x00\x7f", r"\x00\x7f"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
    ],
)
def test_what_is_not_printable_becomes_its_escape(text: str, expected: str) -> None:
    assert inert(text) == expected


SPEAK = {
    "say": lambda terminal: terminal.say(HOSTILE, "bold"),
    "step": lambda terminal: terminal.step(1, HOSTILE),
    "signed_in": lambda terminal: terminal.signed_in(HOSTILE, HOSTILE),
    "must_see": lambda terminal: terminal.must_see(HOSTILE),
    "warn": lambda terminal: terminal.warn(HOSTILE),
    "error": lambda terminal: terminal.error(ConfigError(HOSTILE, hint=HOSTILE)),
    "debug": lambda terminal: terminal.debug(HOSTILE),
    "running": lambda terminal: terminal.running(HOSTILE),
    "table": lambda terminal: terminal.table(("account",), [(HOSTILE,)]),
    "ask": lambda terminal: terminal.ask(HOSTILE),
}


@pytest.mark.parametrize("speak", SPEAK.values(), ids=SPEAK)
def test_nothing_that_is_said_lets_such_text_through(speak) -> None:
    with_colour = terminal(Tty(), {"TERM": "xterm"}, verbosity=1)
    without = terminal(verbosity=1)
    for place in (with_colour, without):
        speak(place)
        text = shown(place)
        assert all(
            bad not in text for bad in ("\x1b[2J", "\x1b]", "\x07", "\u202e", "\u2066", "\x00", "\x9b", "\ud800")
        )
    assert "\x1b" not in shown(without)


def test_a_cell_of_a_table_is_no_markup() -> None:
    place = terminal()
    place.table(("profile", "account"), [("work", "[red]ada[/red] :smile:"), ("home", "")])
    lines = [line.rstrip() for line in shown(place).splitlines()]
    assert lines == ["profile  account", "work     [red]ada[/red] :smile:", "home"]


def test_a_table_for_no_terminal_is_never_folded() -> None:
    place = terminal()
    place.table(("a", "b"), [("x" * 150, "y" * 150)])
    assert shown(place).splitlines()[1].split() == ["x" * 150, "y" * 150]


# --- colour is for terminals


def test_colour_and_the_running_line_are_for_a_terminal() -> None:
    place = terminal(Tty(), {"TERM": "xterm-256color"})
    place.say("hello", "green")
    place.running("4 s left")
    place.running("3 s left")
    place.warn("careful")
    assert shown(place) == (
        "\x1b[32mhello\x1b[0m\n"
        "\r\x1b[2K\x1b[2m4 s left\x1b[0m"
        "\r\x1b[2K\x1b[2m3 s left\x1b[0m"
        "\r\x1b[2K\x1b[33mwarning: \x1b[0mcareful\n"
    )
    place.clear_running()
    assert shown(place).endswith("careful\n")


@pytest.mark.parametrize(
    ("stream", "environ"),
    [
        (io.StringIO, {"TERM": "xterm"}),
        (io.StringIO, {"TERM": "xterm", "FORCE_COLOR": "1"}),
        (Tty, {"TERM": "xterm", "NO_COLOR": "1"}),
        (Tty, {"TERM": "dumb"}),
    ],
    ids=["no terminal", "no terminal, FORCE_COLOR", "NO_COLOR", "dumb"],
)
def test_without_colour_not_one_escape_is_written(stream, environ: dict[str, str], monkeypatch) -> None:
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)  # rich looks there itself
    place = terminal(stream(), environ, verbosity=1)
    for name, speak in SPEAK.items():
        if name != "ask":  # a question has no colour
            speak(place)
    place.clear_running()
    assert "\x1b" not in shown(place)


@pytest.mark.parametrize(
    ("environ", "colour"), [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_has_colour_unless_the_environment_says_otherwise(environ: dict[str, str], colour: bool) -> None:
    assert terminal(Tty(), environ).colour is colour


def test_a_real_terminal_is_told_from_a_pipe() -> None:
    master, slave = os.openpty()
    reader, writer = os.pipe()
    with open(slave, "w", encoding="utf-8") as tty, open(writer, "w", encoding="utf-8") as pipe:
        assert terminal(tty, {"TERM": "xterm"}).colour
        assert not terminal(pipe, {"TERM": "xterm"}).colour
    os.close(master)
    os.close(reader)


@pytest.mark.parametrize(
    ("source", "stream", "expected"),
    [(Tty, Tty, True), (io.StringIO, Tty, False), (Tty, io.StringIO, False), (None, Tty, False)],
)
def test_a_person_can_be_asked_where_both_ends_are_a_terminal(source, stream, expected: bool) -> None:
    assert terminal(stream(), source=source and source()).can_ask is expected


# --- how much is said


def test_quiet_leaves_warnings_errors_and_what_must_be_seen() -> None:
    place = terminal(Tty(), quiet=True)
    for speak in ("say", "running", "debug"):
        getattr(place, speak)("text")
    place.step(1, "text")
    place.signed_in("ada", "facts")
    place.table(("a",), [("b",)])
    assert shown(place) == ""
    place.must_see("https://idp.example/authorize")
    place.warn("careful")
    place.error(OAuthCliError("wrong"))
    assert [inert(line) for line in shown(place).splitlines()] == [
        "https://idp.example/authorize",
        r"\x1b[33mwarning: \x1b[0mcareful",
        r"\x1b[31;1merror: \x1b[0mwrong",
    ]


def test_debug_lines_are_for_those_who_ask() -> None:
    silent, verbose = terminal(), terminal(verbosity=1)
    for place in (silent, verbose):
        place.debug("GET https://idp.example/")
    assert (shown(silent), shown(verbose)) == ("", "GET https://idp.example/\n")


def test_the_lines_of_a_sign_in_read_as_promised() -> None:
    place = terminal()
    place.step(1, "Opening the browser \u2026")
    place.say()
    place.signed_in("ada", "sub 7")
    place.error(ConfigError("the port is taken", hint="End that program.\nOr choose another."))
    assert shown(place) == (
        "1. Opening the browser \u2026\n\nSigned in as ada   sub 7\n"
        "error: the port is taken\n  End that program.\n  Or choose another.\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (300, "5:00 min"), (3661, "61:01 min")],
)
def test_a_time_is_written_as_people_read_it(seconds: float, text: str) -> None:
    assert minutes(seconds) == text


# --- answers for programs


def test_an_answer_is_one_line_and_nothing_for_people() -> None:
    place = terminal(quiet=True)
    place.answer("TOKEN")
    assert place.answer_stream.getvalue() == "TOKEN\n"
    assert shown(place) == ""


def test_a_json_answer_is_one_ascii_object() -> None:
    place = terminal()
    place.answer_json({"label": HOSTILE, "n": 1})
    text = place.answer_stream.getvalue()
    assert text.isascii()
    assert json.loads(text) == {"label": HOSTILE, "n": 1}


def test_a_reader_that_went_away_is_the_callers_business() -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Terminal({}, answer=Closed(), stream=io.StringIO()).answer("TOKEN")


# --- streams that are not as they should be


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_what_a_stream_cannot_encode_is_escaped(encoding: str) -> None:
    raw = io.BytesIO()
    place = terminal(io.TextIOWrapper(raw, encoding=encoding, newline="\n"))
    place.say("Zo\u00eb \u65e5 \u2026")
    dots = "..." if encoding in ("ascii", "latin-1") else "\u2026"
    expected = f"Zo\u00eb \u65e5 {dots}\n".encode(encoding, "backslashreplace").decode(encoding)
    assert raw.getvalue().decode(encoding) == expected


def test_a_table_on_a_standard_error_that_cannot_encode_it_is_still_there() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace", newline="\n")  # as Python opens it
    terminal(stream).table(("profile", "account"), [("work", "Zo\u00eb")])
    stream.flush()
    assert raw.getvalue().decode("ascii").split() == ["profile", "account", "work", r"Zo\xeb"]


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("broken", [True, False], ids=["broken", "closed"])
def test_a_standard_error_that_is_gone_is_no_reason_to_fail(broken: bool) -> None:
    stream = Broken() if broken else io.StringIO()
    place = terminal(stream, verbosity=1)
    if not broken:
        stream.close()
    for speak in SPEAK.values():
        speak(place)


# --- questions


def test_a_question_is_answered_by_a_line_without_what_surrounds_it() -> None:
    place = terminal(source=io.StringIO("  my-client \nnext\n"))
    assert place.ask("client_id:") == "my-client"
    assert shown(place) == "client_id: "


@pytest.mark.parametrize("source", [None, io.StringIO()])
def test_where_nobody_answers_the_answer_is_empty(source: io.StringIO | None) -> None:
    assert terminal(source=source).ask("client_id:") == ""


def test_a_hidden_question_shows_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    place = terminal()
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: stream.write(prompt) and " s3cret ")
    assert place.ask("client_secret:", hidden=True) == "s3cret"
    assert shown(place) == "client_secret: "


def test_the_end_of_input_at_a_hidden_question_is_an_empty_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_prompt: str, stream: io.StringIO) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", end)
    assert terminal().ask("client_secret:", hidden=True) == ""


def test_a_hidden_question_quotes_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: prompt)
    assert "\x1b" not in terminal().ask("a\x1b[2J", hidden=True)


# --- standard output is ours alone


def bytes_on(chunks: list[bytes], *, tty: bool) -> bytes:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stream.isatty = lambda: tty  # type: ignore[method-assign]  # a terminal is not needed to say so
    Terminal({}, answer=stream, stream=io.StringIO()).answer_bytes(chunks)
    return stream.buffer.getvalue()


def test_a_body_is_the_same_bytes_for_a_program() -> None:
    assert bytes_on([b"\x1b[2J\xff\r", b"\n\xc3"], tty=False) == b"\x1b[2J\xff\r\n\xc3"


def test_a_body_on_a_terminal_is_inert_text_wherever_its_pieces_end() -> None:
    chunks = [b"\xc3", b"\xa9\r", b"\n\ta\x1b", b"[2J\xe2\x80", b"\xae\xff", b"\xc3"]

    assert bytes_on(chunks, tty=True).decode() == "\u00e9\n\ta\\x1b[2J\\u202e\\xff\\xc3\n"
    assert bytes_on([b"whole\n"], tty=True) == b"whole\n"
    assert bytes_on([], tty=True) == b""


CLAIM = """
import os, subprocess, sys
from oauth_cli_login.adapters.terminal import claimed_stdout
print("before")
with claimed_stdout() as answer:
    print("a hook prints")
    os.write(1, b"a library writes\\n")
    subprocess.run(["sh", "-c", "echo a child writes"], check=True)
    print("ANSWER", file=answer, flush=True)
print("after")
os.write(1, b"after\\n")
"""


def run(code: str, redirect: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a Python of its own, started by a shell with these redirections."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -u -W error -c "$1" {redirect}', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_what_anybody_prints_goes_to_standard_error_while_we_answer() -> None:
    done = run(CLAIM)
    assert done.returncode == 0
    assert done.stdout == "before\nANSWER\nafter\nafter\n"
    assert done.stderr == "a hook prints\na library writes\na child writes\n"


def test_standard_output_is_put_back_after_an_error() -> None:
    done = run(
        "from oauth_cli_login.adapters.terminal import claimed_stdout\n"
        "try:\n  with claimed_stdout(): 1 / 0\nexcept ZeroDivisionError: print('back')"
    )
    assert (done.stdout, done.stderr) == ("back\n", "")


ANSWER = "from oauth_cli_login.adapters.terminal import claimed_stdout\nwith claimed_stdout() as answer: {}"


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_were_closed_from_the_start_are_no_bug(redirect: str) -> None:
    """Python sets sys.stdout and sys.stderr to None then; a command must still get its exit status."""
    done = run(ANSWER.format("raise SystemExit(7)"), redirect)
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["token", "token --json"])
def test_an_answer_that_finds_no_room_is_one_error_and_its_status(command: str, environ, signed_in) -> None:
    signed_in(issued_at=1, expires_at=0, refresh_token=None)
    code = f"import sys; from oauth_cli_login.cli import main; sys.exit(main({command.split()!r}, {environ!r}))"
    done = run(code, ">/dev/full")
    assert done.returncode == 9
    assert done.stderr.startswith("error: the answer could not be written\n")
    assert "Traceback" not in done.stderr


def test_nothing_but_the_answer_comes_where_standard_error_is_closed() -> None:
    done = run(CLAIM, "2>&-")
    assert (done.returncode, done.stdout) == (0, "before\nANSWER\nafter\nafter\n")


@pytest.fixture
def descriptors() -> Iterator[None]:
    before = set(os.listdir("/dev/fd"))
    yield
    assert set(os.listdir("/dev/fd")) == before


def test_claiming_leaves_no_descriptor_open(descriptors: None) -> None:
    shown = sys.stdout
    with claimed_stdout() as answer:
        assert sys.stdout is sys.stderr
        answer.write("")
    assert sys.stdout is shown


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (38, ["profile  account  scopes", "work     ada      openid profile email", "home     bob      phone"]),
        (37, ["profile  account", "work     ada", "  scopes: openid profile email", "home     bob", "  scopes: phone"]),
        (15, ["profile", "work", "  account: ada", "  scopes: openid profile email",
              "home", "  account: bob", "  scopes: phone"]),
        (5, ["prof…", "work", "  account: ada", "  scopes: openid profile email",
             "home", "  account: bob", "  scopes: phone"]),
    ],
)  # fmt: skip
def test_columns_that_a_terminal_is_too_narrow_for_stand_below_each_row(
    columns: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row is there, whatever the width, and no cell is cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    place = terminal(Tty(), {"NO_COLOR": "1"})

    place.table(("profile", "account", "scopes"), [("work", "ada", "openid profile email"), ("home", "bob", "phone")])

    assert shown(place).splitlines() == lines
