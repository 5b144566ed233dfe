"""The rule for a machine that lacks what a server needs."""

from __future__ import annotations

import pytest
from servers import runtime


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("OAUTH_CLI_REQUIRE_ALL", raising=False)


def test_a_missing_runtime_skips_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="java is not installed"):
        runtime.command("java")


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("OAUTH_CLI_REQUIRE_ALL", "1")])
def test_a_missing_runtime_fails_where_all_have_to_be_there(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(pytest.fail.Exception, match="java is not installed"):
        runtime.command("java")
