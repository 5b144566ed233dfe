"""How long ``tox -e fuzz`` goes on, and what it ends with."""

from __future__ import annotations

import subprocess
import sys

import _fuzz
import pytest


@pytest.fixture
def rounds(monkeypatch):
    """Have rounds of a minute each; the list is what each is to end with, and then the seeds that they had."""
    statuses, seeds, now = [], [], [0.0]

    def run(command, *, timeout, **_):
        seeds.append(command[-1].removeprefix("--hypothesis-seed="))
        assert "--hypothesis-profile=fuzz" in command
        now[0] += 60
        status = statuses.pop(0)
        if status is None:
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(_fuzz.subprocess, "run", run)
    monkeypatch.setattr(_fuzz.time, "monotonic", lambda: now[0])
    return statuses, seeds


@pytest.mark.parametrize(
    ("arguments", "statuses", "status", "left"),
    [
        (["3"], [0, 0, 0, 0], 0, 1),
        (["0"], [0, 0], 0, 1),
        (["3"], [0, 1, 0], 1, 1),
        (["3"], [None, 0], 124, 1),
        (["--seed", "7"], [0, 0], 0, 1),
    ],
)
def test_rounds_go_on_until_the_time_is_over_or_one_is_red(monkeypatch, rounds, arguments, statuses, status, left):
    monkeypatch.setattr(sys, "argv", ["fuzz", *arguments])
    rounds[0].extend(statuses)
    assert _fuzz.main() == status
    assert len(rounds[0]) == left


def test_each_round_has_a_seed_of_its_own_which_is_printed_and_can_be_had_again(monkeypatch, capsys, rounds):
    statuses, seeds = rounds
    statuses.extend([0, 0, 0])
    monkeypatch.setattr(sys, "argv", ["fuzz", "2"])
    _fuzz.main()
    assert len(set(seeds)) == 2
    assert [f"seed {seed}" for seed in seeds] == capsys.readouterr().out.splitlines()[:2]

    monkeypatch.setattr(sys, "argv", ["fuzz", "--seed", seeds[0]])
    _fuzz.main()
    assert seeds[2] == seeds[0]
