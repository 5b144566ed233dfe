"""The table of what starting costs: what a row says, and what stops the measuring."""

from __future__ import annotations

import _bench
import _bench_login
import _bench_place
import pytest
from _bench import MB, Row


def row(about="a row", measured=(), **more):
    return Row(about, lambda: pytest.fail("measured"), measured=list(measured), **more)


NOTHING = row("python -c pass", [0.010, 0.012, 3.0])


@pytest.mark.parametrize(
    ("measured", "bound", "line", "over"),
    [
        ([0.015, 0.018, 4.5], 1.6, "    1.50     1.60  ok    a row", False),
        ([0.015, 0.018, 100], 1.5, "    1.50     1.50  ok    a row", False),
        ([0.001, 0.024, 6.0], 1.6, "    2.00     1.60  over  a row", True),
        ([0.020, 0.024, 6.0], None, "    2.00        -        a row", False),
    ],
)
def test_a_row_is_the_median_of_its_ratios_to_the_same_turn_and_its_bound(measured, bound, line, over):
    made = row(measured=measured, bound=bound, base=NOTHING)
    assert made.line() == line
    assert made.is_over() is over


def test_memory_is_what_is_on_top():
    base = row("nothing", [8_000], memory=True)
    assert base.line() == "  7.8 MB        -        nothing"
    assert row(measured=[9_536], memory=True, base=base, bound=1.5 * MB).line() == "  1.5 MB   1.5 MB  ok    a row"
    assert row(measured=[9_537], memory=True, base=base, bound=1.5 * MB).is_over()


def test_rows_are_measured_in_turns_and_each_behind_a_run_of_its_own():
    order = []
    rows = [Row(name, lambda name=name: order.append(name) or float(len(order))) for name in "ab"]
    _bench.measure(rows, 2)
    assert order == ["a", "a", "b", "b"] * 2
    assert [row.measured for row in rows] == [[2.0, 6.0], [4.0, 8.0]]


def test_a_command_that_fails_is_not_measured(tmp_path):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\nexit 7\n")
    failing.chmod(0o700)
    with pytest.raises(SystemExit, match=r"exit status 7 from .*failing x"):
        _bench.timed([str(failing), "x"], {})()


def request(path, connection=1):
    return {"path": f"/default{path}", "connection": connection, "agent": "oauth-cli/1", "seconds": 0.25}


DISCOVERY, TOKEN, USERINFO = map(request, ("/.well-known/openid-configuration", "/token", "/userinfo"))


@pytest.mark.parametrize("requests", [[DISCOVERY, TOKEN, USERINFO], [DISCOVERY, TOKEN, request("/jwks"), USERINFO]])
def test_a_sign_in_that_asks_for_what_it_needs_is_measured(requests):
    _bench_login._check(requests)
    assert _bench_login._seconds(requests) == 0.25 * len(requests)


@pytest.mark.parametrize(
    "requests",
    [
        [DISCOVERY, DISCOVERY, TOKEN],
        [DISCOVERY, TOKEN, request("/introspect")],
        [DISCOVERY, request("/token", connection=2)],
    ],
    ids=["twice", "more than needed", "another connection"],
)
def test_a_sign_in_that_asks_for_more_stops_it(requests):
    with pytest.raises(SystemExit, match="bench: a sign-in"):
        _bench_login._check(requests)


def test_the_robot_is_away_until_it_comes_back_to_our_callback(monkeypatch):
    now = [100.0]
    visits = []

    def visit(_robot, url, _body):
        visits.append(url)
        now[0] += 1.0
        return 302, "http://localhost:9/callback?code=c", ""

    monkeypatch.setattr(_bench_login.robot.Robot, "_request", visit)
    monkeypatch.setattr(_bench_login.time, "perf_counter", lambda: now[0])
    visitor = _bench_login.Robot()
    visitor.sign_in("http://localhost:8/authorize?redirect_uri=http://localhost:9/callback")
    assert visits == ["http://localhost:8/authorize?redirect_uri=http://localhost:9/callback", *visits[1:]]
    assert len(visits) == 2
    assert visitor.away == 1.0


def test_a_crowd_is_as_many_distributions_as_it_says(tmp_path, monkeypatch):
    from importlib.metadata import distributions

    monkeypatch.setattr(_bench_place, "DISTRIBUTIONS", 20)
    _bench_place.crowd(str(tmp_path))
    found = list(distributions(path=[str(tmp_path)]))
    assert len({each.metadata["Name"] for each in found}) == 20
    assert sum(bool(each.entry_points) for each in found) == 10


def test_what_is_no_interpreter_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_bench_place.sys, "argv", ["/x/scripts/bench"])
    with pytest.raises(SystemExit) as stopped:
        _bench_place.Place(str(tmp_path), "/nowhere/python")
    assert stopped.value.code == 3
    assert capsys.readouterr().err == "bench: /nowhere/python cannot be measured with: FileNotFoundError\n"
