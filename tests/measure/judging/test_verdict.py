"""A verdict is pass only when every promise was kept on numbers that can be believed."""

import pytest

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import ALL, MAIN, WARM_UP
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS, PUSH_FATES
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.snapshot_store import SnapshotStore, WorkerState

KEPT = "append_latency_ms: p(95)<500; message_success_rate: rate>0.95; backpressure_events: count<5"
MISSED = "append_latency_ms: p(95)<1"


def verdict_on(totals, thresholds=KEPT, **facts):
    given = {"interrupted": False, "workers_expected": 1, "workers_final": 1}
    return decide(judge(parse_thresholds(thresholds.split(";")), totals, 4.0), totals, RunFacts(**(given | facts)))


def worker(**state):
    healthy = {
        "worker": "w1", "seq": 9, "final": True, "elapsed_s": 9.0, "sent": 90, "open_messages": 0,
        "cpu_percent": 30.0, "cpu_peak_percent": 40.0,
        "rss_bytes": 1, "cpu_samples": 10, "cpu_starved": 0, "lateness_p99_us": 900, "loop_lag_p99_us": 900,
    }  # fmt: skip
    return WorkerState(**(healthy | state))


def test_a_healthy_run_passes(totals_of, healthy):
    """Everything kept, nothing to doubt."""
    verdict = verdict_on(totals_of(healthy))
    assert (verdict.kind, verdict.exit_code, verdict.reasons) == ("pass", 0, ())


def test_a_missed_threshold_fails_with_what_was_measured(totals_of, healthy):
    """The reason holds the promise and the value."""
    verdict = verdict_on(totals_of(healthy), MISSED)
    assert (verdict.kind, verdict.exit_code) == ("fail", 3)
    assert verdict.failures == ("append_latency_ms: p(95)<1: measured 1.470 ms",)


def test_a_failure_outweighs_doubts_and_both_are_reported(totals_of, healthy):
    """Failures first."""
    verdict = verdict_on(totals_of(healthy), MISSED, interrupted=True)
    assert verdict.kind == "fail"
    assert verdict.reasons[-1] == "the run was interrupted"
    assert len(verdict.reasons) == 2


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"interrupted": True}, "interrupted"),
        ({"workers_expected": 3, "workers_final": 1}, "final report of 2 of 3 workers is missing"),
        ({"workers_lost": (LostWorker("w7", "its process ended", 7.0),)}, "worker w7 was lost: its process ended"),
        ({"doubts": ("three users never started",)}, "three users never started"),
        ({"workers": (worker(cpu_starved=5),)}, "worker w1 was short of CPU: above 90 % of a core in 50%"),
        ({"workers": (worker(), worker(lateness_p99_us=150_000))}, "generator_lateness_ms p(99) is 150.0 ms"),
        ({"workers": (worker(), worker(loop_lag_p99_us=250_000))}, "event_loop_lag_ms p(99) is 250.0 ms"),
    ],
)
def test_a_run_that_cannot_be_believed_is_inconclusive(totals_of, healthy, facts, told):
    """Kept promises do not help when the numbers may be wrong."""
    verdict = verdict_on(totals_of(healthy), **facts)
    assert (verdict.kind, verdict.exit_code) == ("inconclusive", 4)
    assert told in verdict.doubts[0]


def test_an_odd_busy_reading_is_no_doubt(totals_of, healthy):
    """Two of ten readings is the limit, not above it; a worker without readings has nothing to say."""
    workers = (worker(cpu_starved=4), worker(cpu_samples=0, lateness_p99_us=None, loop_lag_p99_us=None))
    assert verdict_on(totals_of(healthy), workers=workers).kind == "pass"


def late(lateness_us, append_us):
    def write(ledger):
        ledger.trend("ws_join_ms", "burst", MAIN).add(1)
        for _ in range(200):
            ledger.count("messages_sent", "burst", MAIN)
            ledger.count("messages_appended", "burst", MAIN)
            ledger.trend("generator_lateness_ms", "burst", MAIN).add(lateness_us)
            ledger.trend("append_latency_ms", "burst", MAIN).add(append_us)

    return write


