"""``request``: where the token goes, what is sent, and what becomes of the answer."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from quiet_server import QuietHandler, QuietServer

TOKEN = "Bearer stored-access-token"
STALE = 1_700_000_000


@dataclass
class Asked:
    """One request as the API saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Api:
    """An API on a port of its own: ``answers`` are what it sends, as bytes, one a request; the last one stays."""

    url: str = ""
    host: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def answer(self, asked: Asked) -> bytes:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def http(status: int = 200, body: bytes = b"{}", *headers: str) -> bytes:
    """Return an answer with these headers and nothing else."""
    lines = [f"HTTP/1.1 {status} Reason", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.fixture
def new_api() -> Iterator[Callable[[], Api]]:
    running = []

    def start() -> Api:
        api = Api(answers=[http()])

        class Handler(QuietHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.wfile.write(api.answer(Asked(self.command, self.path, headers, body)))
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

        listening = QuietServer(Handler)
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        running.append((listening, thread))
        api.host = f"127.0.0.1:{listening.server_port}"
        api.url = f"http://{api.host}"
        return api

    yield start
    for listening, thread in running:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture
def api(new_api, signed_in) -> Api:
    """An API that the profile ``mock`` allows."""
    made = new_api()
    signed_in(settings={"api_hosts": made.host})
    return made


# --- where the token goes


def test_the_issuers_host_is_allowed_and_costs_no_other_request(cli, server, signed_in):
    signed_in()

    done = cli("request", f"{server.issuer}/userinfo")

    assert (done.status, done.out, done.err) == (0, '{"sub": "demouser", "preferred_username": "demouser"}', "")
    assert [(r.method, r.path, r.headers["authorization"]) for r in server.requests] == [("GET", "/userinfo", TOKEN)]


def test_threat_69_another_host_is_refused_and_sees_nothing(cli, server, signed_in, new_api):
    signed_in()
    other = new_api()

    done = cli("request", f"{other.url}/user?secret=1")

    assert done.failed(3, f"the access token of mock does not go to {other.host}")
    assert f"--allow-host {other.host}" in done.next_step
    assert other.asked == []
    assert [request.path for request in server.requests] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "address",
    [
        "{issuer}@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://evil.example/",
        "https://evil.example\\@127.0.0.1/",
        "https://127.0.0.1@evil.example/",
        "https://\N{SMALL ROMAN NUMERAL FIFTY}ocalhost/",
        "file:///etc/passwd",
        "//evil.example/",
        "evil.example",
    ],
)
def test_an_address_that_no_token_may_go_to_is_usage(cli, server, signed_in, address):
    signed_in()

    assert cli("request", address.format(issuer=server.issuer)).failed(2, "address")
    assert server.requests == []


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/", "http://localhost:{port}/", "http://127.0.0.1:1/", "https://a.example./"]
)
def test_another_port_or_spelling_is_another_host(cli, server, signed_in, address):
    signed_in(settings={"api_hosts": "a.example"})

    assert cli("request", address.format(port=server.issuer.rpartition(":")[2])).failed(3, "does not go to")
    assert [request.path for request in server.requests] == ["/.well-known/openid-configuration"]


def test_the_userinfo_endpoints_host_is_asked_of_the_issuer_only_where_it_matters(cli, server, signed_in, new_api):
    signed_in()
    other = new_api()
    server.metadata = {"userinfo_endpoint": f"{other.url}/me"}

    assert cli("request", f"{other.url}/me").status == 0
    assert [request.path for request in server.requests] == ["/.well-known/openid-configuration"]
    assert [asked.headers["authorization"] for asked in other.asked] == [TOKEN]


def test_a_host_that_is_allowed_once_is_remembered(cli, server, signed_in, new_api, store):
    signed_in()
    first, second = new_api(), new_api()

    done = cli("request", "--allow-host", first.host, f"{first.url}/a")

    assert (done.status, done.out) == (0, "{}")
    assert f"may go to {first.host} from now on" in done.err
    assert cli("request", "--allow-host", first.host, "--allow-host", second.host, f"{second.url}/b").status == 0
    assert cli("request", f"{first.url}/c").err == ""
    assert [asked.path for asked in (*first.asked, *second.asked)] == ["/a", "/c", "/b"]
    stored = store.read("mock")
    assert stored.settings["api_hosts"] == f"{first.host} {second.host}"
    assert stored.session.access_token == "stored-access-token"


