"""The one file: what is in it, which interpreters it runs on, and whose modules it imports there."""

from __future__ import annotations

import ast
import glob
import json
import os
import signal
import stat
import subprocess
import zipfile
from collections.abc import Callable, Sequence

import pytest
from interpreters import interpreter
from machine import WITNESS, Machine, write
from waiting import wait_until

OLD = ["2.7", "3.6", "3.7", "3.8", "3.9"]


@pytest.fixture(scope="session")
def started(pyz: str) -> list[zipfile.ZipInfo]:
    """What a start sees."""
    with zipfile.ZipFile(pyz) as archive:
        return archive.infolist()


@pytest.fixture(scope="session")
def packages(pyz: str) -> list[zipfile.ZipInfo]:
    """What is unpacked."""
    with (
        zipfile.ZipFile(pyz) as whole,
        whole.open("site-packages.zip") as entry,
        zipfile.ZipFile(entry) as archive,
    ):
        return archive.infolist()


# What is in it


def test_it_is_a_program_with_pythons_own_first_line(pyz: str) -> None:
    with open(pyz, "rb") as file:
        assert file.readline() == b"#!/usr/bin/env python3\n"
    assert os.access(pyz, os.X_OK)


def test_its_entries_are_few_because_every_start_reads_their_names(started: list[zipfile.ZipInfo]) -> None:
    assert [entry.filename for entry in started] == [
        "__main__.py",
        "oauth_cli_login/cached.py",
        "oauth_cli_start.py",
        "oauth_cli_unpacked.py",
        "oauth_cli_interpreter.py",
        "site-packages.zip",
    ]


def test_where_a_cached_token_is_and_whether_it_may_be_used_is_one_module(pyz: str, machine: Machine) -> None:
    unpacked = os.path.join(machine.build(), "site-packages", "oauth_cli_login", "cached.py")
    with zipfile.ZipFile(pyz) as archive, open(unpacked, "rb") as file:
        assert archive.read("oauth_cli_login/cached.py") == file.read()


def test_the_packages_are_few_and_hold_no_compiled_code(packages: list[zipfile.ZipInfo]) -> None:
    assert len(packages) < 350
    endings = (".so", ".pyd", ".dll", ".dylib", ".pyc")
    assert not [entry.filename for entry in packages if entry.filename.endswith(endings)]


