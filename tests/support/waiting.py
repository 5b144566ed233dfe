"""Waiting for what another thread or process does: for the event itself, not for a time in which it should come."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 30
"""Seconds that anything may take before the test gives up; none is expected to come near."""


def wait_until(happened: Callable[[], object]) -> None:
    """Return as soon as ``happened`` says so; AssertionError where it does not within LONGEST seconds."""
    end = time.monotonic() + LONGEST
    while True:
        late = time.monotonic() >= end  # asked first: if the machine stood still meanwhile, it may have happened
        if happened():
            return
        assert not late, f"it did not happen within {LONGEST} seconds"
        time.sleep(0.02)
