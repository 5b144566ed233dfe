"""Try the parsers with other bytes than the tests do, for as long as one says: ``tox -e fuzz -- MINUTES``.

Rounds of ``tests/fuzz``, each with a seed of its own, which is printed: ``tox -e fuzz -- --seed N`` repeats it. No new
round begins when the time is over, and the first that is red ends it. A round that does not end is red too.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MINUTES = 10.0
ROUND = 30 * 60
"""Seconds that no round takes, by far: in one that does, something never ends."""
TIMEOUT = 124  # as timeout(1) has it


def main() -> int:
    """Run the rounds; return pytest's exit status of the last one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", nargs="?", type=float, default=MINUTES, help=f"for how long ({MINUTES:.0f})")
    parser.add_argument("--seed", type=int, help="run one round, with this seed")
    asked = parser.parse_args()
    if asked.seed is not None:
        return one_round(asked.seed)
    end = time.monotonic() + 60 * asked.minutes
    status = rounds = 0
    while status == 0 and (rounds == 0 or time.monotonic() < end):
        status = one_round(random.SystemRandom().getrandbits(32))
        rounds += 1
    print(f"{rounds} rounds, the last one {'red' if status else 'green'}")
    return status


def one_round(seed: int) -> int:
    """Run all properties with one seed; return pytest's exit status, or 124 where they do not end."""
    print(f"seed {seed}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/fuzz"]
    options = ["-p", "no:cacheprovider", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    try:
        return subprocess.run([*command, *options], cwd=ROOT, check=False, timeout=ROUND).returncode
    except subprocess.TimeoutExpired:
        print(f"the round with the seed {seed} has not ended after {ROUND // 60} minutes")
        return TIMEOUT


if __name__ == "__main__":
    sys.exit(main())