def test_a_host_is_remembered_for_its_profile_alone(cli, signed_in, new_api):
    other = new_api()
    signed_in("work", settings={"api_hosts": other.host})
    signed_in("home")

    assert cli("request", "--profile", "home", other.url + "/", OAUTH_CLI_HOME_ISSUER="").failed(3, "token of home")
    assert other.asked == []


def test_a_host_that_does_not_help_is_not_remembered(cli, server, signed_in, new_api, store):
    signed_in()

    assert cli("request", "--allow-host", "api.example", new_api().url).failed(3)
    assert "api_hosts" not in store.read("mock").settings


@pytest.mark.parametrize("host", ["https://api.example", "*.example", "api.example.", ""])
def test_what_is_no_host_cannot_be_allowed(cli, server, signed_in, host):
    signed_in()

    assert cli("request", "--allow-host", host, f"{server.issuer}/x").failed(2, "--allow-host: ", "is not a host")


def test_config_toml_names_hosts_and_then_they_are_added_there(cli, server, signed_in, new_api, home, store):
    signed_in()
    first, second = new_api(), new_api()
    with open(os.open(home / "config.toml", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(f'[profiles.mock]\napi_hosts = ["api.example", "{first.host}"]\n')

    assert cli("request", f"{first.url}/a").status == 0
    done = cli("request", "--allow-host", second.host, f"{second.url}/b")
    assert done.failed(3, "api_hosts comes from config.toml")
    assert second.host in done.next_step
    assert second.asked == []
    assert "api_hosts" not in store.read("mock").settings


def test_a_setting_that_names_no_host_is_configuration(cli, server, signed_in):
    signed_in(settings={"api_hosts": "https://api.example/"})

    assert cli("request", "https://api.example/").failed(3, "is not a host")


@pytest.mark.parametrize(
    ("url", "host"), [("/user", "api.github.com"), ("https://API.github.com/user", "api.github.com")]
)
def test_a_path_alone_is_one_at_the_providers_only_api_host(cli, signed_in, requests_mock, url, host):
    signed_in(
        "github",
        provider="github",
        settings={"issuer": ""},
        issuer=None,
        token_endpoint="https://github.com/login/oauth/access_token",
    )
    requests_mock.get(f"https://{host}/user", text='{"login": "octocat"}')

    done = cli("request", url)

    assert (done.status, done.out) == (0, '{"login": "octocat"}')
    assert requests_mock.last_request.headers["Authorization"] == TOKEN
    assert requests_mock.call_count == 1


def test_a_path_alone_needs_a_host(cli, server, signed_in):
    signed_in()

    done = cli("request", "/user")

    assert done.failed(2, "a path alone needs a host", "no API host")
    assert "https://HOST/user" in done.next_step


# --- what is sent


def test_the_letters_are_curls(cli, api):
    api.answers = [http(201, b"made")]

    done = cli(
        "request", "-X", "put", "-H", "Content-Type: application/json", "-H", "X-A: 1", "-d", "{}", f"{api.url}/x?y=1"
    )

    assert (done.status, done.out) == (0, "made")
    [asked] = api.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/x?y=1", b"{}")
    assert asked.headers["authorization"] == TOKEN
    assert (asked.headers["content-type"], asked.headers["x-a"]) == ("application/json", "1")
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("oauth-cli/")
    assert "cookie" not in asked.headers


def test_data_makes_it_a_post_of_a_form(cli, api):
    cli("request", "-d", "a=1", "-d", "b=ü", f"{api.url}/x")

    [asked] = api.asked
    assert (asked.method, asked.body) == ("POST", b"a=1&b=\xc3\xbc")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("content", [b"", b"line\r\nline\n\x00\xff"])
def test_data_from_a_file_and_from_standard_input_is_sent_to_the_byte(cli, api, tmp_path, monkeypatch, content):
    (tmp_path / "data").write_bytes(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

    cli("request", "-d", f"@{tmp_path / 'data'}", f"{api.url}/file")
    cli("request", "-d", "@-", f"{api.url}/stdin")

    assert [(asked.path, asked.body) for asked in api.asked] == [("/file", content), ("/stdin", content)]


def test_data_that_cannot_be_read_is_usage(cli, api, tmp_path):
    for name in (tmp_path, tmp_path / "absent"):
        assert cli("request", "-d", f"@{name}", f"{api.url}/").failed(2, "cannot be read")
    assert api.asked == []


def test_more_data_than_can_be_held_is_usage(cli, api, tmp_path, monkeypatch):
    monkeypatch.setattr("oauth_cli_login.commands.request.MAX_DATA", 10)
    (tmp_path / "data").write_bytes(b"x" * 11)

    assert cli("request", "-d", f"@{tmp_path / 'data'}", f"{api.url}/").failed(2, "larger than")
    assert api.asked == []


@pytest.mark.parametrize(
    "line", ["Authorization: Bearer x", "Host: evil.example", "Cookie: a=b", "X: a\r\nHost: b", "nonsense"]
)
def test_threat_69_a_header_that_is_not_the_callers_to_send(cli, api, line):
    assert cli("request", "-H", line, f"{api.url}/").failed(2, "header")
    assert api.asked == []


def test_threat_28_netrc_changes_nothing(cli, api, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    cli("request", f"{api.url}/")

    assert api.asked[0].headers["authorization"] == TOKEN


def test_threat_29_a_loopback_address_is_asked_directly(cli, api, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert cli("request", f"{api.url}/").status == 0


# --- redirects


@pytest.mark.parametrize("query", ["?code=SECRET", "#token=SECRET"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_threat_27_a_redirect_to_another_host_is_shown_and_not_followed(cli, api, new_api, status, query):
    """Not even to a host that is allowed: nobody asked for it."""
    other = new_api()
    api.answers = [http(status, b"moved", f"Location: {other.url}/stolen{query}")]

    done = cli("request", f"{api.url}/x")

    assert (done.status, done.out) == (10, "moved")
    assert f"redirects to {other.url}/stolen. GET and HEAD alone follow" in done.err
    assert "SECRET" not in done.err
    assert other.asked == []
    assert len(api.asked) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_at_the_same_origin_is_followed_with_the_token(cli, api, method):
    moved = http(302, b"", "Location: /there")
    api.answers = [moved, http(200, b"" if method == "HEAD" else b"found")]

    done = cli("request", "-X", method, f"{api.url}/here")

    assert (done.status, done.out) == (0, "" if method == "HEAD" else "found")
    assert [(a.method, a.path, a.headers["authorization"]) for a in api.asked] == [
        (method, "/here", TOKEN),
        (method, "/there", TOKEN),
    ]


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_threat_27_what_is_posted_is_posted_once(cli, api, status):
    api.answers = [http(status, b"", "Location: /there"), http()]

    assert cli("request", "-d", "a=1", f"{api.url}/here").status == 10
    assert [asked.path for asked in api.asked] == ["/here"]


def test_redirects_are_bounded(cli, api):
    api.answers = [http(302, b"round", "Location: /again")]

    done = cli("request", f"{api.url}/")

    assert (done.status, done.out) == (10, "round")
    assert len(api.asked) == 6


def test_a_redirect_to_nowhere_is_an_answer(cli, api):
    api.answers = [http(302, b"where")]

    assert (cli("request", f"{api.url}/").status, len(api.asked)) == (10, 1)


def test_what_has_not_changed_is_no_refusal(cli, api):
    api.answers = [b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"]

    assert cli("request", f"{api.url}/").status == 0


# --- a token that the API does not take


def test_a_401_is_refreshed_once_and_the_same_is_sent_again(cli, server, api, store, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin"), encoding="utf-8"))
    api.answers = [http(401, b"old"), http(200, b"new")]

    done = cli("request", "-d", "@-", f"{api.url}/x")

    assert (done.status, done.out, done.err) == (0, "new", "")
    assert [(a.method, a.body, a.headers["authorization"]) for a in api.asked] == [
        ("POST", b"from stdin", TOKEN),
        ("POST", b"from stdin", "Bearer access-token-1-secret"),
    ]
    assert store.read("mock").session.access_token == "access-token-1-secret"


def test_a_second_401_is_the_answer_and_says_how_to_sign_in(cli, server, api):
    api.answers = [http(401, b"old"), http(401, b"still")]

    done = cli("request", f"{api.url}/x")

    assert (done.status, done.out) == (10, "still")
    assert "oauth-cli login --provider mock" in done.err
    assert (len(api.asked), len(server.received("/token"))) == (2, 1)


def test_a_401_that_cannot_be_renewed_is_the_answer(cli, server, reply, api):
    server.queue("/token", reply(400, {"error": "invalid_grant"}))
    api.answers = [http(401, b"the APIs words")]

    done = cli("request", f"{api.url}/x")

    assert (done.status, done.out) == (10, "the APIs words")
    assert "oauth-cli login --provider mock" in done.err
    assert len(api.asked) == 1


def test_without_a_refresh_token_a_401_costs_nothing(cli, server, signed_in, new_api):
    api = new_api()
    signed_in(settings={"api_hosts": api.host}, refresh_token=None)
    api.answers = [http(401)]

    assert cli("request", f"{api.url}/x").status == 10
    assert server.requests == []


def test_a_stale_token_is_refreshed_before_it_is_sent(cli, server, signed_in):
    signed_in(expires_at=STALE)

    assert cli("request", f"{server.issuer}/userinfo").status == 0
    assert server.received("/userinfo")[0].headers["authorization"] == "Bearer access-token-1-secret"


def test_settings_that_mean_another_server_stop_before_the_network(cli, server, signed_in, new_api):
    api = new_api()
    signed_in(settings={"api_hosts": api.host})

    assert cli("request", f"{api.url}/x", OAUTH_CLI_MOCK_ISSUER=api.url).failed(3, "belongs to the issuer")
    assert (api.asked, server.requests) == ([], [])


# --- the answer


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_refusal_is_10_with_its_body_and_is_not_repeated(cli, api, status):
    api.answers = [http(status, b'{"message": "no"}')]

    done = cli("request", f"{api.url}/x")

    assert (done.status, done.out) == (10, '{"message": "no"}')
    assert done.err == f"warning: the API answered {status} Reason\n"
    assert len(api.asked) == 1


@pytest.fixture
def written(cli, tmp_path) -> Callable[..., bytes]:
    """Run a command with standard output in a file, and return what is in it."""

    def run(*argv: str, status: int = 0) -> bytes:
        with open(tmp_path / "stdout", "wb") as file:
            stdout = os.dup(1)
            os.dup2(file.fileno(), 1)
            try:
                assert cli(*argv).status == status
            finally:
                os.dup2(stdout, 1)
                os.close(stdout)
        return (tmp_path / "stdout").read_bytes()

    return run


def test_bytes_are_passed_on_as_they_are(written, api):
    body = bytes(range(256)) * 300
    api.answers = [http(200, body, "Content-Encoding: gzip")]

    assert written("request", f"{api.url}/x") == body


def test_the_headers_come_first_where_they_are_asked_for(written, api):
    api.answers = [http(404, b"body", "X-A: 1", "X-A: 2", "Set-Cookie: a=b", "X-B: \xe9")]

    assert written("request", "-i", f"{api.url}/x", status=10) == (
        b"HTTP/1.1 404 Reason\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=b\r\nX-B: \xe9\r\n"
        b"Content-Length: 4\r\nConnection: close\r\n\r\nbody"
    )


def test_threat_39_nothing_that_a_server_sends_reaches_a_terminal_raw(cli, api):
    api.answers = [http(200, b"a\x1b]0;owned\x07\tb\r\n\xc3\xa9\xff\x9b\xe2\x80\xaec\rd", "X-A: \x1b[2J")]
    near, far = os.openpty()
    stdout = os.dup(1)
    os.dup2(far, 1)
    try:
        done = cli("request", "-i", f"{api.url}/x")
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(far)
    shown = b""
    try:
        while data := os.read(near, 4096):
            shown += data
    except OSError:  # EIO: nobody has the other side any more
        pass
    os.close(near)

    assert done.status == 0
    lines = shown.decode().replace("\r\n", "\n").split("\n")
    assert lines[:2] == ["HTTP/1.1 200 Reason", "X-A: \\x1b[2J"]
    assert "\n".join(lines[lines.index("") + 1 :]).expandtabs() == (
        "a\\x1b]0;owned\\x07\tb\n\u00e9\\xff\\x9b\\u202ec\nd\n".expandtabs()
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\nhalf",
    ],
)
def test_half_an_answer_is_an_error_and_never_a_file(cli, api, tmp_path, answer):
    (tmp_path / "file").write_text("before")
    api.answers = [answer]

    done = cli("request", f"{api.url}/x")
    saved = cli("request", "-o", str(tmp_path / "file"), f"{api.url}/x")

    assert (done.status, done.out) == (7, "half")
    assert saved.failed(7, "connection")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "file"}
    assert (tmp_path / "file").read_text() == "before"


@pytest.mark.parametrize("before", [None, "before"])
def test_an_answer_is_saved_whole(cli, api, tmp_path, before):
    file = tmp_path / "file"
    if before:
        file.write_text(before)
        file.chmod(0o640)
    api.answers = [http(200, b"after")]

    done = cli("request", "-o", str(file), f"{api.url}/x")

    assert (done.status, done.out, done.err) == (0, "", "")
    assert file.read_bytes() == b"after"
    umask = os.umask(0)
    os.umask(umask)
    assert file.stat().st_mode & 0o777 == (0o640 if before else 0o666) & ~umask
    assert {path.name for path in tmp_path.iterdir()} == {"home", "file"}


def test_a_dash_is_standard_output_as_curl_has_it(cli, api, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    api.answers = [http(200, b"answer")]

    done = cli("request", "-o", "-", f"{api.url}/x")

    assert (done.status, done.out, done.err) == (0, "answer", "")
    assert not (tmp_path / "-").exists()


def test_a_refusal_is_printed_and_not_saved(cli, api, tmp_path):
    (tmp_path / "file").write_text("before")
    api.answers = [http(404, b"no")]

    done = cli("request", "-o", str(tmp_path / "file"), f"{api.url}/x")

    assert (done.status, done.out) == (10, "no")
    assert (tmp_path / "file").read_text() == "before"


def test_a_link_stays_and_its_target_is_replaced(cli, api, tmp_path):
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")
    api.answers = [http(200, b"after")]

    assert cli("request", "-o", str(tmp_path / "link"), f"{api.url}/x").status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"after"


def test_a_device_is_not_replaced(cli, api, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    for name in ("pipe", "."):
        assert cli("request", "-o", str(tmp_path / name), f"{api.url}/x").failed(2, "is not a regular file")
    assert api.asked == []
    assert {path.name for path in tmp_path.iterdir()} == {"home", "pipe"}


@pytest.mark.parametrize("name", ["absent/file", "home/sessions/mock/file"])
def test_a_file_that_cannot_be_written_is_storage_before_anything_is_asked(cli, api, tmp_path, name):
    assert cli("request", "-o", str(tmp_path / name), f"{api.url}/x").failed(9, "cannot be written")
    assert api.asked == []


def test_an_api_that_is_not_there_is_network(cli, signed_in, free_port):
    signed_in(settings={"api_hosts": f"127.0.0.1:{free_port}"})

    assert cli("request", f"http://127.0.0.1:{free_port}/").failed(7, "nothing answers")


def test_verbose_says_where_and_no_secrets(cli, api):
    done = cli("request", "-v", "-H", "X-Key: hidden", "-d", "password=hidden", f"{api.url}/x?key=hidden")

    assert f"POST {api.url}/x -> 200" in done.err
    assert "hidden" not in done.err
    assert "stored-access-token" not in done.err


def test_a_token_that_became_another_servers_meanwhile_is_not_sent(cli, server, signed_in, api, monkeypatch):
    """The API answers 401, and takes its time; somebody signs in at another server under the same name."""
    api.answers = [http(401)]
    answer = api.answer

    def slowly(asked: Asked) -> bytes:
        elsewhere = "https://elsewhere.example"
        settings = {"api_hosts": api.host, "issuer": elsewhere}
        signed_in(settings=settings, issuer=elsewhere, token_endpoint=f"{elsewhere}/token", access_token="of-another")
        return answer(asked)

    monkeypatch.setattr(api, "answer", slowly)

    done = cli("request", api.url, OAUTH_CLI_MOCK_ISSUER="")

    assert done.failed(3, "somebody signed in to mock as another account, or at another server")
    assert [asked.headers["authorization"] for asked in api.asked] == [TOKEN]


def test_what_is_read_from_standard_input_goes_with_the_token_of_the_session_that_was_looked_at(
    cli, server, signed_in, api, monkeypatch
):
    class Typed(io.BytesIO):
        def read(self, *size: int) -> bytes:
            signed_in(settings={"api_hosts": api.host}, sub="somebody-else", access_token="of-another")
            return super().read(*size)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Typed(b"typed")))

    assert cli("request", "-d", "@-", api.url).failed(3, "somebody signed in to mock as another account")
    assert api.asked == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make somebody else's link")
def test_somebody_elses_link_is_not_followed(cli, api, tmp_path):
    """The system's own guard is for those who open a link; a rename at its target passes it by."""
    target, link = tmp_path / "precious", tmp_path / "out.json"
    target.write_text("precious")
    link.symlink_to(target)
    os.chown(link, 65534, 65534, follow_symlinks=False)

    assert cli("request", "-o", str(link), api.url).failed(2, "is a link that somebody else made")
    assert (target.read_text(), api.asked) == ("precious", [])


def test_what_a_killed_call_of_the_same_number_left_gives_way(cli, api, tmp_path):
    target = tmp_path / "out"
    (tmp_path / f".out.{os.getpid()}.part").write_text("half")

    assert cli("request", "-o", str(target), api.url).status == 0
    assert target.read_text() == "{}"
    assert os.listdir(tmp_path) == ["out"] or set(os.listdir(tmp_path)) == {"out", "home"}
