"""What goes wrong ends in one clear line with a next step and its own exit status; nothing stored is lost."""

from __future__ import annotations

import os
import socket
import time

import pytest
from command import Command
from ports import free_port, has_ipv6


def write_session(oauth_cli: Command, profile: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(oauth_cli.session_file(profile)), mode=0o700, exist_ok=True)
    os.chmod(oauth_cli.home, 0o700)
    with open(oauth_cli.session_file(profile), "wb") as file:
        file.write(content)
    os.chmod(oauth_cli.session_file(profile), 0o600)


def assert_no_traceback(stderr: str) -> None:
    assert "Traceback" not in stderr
    assert stderr.strip()


def test_an_unknown_provider_names_the_close_matches(oauth_cli: Command) -> None:
    done = oauth_cli("login", "--provider", "githb")
    assert (done.returncode, done.stdout) == (3, "")
    assert "github" in done.stderr
    assert_no_traceback(done.stderr)


def test_a_missing_client_id_says_where_to_register_and_how_to_give_it(oauth_cli: Command) -> None:
    done = oauth_cli("login", "--provider", "github")
    assert (done.returncode, done.stdout) == (3, "")
    for needed in (
        "https://github.com/settings/applications/new",
        "/callback",
        "Enable Device Flow",
        "--client-id",
        "OAUTH_CLI_GITHUB_CLIENT_ID",
        "config.toml",
    ):
        assert needed in done.stderr
    assert_no_traceback(done.stderr)


def test_a_bad_profile_name_is_a_usage_error(oauth_cli: Command) -> None:
    done = oauth_cli("token", "--profile", "../x")
    assert (done.returncode, done.stdout) == (2, "")
    assert_no_traceback(done.stderr)


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, "127.0.0.1"),
        pytest.param(
            socket.AF_INET6,
            "::1",
            marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1"),
        ),
    ],
)
def test_a_port_held_on_either_loopback_address_is_taken(
    oauth_cli: Command, family: socket.AddressFamily, address: str
) -> None:
    """A stranger on the other address would get the code: Chromium goes to [::1] first."""
    handed_over = oauth_cli.handed_over()
    with socket.socket(family) as stranger:
        stranger.bind((address, oauth_cli.port))
        stranger.listen()
        done = oauth_cli.start_login("--timeout", "5", browser=handed_over.browser).finish()
    assert done.returncode == 3, done.stderr
    assert str(oauth_cli.port) in done.stderr
    assert "--port" in done.stderr
    assert not handed_over.was_started()


@pytest.mark.parametrize("browser", ["/bin/false", "/nowhere/a-browser"])
def test_a_browser_that_cannot_start_leaves_the_url_and_waits(oauth_cli: Command, browser: str) -> None:
    done = oauth_cli.start_login("--timeout", "1", browser=browser).finish()
    assert (done.returncode, done.stdout) == (6, ""), done.stderr
    assert "/authorize?" in done.stderr
    assert_no_traceback(done.stderr)


def test_no_browser_prints_the_url_and_waits(oauth_cli: Command) -> None:
    running = oauth_cli.start("login", "--provider", "mock", "--no-browser", "--port", str(oauth_cli.port))
    oauth_cli.robot(running.wait_for(r"http://\S+/authorize\?\S+"))
    assert running.finish().returncode == 0


def test_ctrl_c_ends_the_wait_and_frees_the_port(oauth_cli: Command) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(browser=handed_over.browser)
    handed_over.url(running)
    running.wait_for(r"2\. Waiting")
    running.interrupt()
    done = running.finish()
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert_no_traceback(done.stderr)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", oauth_cli.port))
    assert not os.path.exists(oauth_cli.session_file())


