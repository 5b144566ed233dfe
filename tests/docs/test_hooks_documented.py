"""Every hook has a heading with its signature in docs/plugins.md, examples that run, and a provider's test."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from oauth_cli_login import hookspecs, provider
from oauth_cli_login.model import ServerMetadata, Settings
from oauth_cli_login.plugins import load
from oauth_cli_login.provider import Provider

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")

HOOKS = {
    name: function
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if hasattr(function, f"{hookspecs.hookspec.project_name}_spec")
}


def signature(name: str) -> str:
    return f"{name}({', '.join(inspect.signature(HOOKS[name]).parameters)})"


def sections() -> dict[str, str]:
    """Return the page's text below each heading of the third level."""
    return dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE))


def examples(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


BEGINNING = examples(PAGE.partition("\n## The hooks\n")[2])[0]


def methods() -> dict[str, str]:
    """Return the method of Provider that calls each hook: the one that names it."""
    tree = ast.parse(inspect.getsource(provider))
    [face] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == Provider.__name__]
    return {
        value.value: method.name
        for method in face.body
        if isinstance(method, ast.FunctionDef)
        for value in ast.walk(method)
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value in HOOKS
    }


def test_there_are_hooks() -> None:
    assert len(HOOKS) >= 16
    assert all(name.startswith("oauth_") for name in HOOKS)


def test_the_headings_are_the_signatures_in_the_order_of_hookspecs() -> None:
    in_order = sorted(HOOKS, key=lambda name: HOOKS[name].__code__.co_firstlineno)
    assert list(sections()) == [signature(name) for name in in_order]


@pytest.mark.parametrize("name", HOOKS)
def test_what_a_hook_returns_is_documented_to_the_letter(name: str) -> None:
    returned = HOOKS[name].__annotations__["return"].removesuffix(" | None")
    assert sections()[signature(name)].lstrip().startswith(f"Returns `{returned}`: ")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Provider]]:
    """Install a module as a distribution of its own, and load its provider as a command does."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install_one(source: str) -> Provider:
        (tmp_path / "documented_example.py").write_text(source, encoding="utf-8")
        metadata = tmp_path / "documented_example-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: documented-example\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[oauth_cli.providers]\ndocumented = documented_example\n")
        monkeypatch.delitem(sys.modules, "documented_example", raising=False)
        return load("documented")

    yield install_one
    sys.modules.pop("documented_example", None)


ARGUMENTS = {
    "scopes": ("openid", "teams"),
    "flow": "browser",
    "refresh_token_stored": False,
    "grant_type": "refresh_token",
    "redirect_uri": "http://127.0.0.1:8085/callback",
    "status": 200,
    "fields": {"error": "bad_refresh_token"},
    "claims": {"iss": "id.example.com"},
    "responses": ({"id": 7, "login": "ada"}, None),
    "token": "the-token",
    "token_type_hint": "refresh_token",
}


def call(loaded: Provider, name: str) -> object:
    """Call a hook as the engine does, with an example of each argument."""
    method = getattr(loaded, methods()[name])
    declared = loaded.declared_settings()
    known = {
        "settings": Settings({setting.name: setting.default for setting in declared.values()}),
        "metadata": ServerMetadata(document={"issuer": "https://id.example.com"}, issuer="https://id.example.com"),
        **ARGUMENTS,
    }
    return method(**{parameter: known[parameter] for parameter in inspect.signature(method).parameters})


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_runs_and_is_what_answers(name: str, install: Callable[[str], Provider]) -> None:
    own = examples(sections()[signature(name)])
    assert own, f"docs/plugins.md has no example of {name}"
    loaded = install("\n".join([BEGINNING, *own]))
    answer = call(loaded, name)
    if isinstance(answer, AbstractContextManager):
        with answer:
            return
    assert answer != call(load("oidc"), name), "the example says what the default says"


def test_the_smallest_plugin_runs(install: Callable[[str], Provider]) -> None:
    smallest = install(examples(PAGE)[0])
    assert call(smallest, "oauth_server_metadata") == {"issuer": "https://id.example.com"}


def test_every_example_belongs_to_a_hook_or_to_the_page() -> None:
    of_hooks = [example for text in sections().values() for example in examples(text)]
    assert len(examples(PAGE)) == len(of_hooks) + len(["the smallest one", "the beginning that they share"])


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_called_in_a_test_of_the_providers(name: str) -> None:
    method = methods()[name]
    called = {
        node.func.attr
        for path in sorted((ROOT / "tests" / "providers").glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert method in called, f"no test in tests/providers calls Provider.{method} ({name})"
