"""``scripts/mutants``: what it takes for proof that a test can fail, and what it does not."""

from __future__ import annotations

import os

import _mutants
import pytest
from _mutants import Edit, Mutant, NotThereError

TEST = "import subject\ndef test_it():\n    assert subject.answer() == 42\ndef test_nothing():\n    pass\n"


@pytest.fixture
def tree(tmp_path):
    """A tree of one module and its test."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "subject.py").write_text("def answer():\n    return 42\n")
    (tmp_path / "test_subject.py").write_text(TEST)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def mutant(line, becomes, test="test_it"):
    return Mutant(1, (Edit("core/subject.py", line, becomes),), (f"test_subject.py::{test}",))


def test_a_test_that_fails_is_proof_and_the_tree_is_what_it_was(tree):
    before = (tree / "core" / "subject.py").read_text()
    assert _mutants.tried(mutant("return 42", "return 41"), str(tree)) is None
    assert (tree / "core" / "subject.py").read_text() == before


def test_a_test_that_passes_is_none(tree):
    problem = _mutants.tried(mutant("return 42", "return 41", "test_nothing"), str(tree))
    assert problem == "its tests pass: test_subject.py::test_nothing"


@pytest.mark.parametrize(
    ("line", "becomes", "test"), [("return 42", "return 4 2", "test_it"), ("42", "41", "test_gone")]
)
def test_neither_is_one_that_cannot_be_run(tree, line, becomes, test):
    assert "its tests cannot be run" in _mutants.tried(mutant(line, becomes, test), str(tree))


def test_nor_one_that_does_not_end(tree, monkeypatch):
    monkeypatch.setattr(_mutants, "SECONDS", 1)
    problem = _mutants.tried(mutant("return 42", "import time; time.sleep(30)"), str(tree))
    assert problem == "its tests did not end within 1 s"


@pytest.mark.parametrize("line", ["return 43", "e", "\n\n"])
def test_a_line_that_is_not_there_once_is_told(tree, line):
    assert "and should once" in _mutants.tried(mutant(line, "x"), str(tree))


def test_a_change_that_changes_nothing_is_told():
    with pytest.raises(NotThereError, match="nothing is changed"):
        _mutants.changed("a\n", Edit("file", "a", "a"))


def test_all_changes_of_a_mutant_are_made_and_taken_back(tree):
    (tree / "core" / "subject.py").write_text("A = 40\nB = 2\ndef answer():\n    return A + B\n")
    edits = tuple(
        Edit("core/subject.py", line, becomes) for line, becomes in [("A = 40", "A = 2"), ("B = 2", "B = 40")]
    )
    assert "its tests pass" in _mutants.tried(Mutant(1, edits, ("test_subject.py::test_it",)), str(tree))
    assert (tree / "core" / "subject.py").read_text().startswith("A = 40\nB = 2\n")


@pytest.mark.parametrize(
    ("becomes", "status", "said"), [("41", 0, "none went unnoticed"), ("42", 1, "1 went unnoticed")]
)
def test_one_that_goes_unnoticed_fails_the_whole(tree, monkeypatch, capsys, becomes, status, said):
    monkeypatch.setattr(_mutants, "listed", lambda: [mutant("return 42", f"return 0 + {becomes}")])
    monkeypatch.setattr(_mutants, "copy_of_the_tree", lambda _tree: str(tree))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert _mutants.main([]) == status
    assert capsys.readouterr().out.endswith(f"1 mutants of 1 rows: {said}\n")


def test_a_copy_has_the_tests_and_none_of_the_working_trees_leftovers(tmp_path):
    tree = _mutants.copy_of_the_tree(str(tmp_path / "tree"))
    assert os.path.exists(os.path.join(tree, _mutants.LISTED))
    assert os.path.exists(os.path.join(tree, "core", "oauth_cli_login", "cli.py"))
    assert not os.path.exists(os.path.join(tree, ".git"))


@pytest.mark.parametrize("becomes", ["return undefined_name", "import no_such_module_anywhere"])
def test_nor_one_that_met_a_program_that_does_not_work(tree, becomes):
    assert "it breaks the program instead" in _mutants.tried(mutant("return 42", becomes), str(tree))
