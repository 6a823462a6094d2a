"""The sessions that arrived, in the summary and in every report."""

import pytest

from fleetlm_users.measure.judging.visits.visit_accounting import littles_law
from fleetlm_users.measure.report.content.visits import visits_entry, visits_lines, visits_rows
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render

PLAN = {"session_rate": ["20"], "arrivals": "poisson", "total_users": 50}


def visited(ledger):
    for phase, n in (("warm_up", 10), ("main", 200)):
        ledger.count("visits_due", "x", phase, n)
        ledger.count("visits_begun", "x", phase, n - 2)
        ledger.count("visits_dropped", "x", phase, 2, "no_user")
        ledger.count("visits_ended", "x", phase, n - 4)
        ledger.count("visits_unfinished", "x", phase, 2)
    for _ in range(196):
        ledger.trend("visit_time_ms", "x", "main").add(500_000)
    ledger.count("visit_presence_ms", "", "main", 99_000)
    ledger.count("visit_unfinished_ms", "x", "main", 1000)
    ledger.gauge("visits_present", "x", 12)


def of_run(summary_of, healthy):
    def write(ledger):
        healthy(ledger)
        visited(ledger)

    summary, merge = summary_of(write)
    totals = merge.totals()
    summary["visits"] = visits_entry(totals, PLAN, littles_law(totals, 10.0))
    return summary


def test_the_books_are_in_every_report(summary_of, healthy):
    """Counts of the measured part and of the whole run, the bound, and both sides of Little's law."""
    summary = of_run(summary_of, healthy)
    assert summary["visits"]["main"] == {"due": 200, "begun": 198, "dropped": 2, "ended": 196, "unfinished": 2}
    assert visits_rows(summary)[1][1] == ("whole run", "210", "206", "4", "202", "4")
    little = summary["visits"]["little"]
    assert (little["rate_per_s"], little["stay_s"], little["expected"], little["measured"]) == (19.8, 0.5, 9.9, 9.9)
    assert little["agrees"] is True
    how, law = visits_lines(summary)
    assert how == "20 sessions/s, arriving as a Poisson process; at most 12 of 50 users were in a session at once"
    assert "19.8 sessions/s × 0.5 s = 9.9" in law
    for text in (render(summary, 400), render_markdown(summary), render_html(summary, [])):
        assert how in text
        assert law in text.replace("&#39;", "'")


@pytest.mark.parametrize(("processes", "is_dropped", "is_said"), [(4, True, True), (1, True, False), (4, False, False)])
def test_dropped_sessions_lead_to_the_share_of_each_process(summary_of, healthy, processes, is_dropped, is_said):
    """It is why sessions are dropped while not all users are busy."""
    summary = of_run(summary_of, healthy)
    summary["workers"] *= processes
    if not is_dropped:
        for phase in ("main", "warm_up"):
            summary["metrics"]["visits_dropped"][phase]["all"]["labels"] = {"late": 2}
    said = (
        "each of the 4 processes has its share of --max-users, about 12: it drops a session when those are busy, "
        "even if users of others are free"
    )
    assert (said in visits_lines(summary)) is is_said


def test_a_run_without_arrivals_has_no_such_part(summary_of, healthy):
    """Nor a line about it."""
    summary, _ = summary_of(healthy)
    assert (visits_rows(summary)[1], visits_lines(summary)) == ((), [])
    assert "sessions that arrived" not in render(summary, 100).lower()
