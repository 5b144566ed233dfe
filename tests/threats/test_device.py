"""Threat 45: a poll that nobody answers. The rows 44 to 46 are in tests/core/test_device_flow.py but for that."""

from __future__ import annotations

import pytest

LOGIN = ("login", "--provider", "mock", "--flow", "device")


@pytest.fixture
def flying(cli, world):
    """Time passes at once where somebody sleeps, and only there."""
    passed = [1000.0]
    world(monotonic=lambda: sum(passed), sleep=passed.append)
    return passed


@pytest.mark.parametrize("fault", ["hang-up", "silence"])
def test_threat_45_a_poll_that_nobody_answers_does_not_end_the_wait(cli, mock, monkeypatch, flying, fault):
    """The network fails for a while: it asks again, less and less often, for as long as the person has."""
    monkeypatch.setattr("oauth_cli_login.adapters.http.READ_TIMEOUT", 0.1)
    mock.faults = f"{fault}@poll"

    done = cli(*LOGIN, "--timeout", "100")

    assert done.failed(6, "nobody entered the code within 1:40 min")
    assert len(mock.received("token")) == 4  # after 5, 15, 35 and 75 seconds
    assert "2. Enter this code there:  " in done.err
