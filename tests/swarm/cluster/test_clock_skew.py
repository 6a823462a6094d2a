"""Locust's requests per second are those of the run, whatever the workers' clocks say."""

import pytest

from fleetlm_users.swarm.cluster.clock_skew import TOLERATED_S, ClockSkew

NOW_S = 1000.0


def entry(second):
    return {
        "num_reqs_per_sec": {second: 3, second - 1: 2},
        "num_fail_per_sec": {},
        "start_time": second - 9.5,
        "last_request_timestamp": second + 0.25,
    }


def report(clock_s):
    """Return a report of a worker whose clock shows this much."""
    second = int(clock_s)
    total = entry(second) | {"last_request_timestamp": None}
    return {"fleetlm_wall_clock": clock_s, "stats": [entry(second)], "stats_total": total}


@pytest.mark.parametrize("off_s", [-300, 600])
def test_a_report_is_moved_to_the_masters_clock(off_s):
    """Each second with its counts; what never was stays so."""
    data = report(NOW_S + off_s)
    ClockSkew(lambda: NOW_S).correct("w", data)
    assert data["stats"] == [entry(int(NOW_S))]
    assert data["stats_total"] == entry(int(NOW_S)) | {"last_request_timestamp": None}


def test_a_report_that_was_long_on_its_way_is_not_moved_by_that():
    """A link was cut: what an earlier report showed about the clock still holds."""
    clocks = ClockSkew(lambda: NOW_S)
    clocks.correct("w", report(NOW_S - 0.01))
    late = report(NOW_S - 12.0)
    clocks.correct("w", late)
    assert late["stats"] == [entry(int(NOW_S - 12.0))]


@pytest.mark.parametrize("off_s", [0.0, 0.5 - TOLERATED_S])
def test_small_differences_are_left_alone(off_s):
    """They may be the way of the report."""
    data = report(NOW_S + off_s)
    ClockSkew(lambda: NOW_S).correct("w", data)
    assert data["stats"] == [entry(int(NOW_S + off_s))]


def test_a_report_without_a_stamp_is_left_alone():
    """Locust's last one may come from a worker that knows no run."""
    data = {"stats": []}
    ClockSkew(lambda: NOW_S).correct("w", data)
    assert data == {"stats": []}
