"""Locust's page keeps asking until the last figures are available, and shows them in our order."""

import pytest

from fleetlm_users.swarm.web.locust_tab import COLUMNS, state_for_page, tab_rows


@pytest.mark.parametrize(
    ("of_locust", "of_run", "told"),
    [
        ("ready", "ready", "ready"),
        ("spawning", "running", "spawning"),
        ("running", "ending", "running"),
        ("stopping", "ending", "running"),
        ("stopped", "ending", "running"),
        ("stopping", "ended", "running"),
        ("stopped", "ended", "stopped"),
        ("stopped", "ready", "stopped"),
    ],
)
def test_the_state_is_over_when_locust_and_the_verdict_are(of_locust, of_run, told):
    """The page stops asking at any state but spawning and running (webui useFetchStats.ts)."""
    assert state_for_page(of_locust, of_run) == told


def document(**changed):
    threshold = {"mark": "✓", "expression": "append_latency_ms: p(95)<500", "value": "3.000 ms", "samples": 1200}
    trend = {"name": "append_latency_ms", "count": 1200, "med": 1.0, "p95": 3.0, "p99": None, "max": 9.5}
    worker = {"worker": "a", "cpu_percent": 7.0, "cpu_peak_percent": None, "rss_bytes": 2**20}
    return {
        "state": "running",
        "run": {"run_id": "r1", "elapsed_s": 62.0},
        "verdict": None,
        "files": [],
        "thresholds": [threshold],
        "trends": [trend],
        "storm": None,
        "rates": [{"name": "message_success_rate", "shown": "100.00 %", "total": 1200}],
        "sends": ["messages"],
        "accountings": [
            {
                "title": "messages: sent = appended + rejected + lost + in flight",
                "head": ["sent", "appended", "rejected", "lost", "in flight"],
                "counts": [3, 2, 0, 0, 1],
                "adds_up": True,
            }
        ],
        "waiting": {"agent": {"now": 1846, "peak": 1900}, "push": {"now": 0, "peak": 0}},
        "counters": [{"name": "messages_sent", "count": 1200, "per_s": 20.0}],
        "workers": [worker | {"lateness_p99_ms": 0.5, "loop_lag_p99_ms": None}],
        **changed,
    }


def cells(rows):
    return [[cell for cell in row.values() if cell] for row in rows]


def test_before_the_first_run_the_tab_says_so():
    """Locust's page shows no table at all for no rows."""
    assert cells(tab_rows({"state": "ready"})) == [["no run yet"]]


def test_everything_of_a_run_under_way_is_in_the_tab():
    """Thresholds with mark and value, durations, rates, the accounting in words, counters, workers."""
    rows = tab_rows(document())
    assert all(list(row) == [f"c{number}" for number in range(len(COLUMNS))] for row in rows)
    assert cells(rows) == [
        ["running: run r1", "1m02s"],
        ["✓ append_latency_ms: p(95)<500", "3.000 ms", "1,200"],
        ["append_latency_ms", "ms", "1,200", "1.000", "3.000", "–", "9.500"],
        ["message_success_rate", "100.00 %", "1,200"],
        ["messages: sent = appended + rejected + lost + in flight", "✓ 3 sent, 2 appended, 1 in flight"],
        ["messages waiting: agent", "1,846, 1,900 at most"],
        ["messages_sent", "1,200", "20.0/s"],
        ["worker a", "CPU 7 %, at most –, memory 1 MiB, late p99 0.500 ms, loop lag p99 –"],
    ]


def test_the_end_comes_first():
    """Verdict, all its reasons, and where the report is."""
    verdict = {"kind": "fail", "failures": ["too slow"], "doubts": ["late"]}
    files = [{"name": "report.html", "href": "fleetlm/runs/x/report.html"}]
    rows = cells(tab_rows(document(state="ended", verdict=verdict, files=files)))
    assert rows[:4] == [
        ["verdict of run r1", "FAIL"],
        ["✗ too slow"],
        ["? late"],
        ["report", "fleetlm/runs/x/report.html"],
    ]


def test_a_storm_has_its_rows():
    """Each tile of the live page is a row."""
    tile = {"name": "Still away", "figure": "3", "more": "10 planned to be cut"}
    rows = cells(tab_rows(document(storm={"lines": [], "tiles": [tile]})))
    assert ["storm: still away", "3, 10 planned to be cut"] in rows
