from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from oauth_cli_login import cached

NOW = 1_800_000_000
TOKEN = "eyJ.the~token+/="


def head(expires_at=NOW + 3600, issued_at=NOW - 10, token=TOKEN, length=None):
    return f"1 {expires_at} {issued_at} {len(token) if length is None else length}\n{token}\n".encode()


@pytest.fixture
def environ(tmp_path):
    return {"OAUTH_CLI_HOME": str(tmp_path / "home")}


@pytest.fixture
def write(environ):
    """Return what writes a session file as the store does, and returns its path."""

    def write(data, profile="work"):
        path = cached.session_path(profile, environ)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        return path

    return write


def token(environ, *argv, now=NOW):
    return cached.cached_token(["token", *(argv or ("--profile", "work"))], environ, now)


# where things are


@pytest.mark.parametrize(
    ("environ", "config", "state", "cache"),
    [
        ({"OAUTH_CLI_HOME": "/h", "XDG_STATE_HOME": "/s"}, "/h", "/h", "/h/cache"),
        ({"OAUTH_CLI_HOME": "/a/../h"}, "/h", "/h", "/h/cache"),
        (
            {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/k", "HOME": "/u"},
            "/c/oauth-cli",
            "/s/oauth-cli",
            "/k/oauth-cli",
        ),
        (
            {"XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": "./s", "XDG_CACHE_HOME": "", "HOME": "/u"},
            "/u/.config/oauth-cli",
            "/u/.local/state/oauth-cli",
            "/u/.cache/oauth-cli",
        ),
        (
            {"HOME": "/u", "OAUTH_CLI_HOME": ""},
            "/u/.config/oauth-cli",
            "/u/.local/state/oauth-cli",
            "/u/.cache/oauth-cli",
        ),
    ],
)
def test_the_folders_are_those_of_one_home_or_of_xdg(environ, config, state, cache):
    """The XDG specification: a relative path is ignored."""
    assert cached.folder("config", environ) == config
    assert cached.folder("state", environ) == state
    assert cached.folder("cache", environ) == cache
    assert cached.config_path(environ) == f"{config}/config.toml"
    assert cached.default_profile_path(environ) == f"{state}/default"
    assert cached.session_path("work", environ) == f"{state}/sessions/work"


def test_a_relative_home_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cached.folder("state", {"OAUTH_CLI_HOME": "here"}) == str(tmp_path / "here")


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_home_the_users_own_folder_is_asked_for(environ, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", "/from-passwd"))
    assert cached.folder("state", environ) == "/from-passwd/.local/state/oauth-cli"


@pytest.mark.parametrize("name", ["a", "0", "work", "idp.example", "a-b_c.d", "a" * 64, "console", "com", "com10"])
def test_a_profile_may_be_called(name):
    assert cached.is_profile_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "-x",
        "_x",
        "../x",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "Work",
        "a b",
        "a\n",
        "a\0",
        "a:b",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "\N{GRINNING FACE}",
        "\N{ARABIC-INDIC DIGIT THREE}",
        "a" * 65,
        "a" * 300,
        "con",
        "nul",
        "aux",
        "prn",
        "com1",
        "lpt9",
        "con.txt",
        "nul.tar.gz",
    ],
)
def test_a_profile_may_not_be_called(name, environ):
    assert not cached.is_profile_name(name)
    assert token(environ, "--profile", name) is None


@pytest.mark.parametrize(
    ("profile", "prefix"),
    [("work", "OAUTH_CLI_WORK_"), ("idp.example-1_x", "OAUTH_CLI_IDP_EXAMPLE_1_X_"), ("0", "OAUTH_CLI_0_")],
)
def test_punctuation_becomes_an_underscore_in_the_environment(profile, prefix):
    assert cached.environment_prefix(profile) == prefix


# which profile


@pytest.mark.parametrize("argv", [["token", "--profile", "work"], ["token", "--profile=work"]])
def test_the_named_profiles_token_is_printed(argv, environ, write):
    write(head())
    write(head(token="other"), profile="other")
    environ["OAUTH_CLI_PROFILE"] = "other"
    assert cached.cached_token(argv, environ, NOW) == TOKEN


