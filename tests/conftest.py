"""What holds for every test."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# The same examples every time: a red run on one machine is red on every other. `tox -e fuzz` tries others.
settings.register_profile("same", derandomize=True, database=None, deadline=None, max_examples=100)
settings.register_profile("fuzz", database=None, deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("same")

for number in (signal.SIGINT, getattr(signal, "SIGQUIT", signal.SIGINT)):
    # a shell's background job ignores them, and so would all that the tests start
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

pytest.register_assert_rewrite("in_process")  # its assertions are told as those of a test are


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep what code in this process caches, where a test names no folder for it, out of the home of who runs them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
