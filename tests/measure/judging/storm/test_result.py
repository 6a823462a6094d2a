"""A storm in figures and words, and the runs of storms that are never green."""

import pytest
from msgspec.structs import replace

from fleetlm_users.measure.judging.storm.latency_recovery import LatencyRecovery
from fleetlm_users.measure.judging.storm.result import StormRecord, storm_doubts, storm_entry
from fleetlm_users.measure.metrics.metric import MAIN

RECORD = StormRecord("cut by the client", False, [(10.0, 100)], 60.0, 1, 2, LatencyRecovery(1, 5.0, 3.0, 20.0, 900))
WHOLE = {"sessions_cut": 100, "missed_messages": 100, "missed_replayed": 100, "storm_cpu_ms": 50, "storm_attempts": 100}


def storm_of(totals_of, record=RECORD, *, back=100, took_ms=40, own_ms=1, cpu=20.0, **counts):
    def write(ledger):
        for name, n in (WHOLE | counts).items():
            ledger.count(name, "storm", MAIN, n)
        for _ in range(back):
            ledger.trend("reconnect_ms", "storm", MAIN).add(took_ms * 1000)
            ledger.trend("reconnect_own_ms", "storm", MAIN).add(own_ms * 1000)
        ledger.count("resumes_failed", "storm", MAIN, 3, "refused")
        ledger.level("storm_cpu_percent", cpu)

    entry = storm_entry(record, totals_of(write))
    return entry, " · ".join(storm_doubts(record, entry))


def test_a_storm_that_went_well(totals_of):
    """Its figures, and no doubt."""
    entry, doubts = storm_of(totals_of)
    assert not doubts
    assert (entry["cut"], entry["back"], entry["refused"]) == (100, 100, {"refused": 3})
    assert list(entry["back_s"]) == ["50 %", "95 %", "99 %", "100 %"]
    assert entry["back_s"]["100 %"] == pytest.approx(0.04)
    assert entry["curve"][-1][1] == 1.0
    assert entry["generator"]["can_per_s"] == 4000  # 100 attempts in 50 ms of CPU, by two processes
    text = "\n".join(entry["lines"])
    assert "100 of 100 sessions lost their connection, cut by the client, at 10.0 s" in text
    assert "replay brought 100, a push 0, nothing 0" in text
    assert "append latency had recovered 3.0 s after the cut" in text
    assert "refused or failed: 3 refused" in text


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"back": 0}, "nobody came back"),
        ({"back": 98}, "2 of 100 sessions never came back"),
        ({"sessions_cut": 0, "back": 0}, "no connection was cut: no session was joined"),
        ({"sessions_cut": 90, "back": 90}, "10 of 100 sessions were not joined when they were to be cut"),
        ({"missed_replayed": 0, "missed_pushed": 100}, "so no replay was tested"),
        ({"took_ms": 2000, "own_ms": 201}, "the generator was the limit: 48 sessions came back per second"),
        ({"took_ms": 2000, "cpu": 91.0}, "the generator was the limit"),
    ],
)
def test_what_speaks_against_a_storm(totals_of, change, doubt):
    """Each makes the run inconclusive at best."""
    assert doubt in storm_of(totals_of, **change)[1]


def test_a_storm_that_is_soon_over_has_no_limit(totals_of):
    """However busy the generator was: nobody waits that long."""
    assert not storm_of(totals_of, took_ms=400, own_ms=300, cpu=100.0)[1]


@pytest.mark.parametrize(
    ("cuts", "ended_s", "doubt"),
    [
        ([(10.0, 100)], 9.0, "no connection was cut: the run ended before the cut"),
        ([(10.0, 100), (20.0, 100)], 15.0, "1 of 2 cuts did not happen: the run ended before them"),
    ],
)
def test_a_run_that_ended_before_a_cut_is_doubted(totals_of, cuts, ended_s, doubt):
    """The cause of the end does not matter."""
    record = replace(RECORD, cuts=cuts, ended_s=ended_s)
    counts = {"sessions_cut": 0, "back": 0} if len(cuts) == 1 else {}
    assert doubt in storm_of(totals_of, record, **counts)[1]


def test_no_replay_is_asked_for_where_nothing_was_to_be_missed(totals_of):
    """Without messages that are appended meanwhile, as with a restart of the server."""
    record = replace(RECORD, away_messages=0)
    assert not storm_of(totals_of, record, missed_messages=0, missed_replayed=0)[1]


def test_a_missing_replay_is_told(totals_of):
    """It is in the line on missed messages; the threshold judges it."""
    entry, _ = storm_of(totals_of, missed_replayed=90, missed_not_brought=10)
    assert "nothing 10" in "\n".join(entry["lines"])


def test_never_is_said_of_a_share_that_is_not_back(totals_of):
    """A session that never comes back takes longer than all others."""
    entry, _ = storm_of(totals_of, back=96)
    assert "95 % 0.040 s, 99 % never, 100 % never" in "\n".join(entry["lines"])


def test_a_reset_of_the_statistics_after_a_cut_is_told(totals_of):
    """No session whose cut was forgotten counts as absent; sessions that return later belong to no cut."""
    record = replace(RECORD, cuts=[], forgotten=1)
    entry, doubts = storm_of(totals_of, record, sessions_cut=0, back=3)
    assert entry["lines"] == ["the statistics were reset after the last cut: nothing of it can be told"]
    assert doubts == "the statistics were reset after 1 cut: what came back later belongs to none"


def test_a_reset_between_two_cuts_leaves_no_wrong_sentence(totals_of):
    """Remains of the first one would mix with the second."""
    record = replace(RECORD, forgotten=1)
    entry, doubts = storm_of(totals_of, record, sessions_cut=90, back=95)
    assert (entry["planned"], entry["back"]) == (100, 95)
    assert doubts == "the statistics were reset after 1 cut: what came back later belongs to none"


def test_more_sessions_than_planned_are_no_share_of_them(totals_of):
    """A person added users before the cut, which hits everybody."""
    entry, doubts = storm_of(totals_of, sessions_cut=120, back=120, missed_messages=120, missed_replayed=120)
    assert entry["lines"][0] == "120 sessions, 100 planned, lost their connection, cut by the client, at 10.0 s"
    assert not doubts