@pytest.mark.parametrize(
    ("lateness_us", "append_us", "kind"),
    [
        (101_000, 2_000_000, "inconclusive"),
        (99_000, 400_000, "inconclusive"),
        (99_000, 600_000, "pass"),
        (11_000, 40_000, "inconclusive"),
        (9_000, 10_000, "pass"),
    ],
)
def test_a_late_generator_is_found_absolutely_and_in_proportion(totals_of, lateness_us, append_us, kind):
    """Above 100 ms at p99, or above 10 ms and a fifth of the latency at p95."""
    assert verdict_on(totals_of(late(lateness_us, append_us)), "append_latency_ms: p(95)<9999").kind == kind


@pytest.mark.parametrize(
    ("phase", "waited_us", "kind"),
    [(WARM_UP, 900_000, "pass"), (WARM_UP, 1_100_000, "inconclusive"), (MAIN, 1_100_000, "inconclusive")],
)
def test_a_slow_look_up_of_names_is_the_generators_own_fault(totals_of, healthy, phase, waited_us, kind):
    """It delays the ramp, which usually begins in the warm-up; a single one is enough, as all wait for the same."""

    def record(ledger):
        healthy(ledger)
        ledger.trend("name_lookup_ms", "", phase).add(waited_us)

    verdict = verdict_on(totals_of(record), KEPT)
    assert verdict.kind == kind
    assert any("names were looked up too slowly" in doubt for doubt in verdict.doubts) is (kind != "pass")


def test_lateness_during_warm_up_is_forgiven(totals_of, healthy):
    """Ramping up is what the warm-up is for."""

    def write(ledger):
        healthy(ledger)
        for _ in range(500):
            ledger.trend("generator_lateness_ms", "burst", WARM_UP).add(900_000)
            ledger.level("worker_cpu_percent", 99.0, WARM_UP)

    assert verdict_on(totals_of(write)).kind == "pass"


def test_a_stalling_event_loop_is_found(totals_of, healthy):
    """A loop that stamps arrivals late measures its own stalls."""

    def write(ledger):
        healthy(ledger)
        for _ in range(100):
            ledger.trend("event_loop_lag_ms", "", MAIN).add(300_000)

    assert "the event loop stalled" in verdict_on(totals_of(write)).doubts[0]


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (lambda ledger: ledger.count("messages_sent", "burst", MAIN, 2), "2 unaccounted for"),
        (lambda ledger: ledger.count("messages_lost", "burst", MAIN), "-1 unaccounted for"),
        (lambda ledger: ledger.trend("ws_join_ms", "burst", MAIN).add(-5), "ws_join_ms: 1 negative durations"),
    ],
)
def test_accounting_that_does_not_add_up_is_doubted(totals_of, healthy, extra, told):
    """Whatever the thresholds, a message of unknown fate makes the rest a guess."""

    def write(ledger):
        healthy(ledger)
        extra(ledger)

    assert any(told in doubt for doubt in verdict_on(totals_of(write), "ws_join_ms: min<500").doubts)


def test_many_messages_still_in_flight_are_doubted(totals_of, healthy):
    """They are in no success rate, so a rate may look fine without them."""

    def write(ledger):
        healthy(ledger)
        ledger.count("messages_sent", "burst", MAIN, 100)
        ledger.count("messages_in_flight", "burst", MAIN, 100)

    totals = totals_of(write)
    assert "100 of 800 messages were still in flight" in verdict_on(totals).doubts[0]
    assert verdict_on(totals, limits=Limits(in_flight_share=0.2)).kind == "pass"


@pytest.mark.parametrize(("failed", "kind"), [(10, "pass"), (11, "inconclusive")])
def test_many_failed_sessions_are_doubted(totals_of, healthy, failed, kind):
    """A session that never was sends no message that could be lost: message thresholds do not see it."""

    def write(ledger):
        healthy(ledger)
        ledger.count("sessions_completed", "burst", MAIN, 100 - failed)
        ledger.count("session_failures", "burst", WARM_UP, failed, label="join_refused")

    verdict = verdict_on(totals_of(write))
    assert verdict.kind == kind
    assert all("11 of 100 sessions failed (11 join_refused)" in doubt for doubt in verdict.doubts)


