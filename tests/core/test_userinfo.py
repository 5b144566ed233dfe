"""Who an access token stands for: what is asked, what an answer must say, and what happens without one."""

from __future__ import annotations

import json

import pytest

from oauth_cli_login.client import client_for
from oauth_cli_login.errors import NotSignedIn, ProtocolError
from oauth_cli_login.model import HttpResponse, ServerMetadata, Settings, UserInfo
from oauth_cli_login.plugins import load
from oauth_cli_login.userinfo import fetch_userinfo

OIDC = ServerMetadata({"userinfo_endpoint": "https://a.example/userinfo"}, issuer="https://a.example")


class Answers:
    """A connection whose answers are given in advance."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, request, *, repeat):
        assert repeat == "always"
        self.sent.append(request)
        status, document = self.answers.pop(0)
        return HttpResponse(status, {"content-type": "application/json"}, json.dumps(document).encode())


def fetch(connection, provider="oidc", *, metadata=OIDC, scopes=("openid",), claims=None):
    plugin = load(provider)
    settings = Settings(dict.fromkeys(plugin.declared_settings()))
    client = client_for(plugin, settings, metadata, connection, client_id="c")
    return fetch_userinfo(client, scopes=scopes, access_token="token", id_token_claims=claims)


def test_the_userinfo_endpoint_is_asked_with_the_access_token():
    connection = Answers((200, {"sub": "1", "preferred_username": "ada", "email": "ada@example.com"}))

    who = fetch(connection, claims={"sub": "1"})

    assert (who.sub, who.label) == ("1", "ada")
    assert connection.sent[0].url == "https://a.example/userinfo"
    assert connection.sent[0].headers["Authorization"] == "Bearer token"


def test_where_there_is_nothing_to_ask_the_id_token_tells():
    assert fetch(Answers(), scopes=(), claims={"sub": "1", "name": "Ada"}).label == "Ada"


def test_where_nobody_tells_nobody_is_named():
    assert fetch(Answers(), scopes=()) == UserInfo(sub=None)


def test_an_answer_that_does_not_say_who_is_refused():
    with pytest.raises(ProtocolError, match="does not say who"):
        fetch(Answers((200, {"name": "Ada"})))


def test_an_answer_about_somebody_else_than_the_id_token_is_refused():
    with pytest.raises(ProtocolError, match="two different people"):
        fetch(Answers((200, {"sub": "2"})), claims={"sub": "1"})


def test_a_token_that_is_refused_is_for_the_caller_to_renew():
    with pytest.raises(NotSignedIn):
        fetch(Answers((401, {})))


def test_a_request_that_is_optional_may_fail():
    """GitHub's e-mail addresses need a scope of their own."""
    connection = Answers((200, {"id": 1, "login": "octocat"}), (404, {"message": "Not Found"}))

    who = fetch(connection, "github", scopes=("user:email",))

    assert (who.sub, who.username, who.email) == ("1", "octocat", None)
    assert len(connection.sent) == 2


def test_a_request_that_is_not_optional_may_not():
    with pytest.raises(ProtocolError, match="HTTP 404"):
        fetch(Answers((404, {"message": "Not Found"})), "github", scopes=("read:user",))
