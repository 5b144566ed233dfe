"""Ctrl-C, SIGTERM and SIGHUP are held back, and not lost."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from oauth_cli_login.adapters.interrupts import uninterrupted

asked_to_end = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012 - it is raised at the block's end
        os.kill(os.getpid(), signal.SIGINT)
        done.append("saved")
    assert done == ["saved"]


def test_ctrl_c_is_not_lost_where_the_block_fails() -> None:
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012 - as above
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("x")


@asked_to_end
def test_the_handler_is_put_back_also_after_an_error(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(ValueError, match="x"), uninterrupted():
        raise ValueError("x")
    assert signal.getsignal(number) is before


@asked_to_end
def test_whoever_deals_with_it_is_told_at_the_end(number: signal.Signals) -> None:
    told: list[str] = []
    before = signal.signal(number, lambda *_: told.append("told"))
    try:
        with uninterrupted():
            os.kill(os.getpid(), number)
            told.append("saved")
    finally:
        signal.signal(number, before)
    assert told == ["saved", "told"]


@asked_to_end
def test_what_is_ignored_stays_ignored(number: signal.Signals) -> None:
    """``nohup`` ignores SIGHUP; a shell lets the commands behind its ``&`` ignore Ctrl-C."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with uninterrupted():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_another_thread_has_nothing_to_hold_back() -> None:
    ran = []

    def work() -> None:
        with uninterrupted():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]


def test_whoever_asks_for_the_third_time_means_it() -> None:
    """A server that says 503 is asked again: nobody waits for that who wants to leave."""
    reached = 0
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012 - what comes behind it is the test
        for _ in range(3):
            reached += 1
            os.kill(os.getpid(), signal.SIGINT)
        reached += 1
    assert reached == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
