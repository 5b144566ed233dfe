"""Threats 68 to 72: where secrets must not turn up, and what plugins and the current folder may do."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process import HEAD, Server
from waiting import wait_until

LOGIN = ("login", "--provider", "mock", "--timeout", "20")
SECRET = "canary-client-secret"
CANARIES = re.compile(
    r"(?:access|refresh)-token-\d+-secret|the-code-of-this-login|device-code-secret|canary-client-secret|eyJ[\w-]{20,}|"
    + "|".join(base64.b64encode(f"{padding}cli-app:{SECRET}".encode()).decode()[4:-4] for padding in ("", "x", "xx"))
)
"""What the servers of these tests issue, and what they are sent: as it is, and inside of a Basic header."""


def leaked(text: str, server: Server, *, but: str = "") -> set[str]:
    """Return the canaries of any kind in a text: verifiers and states too. ``but`` is where they belong."""
    known = {
        value
        for request in server.requests
        for name, value in request.fields.items()
        if name in ("code_verifier", "state", "nonce", "code", "token", "refresh_token", "device_code")
    }
    rest = text.replace(but, "") if but else text
    return {value for value in known if value in rest} | set(CANARIES.findall(rest))


@pytest.fixture
def secretive(server):
    """A server at which every step has a secret."""
    server.device = {"interval": 1}
    return server


BROWSER = """
import json, os, sys, urllib.request
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(dict(os.environ)) + "\\n")
urllib.request.urlopen(sys.argv[2], timeout=20).read()
"""


class Traced:
    """Commands in processes of their own, whose every exec the system writes down: program, arguments, environment."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("strace is not installed")
        self._log = folder / "strace"
        self._strace = [strace, "-f", "-v", "-qq", "-s", "100000", "-e", "trace=execve", "-o", str(self._log)]
        self._environ = environ
        self.seen = folder / "environments"
        (folder / "browser.py").write_text(BROWSER)
        (folder / "secret").write_text(SECRET)
        self._browser = shlex.join([sys.executable, str(folder / "browser.py"), str(self.seen)])

    def __call__(self, *argv: str, status: int = 0) -> tuple[list[str], str]:
        """Run a command; return the execs that it made itself, and all that it wrote."""
        browser = ("--browser", self._browser) if argv[0] == "login" and "device" not in argv else ()
        done = subprocess.run(
            [*self._strace, sys.executable, "-m", "oauth_cli_login", *argv[:1], *browser, *argv[1:]],
            env={**os.environ, **self._environ, "OAUTH_CLI_OTHER_CLIENT_SECRET": SECRET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if "ptrace" in done.stderr and "not permitted" in done.stderr:
            pytest.skip("strace may not trace here")
        assert done.returncode == status, done.stderr
        execs = [line for line in self._log.read_text().splitlines() if " execve(" in line and "ENOENT" not in line]
        # how the interpreter itself is started is the person's: some are wrappers that start another one
        own = [line for line in execs if '"-m", "oauth_cli_login"' not in line]
        assert len(own) < len(execs)
        return own, done.stdout + done.stderr


@pytest.fixture
def traced(clock, environ, tmp_path) -> Traced:
    clock.now = time.time()
    environ["OAUTH_CLI_MOCK_CLIENT_SECRET_FILE"] = str(tmp_path / "secret")
    return Traced(tmp_path, environ)


def test_threat_68_no_secret_is_in_an_argument_or_a_childs_environment(traced, secretive, clock):
    """From login to logout: the system's own record of every program that is started, and what a browser is given."""
    argv = re.compile(r'execve\("[^"]*", (\[.*?\]), \[')
    started = []
    for command in (
        LOGIN,
        ("token", "--format", "json"),
        ("request", f"{secretive.issuer}/userinfo"),
        ("whoami",),
        ("logout",),
        (*LOGIN, "--flow", "device"),
        ("logout",),
    ):
        execs, _ = traced(*command)
        started += execs
    urls = {f"{secretive.issuer}{path}" for path in re.findall(r"/authorize[^\"\\]*", "\n".join(started))}

    assert len(urls) == 1  # the browser was started, and state and nonce are where they belong
    assert leaked("\n".join(started), secretive, but=urls.pop()) == set()
    (seen,) = traced.seen.read_text().splitlines()
    assert {name for name in json.loads(seen) if name.startswith("OAUTH_CLI_")} == set()
    assert leaked(seen, secretive) == set()

    traced(*LOGIN)
    execs, _ = traced("exec", "--", "sh", "-c", "exit 0")
    assert [leaked(argv.search(line)[1], secretive) for line in execs] == [set()] * len(execs)
    assert execs


@pytest.mark.parametrize(
    ("name", "named"), [("firefox", True), ("firefox", False), ("google-chrome", False), ("xdg-open", False)]
)
def test_threat_68_no_browser_inherits_a_client_secret(process, server, tmp_path, name, named):
    """Whichever browser it is, and whoever chose it: a program that shows web pages is given no variable of ours."""
    seen = tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / name
    browser.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\nenv > "{seen}.new"; mv "{seen}.new" "{seen}"\n')
    browser.chmod(0o700)

    login = process(
        *("login", "--provider", "mock", "--timeout", "0.5"),
        PATH=str(tmp_path / "bin"),
        DISPLAY=":99",
        BROWSER=name if named else "",
        OAUTH_CLI_MOCK_CLIENT_SECRET=SECRET,
    )

    assert login.finish() == 6, login.err
    wait_until(seen.exists)
    assert "DISPLAY=:99" in seen.read_text()
    assert "OAUTH_CLI_" not in seen.read_text()


@pytest.mark.parametrize("flow", ["browser", "device"])
def test_threat_68_no_secret_is_in_what_verbose_commands_say(cli, secretive, robot, clock, flow, tmp_path):
    """-vvv tells what is sent where, and nothing that is worth stealing; answers hold the token that was asked for."""
    (tmp_path / "secret").write_text(SECRET)
    variables = {"OAUTH_CLI_MOCK_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    said = []
    for command in (
        (*LOGIN, "--flow", flow),
        ("token",),
        *(("token", "--format", form) for form in ("json", "header", "env", "kubernetes")),
        ("token", "--refresh"),
        ("request", f"{secretive.issuer}/userinfo"),
        ("whoami",),
        ("status",),
        ("inspect", "--introspect"),
        ("logout",),
    ):
        done = cli(*command[:1], "-vvv", *command[1:], **variables)
        assert done.status == 0, done.err
        said.append(done.err + ("" if command[0] == "token" else done.out))

    assert f"POST {secretive.issuer}/token -> 200" in "".join(said)
    assert leaked("".join(said), secretive, but=robot.urls[0] if robot.urls else "") == set()


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke", "/device_authorization", "/jwks"])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_threat_68_no_secret_is_in_an_error(cli, secretive, reply, robot, world, path, status):
    """A server that answers with what it was sent, and fails: its body is not quoted."""
    world(sleep=lambda _seconds: None)
    secretive.queue(path, *[reply(status, "<p>access-token-7-secret the-code-of-this-login device-code-secret")] * 9)
    flow = "device" if path == "/device_authorization" else "browser"

    done = [cli(*LOGIN, "-vvv", "--flow", flow), cli("logout", "-vvv")]

    assert any(each.status for each in done) or (path, status) == ("/revoke", 200)  # RFC 7009: 200 is all it says
    said = "".join(each.err + each.out for each in done)
    assert leaked(said, secretive, but=robot.urls[0] if robot.urls else "") == set()


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("member", ["error", "error_description"])
@pytest.mark.parametrize(
    "command",
    [LOGIN, (*LOGIN, "--flow", "device"), ("token", "--refresh"), ("logout",), ("inspect", "--introspect")],
    ids=["code", "device", "refresh", "revocation", "introspection"],
)
def test_threat_68_no_error_of_a_server_repeats_a_secret(cli, secretive, reply, environ, command, member, method):
    """An error whose words are all that was sent, and a token: they are struck out, and the rest is shown."""
    environ["OAUTH_CLI_MOCK_CLIENT_SECRET"] = SECRET
    environ["OAUTH_CLI_MOCK_TOKEN_ENDPOINT_AUTH_METHOD"] = method
    if command[0] != "login":
        assert cli(*LOGIN).status == 0

    def repeat(received):
        if received.path in ("/token", "/revoke", "/introspect"):
            sent = f"{'; '.join(received.fields.values())}; {received.body}; {received.headers.get('authorization')}"
            words = {"error": "invalid_request", member: f"made up: {sent}; token-in-it"}
            secretive.queue(received.path, reply(400, {"access_token": "token-in-it", **words}))

    secretive.on_request = repeat

    done = cli(*command, "-vvv")

    said = "\n".join(line for line in done.err.splitlines() if "made up: " in line)
    assert "***" in said
    assert "token-in-it" not in said
    assert leaked(said, secretive) == set()


@pytest.mark.parametrize("member", ["token_type", "expires_in"])
def test_threat_68_nor_does_what_is_quoted_of_an_answer(cli, secretive, member):
    """A member that is shown because it is wrong, and is the access token or the code."""
    code = "the-code-of-this-login"
    for secret in ("access-token-in-it", code):
        secretive.tokens = {"access_token": "access-token-in-it", member: secret}

        done = cli(*LOGIN)

        assert done.failed(8, f"{member} '***'")
        assert secret not in done.err


@pytest.mark.parametrize(
    "broken",
    [
        "oauth_cli_login.login.fetch_userinfo",
        "oauth_cli_login.client.parse_token_response",
        "oauth_cli_login.keys.parse_jwks_response",
        "oauth_cli_login.browser_flow.authorization_code_request",
        "oauth_cli_login.browser_flow.parse_authorization_response",
        "oauth_cli_login.adapters.store.encode",
    ],
)
def test_threat_68_no_secret_is_in_the_report_of_a_bug(cli, secretive, robot, monkeypatch, broken):
    """Something of ours raises, with everything that it was given in the text: the report says where, and no more."""

    def fail(*arguments, **named):
        raise RuntimeError(f"the-code-of-this-login access-token-1-secret {arguments} {named} {secretive.requests}")

    monkeypatch.setattr(broken, fail)

    done = cli(*LOGIN, "-vvv")

    assert done.failed(1, "this is a bug in oauth-cli: RuntimeError")
    assert "test_leaks.py" in done.err
    robot.problems.clear()  # where the callback's own handler breaks, the browser gets no answer
    assert leaked(done.err, secretive, but=robot.urls[0]) == set()


def test_threat_68_no_secret_is_in_any_file_but_the_session(traced, secretive, home, tmp_path, session_file):
    """The cache, the default profile, locks, what a home has beside: after login and refresh nothing is in them."""
    traced(*LOGIN)
    traced("token", "--refresh")
    traced("logout")
    traced(*LOGIN)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("strace", "secret")]

    assert session_file() in files
    others = [path for path in files if path != session_file()]
    assert others
    urls = "".join(re.findall(r"http\S*/authorize\S*", "".join(path.read_text() for path in others)))
    assert {str(path): leaked(path.read_text(), secretive, but=urls) for path in others} == {
        str(path): set() for path in others
    }
    for secret in ("the-code-of-this-login", SECRET, *(r.fields.get("code_verifier", "?") for r in secretive.requests)):
        assert secret not in session_file().read_text()

    traced("logout")
    assert leaked(session_file().read_text(), secretive) == set()


# ---- tokens asked for by others


def test_threat_69_git_that_asks_for_another_host_gets_nothing(cli, server, signed_in, monkeypatch):
    """The helper is asked for a host that has no session here."""
    signed_in()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"protocol=https\nhost=evil.example\n\n")))

    done = cli("git-credential", "get")

    assert (done.status, done.out, done.err) == (0, "", "")


