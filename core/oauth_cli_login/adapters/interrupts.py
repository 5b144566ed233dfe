"""Ctrl-C, and whatever else asks a process to end, held back for the moments in which it would cost a session."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ASKED_TO_END = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""
_MEANT = 3


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let what asks this process to end wait until the block is over, well or badly; then it has its effect.

    The block must end by itself. What is ignored stays ignored, and whoever asks for the third time means it.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can it arrive
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _ASKED_TO_END}
    held = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

    def hold(number: int, _frame: object) -> None:
        arrived.append(number)
        if len(arrived) >= _MEANT:
            raise KeyboardInterrupt

    for number in held:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for number in arrived if len(arrived) < _MEANT else ():
            signal.raise_signal(number)
