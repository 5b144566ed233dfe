"""The pytest plugin: what its fixtures offer, that docs/testing.md runs, and that who does not use it pays nothing."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from oauth_cli_login import testing
from oauth_cli_login.adapters.sockets import answers
from oauth_cli_login.errors import UsageError

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
CLIENT, TESTS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PARAMS = {
    "response_type": "code",
    "client_id": "cli-app",
    "redirect_uri": "http://127.0.0.1:8085/callback",
    "scope": "openid",
    "state": "the-state",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


def authorization_url(server, **changes):
    return f"{server.issuer}/authorize?{urlencode(PARAMS | changes)}"


def test_the_documented_example_runs(pytester):
    pytester.makepyfile(my_client=CLIENT, test_my_client=TESTS)

    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--strict-markers", "-W", "error")

    done.assert_outcomes(passed=10)


def test_it_is_found_by_pytest_and_pytest_is_none_of_our_dependencies():
    ours = distribution("oauth-cli-login")
    [entry_point] = ours.entry_points.select(group="pytest11")
    assert (entry_point.name, entry_point.value) == ("oauth-cli", testing.__name__)
    assert not [requirement for requirement in ours.requires or () if requirement.startswith("pytest")]


def test_loading_it_imports_nothing_that_pytest_has_not():
    code = (
        "import sys, pytest, _pytest.config; before = set(sys.modules)\n"
        "import oauth_cli_login.testing\n"
        "print(*(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == {"oauth_cli_login", "oauth_cli_login.testing"}


def test_a_run_that_does_not_use_it_loads_no_server(pytester):
    pytester.makepyfile("""
        import sys

        def test_nothing():
            ours = {name for name in sys.modules if name.startswith("oauth_cli")}
            assert ours == {"oauth_cli_login", "oauth_cli_login.testing"}
    """)

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_an_unknown_fault_in_a_marker_is_an_error_that_names_those_near(pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.oauth_fault("alg-nome")
        def test_it(oauth_mock_server):
            pass
    """)

    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--strict-markers")

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*there is no fault 'alg-nome'; did you mean alg-none*"])


def test_the_marker_is_listed_with_its_meaning(pytester):
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.oauth_fault(*names): *"])


# ---- the server


def test_it_ends_with_its_test_and_its_port_is_free(pytester, free_port):
    pytester.makepyfile(f"""
        import functools, pytest
        from oauth_cli_login.adapters.sockets import answers

        @pytest.fixture
        def make_oauth_mock_server(make_oauth_mock_server):
            return functools.partial(make_oauth_mock_server, port={free_port})

        def test_it(oauth_mock_server):
            assert answers("localhost", {free_port})
    """)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)

    assert not answers("localhost", free_port)


def test_faults_may_be_set_while_it_runs(oauth_mock_server):
    def jwks():
        return requests.get(f"{oauth_mock_server.issuer}/jwks", timeout=5)

    assert oauth_mock_server.faults == frozenset()
    assert len(jwks().json()["keys"]) == 1
    oauth_mock_server.faults = {"jwks-empty"}
    assert jwks().json()["keys"] == []
    oauth_mock_server.faults = "html@jwks"  # one name alone is no sequence of letters
    assert jwks().headers["Content-Type"].startswith("text/html")
    assert oauth_mock_server.faults == {"html@jwks"}
    oauth_mock_server.faults = "jwks_empty, html@userinfo"
    assert jwks().json()["keys"] == []
    assert oauth_mock_server.faults == {"jwks-empty", "html@userinfo"}
    oauth_mock_server.faults = ()
    assert len(jwks().json()["keys"]) == 1


def test_an_unknown_fault_changes_nothing(oauth_mock_server):
    oauth_mock_server.faults = {"jwks-empty"}
    with pytest.raises(UsageError, match="jwks-emty"):
        oauth_mock_server.faults = {"jwks-emty"}
    assert oauth_mock_server.faults == {"jwks-empty"}
    assert requests.get(f"{oauth_mock_server.issuer}/jwks", timeout=5).json()["keys"] == []


@pytest.mark.oauth_fault("wrong-state", "repeated-code")
class TestMarked:
    @pytest.mark.oauth_fault("no-iss")
    def test_markers_add_up(self, oauth_mock_server):
        found = parse_qs(urlsplit(oauth_mock_server.sign_in(authorization_url(oauth_mock_server))).query)
        assert oauth_mock_server.faults == {"wrong-state", "repeated-code", "no-iss"}
        assert found.pop("code")[1] == "another-code"
        assert found == {"state": ["another-state"]}


def test_a_person_signs_in_or_denies(oauth_mock_server):
    location = oauth_mock_server.sign_in(authorization_url(oauth_mock_server), "ada")
    assert location.startswith("http://127.0.0.1:8085/callback?code=")
    denied = parse_qs(urlsplit(oauth_mock_server.sign_in(authorization_url(oauth_mock_server), deny=True)).query)
    assert denied["error"] == ["access_denied"]


def test_a_page_instead_of_a_redirect_is_an_error_with_its_words(oauth_mock_server):
    with pytest.raises(ValueError, match=r"answers 400: .*the only client is cli-app"):
        oauth_mock_server.sign_in(authorization_url(oauth_mock_server, client_id="another"))
    with pytest.raises(ValueError, match=r"answers 400: .*one JSON object"):
        oauth_mock_server.sign_in(authorization_url(oauth_mock_server), claims="[]")


