"""docs/example-plugin as a stranger uses it: its wheel, installed beside the interpreter that runs the built file."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import ROBOT, Command, Finished
from ports import free_port

PLUGIN = os.path.join(os.path.dirname(os.path.dirname(ROBOT)), "docs", "example-plugin")
Run = Callable[..., Finished]


def run_to_the_end(argv: list[str], **options: object) -> Finished:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]  # cwd and env, as the callers name them
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def pip(*argv: str) -> None:
    done = run_to_the_end([sys.executable, "-m", "pip", "--disable-pip-version-check", *argv])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a fresh environment keeps what is installed: the plugin, from its wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("beside")
    # the tests' own hatchling where there is one; else pip fetches what the plugin's pyproject.toml asks for
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    pip("wheel", "--quiet", "--no-deps", *isolation, "--wheel-dir", str(folder), PLUGIN)
    [wheel] = glob.glob(str(folder / "oauth_cli_gitlab-*.whl"))
    environment = str(folder / "environment")
    assert run_to_the_end([sys.executable, "-m", "venv", "--without-pip", environment]).returncode == 0
    pip("--python", os.path.join(environment, "bin", "python"), "install", "--quiet", "--no-deps", "--no-index", wheel)
    [found] = glob.glob(os.path.join(environment, "lib", "python*", "site-packages"))
    return found


@pytest.fixture
def beside(pyz: str, site_packages: str, tmp_path: Path) -> Run:
    """Run the built file with that environment's Python."""
    python = os.path.join(site_packages, "..", "..", "..", "bin", "python")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "OAUTH_CLI_HOME": str(tmp_path / "home"),
    }

    def run(*argv: str) -> Finished:
        return run_to_the_end([python, pyz, *argv], cwd=tmp_path, env=env)

    return run


@pytest.fixture
def base_url(oauth_cli: Command) -> str:
    """The issuer of a server on this machine: the embedded one, in a process of its own."""
    port = str(free_port())
    server = oauth_cli.start("mock-server", "--port", port)
    server.wait_for("answers at")
    return f"http://localhost:{port}/default"


@pytest.fixture
def claim(site_packages: str) -> Iterator[Callable[[str], None]]:
    """Install a second distribution that offers a provider of this name."""
    made: list[str] = []

    def install(name: str) -> None:
        folder = os.path.join(site_packages, "somebody_else-6.6.dist-info")
        os.mkdir(folder)
        made.append(folder)
        Path(folder, "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-else\nVersion: 6.6\n")
        Path(folder, "entry_points.txt").write_text(f"[oauth_cli.providers]\n{name} = oauth_cli_gitlab\n")

    yield install
    for folder in made:
        shutil.rmtree(folder)


def login(beside: Run, base_url: str) -> Finished:
    return beside(
        *("login", "--provider", "gitlab", "--base-url", base_url, "--client-id", "cli-app"),
        *("--browser", f"{sys.executable} {ROBOT}", "--json"),
    )


def test_the_plugin_is_listed_with_its_distribution(beside: Run) -> None:
    listed = beside("providers", "--json").json()["providers"]
    [gitlab] = [provider for provider in listed if provider["name"] == "gitlab"]
    assert gitlab["distribution"] == "oauth-cli-gitlab 1.0.0"
    assert gitlab["usable"]
    assert "oauth-cli-gitlab 1.0.0" in beside("providers").stderr


def test_somebody_signs_in_and_out_through_the_plugin(beside: Run, base_url: str) -> None:
    done = login(beside, base_url)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["profile"], result["provider"], result["sub"]) == ("gitlab", "gitlab", "demouser")
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in done.stderr
    token = beside("token")
    assert token.returncode == 0, token.stderr
    assert token.stdout.strip()
    assert beside("logout").returncode == 0


def test_the_plugins_setting_is_an_option_of_login(beside: Run) -> None:
    assert "--base-url" in beside("login", "--provider", "gitlab", "--help").stdout


@pytest.mark.parametrize(
    ("name", "first"),
    [("gitlab", "oauth-cli-gitlab 1.0.0"), ("github", "oauth-cli-login "), ("mock", "oauth-cli-login ")],
)
def test_a_name_that_two_distributions_claim_is_refused_and_both_are_named(
    beside: Run, claim: Callable[[str], None], name: str, first: str
) -> None:
    claim(name)
    done = beside("login", "--provider", name, "--client-id", "cli-app")
    assert done.returncode == 3
    assert first in done.stderr
    assert "somebody-else 6.6" in done.stderr
    listed = beside("providers", "--json").json()["providers"]
    assert [provider["usable"] for provider in listed if provider["name"] == name] == [False, False]


def test_the_other_providers_work_all_the_same(beside: Run, claim: Callable[[str], None], base_url: str) -> None:
    claim("github")
    assert login(beside, base_url).returncode == 0