# ---- plugins


MISBEHAVING = {
    "raises at import": "raise RuntimeError('token=SECRET')",
    "exits at import": "import sys; print('SECRET'); sys.exit(0)",
    "raises in a hook": HEAD + "@hookimpl\ndef oauth_provider_settings():\n    raise RuntimeError('token=SECRET')\n",
    "exits in a hook": HEAD + "@hookimpl\ndef oauth_provider_settings():\n    raise SystemExit(0)\n",
    "raises past Exception": HEAD
    + "class Odd(BaseException): ...\n@hookimpl\ndef oauth_provider_settings():\n    raise Odd('SECRET')\n",
}


@pytest.mark.parametrize("source", MISBEHAVING)
def test_threat_70_a_plugin_that_fails_is_named_and_the_others_work(cli, server, install, source):
    """It raises or exits, wherever: one line names it and its distribution, and whoever does not use it is not hurt."""
    install("acme", MISBEHAVING[source])

    done = cli("login", "--provider", "acme")

    assert done.failed(3, "the provider plugin 'acme' (acme 1.5) failed in ")
    assert "SECRET" not in done.error
    assert "acme" in cli("providers", "--json").out
    assert cli(*LOGIN).status == 0


def test_threat_70_what_a_plugin_prints_is_no_answer(cli, server, install, redirect_uri):
    """Through Python's print or the descriptor itself: standard output is for the answer alone."""
    install(
        "acme",
        f"import os\nprint('junk')\nos.write(1, b'junk')\n{HEAD}"
        "@hookimpl\ndef oauth_server_metadata():\n    print('junk')\n    os.write(1, b'junk')\n"
        f"    return {{'issuer': {server.issuer!r}}}\n",
    )

    done = cli(
        *("login", "--provider", "acme", "--client-id", "cli-app", "--redirect-uri", redirect_uri, "--json"),
        *("--timeout", "10"),
    )

    assert done.status == 0, done.err
    assert done.json["sub"] == "demouser"


