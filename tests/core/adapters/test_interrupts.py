"""Ctrl-C is held back, and not lost."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from oauth_cli_login.adapters.interrupts import uninterrupted


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012 - it is raised at the block's end
        os.kill(os.getpid(), signal.SIGINT)
        done.append("saved")
    assert done == ["saved"]


def test_the_handler_is_put_back_also_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="x"), uninterrupted():
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_has_nothing_to_hold_back() -> None:
    ran = []

    def work() -> None:
        with uninterrupted():
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]
