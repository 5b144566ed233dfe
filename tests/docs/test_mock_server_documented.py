"""docs/mock-server.md lists every fault, with its place and what it does, in the order in which they are applied."""

from __future__ import annotations

import re
from pathlib import Path

from oauth_cli_providers.mock.faults import FAULTS, Faults
from oauth_cli_providers.mock.faults.fault import PROGRAMS

PAGE = (Path(__file__).parents[2] / "docs" / "mock-server.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_fault_is_listed_as_it_is():
    assert [(fault.name, fault.places[0], fault.description) for fault in FAULTS.values()] == ROWS


def test_the_faults_of_the_text_can_be_had():
    named = re.findall(r"`([a-z0-9-]+@[a-z_]+(?::\d+)?|[a-z0-9-]+:\d+)`", PAGE)
    named += [name for names in re.findall(r"--fault ([a-z0-9,-]+)", PAGE) for name in names.split(",")]
    assert len(named) > 6
    assert Faults(name for name in named if name != "help").active


def test_every_place_is_named():
    places = {place for fault in FAULTS.values() for place in fault.places}
    assert places == {*PROGRAMS, "authorize"}
    assert [place for place in places if f"`{place}`" not in PAGE] == []


def test_what_is_said_of_the_places_of_whole_answers_holds():
    last = re.split(r"^### ", PAGE, flags=re.MULTILINE)[-3:]
    assert all(section.startswith("Any answer: ") for section in last)
    for name in re.findall(r"^\| `([^`]+)`", "".join(last), re.MULTILINE):
        assert FAULTS[name].places == PROGRAMS
