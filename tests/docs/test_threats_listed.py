"""SECURITY.md's rows, the tests behind them and tests/mutants.toml are one list."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[2]
ROWS = range(1, 73)
MISSING = "does not exist yet"


def listed() -> dict[int, str]:
    """Return the text of each row in SECURITY.md, behind its number."""
    section = re.search(
        r"^## Threats, each a test\n(.*?)(?=^## |\Z)", (ROOT / "SECURITY.md").read_text(), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |^\w[^`\n]*:$|\Z)", section[1], re.MULTILINE | re.DOTALL)
    assert [int(number) for number, _ in rows] == list(ROWS), "every row once, in order"
    return {int(number): " ".join(text.split()) for number, text in rows}


@pytest.fixture(scope="module")
def tests() -> dict[str, set[str]]:
    """Where each test of a threat is defined: the files by its name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_threat_"):
                found.setdefault(node.name, set()).add(path.relative_to(ROOT).as_posix())
    return found


@pytest.fixture(scope="module")
def mutants() -> list[dict[str, object]]:
    return tomli.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]


def row_of(test: str) -> int:
    number = re.match(r"test_threat_(\d\d)_", test)
    assert number, f"{test} has no row"
    return int(number[1])


def test_every_row_has_its_test_or_says_that_its_feature_does_not_exist(tests):
    for number, text in listed().items():
        named = re.findall(r"`(test_\w+)`", text)
        assert [row_of(name) for name in named] == [number] if named else text.endswith(f"{MISSING}."), text
        assert set(named) <= tests.keys(), text


def test_every_test_of_a_threat_has_a_row_that_names_one(tests):
    tested = {number for number, text in listed().items() if "`test_" in text}
    assert {row_of(name) for name in tests} == tested


def test_every_row_with_a_test_has_a_mutant_and_every_mutant_a_test_of_its_row(tests, mutants):
    tested = {number for number, text in listed().items() if "`test_" in text}
    assert {mutant["row"] for mutant in mutants} == tested
    for mutant in mutants:
        assert mutant["tests"], mutant
        for path, _, name in (test.partition("::") for test in mutant["tests"]):
            assert row_of(name) == mutant["row"], name
            assert path in tests[name], name


def test_the_test_that_a_row_names_has_a_mutant_too(mutants):
    shown = {test.partition("::")[2] for mutant in mutants for test in mutant["tests"]}
    named = {name for text in listed().values() for name in re.findall(r"`(test_\w+)`", text)}
    assert named <= shown


def test_every_line_of_a_mutant_stands_in_its_file_once(mutants):
    edits = [edit for mutant in mutants for edit in (mutant, *mutant.get("also", ()))]
    counted = Counter((edit["file"], edit["line"]) for edit in edits)
    for file, line in counted:
        assert (ROOT / file).read_text(encoding="utf-8").count(line) == 1, f"{file}: {line}"
