"""The robot that plays the browser."""

from __future__ import annotations

import subprocess
import sys
import threading
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import robot
from quiet_server import QuietHandler, QuietServer

FORM = """<form action="/search"><input name="q"></form>
<form method="post" action="login?x=1"><input name="username"><input type="hidden" name="csrf" value="&quot;7">
<textarea name="claims"></textarea><button>Sign in</button></form><form method="post"><input name="other"></form>"""


@pytest.fixture
def server():
    """An authorization server and a callback on one port; ``visits`` holds (method, path, fields, cookie)."""
    visits = []

    class Handler(QuietHandler):
        def do_GET(self):
            path, _, _ = self.path.partition("?")
            self.note("")
            if path == "/authorize":
                self.redirect("/form")
            elif path == "/form":
                self.answer(200, FORM, "Set-Cookie", "session=abc; Path=/; HttpOnly")
            else:
                self.answer(200 if path == "/callback" else 404, "no form")

        def do_POST(self):
            self.note(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.redirect("/callback?code=c&state=s")

        def note(self, body):
            visits.append((self.command, self.path, parse_qs(body, keep_blank_values=True), self.headers["Cookie"]))

        def redirect(self, location):
            self.answer(302, "", "Location", location)

        def answer(self, status, page, *header):
            self.send_response(status)
            if header:
                self.send_header(*header)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page.encode())

    with QuietServer(Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        listening.visits = visits
        listening.url = f"http://127.0.0.1:{listening.server_port}"
        yield listening
        listening.shutdown()
        thread.join()


def authorization_request(server, path="/authorize"):
    return f"{server.url}{path}?{urlencode({'redirect_uri': server.url + '/callback', 'state': 's'})}"


def test_it_follows_redirects_fills_in_the_form_and_delivers_the_callback(server):
    robot.Robot("ada").sign_in(authorization_request(server))
    assert [(method, urlsplit(path).path) for method, path, _, _ in server.visits] == [
        ("GET", "/authorize"),
        ("GET", "/form"),
        ("POST", "/login"),
        ("GET", "/callback"),
    ]
    assert server.visits[2] == (
        "POST",
        "/login?x=1",
        {"username": ["ada"], "csrf": ['"7'], "claims": [""]},
        "session=abc",
    )
    assert server.visits[3][1] == "/callback?code=c&state=s"


def test_a_page_without_a_form_ends_it(server):
    with pytest.raises(robot.Stuck, match=r"answered 404 with a page that has no form"):
        robot.Robot("ada").sign_in(authorization_request(server, "/nothing"))


def test_a_url_without_redirect_uri_is_no_sign_in(server):
    with pytest.raises(robot.Stuck, match="names no redirect_uri"):
        robot.Robot("ada").sign_in(server.url)
    assert server.visits == []


def test_as_a_program_it_takes_the_last_argument_and_keeps_the_url_to_itself(server):
    done = subprocess.run(
        [sys.executable, robot.__file__, "--new-window", authorization_request(server, "/nothing")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("robot: ")
    assert "state" not in done.stderr
    assert done.stderr.count("\n") == 1
