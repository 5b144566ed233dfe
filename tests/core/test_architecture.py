"""The rules that hold between files: which may import which, read from their source."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pytest

import oauth_cli_login
import oauth_cli_providers

PACKAGE = "oauth_cli_login"
IMPURE = ("requests", "urllib3", "socket", "ssl", "http", "subprocess", "time", "datetime", "random", "secrets", "uuid")
IMPURE += ("webbrowser", "os", "io", "asyncio", "threading", "tempfile", "logging")


@dataclass(frozen=True)
class Module:
    """One source file. ``imports`` are absolute names of modules, at any depth but under ``if TYPE_CHECKING``."""

    name: str
    path: str
    imports: frozenset[str]


def sources(package) -> Iterator[tuple[str, str]]:
    """Yield (module name, path) of every file of a package."""
    root = os.path.dirname(package.__file__)
    for folder, _, files in os.walk(root):
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                parts = os.path.relpath(path, os.path.dirname(root))[: -len(".py")].split(os.sep)
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def modules(package=oauth_cli_login) -> Mapping[str, Module]:
    """Return the modules of a package by name."""
    found = dict(sources(package))
    return {name: Module(name, path, frozenset(imports_of(path, found))) for name, path in found.items()}


def imports_of(path: str, known: Mapping[str, str]) -> Iterator[str]:
    """Yield what a file imports; ``from package import module`` names the module where there is one of that name."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    for node in running(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node of a tree but what stands under ``if TYPE_CHECKING``."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from running(other)
        else:
            yield from running(child)


def in_folder(folder: str) -> list[Module]:
    """Return the modules of a folder of the package, without its ``__init__``."""
    return [module for name, module in sorted(modules().items()) if name.startswith(f"{PACKAGE}.{folder}.")]


def ours(module: Module) -> set[str]:
    """Return which modules of the package a module imports, without the package's name."""
    names = (name for name in module.imports if name == PACKAGE or name.startswith(PACKAGE + "."))
    return {name[len(PACKAGE) + 1 :] for name in names}


def parametrized(folder: str):
    return pytest.mark.parametrize("module", in_folder(folder), ids=lambda module: module.name.rpartition(".")[2])


def test_there_is_something_to_look_at():
    assert {"protocol.token", "adapters.http", "commands.login", "cli"} <= {
        name[len(PACKAGE) + 1 :] for name in modules()
    }
    assert "json" in modules()[f"{PACKAGE}.protocol.body"].imports
    assert f"{PACKAGE}.cli" in modules()[f"{PACKAGE}.__main__"].imports
    assert f"{PACKAGE}.adapters.http" in modules()[f"{PACKAGE}.context"].imports  # inside a function
    assert f"{PACKAGE}.adapters.terminal" not in modules()[f"{PACKAGE}.context"].imports  # under TYPE_CHECKING


# the protocol is pure


@parametrized("protocol")
def test_the_protocol_names_no_module_that_touches_the_world(module):
    top = {name.partition(".")[0] for name in module.imports}
    assert not top & set(IMPURE)


@parametrized("protocol")
def test_the_protocol_opens_nothing_and_asks_for_no_time(module):
    with open(module.path, encoding="utf-8") as file:
        names = {node.id for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Name)}
    assert not names & {"open", "input", "print", "exec", "eval", "__import__"}