def test_a_server_that_is_down_is_named(oauth_cli: Command) -> None:
    port = free_port()
    handed_over = oauth_cli.handed_over()
    done = oauth_cli.start_login(
        *("--issuer", f"http://127.0.0.1:{port}", "--client-id", "x"), provider="oidc", browser=handed_over.browser
    ).finish()
    assert (done.returncode, done.stdout) == (7, ""), done.stderr
    assert f"127.0.0.1:{port}" in done.stderr
    assert not handed_over.was_started()
    assert_no_traceback(done.stderr)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(b"", id="empty"),
        pytest.param(b"1 9999999999 1 40\nshort", id="cut short"),
        pytest.param(b'1 9999999999 1 5\ntoken\n{"provider"', id="JSON cut short"),
        pytest.param(b'2 9999999999 1 5\ntoken\n{"provider": "mock"}', id="newer version"),
    ],
)
@pytest.mark.parametrize("command", ["token", "whoami", "logout"])
def test_a_session_that_cannot_be_read_is_left_alone(oauth_cli: Command, content: bytes, command: str) -> None:
    if content.endswith(b'{"provider"') and command == "token":
        content = content.replace(b"9999999999", b"1")  # a fresh token needs no JSON
    write_session(oauth_cli, "mock", content)
    done = oauth_cli(command, "--profile", "mock")
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert_no_traceback(done.stderr)
    with open(oauth_cli.session_file(), "rb") as file:
        assert file.read() == content


def test_a_session_that_is_a_link_is_not_followed(oauth_cli: Command) -> None:
    oauth_cli.login()
    target = oauth_cli.session_file() + ".target"
    os.rename(oauth_cli.session_file(), target)
    os.symlink(target, oauth_cli.session_file())
    done = oauth_cli("token", "--profile", "mock")
    assert (done.returncode, done.stdout) == (9, ""), done.stderr


@pytest.mark.parametrize("command", ["token", "whoami", "logout"])
def test_without_a_session_the_command_that_signs_in_is_named(oauth_cli: Command, command: str) -> None:
    done = oauth_cli(command)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "oauth-cli login" in done.stderr
    assert_no_traceback(done.stderr)


def test_several_sessions_and_none_named_is_a_usage_error_that_names_them(oauth_cli: Command) -> None:
    for profile in ("one", "two"):
        oauth_cli.login("--profile", profile, env=issuer_of(oauth_cli, profile))
    os.remove(os.path.join(oauth_cli.home, "default"))
    done = oauth_cli("token")
    assert (done.returncode, done.stdout) == (2, "")
    assert "one" in done.stderr
    assert "two" in done.stderr


def test_the_first_login_decides_the_default_and_use_changes_it(oauth_cli: Command) -> None:
    for profile in ("one", "two"):
        oauth_cli.login("--profile", profile, env=issuer_of(oauth_cli, profile))
    assert oauth_cli("token").stdout == oauth_cli.stored("one").access_token + "\n"
    assert oauth_cli("use", "two").returncode == 0
    assert oauth_cli("token").stdout == oauth_cli.stored("two").access_token + "\n"


def issuer_of(oauth_cli: Command, profile: str) -> dict[str, str]:
    return {f"OAUTH_CLI_{profile.upper()}_ISSUER": oauth_cli.env["OAUTH_CLI_MOCK_ISSUER"]}


def test_a_login_that_fails_keeps_the_session_that_was_there(oauth_cli: Command) -> None:
    oauth_cli.login()
    before = oauth_cli.stored()
    done = oauth_cli.start_login("--timeout", "1", browser="/bin/false").finish()
    assert done.returncode == 6
    assert oauth_cli.stored() == before


@pytest.mark.parametrize("argv", [["token"], ["status", "--json"], ["whoami", "--json"]])
def test_a_reader_that_goes_away_is_no_error_of_ours(oauth_cli: Command, argv: list[str]) -> None:
    oauth_cli.login()
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = oauth_cli.start(*argv, stdout=writer).finish()
    finally:
        os.close(writer)
    assert done.returncode == 141, done.stderr
    assert "Traceback" not in done.stderr


def test_the_time_limit_is_the_users(oauth_cli: Command) -> None:
    started = time.monotonic()
    done = oauth_cli.start_login("--timeout", "1", browser="/bin/true").finish()
    assert done.returncode == 6, done.stderr
    assert time.monotonic() - started < 30
