"""``setup git`` and ``setup kubectl``: what is written, what is printed, and what is refused."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys

import pytest

GITHUB = "credential.https://github.com.helper"


@pytest.fixture
def program(tmp_path, monkeypatch) -> str:
    """The file that runs: a .pyz in a folder with a space."""
    path = tmp_path / "my programs" / "oauth-cli.pyz"
    path.parent.mkdir()
    path.write_bytes(b"#!/usr/bin/env python3\nPK\x03\x04")
    monkeypatch.setattr("sys.argv", [str(path)])
    return str(path)


@pytest.fixture
def line(program):
    """What stands in git's configuration for a profile."""

    def of(profile: str, *more: str) -> str:
        return "!" + shlex.join([sys.executable, program, "git-credential", "--profile", profile, *more])

    return of


@pytest.fixture
def file(tmp_path, environ, program):
    """The user's global git configuration."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    path = tmp_path / "gitconfig"
    environ.update(PATH=git.rpartition("/")[0], HOME=str(tmp_path), GIT_CONFIG_GLOBAL=str(path))
    return path


@pytest.fixture
def values(file, environ):
    def read(key: str = GITHUB) -> list[str]:
        done = subprocess.run(
            ["git", "config", "--global", "--null", "--get-all", key],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout.split("\0")[:-1]

    return read


@pytest.fixture
def github(signed_in):
    """Store a session at GitHub."""

    def make(name: str = "github", scopes: tuple[str, ...] = ("read:user", "repo"), **changes):
        settings = {"client_id": "cli-app"}
        issuer = "https://github.com/login/oauth"
        return signed_in(name, provider="github", settings=settings, issuer=issuer, scopes=scopes, **changes)

    return make


# git


def test_the_list_is_emptied_and_the_line_has_absolute_paths(cli, github, values, line):
    github()

    done = cli("setup", "git")

    assert (done.status, done.out) == (0, "")
    assert done.err == "git uses github (demouser) for https://github.com\n"
    assert values() == ["", line("github")]


def test_again_changes_nothing_and_a_moved_file_is_followed(cli, github, values, line, file, program, monkeypatch):
    github()
    cli("setup", "git")
    before = file.read_text()
    cli("setup", "git")
    assert file.read_text() == before

    moved = program.replace("my programs/oauth-cli", "new")
    shutil.copy(program, moved)
    monkeypatch.setattr("sys.argv", [moved])
    cli("setup", "git")

    assert values() == ["", line("github").replace(f"'{program}'", moved)]


def test_a_second_account_stands_behind_the_first(cli, github, values, line):
    github()
    github("work", label="alice-at-acme")

    cli("setup", "git", "--profile", "github")
    cli("setup", "git", "--profile", "work")
    cli("setup", "git", "--profile", "github")

    assert values() == ["", line("github"), line("work")]


def test_a_host_that_is_not_the_issuers_is_written_down(cli, github, values, line):
    github()

    done = cli("setup", "git", "--host", "git.example.com:8443")

    assert values("credential.https://git.example.com:8443.helper") == [
        "",
        line("github", "--host", "https://git.example.com:8443"),
    ]
    assert "for https://git.example.com:8443" in done.err
    assert values() == []


def test_the_issuers_own_host_may_be_named(cli, github, values, line):
    github()

    cli("setup", "git", "--host", "GitHub.com")

    assert values() == ["", line("github")]


@pytest.mark.parametrize("host", ["http://git.example.com", "git.example.com/acme", "a b", "", "x\n"])
@pytest.mark.parametrize("options", [(), ("--remove",)])
def test_a_host_that_no_token_may_go_to_is_usage(cli, github, file, host, options):
    github()

    done = cli("setup", "git", "--host", host, *options)

    assert done.failed(2, "is no host that a token may go to")
    assert "HOST:PORT" in done.next_step
    assert not file.exists()


def test_another_helper_is_left_alone_and_nothing_is_changed(cli, github, file):
    github()
    file.write_text('[credential "https://github.com"]\n\thelper = \n\thelper = !/usr/bin/gh auth git-credential\n')
    before = file.read_text()

    done = cli("setup", "git")

    assert done.failed(3, "git has another helper for https://github.com: !/usr/bin/gh auth git-credential")
    assert f"git config --global --unset-all {GITHUB}" in done.next_step
    assert file.read_text() == before


def test_a_helper_for_everything_that_stands_behind_is_warned_of(cli, github, file, values, line):
    github()
    file.write_text('[credential "https://github.com"]\n\tusername = me\n[credential]\n\thelper = store\n')

    assert "git hands the tokens to other helpers as well, to keep: credential.helper" in cli("setup", "git").err

    file.write_text("[credential]\n\thelper = store\n")
    assert "warning" not in cli("setup", "git").err
    assert values() == ["", line("github")]


@pytest.mark.parametrize(
    "section",
    [
        *(
            "https://github.com/",
            "https://GitHub.com",
            "https://*.com",
            "https://me@github.com",
            "https://github.com:443",
        ),
        "https://github.com/team",
    ],
)
def test_another_section_that_is_about_the_host_is_warned_of(cli, github, file, section):
    github()
    file.write_text(f'[credential "https://github.com"]\n\tusername = me\n[credential "{section}"]\n\thelper = store\n')

    assert f"to keep: credential.{section}.helper" in cli("setup", "git").err


@pytest.mark.parametrize("section", ["https://gitlab.com", "http://github.com", "https://github.com:8443", "https://*"])
def test_a_section_about_another_host_is_not(cli, github, file, section):
    github()
    file.write_text(f'[credential "https://github.com"]\n\tusername = me\n[credential "{section}"]\n\thelper = store\n')

    assert "warning" not in cli("setup", "git").err


def test_a_helper_in_an_included_file_is_warned_of(cli, github, file, tmp_path):
    github()
    included = tmp_path / "included"
    included.write_text("[credential]\n\thelper = store\n")
    file.write_text(f'[credential "https://github.com"]\n\tusername = me\n[include]\n\tpath = {included}\n')

    assert "to keep: credential.helper" in cli("setup", "git").err


def test_a_dry_run_prints_what_a_shell_can_run(cli, github, file, environ, values, line):
    github()

    done = cli("setup", "git", "--dry-run")

    assert not file.exists()
    assert done.err == ""
    subprocess.run(["/bin/sh", "-ec", done.out], env=environ, check=True, timeout=30)
    assert values() == ["", line("github")]
    assert cli("setup", "git", "--dry-run").out == ""


@pytest.mark.usefixtures("file")
def test_json_says_what_changed(cli, github, line):
    github()

    assert cli("setup", "git", "--dry-run", "--json").json == {
        "dry_run": True,
        "changed": {GITHUB: ["", line("github")]},
    }


@pytest.mark.parametrize(
    ("provider", "scopes", "missing"),
    [
        ("github", ("read:user",), ["repo"]),
        ("github", ("repo",), []),
        ("github", (), []),  # a GitHub App: its tokens have permissions instead
        ("gitlab", ("openid",), ["read_repository", "write_repository"]),
        ("gitlab", ("read_repository",), ["write_repository"]),
        ("gitlab", ("write_repository",), []),
        ("gitlab", ("api",), []),
        ("oidc", ("openid",), []),
    ],
)
@pytest.mark.usefixtures("file")
def test_scopes_that_do_not_reach_private_repositories_are_named(cli, signed_in, provider, scopes, missing):
    signed_in("work", provider=provider, scopes=scopes)

    done = cli("setup", "git")

    assert done.status == 0
    assert ("warning: this session does not reach private repositories" in done.err) == bool(missing)
    options = "".join(f" --add-scope {scope}" for scope in missing)
    assert (f"oauth-cli login --profile work{options}" in done.err) == bool(missing)


def test_nobody_signed_in_is_told_the_command(cli, file):
    assert cli("setup", "git", "--profile", "github").failed(4, "not signed in to github")
    assert not file.exists()


def test_a_server_without_an_issuer_goes_by_its_token_endpoint_or_has_to_be_named(cli, signed_in, file, values, line):
    signed_in("work", provider="oauth2", issuer=None, token_endpoint="https://git.example/login/token")
    cli("setup", "git")
    assert values("credential.https://git.example.helper") == ["", line("work")]

    signed_in("work", provider="oauth2", issuer=None, token_endpoint=None)
    done = cli("setup", "git")
    assert done.failed(3, "the session work names no host")
    assert "--host HOST" in done.next_step


@pytest.mark.parametrize("options", [(), ("--remove",)])
def test_without_git_it_says_so(cli, github, environ, program, tmp_path, options):
    github()
    environ["PATH"] = str(tmp_path)

    assert cli("setup", "git", *options).failed(3, "git is not installed, or is not on PATH")


# git, taken away again


def test_what_was_written_goes_and_what_others_wrote_stays(cli, github, file):
    github()
    others = '[credential]\n\thelper = store\n[credential "https://gitlab.com"]\n\thelper = !x git-credential get\n'
    others += '[credential "https://none.example"]\n\thelper = \n'
    file.write_text(others)
    cli("setup", "git")
    cli("setup", "git", "--host", "git.example.com")
    assert "oauth-cli.pyz" in file.read_text()

    done = cli("setup", "git", "--remove")

    assert (done.status, done.out, file.read_text()) == (0, "", others)
    assert cli("setup", "git", "--remove").status == 0


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--profile", "work"), {"https://github.com": ["github"], "https://git.example.com": ["github"]}),
        (("--host", "git.example.com"), {"https://github.com": ["github", "work"]}),
        (("--host", "git.example.com", "--profile", "work"), None),
        (("--profile", "gone"), None),
    ],
)
def test_a_profile_or_a_host_alone_can_be_taken_away(cli, github, values, line, options, left):
    github()
    github("work")
    for profile in ("github", "work"):
        cli("setup", "git", "--profile", profile)
    cli("setup", "git", "--profile", "github", "--host", "git.example.com")

    assert cli("setup", "git", "--remove", *options).status == 0

    everything = {"https://github.com": ["github", "work"], "https://git.example.com": ["github"]}
    for address in everything:
        profiles = (everything if left is None else left).get(address, [])
        more = ("--host", address) if "example" in address else ()
        expected = ["", *(line(profile, *more) for profile in profiles)] if profiles else []
        assert values(f"credential.{address}.helper") == expected


def test_removal_needs_no_session(cli, github, file, store):
    github()
    cli("setup", "git")
    store.forget("github")

    assert cli("setup", "git", "--remove").status == 0
    assert "git-credential" not in file.read_text()


def test_a_bad_profile_name_is_usage(cli, file):
    assert cli("setup", "git", "--remove", "--profile", "../evil").failed(2, "cannot be the name of a profile")


# kubectl


def test_kubectl_gets_a_user_with_absolute_paths(cli, signed_in, program):
    signed_in("work")

    done = cli("setup", "kubectl")

    document = json.loads(done.out)  # JSON is YAML, and kubectl reads both
    assert {name: document[name] for name in ("apiVersion", "kind")} == {"apiVersion": "v1", "kind": "Config"}
    [user] = document["users"]
    stanza = user["user"]["exec"]
    assert user["name"] == "oauth-cli-work"
    assert stanza["apiVersion"] == "client.authentication.k8s.io/v1"
    assert [stanza["command"], *stanza["args"]] == [
        *(sys.executable, program),
        *("token", "--format", "kubernetes", "--profile", "work"),
    ]
    assert (stanza["interactiveMode"], stanza["provideClusterInfo"]) == ("Never", False)
    assert done.err == "Then choose it: kubectl config set-context --current --user=oauth-cli-work\n"


@pytest.mark.usefixtures("program")
def test_a_session_without_an_id_token_is_told_so(cli, signed_in):
    signed_in("work", id_token=None)

    done = cli("setup", "kubectl")

    assert done.status == 0
    assert "warning: the session work has no ID token" in done.err
    assert "oauth-cli login --profile work --add-scope openid" in done.err


@pytest.mark.usefixtures("program")
def test_a_path_outside_ascii_stays_as_it_is(cli, signed_in, tmp_path, monkeypatch):
    signed_in("work")
    path = tmp_path / "\N{GREEK SMALL LETTER ALPHA}\N{ROCKET}.pyz"
    path.write_text("")
    monkeypatch.setattr("sys.argv", [str(path)])

    assert f'"{path}"' in cli("setup", "kubectl").out


@pytest.mark.parametrize("option", ["--dry-run", "--remove", "--host=x"])
def test_options_of_git_are_usage_for_kubectl(cli, signed_in, option):
    signed_in()

    assert cli("setup", "kubectl", option).failed(2, "are for git")


def test_nobody_signed_in_gets_no_user(cli):
    assert cli("setup", "kubectl").failed(4, "not signed in")


def test_another_program_is_usage(cli):
    assert cli("setup", "docker").failed(2, "docker")


def test_what_is_removed_is_told(cli, github, file):
    github()
    cli("setup", "git")

    assert cli("setup", "git", "--remove").err == "removed for: https://github.com\n"
    assert cli("setup", "git", "--remove").err == "there was nothing to remove\n"
