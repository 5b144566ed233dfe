"""The examples of docs/python.md run as they stand, at the server of the tests; its table names what is public."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import oauth_cli_login

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(environ, server, signed_in, world, clock, monkeypatch):
    """Run an example as a program, whose api.example.com is the server; return its names."""
    world()
    monkeypatch.setattr("time.time", clock)
    monkeypatch.setenv("OAUTH_CLI_HOME", environ["OAUTH_CLI_HOME"])
    signed_in("work")

    def run_one(example):
        names = {}
        exec(compile(example.replace("https://api.example.com", server.issuer), "docs/python.md", "exec"), names)
        return names

    return run_one


def about(words):
    """Return the one example that has these words."""
    [example] = [example for example in EXAMPLES if words in example]
    return example


def test_a_token(run, server):
    assert run(about('token = get_token("work")'))["token"] == "stored-access-token"


def test_requests(run, server, reply):
    server.queue("/userinfo", reply(200, {"sub": "demouser"}), reply(401))

    names = run(about("OAuthCliAuth"))

    assert names["user"] == {"sub": "demouser"}
    assert names["again"].status_code == 200
    headers = [request.headers["authorization"] for request in server.received("/userinfo")]
    assert headers == ["Bearer stored-access-token"] * 2 + ["Bearer access-token-1-secret"]


def test_anything_else(run, server):
    assert b"demouser" in run(about("urlopen"))["user"]
    assert server.received("/userinfo")[0].headers["authorization"] == "Bearer stored-access-token"


def test_errors(run, capsys):
    run(about("except NotSignedIn"))

    assert capsys.readouterr().err.startswith(
        "you are not signed in to nobody. Sign in: oauth-cli login --profile nobody"
    )


def test_each_example_is_run():
    assert len(EXAMPLES) == 4


def test_the_signature_is_the_documented_one():
    import inspect

    [documented] = re.findall(r"^`get_token(\(.*?\) -> str)`", PAGE, re.MULTILINE)
    signature = inspect.signature(oauth_cli_login.get_token)
    assert documented == "(profile=None, *, min_valid=60, refresh=False) -> str"
    assert [(p.name, p.default, p.kind) for p in signature.parameters.values()] == [
        ("profile", None, inspect.Parameter.POSITIONAL_OR_KEYWORD),
        ("min_valid", 60, inspect.Parameter.KEYWORD_ONLY),
        ("refresh", False, inspect.Parameter.KEYWORD_ONLY),
    ]


def test_every_public_name_is_documented():
    assert [name for name in oauth_cli_login.__all__ if name not in PAGE] == []