def test_nothing_of_the_building_machine_is_left(
    started: list[zipfile.ZipInfo], packages: list[zipfile.ZipInfo]
) -> None:
    modes = {
        (entry.create_system, entry.external_attr >> 16, entry.date_time, entry.compress_type)
        for entry in started + packages
    }
    assert modes == {(3, stat.S_IFREG | 0o644, (1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)}
    names = [entry.filename for entry in packages]
    assert names == sorted(names)


def test_installation_records_stay_out_and_licences_stay_in(packages: list[zipfile.ZipInfo]) -> None:
    metadata = [entry.filename.split("/", 1) for entry in packages if ".dist-info/" in entry.filename]
    kept = {rest for _, rest in metadata if "licenses/" not in rest}
    assert kept <= {"METADATA", "entry_points.txt", "LICENSE"}
    distributions = {folder for folder, _ in metadata}
    assert distributions == {folder for folder, rest in metadata if "LICEN" in rest}


def imports_of(site_packages: str) -> set[str]:
    """Return our modules, and every module of the file that they import, at the top or on use."""
    inside = {name.removesuffix(".py") for name in os.listdir(site_packages)}
    found = set()
    for top in ("oauth_cli_login", "oauth_cli_providers"):
        for path in glob.glob(os.path.join(site_packages, top, "**", "*.py"), recursive=True):
            found.add(os.path.relpath(path, site_packages)[:-3].replace(os.sep, ".").removesuffix(".__init__"))
            with open(path, encoding="utf-8") as source:
                for node in ast.walk(ast.parse(source.read())):
                    if isinstance(node, ast.Import):
                        found |= {alias.name for alias in node.names}
                    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                        found.add(node.module)
    return {name for name in found if name.partition(".")[0] in inside}


def test_all_that_our_modules_import_on_use_too_is_in_the_file(machine: Machine) -> None:
    site_packages = os.path.join(machine.build(), "site-packages")
    modules = imports_of(site_packages)
    assert modules >= {"oauth_cli_login.cli", "requests", "rich.table", "tomli"}
    code = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "for module in sys.argv[2:]: importlib.import_module(module)\n"
    )
    command = [machine.python, "-I", "-W", "error", "-c", code, site_packages, *sorted(modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# Whose modules are imported


@pytest.mark.parametrize("options", ["-I", "-S", "-I -S", "-OO", "-B", "-W error"])
def test_it_runs_under_pythons_own_options(machine: Machine, options: str) -> None:
    machine.version(options=options.split())


@pytest.mark.parametrize("name", ["PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE"])
def test_it_runs_under_pythons_own_variables(machine: Machine, name: str) -> None:
    machine.version(**{name: "1"})


def test_our_copies_win_over_pythonpath(machine: Machine) -> None:
    found = machine.witness()
    assert found["path"][0] == os.path.join(machine.build(), "site-packages")
    assert os.path.dirname(os.path.dirname(found["pluggy"])) == found["path"][0]
    assert os.path.dirname(os.path.dirname(found["requests"])) == found["path"][0]
    assert machine.pyz not in found["path"]


def test_what_is_installed_beside_the_interpreter_stays_visible_behind_ours(machine: Machine) -> None:
    found = machine.witness()["path"]
    assert any(os.path.dirname(os.path.dirname(machine.python)) in folder for folder in found[1:])


def test_threat_72_modules_in_the_current_folder_are_ignored(machine: Machine) -> None:
    for name in ("json.py", "oauth_cli_start.py", "oauth_cli_unpacked.py", "oauth_cli_login.py", "argparse.py"):
        write(machine.work, name, "raise SystemExit(99)\n")
    assert not machine.witness()["json"].startswith(machine.work)


# Interpreters that are too old


@pytest.fixture
def path_with(machine: Machine) -> Callable[[Sequence[str]], str]:
    """Make a PATH: a version manager's shims, which fail, stand first; then these interpreters."""

    def make(interpreters: Sequence[str]) -> str:
        shims, real = os.path.join(machine.folder, "shims"), os.path.join(machine.folder, "bin")
        for name in ("python3", "python3.10", "python3.99"):
            os.chmod(write(shims, name, "#!/bin/sh\necho no such version >&2\nexit 127\n"), 0o755)
        os.mkdir(real)
        for version in interpreters:
            os.symlink(interpreter(version), os.path.join(real, f"python{version}"))
        return os.pathsep.join([shims, real])

    return make


@pytest.mark.parametrize("version", OLD)
def test_an_old_interpreter_goes_on_with_one_that_will_do(
    machine: Machine, path_with: Callable[[Sequence[str]], str], version: str
) -> None:
    machine.version(python=interpreter(version), PATH=path_with(["3.8", "3.10"]))


def test_the_newest_on_path_is_chosen(machine: Machine, path_with: Callable[[Sequence[str]], str]) -> None:
    report = os.path.join(machine.folder, "witness.json")
    folder = os.path.join(machine.folder, "witness")
    write(folder, "sitecustomize.py", WITNESS)
    path = path_with(["3.10", "3.12", "3.11"])
    machine.version(python=interpreter("3.8"), PATH=path, PYTHONPATH=folder, WITNESS=report)
    with open(report, encoding="utf-8") as file:
        assert json.load(file)["python"] == [3, 12]


@pytest.mark.parametrize("version", OLD)
def test_where_no_interpreter_will_do_it_says_so_in_one_line(
    machine: Machine, path_with: Callable[[Sequence[str]], str], version: str
) -> None:
    status, stdout, stderr = machine.run("--version", python=interpreter(version), PATH=path_with([]))
    assert (status, stdout) == (3, "")
    assert stderr.startswith(f"oauth-cli.pyz needs Python 3.10 or newer: this is {version}, ")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("version", ["2.7", "3.9"])
def test_ctrl_c_while_it_looks_for_an_interpreter_ends_with_130(machine: Machine, version: str) -> None:
    asked = os.path.join(machine.folder, "asked")
    slow = write(machine.folder, "slow/python3.13", f"#!/bin/sh\n: >'{asked}'\nexec sleep 10\n")
    os.chmod(slow, 0o755)
    path = os.path.dirname(slow) + os.pathsep + os.defpath
    process = machine.start("--version", python=interpreter(version), PATH=path)
    wait_until(lambda: os.path.exists(asked))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (130, "", "")


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_it_runs_on_every_interpreter_that_it_is_for(machine: Machine, version: str) -> None:
    machine.version(python=interpreter(version))