def test_threat_70_a_plugin_that_hangs_keeps_nobody_else_waiting(cli, server, install, tmp_path):
    """One that takes for ever to import is not imported by whoever does not use it, not even to list it."""
    install("acme", f"open({str(tmp_path / 'imported')!r}, 'w').close()\nimport time\ntime.sleep(5)\n")

    assert "acme" in cli("providers", "--json").out
    assert cli(*LOGIN).status == 0
    assert cli("token").status == 0
    assert cli("status").status == 0
    assert not (tmp_path / "imported").exists()


def test_threat_70_a_built_ins_name_cannot_be_taken(cli, server, robot, install, tmp_path):
    """Neither of the two is run, and both distributions are named."""
    install("mock", f"open({str(tmp_path / 'imported')!r}, 'w').close()\n", dist="evil")

    done = cli(*LOGIN)

    assert done.failed(3, "is offered by several distributions", "evil 1.5", "oauth-cli-login ")
    assert robot.urls == []
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "issuer"]
)
def test_threat_71_a_plugins_http_endpoint_is_refused(cli, server, robot, install, name):
    """A plugin says where to send things; core says over what."""
    endpoints = {
        "authorization_endpoint": f"{server.issuer}/authorize",
        "token_endpoint": f"{server.issuer}/token",
        name: "http://idp.example/x",
    }
    install("acme", HEAD + f"@hookimpl\ndef oauth_server_metadata():\n    return {endpoints!r}\n")

    done = cli("login", "--provider", "acme", "--client-id", "cli-app", "--scope", "api", "--timeout", "1")

    assert done.failed(3, f"the {name} must be https (or http on this machine)")
    assert robot.urls == []
    assert server.requests == []


