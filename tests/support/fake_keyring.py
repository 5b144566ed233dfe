"""A keyring in this process, which a test can make hang, fail, forget, or lose its power between any two steps."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


class KeyringLocked(Exception):  # noqa: N818 - the library's own name
    """What the library raises where somebody dismissed the prompt."""


class NoPowerError(OSError):
    """Nothing has an effect any more."""


@dataclass
class FakeKeyring:
    """``entries`` are the texts by service. ``raises`` is raised by each call; ``hangs`` until ``released``.

    With ``power`` left for so many steps, everything that counts as one ``step`` fails afterwards.
    """

    entries: dict[str, str] = field(default_factory=dict)
    raises: BaseException | None = None
    hangs: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    calls: list[str] = field(default_factory=list)
    power: int | None = None

    def step(self, name: str) -> None:
        self.calls.append(name)
        if self.power is not None:
            if self.power == 0:
                raise NoPowerError
            self.power -= 1
        if self.hangs:
            self.released.wait(20)
        if self.raises is not None:
            raise self.raises

    def get_password(self, service: str, username: str) -> str | None:
        self.step(f"get {service}")
        return self.entries.get(service)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.step(f"set {service}")
        self.entries[service] = password

    def delete_password(self, service: str, username: str) -> None:
        self.step(f"delete {service}")
        del self.entries[service]
