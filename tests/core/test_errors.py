from __future__ import annotations

import inspect
import pickle
import re

import pytest

from oauth_cli_login import errors
from oauth_cli_login.errors import AuthorizationError, ExitStatus, OAuthCliError, TokenError

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, OAuthCliError)]


def test_the_exit_statuses_are_the_contract():
    assert {status.name: status.value for status in ExitStatus} == {
        "OK": 0,
        "BUG": 1,
        "USAGE": 2,
        "CONFIG": 3,
        "NOT_SIGNED_IN": 4,
        "REFUSED": 5,
        "TIMEOUT": 6,
        "NETWORK": 7,
        "PROTOCOL": 8,
        "STORAGE": 9,
        "API_REFUSED": 10,
        "CANNOT_RUN": 126,
        "NOT_FOUND": 127,
        "INTERRUPTED": 130,
        "BROKEN_PIPE": 141,
    }


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    drawn = dict(re.findall(r"(?m)^ +[│├└ ]+(\w+) +(\d+)  \S", errors.__doc__))
    assert drawn == {cls.__name__: str(int(cls.exit_status)) for cls in CLASSES if cls is not OAuthCliError}


@pytest.mark.parametrize(
    ("child", "parent"),
    [("PluginError", "ConfigError"), *((c.__name__, "OAuthCliError") for c in CLASSES)],
)
def test_every_error_is_one_of_ours(child, parent):
    assert issubclass(getattr(errors, child), getattr(errors, parent))


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if not issubclass(cls, AuthorizationError)])
def test_an_error_has_a_message_and_a_hint(cls):
    error = cls("what happened", hint="what to do")
    assert (str(error), error.message, error.hint) == ("what happened", "what happened", "what to do")
    assert cls("what happened").hint == cls.next_step


def test_an_error_of_the_servers_keeps_its_words():
    error = AuthorizationError(
        "refused", error="access_denied", error_description="No", error_uri="https://e", hint="h"
    )
    assert (error.error, error.error_description, error.error_uri) == ("access_denied", "No", "https://e")
    assert (error.message, error.hint, error.exit_status) == ("refused", "h", 5)


def test_an_error_of_the_token_endpoint_keeps_the_status():
    error = TokenError("refused", error="invalid_grant", status=400, hint="h")
    assert (error.status, error.error, error.error_description, error.error_uri, error.hint) == (
        400,
        "invalid_grant",
        "",
        "",
        "h",
    )
    assert isinstance(error, AuthorizationError)


@pytest.mark.parametrize(
    "error",
    [
        errors.OAuthCliError("m", hint="h"),
        errors.NotSignedIn("m"),
        errors.AuthorizationError("m", error="access_denied", error_uri="u"),
        errors.TokenError("m", error="invalid_grant", status=400, error_description="d", hint="h"),
    ],
)
def test_an_error_goes_whole_from_one_process_to_another(error):
    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