def test_the_environment_beats_the_default_file(environ, write):
    write(head())
    write(head(token="other"), profile="other")
    with open(cached.default_profile_path(environ), "w") as file:
        file.write("other\n")
    assert cached.cached_token(["token"], environ, NOW) == "other"
    environ["OAUTH_CLI_PROFILE"] = "work"
    assert cached.cached_token(["token"], environ, NOW) == TOKEN
    environ["OAUTH_CLI_PROFILE"] = ""
    assert cached.cached_token(["token"], environ, NOW) == "other"


@pytest.mark.parametrize("text", ["work", "work\n"])
def test_the_default_file_is_one_line(text, environ, write):
    write(head())
    with open(cached.default_profile_path(environ), "w") as file:
        file.write(text)
    assert cached.default_profile(environ) == "work"


@pytest.mark.parametrize("data", [b"", b"../x\n", b"work\nwork\n", b"\xff\n", b"Work\n"])
def test_a_default_file_that_names_no_profile_is_left_to_the_full_command_line(data, environ, write):
    write(head())
    with open(cached.default_profile_path(environ), "wb") as file:
        file.write(data)
    assert cached.cached_token(["token"], environ, NOW) is None


def test_without_a_default_the_full_command_line_decides(environ, write):
    write(head())
    assert cached.default_profile(environ) == ""
    assert cached.cached_token(["token"], environ, NOW) is None


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["login"],
        ["--profile", "work", "token"],
        ["token", "--json", "--profile", "work"],
        ["token", "--profile"],
        ["token", "--profile", "work", "-v"],
        ["token", "--profile="],
        ["token", "--profile", ""],
        ["token", "--prof", "work"],
        ["token", "work"],
        ["token", "--help"],
        ["token", "--profile", "work", "--profile", "other"],
    ],
)
def test_any_other_command_line_is_for_the_full_one(argv, environ, write):
    write(head())
    assert cached.cached_token(argv, environ, NOW) is None


# the file


@pytest.mark.parametrize(
    ("expires_at", "issued_at", "fresh"),
    [
        (NOW + 3600, NOW, True),
        (NOW + 61, NOW - 3600, True),
        (0, NOW - 10**8, True),
        (NOW + 60, NOW - 3600, False),
        (NOW, NOW - 3600, False),
        (NOW - 1, NOW - 3600, False),
        (NOW + 3600, NOW + 1, False),  # from the future: the clock was set back
        (0, NOW + 1, False),
        (NOW + 3600, 0, False),  # nobody is signed in
        (0, 0, False),
    ],
)
def test_a_token_is_fresh_between_its_issue_and_a_minute_before_its_end(expires_at, issued_at, fresh, environ, write):
    assert cached.is_fresh(expires_at, issued_at, NOW) is fresh
    write(head(expires_at, issued_at))
    assert token(environ) == (TOKEN if fresh else None)


def test_how_much_life_is_enough_can_be_asked_for():
    assert cached.is_fresh(NOW + 300, NOW, NOW, min_valid=299)
    assert not cached.is_fresh(NOW + 300, NOW, NOW, min_valid=300)


def test_a_session_is_split_into_its_four_parts():
    assert cached.split(head() + b'{"x": 1}\n') == (NOW + 3600, NOW - 10, TOKEN, b'{"x": 1}\n')
    assert cached.split(b"1 0 0 0\n\n{}") == (0, 0, "", b"{}")


