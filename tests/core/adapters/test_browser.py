"""How a browser is started: with real programs that write down what they were given."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import pytest

from oauth_cli_login.adapters.browser import browser_command, default_browser
from oauth_cli_login.errors import ProtocolError, UsageError

URL = "https://idp.example/authorize?scope=a%20b&state=$(touch%20pwned);'\"`*%s&x=1"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the recorders are shell scripts")


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A browser that writes its arguments, a line each, into ``opened`` beside it."""
    return script(tmp_path / "my browser", f'printf "%s\\n" "$@" > {shlex.quote(str(tmp_path))}/new')


def script(path: Path, line: str) -> Path:
    rename = f"mv {shlex.quote(str(path.parent / 'new'))} {shlex.quote(str(path.parent / 'opened'))}"
    path.write_text(f"#!/bin/sh\n{line}\ntest -e {shlex.quote(str(path.parent / 'new'))} && {rename}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def opened(folder: Path) -> list[str]:
    """Wait for what a recorder wrote."""
    for _ in range(500):
        if (folder / "opened").exists():
            return (folder / "opened").read_text().splitlines()
        time.sleep(0.02)
    raise AssertionError("the browser was not started")


# --- --browser CMD


def test_the_url_is_one_argument_and_meets_no_shell(recorder: Path, tmp_path: Path) -> None:
    assert browser_command(f"{shlex.quote(str(recorder))} --new-window")(URL)
    assert opened(tmp_path) == ["--new-window", URL]
    assert not (tmp_path / "pwned").exists()


def test_percent_s_stands_for_the_url(recorder: Path, tmp_path: Path) -> None:
    assert browser_command(f"{shlex.quote(str(recorder))} --app=%s --last")(URL)
    assert opened(tmp_path) == [f"--app={URL}", "--last"]


def test_a_program_that_does_not_exist_is_no_browser(tmp_path: Path) -> None:
    assert not browser_command(str(tmp_path / "missing"))(URL)


def test_a_file_that_is_no_program_is_no_browser(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    assert not browser_command(str(tmp_path / "text"))(URL)


@pytest.mark.parametrize("command", ["", "  ", "firefox 'unclosed"])
def test_an_empty_or_broken_command_is_a_usage_error(command: str) -> None:
    with pytest.raises(UsageError, match="--browser needs a command"):
        browser_command(command)


def test_a_chatty_browser_reaches_neither_standard_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chatty = script(tmp_path / "chatty", f"echo hello; echo hello >&2; : > {shlex.quote(str(tmp_path / 'new'))}")
    assert browser_command(shlex.quote(str(chatty)))(URL)
    opened(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_browser_that_goes_on_running_is_not_waited_for_and_not_warned_of(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    new, done = (shlex.quote(str(tmp_path / name)) for name in ("new", "opened"))
    slow = script(tmp_path / "slow", f"echo $$ > {new}; mv {new} {done}; exec sleep 60")
    assert browser_command(shlex.quote(str(slow)))(URL)
    [process] = opened(tmp_path)
    os.kill(int(process), 0)  # it runs
    os.kill(int(process), 9)
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "-P evil",
        "--help",
        "/etc/passwd",
        "http://idp.example/",
        "https://idp.example/\n-x",
        "https://idp.example/ -x",
        "",
    ],
)
def test_what_is_not_the_address_of_a_web_page_is_refused_and_nothing_started(
    url: str, recorder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "get", lambda: pytest.fail("a browser was looked for"))
    for open_browser in (browser_command(shlex.quote(str(recorder))), default_browser({})):
        with pytest.raises(ProtocolError):
            open_browser(url)
    assert not (tmp_path / "opened").exists()


# --- the default browser

OPEN = "import os, sys; from oauth_cli_login.adapters.browser import default_browser; "


def open_default(path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Open the URL in a fresh process, as ``webbrowser`` looks at PATH and $BROWSER once; wait for the thread."""
    code = OPEN + "ok = default_browser(os.environ)(sys.argv[1]); print(ok); "
    code += "import threading; [t.join(5) for t in threading.enumerate() if t.daemon]"
    return subprocess.run(
        [sys.executable, "-c", code, URL],
        env={"PATH": f"{path}:/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


@pytest.mark.parametrize("suffix", ["", " --flag=%s", " %s &"])
def test_browser_from_the_environment_is_honoured(suffix: str, recorder: Path, tmp_path: Path) -> None:
    plain = recorder.rename(tmp_path / "browser")
    assert open_default(tmp_path, BROWSER=f"{plain}{suffix}").stdout == "True\n"
    assert opened(tmp_path) == [f"--flag={URL}" if "flag" in suffix else URL]


@pytest.mark.parametrize("name", ["www-browser", "links", "elinks", "lynx", "w3m"])
def test_a_text_browser_is_not_started_unasked(name: str, tmp_path: Path) -> None:
    """It would take the terminal that the sign-in speaks on. No other browser is found: there is no display."""
    script(tmp_path / name, f"printf '%s\\n' \"$@\" > {shlex.quote(str(tmp_path / 'new'))}")
    outcome = subprocess.run(
        [sys.executable, "-c", OPEN + "print(default_browser(os.environ)('https://idp.example/'))"],
        env={"PATH": f"{tmp_path}", "TERM": "xterm"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert outcome.stdout == "False\n"
    assert not (tmp_path / "opened").exists()


def test_a_text_browser_is_started_where_the_environment_asks_for_it(tmp_path: Path) -> None:
    script(tmp_path / "w3m", f"printf '%s\\n' \"$@\" > {shlex.quote(str(tmp_path / 'new'))}")
    assert open_default(tmp_path, BROWSER="w3m", TERM="xterm").stdout == "True\n"
    assert opened(tmp_path) == [URL]


@pytest.mark.parametrize(("environ", "started"), [({}, False), ({"BROWSER": ""}, False), ({"BROWSER": "w3m"}, True)])
def test_only_the_environment_starts_a_text_browser(
    environ: dict[str, str], started: bool, recorder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w3m = recorder.rename(tmp_path / "w3m")
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser([str(w3m), "--dump", "%s"]))
    assert default_browser(environ)(URL) is started
    if started:
        assert opened(tmp_path) == ["--dump", URL]


def test_a_machine_without_any_browser_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> webbrowser.BaseBrowser:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not default_browser({})(URL)


def test_a_browser_that_fails_after_the_start_is_nobodys_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            raise OSError("no display")

    monkeypatch.setattr(webbrowser, "get", Failing)
    assert default_browser({})(URL)
