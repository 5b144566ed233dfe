"""Threat 45: a poll that nobody answers. The rows 44 to 46 are in tests/core/test_device_flow.py but for that."""

from __future__ import annotations

import pytest
from waiting import wait_until

LOGIN = ("login", "--provider", "mock", "--flow", "device")


@pytest.mark.parametrize("fault", ["hang-up", "silence"])
def test_threat_45_a_poll_that_nobody_answers_does_not_end_the_wait(cli, mock, monkeypatch, world, fault):
    """The network fails for a while: it asks again, less and less often, for as long as the person has."""
    passed = [1000.0]

    def sleep(seconds: float) -> None:
        """Let time pass at once, and only here; from here on every request is a poll."""
        if fault == "silence":
            monkeypatch.setattr("oauth_cli_login.adapters.http.READ_TIMEOUT", 0.1)
        passed.append(seconds)

    world(monotonic=lambda: sum(passed), sleep=sleep)
    mock.faults = f"{fault}@poll"

    done = cli(*LOGIN, "--timeout", "100")

    assert done.failed(6, "nobody entered the code within 1:40 min")
    wait_until(lambda: len(mock.received("token")) >= 4)  # nobody waited for the silent server to read the last one
    assert len(mock.received("token")) == 4  # after 5, 15, 35 and 75 seconds
    assert "2. Enter this code there:  " in done.err