RIGHT = head() + b"{}\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"1 2 3\n",
        b"{}",
        b"1 1800003600 1799999990 16",
        RIGHT.replace(b"1 ", b"2 ", 1),
        RIGHT.replace(b"1 ", b"01 ", 1),
        RIGHT.replace(b"1 ", b" 1 ", 1),
        RIGHT.replace(b"1 ", b"\xef\xbb\xbf1 ", 1),
        RIGHT.replace(b" ", b"\t"),
        RIGHT.replace(b"\n", b"\r\n"),
        head(expires_at=-1),
        head(expires_at="1e9"),
        head(expires_at="+1"),
        head(expires_at="\N{SUPERSCRIPT TWO}"),
        head(expires_at="9" * 12),
        head(expires_at="9" * 5000),
        head(length=len(TOKEN) - 1),
        head(length=len(TOKEN) + 1),
        head(length=10**9),
        head(length=-1),
        RIGHT[: RIGHT.index(TOKEN.encode()) + 5],
        RIGHT[: RIGHT.index(TOKEN.encode()) + len(TOKEN)],
        head(token="a\nb"),
        head(token="a\rb"),
        head(token="a\0b"),
        head(token="a\x7fb"),
        b"1 1800003600 1799999990 1\n\xff\n",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_file_that_is_in_any_way_odd_is_left_to_the_full_command_line(data, environ, write):
    with pytest.raises(ValueError, match=r"^its "):
        cached.split(data)
    write(data)
    assert token(environ) is None


def test_a_session_without_a_token_is_left_to_the_full_command_line(environ, write):
    """Another store may hold it."""
    write(head(token=""))
    assert token(environ) is None


def test_a_profile_that_was_never_signed_in_has_no_file(environ):
    assert token(environ) is None


def test_a_link_is_not_followed(environ, write, tmp_path):
    path = write(head())
    os.rename(path, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(OSError, match="symbolic links"):
        cached.read_file(path)
    assert token(environ) is None


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_file_that_others_can_read_is_left_to_the_full_command_line(mode, environ, write):
    os.chmod(write(head()), mode)
    assert token(environ) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_refused(environ, write):
    path = write(head())
    os.chown(path, 12345, -1)
    with pytest.raises(ValueError, match="another user"):
        cached.read_file(path)
    assert token(environ) is None


def test_a_folder_or_a_pipe_is_no_session_and_does_not_block(environ, write):
    path = write(head())
    os.unlink(path)
    os.mkdir(path)
    with pytest.raises(ValueError, match="not a regular file"):
        cached.read_file(path)
    os.rmdir(path)
    os.mkfifo(path, 0o600)
    with pytest.raises(ValueError, match="not a regular file"):
        cached.read_file(path)
    assert token(environ) is None


def test_a_file_larger_than_any_session_is_not_read(environ, write):
    path = write(head())
    os.truncate(path, cached.MAX_SESSION_BYTES)
    assert token(environ) == TOKEN
    os.truncate(path, cached.MAX_SESSION_BYTES + 1)
    with pytest.raises(ValueError, match="larger than any session"):
        cached.read_file(path)
    assert token(environ) is None


def test_no_handle_is_left_open(environ, write):
    path = write(head())
    before = len(os.listdir("/dev/fd"))
    cached.read_file(path)
    os.truncate(path, cached.MAX_SESSION_BYTES + 1)
    token(environ)
    assert len(os.listdir("/dev/fd")) == before


# settings that may have changed


@pytest.mark.parametrize("name", ["OAUTH_CLI_WORK_CLIENT_ID", "OAUTH_CLI_WORK_ISSUER", "OAUTH_CLI_WORK_X"])
def test_a_setting_in_the_environment_is_left_to_the_full_command_line(name, environ, write):
    write(head())
    assert token({**environ, name: "x"}) is None


@pytest.mark.parametrize(
    "name",
    [
        "OAUTH_CLI_WORK_CLIENT_SECRET",
        "OAUTH_CLI_WORK_CLIENT_SECRET_COMMAND",
        "OAUTH_CLI_OTHER_CLIENT_ID",
        "OAUTH_CLI_PROFILE",
        "XOAUTH_CLI_WORK_ISSUER",
    ],
)
def test_a_variable_that_cannot_change_whose_token_it_is_does_not_matter(name, environ, write):
    write(head())
    assert token({**environ, name: "x"}) == TOKEN


def test_a_config_file_changed_since_the_login_is_left_to_the_full_command_line(environ, write):
    changed = os.stat(write(head())).st_mtime
    config = cached.config_path(environ)
    with open(config, "w"):
        pass
    for seconds, expected in ((-10, TOKEN), (0, None), (10, None)):
        os.utime(config, (changed + seconds, changed + seconds))
        assert token(environ) == expected


def test_a_config_file_that_cannot_be_looked_at_is_left_to_the_full_command_line(environ, write, tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "file")}
    path = cached.session_path("work", environ)
    os.makedirs(os.path.dirname(path))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(head())
    assert token(environ) == TOKEN
    (tmp_path / "file").write_text("in the way")
    assert token(environ) is None