def test_importing_the_whole_protocol_loads_no_module_that_touches_the_world():
    """Transitively, the standard library's own imports as well; ``time`` alone is in every interpreter from its start.

    A fresh interpreter without site: what an environment's .pth files load is not the protocol's doing.
    """
    core = os.path.dirname(os.path.dirname(oauth_cli_login.__file__))
    names = [module.name for module in in_folder("protocol")]
    code = (
        f"import sys, importlib; sys.path.insert(0, {core!r})\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert {*names, f"{PACKAGE}.errors", f"{PACKAGE}.model"} <= loaded
    assert not loaded & {"requests", "urllib3", "socket", "ssl", "random", "secrets", "webbrowser", "subprocess"}
    assert not loaded & {"asyncio", "pluggy", "fcntl", "rich"}
    assert {name for name in loaded if name.startswith(PACKAGE + ".")} == {
        *names,
        f"{PACKAGE}.protocol",
        f"{PACKAGE}.errors",
        f"{PACKAGE}.model",
        f"{PACKAGE}.values",
    }


# imports go one way


@parametrized("protocol")
def test_the_protocol_knows_errors_model_and_itself(module):
    assert {name for name in ours(module) if not name.startswith("protocol.")} <= {"errors", "model", "values"}


@parametrized("adapters")
def test_an_adapter_knows_no_flow_and_no_command(module):
    allowed = {"", "errors", "model", "values", "cached"}  # "" is the package itself, for its version
    assert {name for name in ours(module) if not name.startswith(("protocol.", "adapters."))} <= allowed


@pytest.mark.parametrize("name", ["errors", "cached", "defaults", "hookspecs", "values"])
def test_what_everybody_imports_imports_nothing_of_ours(name):
    assert ours(modules()[f"{PACKAGE}.{name}"]) == set()


def test_the_values_need_what_makes_values():
    assert ours(modules()[f"{PACKAGE}.model"]) == {"values"}


def test_the_path_to_a_cached_token_imports_nothing_else_at_its_start():
    with open(modules()[f"{PACKAGE}.__main__"].path, encoding="utf-8") as file:
        top = [node for node in ast.parse(file.read()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    froms = {(node.module, alias.name) for node in top if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == {"os", "sys"}
    assert froms == {(PACKAGE, "cached")}  # __future__ would be one more file to find and read
    assert modules()[f"{PACKAGE}.cached"].imports == {"os", "stat", "sys", "time"}


def test_a_command_is_imported_by_the_command_line_alone_and_only_when_it_runs():
    importers = {
        module.name for module in modules().values() if any(name.startswith("commands.") for name in ours(module))
    }
    assert importers == set()
    with open(modules()[f"{PACKAGE}.cli"].path, encoding="utf-8") as file:
        source = file.read()
    assert f'import_module("{PACKAGE}.commands."' in source
    # plugins.py imports the one provider that a command is about
    importers = {module.name for module in modules().values() if "importlib" in module.imports}
    assert importers == {f"{PACKAGE}.cli", f"{PACKAGE}.plugins"}


def test_every_command_has_its_module():
    from oauth_cli_login.cli import COMMANDS

    names = {module.name.rpartition(".")[2] for module in in_folder("commands")}
    assert names == {command.replace("-", "_") for command in COMMANDS}


def test_no_two_modules_import_each_other_however_far_around():
    """Save for the package itself, which everybody imports: what it offers it imports when it is asked for it."""
    inner = modules().keys() - {PACKAGE}
    graph = {name: modules()[name].imports & inner for name in inner}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # CycleError names the cycle


# the outside world has one door each


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("pluggy", {"plugins", "hookspecs", "defaults"}),
        ("requests", {"adapters.http", "requests_auth"}),  # the second sends nothing: it is for a caller's own requests
        ("urllib3", {"adapters.http"}),
        ("truststore", {"adapters.http"}),
        ("fcntl", {"adapters.lock"}),
        ("tomli", {"adapters.config_file"}),
        ("webbrowser", {"adapters.browser"}),
        ("dataclasses", {"values"}),  # see there
        ("keyring", {"adapters.vault"}),
    ],
)
def test_a_library_is_imported_in_one_place(library, doors):
    importers = {
        module.name[len(PACKAGE) + 1 :]
        for module in modules().values()
        if any(name.partition(".")[0] == library for name in module.imports)
    }
    assert importers == doors


def test_the_metadata_of_distributions_is_read_in_one_place():
    importers = {module.name for module in modules().values() if "importlib.metadata" in module.imports}
    assert importers == {f"{PACKAGE}.adapters.entry_points"}


def test_sockets_are_the_adapters_own():
    importers = {module.name for module in modules().values() if "socket" in module.imports}
    assert f"{PACKAGE}.adapters.loopback" in importers
    assert all(name.startswith(f"{PACKAGE}.adapters.") for name in importers)


def test_a_provider_needs_pluggy_and_nothing_of_ours():
    """As any third party's: the built-in ones use the same hooks. The mock brings a server, and its own errors."""
    plain = {name: m for name, m in modules(oauth_cli_providers).items() if ".mock" not in name}
    assert len(plain) > 5
    for module in plain.values():
        top = {name.partition(".")[0] for name in module.imports}
        assert top <= {"pluggy", "__future__", "collections", "typing", "urllib"}, module.name
