"""A reconnect storm as the live page shows it: what has happened, what is to come, who is back."""

import pytest

from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.content.storm import storm_so_far

CUTS = [(10.0, 1000), (20.0, 1000), (30.0, 500)]


def so_far(totals_of, now_s, *, cut=0, back=0, forgotten=0, **counts):
    def write(ledger):
        for name, n in {"sessions_cut": cut, **counts}.items():
            ledger.count(name, "storm", MAIN, n)
        for _ in range(back):
            ledger.trend("reconnect_ms", "storm", MAIN).add(250_000)
        ledger.count("resumes_failed", "storm", MAIN, 7, "join_refused")

    cuts = CUTS[forgotten:]
    return storm_so_far(StormRecord("cut by the client", False, cuts, now_s, 1, forgotten=forgotten), totals_of(write))


@pytest.mark.parametrize(
    ("now_s", "counts", "lines"),
    [
        (4.0, {}, ["Next cut: 1,000 sessions at 00:00:10, cut by the client; 2 cuts after it."]),
        (
            12.0,
            {"cut": 1000, "back": 400},
            [
                "Still away: 600 of the 1,000 that lost their connection, cut by the client.",
                "Next cut: 1,000 sessions at 00:00:20, cut by the client; 1 cut after it.",
            ],
        ),
        (
            31.0,
            {"cut": 2500, "back": 2500},
            ["Still away: 0 of the 2,500 that lost their connection, cut by the client."],
        ),
        (31.0, {}, ["No session has lost its connection."]),
        (31.0, {"forgotten": 3, "back": 5}, ["The statistics were reset after 3 cuts.", "Still away: 0 of the 5"]),
    ],
)
def test_what_has_happened_and_what_is_to_come(totals_of, now_s, counts, lines):
    """It is described at every moment of the run."""
    shown = so_far(totals_of, now_s, **counts)["lines"]
    assert len(shown) == len(lines)
    assert all(line.startswith(start) for line, start in zip(shown, lines, strict=True)), shown


def test_who_is_back_after_how_many_attempts_and_refusals(totals_of):
    """The tiles of the page; a share is of all that were cut, so 95 % are not back yet."""
    counts = {"reconnect_attempts": 1600, "missed_messages": 9, "missed_replayed": 8, "missed_not_brought": 1}
    shown = so_far(totals_of, 12.0, cut=1000, back=600, **counts)
    assert {tile["name"]: (tile["figure"], tile["more"]) for tile in shown["tiles"]} == {
        "Back": ("600", "60.00 % of 1,000 that were cut"),
        "Still away": ("400", "2,500 planned to be cut"),
        "95 % back after": ("–", "50 % 0.25 s, all –"),
        "Attempts": ("1,600", "to connect, or to join again"),
        "Refused or failed": ("7", "7 join_refused"),
        "Messages missed": ("9", "replay brought 8, pushes 0, nothing 1"),
    }
