"""A miss that only the generator's lateness explains is undecided everywhere; a miss of the service time is a miss."""

import pytest
from msgspec.structs import replace

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.formatting import mark
from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.early_abort import Patience
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.thresholds import Judgement, judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide, is_beyond_limits
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.metrics.metric import MAIN, trend
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot_store import WorkerState

P95 = "append_latency_ms: p(95)<500"
LATE_US, IN_TIME_US = 2_240_000, 5_000


def messages(service_us, lateness_us, n=200, scenario="burst"):
    """A function that writes messages, all of them as slow and as late as that."""

    def write(ledger):
        ledger.trend("ws_join_ms", scenario, MAIN).add(1)
        ledger.count("messages_sent", scenario, MAIN, n)
        ledger.count("messages_appended", scenario, MAIN, n)
        for _ in range(n):
            ledger.trend("append_latency_ms", scenario, MAIN).add(service_us + lateness_us)
            ledger.trend("append_service_ms", scenario, MAIN).add(service_us)
            ledger.trend("generator_lateness_ms", scenario, MAIN).add(lateness_us)

    return write


def verdict_on(totals, thresholds=P95, **facts):
    given = {"interrupted": False, "workers_expected": 1, "workers_final": 1}
    return decide(judge(parse_thresholds(thresholds.split(";")), totals, 4.0), totals, RunFacts(**(given | facts)))


@pytest.mark.parametrize(
    ("thresholds", "service_us", "lateness_us", "kind"),
    [
        (P95, 3_000, LATE_US, "inconclusive"),
        ("append_latency_ms{scenario:burst}: p(95)<500", 3_000, LATE_US, "inconclusive"),
        ("append_latency_ms: avg<500, med<500, max<500, min<500, p(99)<=500", 3_000, LATE_US, "inconclusive"),
        (P95, 600_000, LATE_US, "fail"),
        (P95, 499_000, IN_TIME_US, "fail"),
        ("append_service_ms: p(95)<500", 600_000, LATE_US, "fail"),
        ("append_latency_ms: p(95)>9000", 3_000, LATE_US, "fail"),
        ("append_latency_ms: p(95)<500; ws_join_ms: max<0.0001", 3_000, LATE_US, "fail"),
        ("append_latency_ms: p(95)<500; messages_lost: count>0", 3_000, LATE_US, "fail"),
        ("append_latency_ms: p(95)<500; append_service_ms: p(95)<2", 3_000, LATE_US, "fail"),
        ("append_latency_ms: p(95)<5000", 3_000, LATE_US, "inconclusive"),
        ("append_latency_ms: p(95)<5000", 3_000, IN_TIME_US, "pass"),
    ],
)  # fmt: skip
def test_the_verdict_does_not_blame_the_server_for_the_generator(totals_of, thresholds, service_us, lateness_us, kind):
    """Undecided where the service time keeps the bound and the generator was beyond its limits, missed otherwise."""
    assert verdict_on(totals_of(messages(service_us, lateness_us)), thresholds).kind == kind


def test_the_reason_names_both_figures(totals_of):
    """It states the measured value, the value counted from sending, and whose fault the difference is."""
    verdict = verdict_on(totals_of(messages(3_100, 2_243_600)))
    assert (verdict.failures, verdict.exit_code) == ((), 4)
    assert verdict.doubts[0] == (
        "append_latency_ms: p(95)<500: measured 2,246.7 ms, but only 3.100 ms from sent: the generator was late"
    )


@pytest.mark.parametrize(
    "sick",
    [{"lateness_p99_us": 900_000}, {"loop_lag_p99_us": 900_000}, {"cpu_starved": 9}],
    ids=lambda sick: next(iter(sick)),
)
def test_one_sick_worker_of_many_is_enough(totals_of, sick):
    """Its lateness hides in the merged percentiles and still moves a maximum."""
    writes = (messages(3_000, 500, n=2_000), messages(3_000, LATE_US, n=5))
    healthy = {
        "worker": "w", "seq": 9, "final": True, "elapsed_s": 9.0, "cpu_percent": 3.0, "cpu_peak_percent": 4.0,
        "rss_bytes": 1, "cpu_samples": 10, "cpu_starved": 0, "lateness_p99_us": 9, "loop_lag_p99_us": 9,
    }  # fmt: skip
    workers = (WorkerState(**healthy), WorkerState(**(healthy | sick)))
    found = verdict_on(totals_of(*writes), "append_latency_ms: max<500", workers=workers, workers_expected=2)
    assert not found.failures
    healthy_ones = (WorkerState(**healthy),) * 2
    assert verdict_on(totals_of(*writes), "append_latency_ms: max<500", workers=healthy_ones).kind == "fail"