@pytest.mark.parametrize("hook", ["oauth_userinfo_requests", "oauth_revocation_requests"])
def test_threat_71_nor_does_a_plugin_send_a_token_over_http(cli, server, install, redirect_uri, monkeypatch, hook):
    """Further requests of a plugin's own are held to the same."""
    request = {"url": "http://idp.example/x"}
    if hook == "oauth_revocation_requests":
        request["form"] = {"token": "x"}
    asked = []
    install(
        "acme",
        HEAD
        + f"@hookimpl\ndef oauth_server_metadata():\n    return {{'issuer': {server.issuer!r}}}\n"
        + f"@hookimpl\ndef {hook}():\n    return [{request!r}]\n",
    )
    monkeypatch.setattr("requests.Session.request", _noting(asked, "http://idp.example/x"))
    login = cli("login", "--provider", "acme", "--client-id", "cli-app", "--redirect-uri", redirect_uri)
    done = login if hook == "oauth_userinfo_requests" else cli("logout")

    assert done.status == 8
    assert "must be https" in done.err
    assert asked == []


def _noting(asked, url):
    import requests

    real = requests.Session.request

    def request(self, method, address, **options):
        if address == url:
            asked.append(address)
            raise requests.ConnectionError
        return real(self, method, address, **options)

    return request


# ---- the current folder


def test_threat_72_a_module_in_the_current_folder_is_ignored(process, signed_in, clock, tmp_path):
    """What kubectl and git are told to run imports nothing from the folder that they happen to be in."""
    signed_in(expires_at=int(clock()) + 3600, issued_at=int(clock()))
    setup = process("setup", "kubectl")
    assert setup.finish() == 0, setup.err
    stanza = json.loads(setup.out)["users"][0]["user"]["exec"]
    for name in ("json.py", "argparse.py", "oauth_cli_login.py", "oauth_cli_providers.py"):
        (tmp_path / name).write_text("raise SystemExit(99)\n")

    done = subprocess.run(
        [stanza["command"], *stanza["args"], "--access-token"],
        env={**os.environ, "OAUTH_CLI_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"]["token"] == "stored-access-token"