@pytest.mark.parametrize(
    ("unmatched", "unanswered", "lost", "unconfirmed"),
    [
        (0, 0, 0, 0),
        (10, 0, 0, 0),
        (11, 0, 0, 0),
        (1000, 0, 0, 0),
        (50, 50, 0, 0),  # they came late
        (61, 50, 0, 0),
        (15, 0, 5, 0),  # some are of messages whose own broadcast never came
        (16, 0, 5, 0),
        (14, 0, 0, 4),  # some of messages with an open outcome, after the reply timeout
        (15, 0, 0, 4),
    ],
)
def test_answers_that_nobody_asked_for_are_doubted(  # noqa: PLR0917  # each is a count of its own
    totals_of, healthy, unmatched, unanswered, lost, unconfirmed
):
    """An answer to a message of before is taken for that to the next, which then looks fast."""

    def write(ledger):
        healthy(ledger)
        more = 1000 - totals_of(healthy).count("agent_replies_due", phase=ALL)
        ledger.count("agent_replies_due", "burst", MAIN, more)
        ledger.count("agent_replies", "burst", MAIN, more)
        ledger.count("agent_replies_matched", "burst", MAIN, more - unanswered)
        ledger.count("agent_replies_unmatched", "burst", MAIN, unmatched)
        ledger.count("messages_unanswered", "burst", MAIN, unanswered)

        ledger.count("messages_sent", "burst", MAIN, lost + unconfirmed)
        ledger.count("messages_lost", "burst", MAIN, lost)
        ledger.count("messages_unconfirmed", "burst", MAIN, unconfirmed)

    bounds = f"{KEPT}; agent_reply_rate: rate>0.8; agent_replies_unmatched: count<9999"
    verdict = verdict_on(totals_of(write), bounds)
    is_doubted = unmatched - unanswered - lost - unconfirmed > 10
    assert verdict.kind == ("inconclusive" if is_doubted else "pass"), verdict.reasons
    assert ("answered more often than expected" in str(verdict.doubts)) == is_doubted
    assert "answered more" not in str(verdict_on(totals_of(write), bounds, was_reset=True).doubts)


def test_nothing_happened_is_never_a_pass(totals_of):
    """No session, no message: a fail for each threshold, and a doubt that says why."""
    verdict = verdict_on(totals_of(lambda ledger: None))
    assert verdict.kind == "fail"
    assert len(verdict.failures) == 3
    assert verdict.doubts == ("nothing happened: no session was joined and no message sent",)


def test_an_interrupted_run_is_not_blamed_for_what_it_did_not_reach(totals_of):
    """Without samples it cannot fail, but it does not pass either."""
    verdict = verdict_on(totals_of(lambda ledger: None), interrupted=True)
    assert verdict.kind == "inconclusive"
    assert verdict.failures == ()
    assert "append_latency_ms: p(95)<500: no samples" in verdict.doubts


def test_too_few_samples_are_inconclusive_even_when_all_are_slow(totals_of):
    """Ten samples say nothing about the slowest hundredth."""
    verdict = verdict_on(totals_of(late(0, 5)), "append_latency_ms: p(99.9)<0.001")
    assert verdict.kind == "inconclusive"
    assert "only 200 of the 1000 samples" in verdict.doubts[0]


def test_without_a_threshold_nothing_is_proven(totals_of, healthy):
    """Nothing was promised, so nothing can have been kept."""
    verdict = verdict_on(totals_of(healthy), "")
    assert (verdict.kind, verdict.doubts) == ("inconclusive", ("no threshold was given, so nothing was judged",))