def test_an_aborted_run_still_fails(totals_of):
    """It was ended for another reason than this one."""
    verdict = verdict_on(totals_of(messages(3_000, LATE_US)), aborted="aborted after 9 s because …")
    assert verdict.failures == ("aborted after 9 s because …",)


def test_too_few_samples_stay_too_few(totals_of):
    """Of two reasons for doubt, the first is reported."""
    (judgement,) = verdict_on(totals_of(messages(3_000, LATE_US, n=10))).judgements
    assert (judgement.too_few, judgement.late) == (True, False)


def test_the_generator_is_asked_only_where_it_matters(totals_of):
    """Checking each worker decodes its histograms."""

    def never():
        raise AssertionError

    totals = totals_of(messages(600_000, LATE_US))
    given = "append_latency_ms: p(95)<500, p(95)<5000; ws_join_ms: max<0.0001; messages_lost: count>0"
    judgements = judge(parse_thresholds(given.split(";")), totals, 4.0)
    assert excuse_lateness(judgements, totals, never) == judgements


WITHOUT = {"generator_lateness_ms", "visit_lateness_ms", "rest_read_ms", "replay_rest_ms", "replay_join_ms"}


@pytest.mark.parametrize(("metric", "service"), [("append_latency_ms", "append_service_ms"),
                                                 ("inbox_latency_ms", "inbox_service_ms")])  # fmt: skip
def test_every_latency_from_due_names_its_service_time(metric, service):
    """And no other trend has one. A reader is its own clock: it reads again when the last answer is there."""
    assert DEFAULT[metric].service == service
    assert DEFAULT[service].help == DEFAULT[metric].help.replace("message due", "message sent")
    from_due = [found.name for found in DEFAULT.values() if found.kind == "trend" and "due →" in found.help]
    assert {found.name for found in DEFAULT.values() if found.service} == {*from_due} - WITHOUT


def test_a_service_time_that_is_none_is_refused():
    """A behaviour's own metric must name a trend of the catalogue."""
    with pytest.raises(UsageError, match="nobody_ms"):
        Catalogue([trend("mine_ms", "due → done", service="nobody_ms")])


def test_the_reports_show_it_as_undecided(summary_of):
    """JSON, console, Markdown and JUnit: neither green nor red."""
    told, _ = summary_of(messages(3_000, LATE_US), thresholds=f"{P95}; messages_lost: count>0")
    entry, missed = told["thresholds"]
    assert (entry["ok"], entry["late"], entry["undecided"], entry["too_few"]) == (False, True, True, False)
    assert (mark(entry), mark(missed)) == ("?", "✗")
    console = render(told, 120, colour=False)
    line = next(line for line in console.splitlines() if line.strip().startswith(f"? {P95}"))
    assert "only 3.000 ms from sent: the generator was late" in line
    assert "| ❔ | append\\_latency\\_ms: p(95)\\<500" in render_markdown(told)
    junit = render_junit(told)
    assert (junit.count("<failure"), junit.count('type="inconclusive"')) == (1, 2)


def test_a_run_is_not_aborted_for_what_the_generator_explains(totals_of):
    """However long it goes on; and it is, for what the service time misses too."""
    rules = parse_thresholds(f"{P95}; append_latency_ms: max<500".split(";"))
    late, slow = totals_of(messages(3_000, LATE_US)), totals_of(messages(600_000, LATE_US))
    watch = Patience(rules, 5.0, lambda totals: is_beyond_limits(totals, (), Limits()))
    assert [watch.look(late, float(second)) for second in range(60)] == [""] * 60
    assert "which can no longer be made good" in watch.look(slow, 61.0)
    in_time = Patience(rules, 5.0, lambda _: False)
    assert in_time.look(late, 61.0)


def test_a_window_is_excused_by_its_own_service_time(totals_of):
    """The one of the whole run does not count."""
    (window,) = parse_thresholds(["append_latency_ms[60s]: p(95)<500"])
    missed = Judgement(window, 812.0, ok=False, samples=100, from_sent=4.0)
    totals = totals_of(messages(4000, 800_000))
    (excused,) = excuse_lateness([missed], totals, lambda: True)
    assert excused.late
    assert excused.problem == "only 4.000 ms from sent: the generator was late"
    assert excuse_lateness([missed], totals, lambda: False) == [missed]
    unexplained = replace(missed, from_sent=None)
    assert excuse_lateness([unexplained], totals, lambda: True) == [unexplained]
