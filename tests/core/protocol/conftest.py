"""Properties are tried on the same examples every time: a red run on one machine is red on every other."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("protocol", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("protocol")
