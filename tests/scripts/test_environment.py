"""The scripts' private environments."""

from __future__ import annotations

import sys

import _environment
import pytest


def test_a_python_without_ensurepip_is_one_line_that_names_the_package(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(_environment, "BUILD", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["/x/scripts/demo"])
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit) as stopped:
        _environment.python_with("test")
    assert stopped.value.code == 3
    stderr = capsys.readouterr().err
    assert stderr.startswith("demo: ")
    assert stderr.count("\n") == 1
    assert "apt install python{}.{}-venv".format(*sys.version_info) in stderr
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_stands_is_used_again(monkeypatch, tmp_path):
    monkeypatch.setattr(_environment, "BUILD", str(tmp_path))
    made = []

    def make(name, folder):
        made.append(name)
        (tmp_path / folder).mkdir()

    monkeypatch.setattr(_environment, "_make", make)
    assert _environment.python_with("test") == _environment.python_with("test")
    assert made == ["test"]


def test_another_lock_is_another_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(_environment, "BUILD", str(tmp_path))
    monkeypatch.setattr(_environment, "_make", lambda name, folder: None)
    lock = tmp_path / "lock"
    monkeypatch.setattr(_environment, "lock_path", lambda name: str(lock))
    lock.write_text("a==1")
    first = _environment.python_with("test")
    lock.write_text("a==2")
    assert _environment.python_with("test") != first


def test_a_failing_command_ends_the_script_with_its_status():
    with pytest.raises(SystemExit) as stopped:
        _environment.run(sys.executable, "-c", "raise SystemExit(7)")
    assert stopped.value.code == 7
