"""What holds for every test."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("in_process")  # its assertions are told as those of a test are


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep what code in this process caches, where a test names no folder for it, out of the home of who runs them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
