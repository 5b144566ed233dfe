from __future__ import annotations

import dataclasses

import pytest

from oauth_cli_login.model import (
    HttpRequest,
    HttpResponse,
    Profile,
    SecretReference,
    ServerMetadata,
    Session,
    Settings,
    TokenResponse,
    UserInfo,
)

SESSION = Session(
    issuer="https://idp.example",
    client_id="cli-app",
    sub="x",
    label="me",
    scopes=("openid",),
    issued_at=1,
    expires_at=2,
    access_token="canary",
    refresh_token="canary",
    id_token="canary",
)


@pytest.mark.parametrize(
    "value",
    [
        HttpRequest("POST", "https://idp.example", {"Authorization": "canary"}, b"canary"),
        HttpResponse(200, {"set-cookie": "canary"}, b"canary"),
        TokenResponse("canary", "Bearer", 1, "canary", (), "canary"),
        SESSION,
        SecretReference("value", "canary"),
        Settings({"client_secret": "canary"}),
        UserInfo("x", claims={"phone": "canary"}),
        ServerMetadata({"x": "canary"}, None),
        Profile("p", "mock", {}, {"client_secret": SecretReference("value", "canary")}, SESSION),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_secret_is_shown(value):
    assert "canary" not in repr(value)


def test_a_value_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SESSION.sub = "y"


def test_settings_tell_what_is_unset_from_what_is_undeclared():
    settings = Settings({"client_id": "x", "domain": None})
    assert dict(settings) == {"client_id": "x", "domain": None}
    assert len(settings) == 2
    assert settings["domain"] is None
    with pytest.raises(KeyError):
        settings["audience"]


def test_settings_are_a_copy_that_cannot_be_written_to():
    values = {"client_id": "x"}
    settings = Settings(values)
    values["client_id"] = "y"
    assert settings["client_id"] == "x"
    with pytest.raises(TypeError, match="item assignment"):
        settings["client_id"] = "y"
    with pytest.raises(AttributeError):
        settings.other = 1


def test_settings_show_the_names_that_are_set():
    assert repr(Settings({"b": "x", "a": "y", "c": None})) == "Settings(a, b)"


@pytest.mark.parametrize(
    ("userinfo", "label"),
    [
        (UserInfo("sub", "Name", "e@mail", "user"), "user"),
        (UserInfo("sub", "Name", "e@mail"), "e@mail"),
        (UserInfo("sub", "Name"), "Name"),
        (UserInfo("sub"), "sub"),
        (UserInfo(None), "somebody the provider does not name"),
    ],
)
def test_a_person_is_called_by_the_best_known_name(userinfo, label):
    assert userinfo.label == label