@pytest.mark.parametrize("url", ["https://idp.example/authorize", "javascript:alert(1)", "http://localhost/authorize"])
def test_only_the_server_itself_is_signed_in_at(oauth_mock_server, url):
    with pytest.raises(ValueError, match="not a URL of the server"):
        oauth_mock_server.sign_in(url)
    assert oauth_mock_server.requests == []


@pytest.mark.parametrize(("deny", "error"), [(False, None), (True, "access_denied")])
def test_a_device_is_approved_or_denied(make_oauth_mock_server, deny, error):
    server = make_oauth_mock_server(device_interval=0)
    client = {"client_id": server.client_id}
    device = requests.post(f"{server.issuer}/device_authorization", data=client, timeout=5).json()
    server.approve(device["user_code"], deny=deny)
    form = client | {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    assert requests.post(f"{server.issuer}/token", data=form, timeout=5).json().get("error") == error
    with pytest.raises(ValueError, match=r"answers 400: .*No device waits"):
        server.approve(device["user_code"])


def test_requests_are_kept_as_they_came(oauth_mock_server):
    requests.post(f"{oauth_mock_server.issuer}/token?a=b", data={"grant_type": "x"}, headers={"X-Y": "z"}, timeout=5)
    requests.get(f"{oauth_mock_server.issuer}/jwks", timeout=5)
    assert [(one.method, one.path) for one in oauth_mock_server.requests] == [
        ("POST", "/default/token"),
        ("GET", "/default/jwks"),
    ]
    [token] = oauth_mock_server.received("token")
    assert (token.query, token.form, token.headers["x-y"]) == ({"a": "b"}, {"grant_type": "x"}, "z")


def test_what_was_received_is_asked_for_by_the_names_of_endpoints(oauth_mock_server):
    for path in ("openid-configuration", "oauth-authorization-server"):
        requests.get(f"{oauth_mock_server.issuer}/.well-known/{path}", timeout=5)
    assert oauth_mock_server.received("discovery") == oauth_mock_server.requests
    assert oauth_mock_server.received("userinfo") == []
    with pytest.raises(
        ValueError, match=r"no endpoint 'tokn'; did you mean token\? There are: .*authorize, .*discovery"
    ):
        oauth_mock_server.received("tokn")
    with pytest.raises(ValueError, match=r"no endpoint '/x'\. There are: "):
        oauth_mock_server.received("/x")


@pytest.mark.parametrize("claims", [{"email": "ada@example.com"}, MappingProxyType({"email": "ada@example.com"})])
def test_claims_are_a_mapping_or_its_json(oauth_mock_server, claims):
    for one in (claims, json.dumps(dict(claims))):
        oauth_mock_server.sign_in(authorization_url(oauth_mock_server), claims=one)
        assert json.loads(oauth_mock_server.requests[-1].form["claims"]) == claims
    with pytest.raises(ValueError, match="claims cannot be written as JSON"):
        oauth_mock_server.sign_in(authorization_url(oauth_mock_server), claims={"birthday": object()})


@pytest.mark.parametrize("user_code", ["AB CD", "AB\r\nCD", "Ä&user_code=x", "#", "%"])
def test_a_user_code_is_sent_as_it_is(oauth_mock_server, user_code):
    with pytest.raises(ValueError, match=r"answers 400: .*No device waits"):
        oauth_mock_server.approve(user_code)
    assert oauth_mock_server.requests[-1].query == {"user_code": user_code}


def test_a_user_code_that_is_empty_is_not_known(oauth_mock_server):
    with pytest.raises(ValueError, match="answers"):
        oauth_mock_server.approve("")


@pytest.mark.parametrize("rest", ["authorize?a b", "authorize?a\r\nb", "authorize?ä"])
def test_what_is_no_url_cannot_be_opened(oauth_mock_server, rest):
    with pytest.raises(ValueError, match="not a URL"):
        oauth_mock_server.sign_in(f"{oauth_mock_server.issuer}/{rest}")


def test_options_reach_the_server(make_oauth_mock_server):
    servers = [make_oauth_mock_server(host="127.0.0.1", faults=["jwks-empty"]), make_oauth_mock_server()]
    assert servers[0].issuer.startswith("http://127.0.0.1:")
    assert [len(requests.get(f"{one.issuer}/jwks", timeout=5).json()["keys"]) for one in servers] == [0, 1]


def parameters(function):
    """Return a signature without its types."""
    shown = []
    for one in list(inspect.signature(function).parameters.values())[1:]:  # self is not the caller's
        shown += ["*"] * (one.kind is one.KEYWORD_ONLY and "*" not in shown)
        default = "time.time" if one.default is time.time else repr(one.default).replace("'", '"')
        shown.append(one.name if one.default is one.empty else f"{one.name}={default}")
    return f"({', '.join(shown)})"


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("sign_in", testing.OAuthMockServer.sign_in),
        ("approve", testing.OAuthMockServer.approve),
        ("make_oauth_mock_server", testing.OAuthMockServerFactory.__call__),
    ],
)
def test_the_documented_signatures_are_those_of_the_code(name, function):
    assert f"`{name}{parameters(function)}`" in PAGE


def test_the_factory_has_the_signature_of_its_type(make_oauth_mock_server):
    own = inspect.signature(make_oauth_mock_server).parameters
    declared = list(inspect.signature(testing.OAuthMockServerFactory.__call__).parameters.values())[1:]
    assert list(own.values()) == declared


def test_every_public_name_of_the_server_is_documented():
    names = vars(testing.OAuthMockServer) | testing.OAuthMockServer.__annotations__
    assert [name for name in names if not name.startswith("_") and f"`{name}" not in PAGE] == []
