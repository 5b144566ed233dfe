"""The typed face of a plugin: what each hook may return, and what happens where it does not.

HOOKS has one entry for each hook of hookspecs.py; a hook without one fails the run.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy
import pytest

from oauth_cli_login import defaults, hookspecs
from oauth_cli_login.adapters.terminal import claimed_stdout
from oauth_cli_login.errors import ConfigError, PluginError
from oauth_cli_login.model import ServerMetadata, Setting, Settings, UserInfo
from oauth_cli_login.plugins import _registered
from oauth_cli_login.provider import Provider, RedirectPolicy, RevocationRequest, UserinfoRequest

hookimpl = pluggy.HookimplMarker("oauth_cli")
WHERE = "the provider plugin 'acme' (acme 1.5)"
SETTINGS = Settings({"issuer": "https://idp.example", "client_id": None})
METADATA = ServerMetadata(
    {
        "issuer": "https://idp.example",
        "authorization_endpoint": "https://idp.example/authorize",
        "device_authorization_endpoint": "https://idp.example/device",
        "userinfo_endpoint": "https://idp.example/userinfo",
    },
    "https://idp.example",
)
CLAIMS = {
    "sub": "7",
    "name": "Ada",
    "email": "a@b",
    "preferred_username": "ada",
    "picture": "https://x/",
    "zoneinfo": "Z",
}


class Server(contextlib.AbstractContextManager):
    def __exit__(self, *_exception: object) -> None:
        pass


SERVER = Server()


@dataclass(frozen=True)
class Hook:
    """How a hook is asked through Provider, what it may return (and becomes), and what it may not."""

    ask: Callable[[Provider], object]
    default: object
    good: list[tuple[object, object]]
    bad: list[object] = field(default_factory=list)


NO_MAPPING = [[], "text", 5, {5: "x"}]
NO_STRINGS = ["openid profile", 5, {"a": "b"}, [5], ["a", None], [b"a"], iter(())]
NO_REQUESTS = ["text", 5, {"url": "https://x/"}, ["https://x/"], [{}], [{"url": 5}], [None]]
NO_HEADERS = [[], {"Accept": 5}, {5: "x"}, {"X": "a\r\nEvil: b"}, {"X": "\u2603"}, {"X Y": "a"}]

HOOKS: dict[str, Hook] = {
    "oauth_provider_settings": Hook(
        lambda provider: {n: s for n, s in provider.declared_settings().items() if n in ("domain", "scopes", "key")},
        {"scopes": Setting("scopes", "what to ask for")},
        [
            (
                [
                    {"name": "domain", "help": "your domain", "required": True},
                    {"name": "scopes", "help": "which", "default": "a b"},
                    {"name": "key", "help": "a key", "secret": True},
                ],
                {
                    "domain": Setting("domain", "your domain", required=True),
                    "scopes": Setting("scopes", "which", default="a b"),
                    "key": Setting("key", "a key", secret=True),
                },
            ),
        ],
        [
            *NO_MAPPING[1:],
            {"name": "domain", "help": "x"},
            ["domain"],
            [{"help": "x"}],
            [{"name": "domain"}],
            [{"name": 5, "help": "x"}],
            [{"name": "", "help": "x"}],
            [{"name": "my-domain", "help": "x"}],
            [{"name": "Domain", "help": "x"}],
            [{"name": "domain", "help": 5}],
            [{"name": "domain", "help": "x", "default": 5}],
            [{"name": "profile", "help": "x"}],
            [{"name": "client_secret", "help": "x"}],
            [{"name": "client_id", "help": "x", "secret": True}],
            [{"name": "client_secret_file", "help": "x"}],
        ],
    ),
    "oauth_server_metadata": Hook(
        lambda provider: provider.server_metadata(SETTINGS),
        {"issuer": "https://idp.example"},
        [({"token_endpoint": "https://x/"}, {"token_endpoint": "https://x/"}), ({}, {})],
        NO_MAPPING,
    ),
    "oauth_default_scopes": Hook(
        lambda provider: provider.default_scopes(SETTINGS),
        ("openid", "profile", "email", "offline_access"),
        [(["a", "b"], ("a", "b")), ((), ())],
        NO_STRINGS,
    ),
    "oauth_redirect_policy": Hook(
        lambda provider: provider.redirect_policy(SETTINGS),
        RedirectPolicy("localhost", 8085, "/callback", any_port=False),
        [
            (
                {"host": "127.0.0.1", "port": 9000, "path": "/", "any_port": True},
                RedirectPolicy("127.0.0.1", 9000, "/", any_port=True),
            ),
            ({"host": "::1"}, RedirectPolicy("::1", 8085, "/callback", any_port=False)),
            ({}, RedirectPolicy("localhost", 8085, "/callback", any_port=False)),
        ],
        [
            *NO_MAPPING,
            {"host": "idp.example"},
            {"host": "0.0.0.0"},
            {"host": None},
            {"port": "8085"},
            {"port": None},
            {"port": True},
            {"port": -1},
            {"port": 0},
            {"port": 65536},
            {"path": "callback"},
            {"path": None},
            {"path": "/a b"},
            {"path": "/a?b"},
            {"path": "/a#b"},
        ],
    ),
    "oauth_flows": Hook(
        lambda provider: provider.flows(SETTINGS, METADATA),
        ("browser", "device"),
        [(["device"], ("device",)), (("device", "browser"), ("device", "browser")), ((), ())],
        [*NO_STRINGS, ["password"], ["browser", "implicit"]],
    ),
    "oauth_authorization_params": Hook(
        lambda provider: provider.authorization_params(
            SETTINGS, METADATA, scopes=["openid"], flow="browser", refresh_token_stored=False
        ),
        {},
        [({"prompt": "consent", "login_hint": None}, {"prompt": "consent", "login_hint": None})],
        [*NO_MAPPING, {"max_age": 5}, {"prompt": ["login"]}],
    ),
    "oauth_token_params": Hook(
        lambda provider: provider.token_params(
            SETTINGS, METADATA, grant_type="refresh_token", scopes=[], redirect_uri=None
        ),
        {},
        [({"audience": "x"}, {"audience": "x"})],
        [*NO_MAPPING, {"audience": None}, {"max_age": 5}],
    ),
    "oauth_token_fields": Hook(
        lambda provider: provider.token_fields(
            SETTINGS, grant_type="authorization_code", status=200, fields={"scope": "a,b"}
        ),
        {"scope": "a,b"},
        [({"error": "invalid_grant"}, {"error": "invalid_grant"}), ({}, {})],
        NO_MAPPING,
    ),
    "oauth_id_token_issuers": Hook(
        lambda provider: provider.id_token_issuers(SETTINGS, METADATA, {"iss": "x"}),
        ("https://idp.example",),
        [(["idp.example"], ("idp.example",)), ((), ())],
        NO_STRINGS,
    ),
    "oauth_userinfo_requests": Hook(
        lambda provider: provider.userinfo_requests(SETTINGS, METADATA, scopes=["openid"]),
        (UserinfoRequest("https://idp.example/userinfo", {}, optional=False),),
        [
            (
                [{"url": "https://x/", "headers": {"Accept": "a"}, "optional": True}],
                (UserinfoRequest("https://x/", {"Accept": "a"}, optional=True),),
            ),
            ((), ()),
        ],
        [
            *NO_REQUESTS,
            *([{"url": "https://x/", "headers": headers}] for headers in NO_HEADERS),
        ],
    ),
    "oauth_parse_userinfo": Hook(
        lambda provider: provider.parse_userinfo(SETTINGS, [CLAIMS]),
        UserInfo("7", "Ada", "a@b", "ada", "https://x/", CLAIMS),
        [
            ({"sub": "7", "email": None, "claims": {"id": 7}}, UserInfo("7", claims={"id": 7})),
            ({"sub": 7}, UserInfo("7")),
            ({"sub": "", "name": 5, "email": ["a@b"], "picture": {}}, UserInfo(None)),  # what a server may well send
            ({"sub": True}, UserInfo(None)),
            ({}, UserInfo(None)),
        ],
        [*NO_MAPPING, {"claims": []}, {"claims": {5: "x"}}],
    ),
    "oauth_revocation_requests": Hook(
        lambda provider: provider.revocation_requests(SETTINGS, METADATA, token="T", token_type_hint="refresh_token"),
        None,
        [
            ((), ()),
            (
                [{"url": "https://x/", "form": {"token": "T"}}],
                (RevocationRequest("POST", "https://x/", {}, {"token": "T"}, None, "client"),),
            ),
            (
                [
                    {
                        "method": "DELETE",
                        "url": "https://x/",
                        "headers": {"A": "b"},
                        "json": {"t": ["T"]},
                        "auth": "basic",
                    }
                ],
                (RevocationRequest("DELETE", "https://x/", {"A": "b"}, None, {"t": ["T"]}, "basic"),),
            ),
        ],
        [
            *NO_REQUESTS,
            [{"url": "https://x/"}],
            [{"url": "https://x/", "form": {}, "json": {}}],
            [{"url": "https://x/", "form": {"a": 5}}],
            [{"url": "https://x/", "form": []}],
            [{"url": "https://x/", "json": []}],
            [{"url": "https://x/", "json": {"a": object()}}],
            [{"url": "https://x/", "form": {}, "auth": "digest"}],
            [{"url": "https://x/", "form": {}, "auth": None}],
            [{"url": "https://x/", "form": {}, "method": 5}],
            [{"url": "https://x/", "form": {}, "method": "POST\r\nX"}],
            *([{"url": "https://x/", "form": {}, "headers": headers}] for headers in NO_HEADERS),
        ],
    ),
    "oauth_setup_guide": Hook(
        lambda provider: provider.setup_guide(SETTINGS, "http://localhost:8085/callback"),
        (
            "Register a native (public) client at your provider.",
            "Redirect URI: http://localhost:8085/callback",
            "Allow the grant types authorization_code and refresh_token.",
        ),
        [(["one"], ("one",)), ((), ())],
        NO_STRINGS,
    ),
    "oauth_connected_apps_url": Hook(
        lambda provider: provider.connected_apps_url(SETTINGS),
        None,
        [("https://x/", "https://x/")],
        [5, b"https://x/", ["https://x/"]],
    ),
    "oauth_api_hosts": Hook(
        lambda provider: provider.api_hosts(SETTINGS, METADATA),
        (),
        [(["api.idp.example"], ("api.idp.example",))],
        NO_STRINGS,
    ),
    "oauth_local_server": Hook(
        lambda provider: provider.local_server(SETTINGS),
        None,
        [(SERVER, SERVER)],
        [5, "text", lambda: None, Server],
    ),
}


def provider_with(hook: str, implementation: Callable[..., object]) -> Provider:
    """Return the face of a plugin that has this one hook."""
    module = ModuleType("plugin_acme")
    implementation.__name__ = hook
    setattr(module, hook, hookimpl(implementation))
    return Provider("acme", WHERE, _registered(WHERE, module))


def returning(hook: str, value: object) -> Provider:
    def implementation() -> object:  # a hook may take none of its arguments
        return value

    return provider_with(hook, implementation)


def specified() -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(function)
        for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("oauth_")
    }


def cases(attribute: str) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name[6:]}-{index}")
        for name, hook in HOOKS.items()
        for index, value in enumerate(getattr(hook, attribute))
    ]


def test_every_hook_is_tested_here_and_has_a_default_of_its_own() -> None:
    assert set(HOOKS) == set(specified())
    assert all(hook.bad for hook in HOOKS.values())
    registered = {name for name, _ in inspect.getmembers(defaults, inspect.isfunction) if name.startswith("oauth_")}
    assert registered == set(specified())
    assert all(getattr(defaults, name).oauth_cli_impl["trylast"] for name in registered)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_a_signature_and_a_sentence_that_says_what_it_returns(name: str) -> None:
    function = getattr(hookspecs, name)
    assert function.oauth_cli_spec["firstresult"]
    assert inspect.getdoc(function).startswith("Return ")


@pytest.mark.parametrize(("name", "case"), cases("good"))
def test_what_a_hook_may_return_becomes_a_value_of_ours(name: str, case: tuple[object, object]) -> None:
    returned, expected = case
    assert HOOKS[name].ask(returning(name, returned)) == expected


@pytest.mark.parametrize(("name", "value"), cases("bad"))
def test_what_a_hook_may_not_return_is_a_plugin_error_that_names_the_plugin(name: str, value: object) -> None:
    with pytest.raises(PluginError) as caught:
        HOOKS[name].ask(returning(name, value))
    assert caught.value.message.startswith(WHERE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oauth_provider_settings", [{"name": "domain", "help": "x", "requierd": True}]),
        ("oauth_redirect_policy", {"prot": 9000}),
        ("oauth_userinfo_requests", [{"url": "https://x/", "header": {}}]),
        ("oauth_revocation_requests", [{"url": "https://x/", "form": {}, "header": {}}]),
        ("oauth_parse_userinfo", {"sub": "7", "user_name": "ada"}),
    ],
)
def test_a_misspelt_key_is_refused_and_not_passed_over(name: str, value: object) -> None:
    with pytest.raises(PluginError, match=r"acme 1\.5"):
        HOOKS[name].ask(returning(name, value))


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_returns_none_or_is_not_there_falls_to_the_default(name: str) -> None:
    nothing = Provider("acme", WHERE, _registered(WHERE, ModuleType("plugin_acme")))
    for provider in (returning(name, None), nothing):
        assert HOOKS[name].ask(provider) == HOOKS[name].default


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_gets_every_argument_of_its_specification(name: str) -> None:
    seen: dict[str, object] = {}
    parameters = list(specified()[name].parameters)
    names = ", ".join(parameters)
    space: dict[str, Any] = {"seen": seen}
    exec(f"def implementation({names}):\n    seen.update(dict({', '.join(f'{p}={p}' for p in parameters)}))", space)
    HOOKS[name].ask(provider_with(name, space["implementation"]))
    assert list(seen) == parameters
    assert seen.get("settings", SETTINGS) is SETTINGS
    assert seen.get("metadata", METADATA.document) == METADATA.document


@pytest.mark.parametrize("name", HOOKS)
def test_what_a_hook_is_given_cannot_be_changed_for_the_next_one(name: str) -> None:
    """A hook that writes into ``metadata``, ``fields`` or ``claims`` must not change what core goes on with."""
    before = dict(METADATA.document)
    parameters = [p for p in specified()[name].parameters if p in ("metadata", "fields", "claims")]

    space: dict[str, Any] = {"contextlib": contextlib}
    lines = "".join(f"\n    with contextlib.suppress(TypeError): {p}['issuer'] = 'evil'" for p in parameters)
    exec(f"def implementation({', '.join(parameters)}):{lines or ' pass'}", space)
    try:
        HOOKS[name].ask(provider_with(name, space["implementation"]))
        assert METADATA.document == before
    finally:
        METADATA.document.clear()
        METADATA.document.update(before)


@pytest.mark.parametrize("error", [RuntimeError("token=SECRET"), SystemExit(3), SystemExit(), KeyError("client_id")])
@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_raises_or_exits_is_named_with_its_place_and_without_its_words(
    name: str, error: BaseException
) -> None:
    def implementation() -> object:
        raise error

    line = implementation.__code__.co_firstlineno + 1
    with pytest.raises(PluginError) as caught:
        HOOKS[name].ask(provider_with(name, implementation))
    assert caught.value.message == f"{WHERE} failed in {name}: {type(error).__name__} at {__file__}:{line}"
    assert caught.value.hint
    assert caught.value.__cause__ is error


def test_ctrl_c_in_a_hook_is_the_persons() -> None:
    def implementation() -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HOOKS["oauth_flows"].ask(provider_with("oauth_flows", implementation))


def test_an_error_of_ours_comes_through_a_hook_as_it_is() -> None:
    """A built-in says with it which setting is wrong."""

    def implementation() -> object:
        raise ConfigError("the domain is no host name")

    with pytest.raises(ConfigError, match=r"^the domain is no host name$"):
        HOOKS["oauth_flows"].ask(provider_with("oauth_flows", implementation))


@pytest.mark.parametrize("name", HOOKS)
def test_what_a_hook_prints_does_not_reach_standard_output(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    def implementation() -> None:
        print("hello")  # noqa: T201 - it is the test
        sys.stdout.write("world\n")

    with claimed_stdout():
        HOOKS[name].ask(provider_with(name, implementation))
    assert capfd.readouterr() == ("", "hello\nworld\n")


@pytest.mark.parametrize("name", HOOKS)
def test_standard_output_is_left_to_whoever_has_it(name: str) -> None:
    """A program that uses the Python interface may print in another thread meanwhile."""
    seen = []
    shown = sys.stdout
    HOOKS[name].ask(provider_with(name, lambda: seen.append(sys.stdout)))
    assert seen == [shown]


def test_an_undeclared_setting_is_named_by_its_place_only() -> None:
    def implementation(settings: Settings) -> object:
        return (settings["domian"],)

    with pytest.raises(PluginError, match=rf"KeyError at .*{os.path.basename(__file__)}:\d+"):
        HOOKS["oauth_default_scopes"].ask(provider_with("oauth_default_scopes", implementation))


def test_the_default_reads_no_person_from_an_answer_that_failed_or_is_no_object() -> None:
    nothing = Provider("acme", WHERE, _registered(WHERE, ModuleType("plugin_acme")))
    for answer in (None, [], "text"):
        assert nothing.parse_userinfo(SETTINGS, [answer]) == UserInfo(None)


def test_the_default_asks_for_no_userinfo_without_openid_or_an_endpoint() -> None:
    nothing = Provider("acme", WHERE, _registered(WHERE, ModuleType("plugin_acme")))
    assert nothing.userinfo_requests(SETTINGS, METADATA, scopes=["email"]) == ()
    assert nothing.userinfo_requests(SETTINGS, ServerMetadata({}, None), scopes=["openid"]) == ()


def test_the_default_knows_no_issuer_of_a_server_that_names_none() -> None:
    nothing = Provider("acme", WHERE, _registered(WHERE, ModuleType("plugin_acme")))
    assert nothing.id_token_issuers(SETTINGS, ServerMetadata({}, None), {}) == ()
    assert nothing.server_metadata(Settings({})) == {}
    assert nothing.flows(SETTINGS, ServerMetadata({}, None)) == ()