# the answer


@pytest.fixture
def signed_in(environ, write, monkeypatch):
    monkeypatch.setenv("OAUTH_CLI_HOME", environ["OAUTH_CLI_HOME"])
    write(head(expires_at=0, issued_at=1))


ARGV = ["token", "--profile", "work"]


@pytest.mark.usefixtures("signed_in")
def test_the_token_is_printed_alone_on_standard_output(capfd):
    assert cached.answer(ARGV) == 0
    assert capfd.readouterr() == (TOKEN + "\n", "")


@pytest.mark.usefixtures("signed_in")
def test_nothing_is_printed_where_there_is_a_doubt(capfd):
    assert cached.answer(["status"]) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("signed_in")
def test_a_write_that_took_a_part_is_continued(monkeypatch):
    written = []

    def write(handle, data):
        assert handle == 1
        written.append(bytes(data[:3]))
        return len(written[-1])

    monkeypatch.setattr(os, "write", write)
    assert cached.answer(ARGV) == 0
    assert b"".join(written) == TOKEN.encode() + b"\n"


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError(errno.EBADF, "Bad file descriptor"), None), (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141)],
)
def test_what_cannot_be_written_at_all_is_for_the_full_command_line_and_a_reader_that_left_for_nobody(
    error, status, monkeypatch
):
    def write(_handle, _data):
        raise error

    monkeypatch.setattr(os, "write", write)
    assert cached.answer(ARGV) == status


@pytest.mark.usefixtures("signed_in")
def test_half_a_token_is_never_followed_by_a_whole_one(monkeypatch):
    """A disk that is full midway: the full command line would print the token behind its own beginning."""
    calls = []

    def write(_handle, data):
        calls.append(data)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return 3

    monkeypatch.setattr(os, "write", write)
    assert cached.answer(ARGV) not in (None, 0)


def run_cached(code, environ, **options):
    """Run code with ``cached`` at hand in an interpreter that has loaded nothing else."""
    core = os.path.dirname(os.path.dirname(cached.__file__))
    prologue = f"import sys; sys.path.insert(0, {core!r}); from oauth_cli_login import cached; "
    argv = [sys.executable, "-I", "-S", "-c", prologue + code]
    return subprocess.run(argv, env=environ, check=False, timeout=30, **options)


def test_a_reader_that_went_away_is_told_by_the_exit_status(environ, write):
    write(head(expires_at=0, issued_at=1))
    reading, writing = os.pipe()
    os.close(reading)
    done = run_cached(f"sys.exit(cached.answer({ARGV!r}))", environ, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def loaded_by(code, environ):
    """Return the modules that an interpreter loads for code, in order, and what it printed."""
    argv = [sys.executable, "-I", "-X", "importtime", "-c", code, *ARGV]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()], done.stdout


def test_the_installed_command_loads_three_small_modules_of_ours_and_nothing_else(environ, write):
    """``time`` is a part of every interpreter; older ones have loaded it, and newer ones only where it is used."""
    write(head(expires_at=0, issued_at=1))
    nothing, _ = loaded_by("pass", environ)
    script = "import sys\nfrom oauth_cli_login.__main__ import main\nsys.exit(main())"  # as pip writes it
    everything, stdout = loaded_by(script, environ)
    assert stdout == TOKEN + "\n"
    ours = ["oauth_cli_login", "oauth_cli_login.cached", "oauth_cli_login.__main__"]
    assert [name for name in everything if name not in nothing and name != "time"] == ours


def test_the_installed_command_prints_the_cached_token(environ, write):
    write(head(expires_at=0, issued_at=1))
    done = subprocess.run(
        [sys.executable, "-m", "oauth_cli_login", *ARGV],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, TOKEN + "\n", "")
