"""Threat 45: a poll that nobody answers. The rows 44 to 46 are in tests/core/test_device_flow.py but for that."""

from __future__ import annotations

import pytest
from raw_server import serving

LOGIN = ("login", "--provider", "mock", "--flow", "device")


@pytest.fixture
def flying(cli, world):
    """Time passes at once where somebody sleeps, and only there."""
    passed = [1000.0]
    world(monotonic=lambda: sum(passed), sleep=passed.append)
    return passed


@pytest.mark.parametrize("answer", [b"", lambda _connection, over: over.wait(5)], ids=["closed", "silent"])
def test_threat_45_a_poll_that_nobody_answers_does_not_end_the_wait(cli, server, monkeypatch, flying, answer):
    """The network fails for a while: it asks again, less and less often, for as long as the code lives."""
    monkeypatch.setattr("oauth_cli_login.adapters.http.READ_TIMEOUT", 0.1)
    server.device = {"expires_in": 100}
    with serving(answer) as silent:
        server.metadata = {"token_endpoint": silent.url("/token")}

        done = cli(*LOGIN)

    assert done.failed(6, "the device code expired")
    assert len(silent.received) == 4  # after 5, 15, 35 and 75 seconds
    assert "BCDF-GHJK" in done.err