@pytest.mark.parametrize(
    ("threshold", "kind"),
    [
        ("messages_sent: count>1000000", "inconclusive"),
        ("messages_sent: count==1000000", "inconclusive"),
        ("messages_sent: count<1", "fail"),
        ("append_latency_ms: max>60000", "inconclusive"),
        ("append_latency_ms: p(95)>60000", "fail"),
    ],
)
@pytest.mark.parametrize(
    "cut", [{"interrupted": True}, {"was_cut_short": True}], ids=["interrupted", "drain_cut_short"]
)
def test_a_run_cut_short_is_not_blamed_for_what_was_still_to_come(totals_of, healthy, threshold, kind, cut):
    """A count that had time to grow, a maximum that was not reached, what had no samples; measured misses stay."""
    totals = totals_of(healthy)
    assert verdict_on(totals, threshold).kind == "fail"
    verdict = verdict_on(totals, threshold, **cut)
    assert verdict.kind == kind
    assert any(threshold.split(":")[0] in reason for reason in verdict.reasons)


def test_a_drain_that_was_cut_short_is_no_doubt_by_itself(totals_of, healthy):
    """If all that mattered was in by then."""
    assert verdict_on(totals_of(healthy), was_cut_short=True).kind == "pass"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"pushes_sent": 3, "pushes_replied": 2}, "the pushes do not add up: 3 sent, the fate of 1 unknown"),
        ({"pushes_sent": 1, "pushes_in_flight": 1}, "1 of 1 pushes were still open at the end"),
        ({"events_awaited": 2, "events_seen": 3}, "the events do not add up: 2 awaited, the fate of 1 unknown"),
        ({"pushes_sent": 5, **{f"pushes_{fate}": 1 for fate in PUSH_FATES[:-1]}, "pushes_replied": 2}, None),
    ],
)
def test_pushes_and_events_that_do_not_add_up_are_doubted(healthy, counts, told):
    """It applies to users of any Phoenix application; only then does the catalogue know their counters."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w1")
    healthy(ledger)
    for name, n in counts.items():
        ledger.count(name, "chat", MAIN, n)
    store = SnapshotStore("run", catalogue)
    assert store.absorb_encoded("w1", encode_snapshot(ledger.snapshot(1, final=True, elapsed_s=10.0)))
    doubts = verdict_on(store.totals()).doubts
    assert [doubt for doubt in doubts if "pushes" in doubt or "events" in doubt] == ([told] if told else [])


def phoenix_totals(*, final=True, **counts):
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w")
    for metric, n in {"sessions_started": 1, "sessions_completed": 1, **counts}.items():
        ledger.count(metric, "chat", MAIN, n)
    ledger.trend("ws_connect_ms", "chat", MAIN).add(1000)
    store = SnapshotStore("run", catalogue)
    store.absorb("w", ledger.snapshot(1, final=final, elapsed_s=4.0))
    return store.totals()


@pytest.mark.parametrize(
    ("counts", "final", "told"),
    [
        ({"pushes_sent": 3, "pushes_replied": 1}, True, "the pushes do not add up: 3 sent, the fate of 2 unknown"),
        ({"pushes_sent": 3, "pushes_replied": 1}, False, None),
        ({"events_awaited": 9, "events_seen": 1, "events_open": 8}, True, None),
        ({"events_due": 9, "events_due_seen": 1, "events_due_open": 8}, True, "8 of 9 due events were still open"),
    ],
    ids=["a defect", "a lost worker's", "events that nobody says are due", "events that were due"],
)
def test_what_was_left_open_is_doubted_where_it_should_have_come(counts, final, told):
    """To connect is all that some users do, so a run without a push or a join is one."""
    doubts = verdict_on(phoenix_totals(final=final, **counts), "lifecycle_success_rate: rate>0").doubts
    assert bool(doubts) == (told is not None)
    assert told is None or told in doubts[0]


def test_lateness_is_held_against_the_latency_of_pushes_too():
    """These are users of any Phoenix application."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w")
    ledger.trend("ws_connect_ms", "chat", MAIN).add(1000)
    for _ in range(100):
        ledger.trend("generator_lateness_ms", "chat", MAIN).add(15_000)
        ledger.trend("push_latency_ms", "chat", MAIN).add(20_000)
    store = SnapshotStore("run", catalogue)
    store.absorb("w", ledger.snapshot(1, final=True, elapsed_s=4.0))
    (doubt,) = [text for text in verdict_on(store.totals()).doubts if "late" in text]
    assert "of push_latency_ms p(95)" in doubt
