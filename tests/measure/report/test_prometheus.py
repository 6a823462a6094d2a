"""Prometheus scrapes the report's numbers, in base units, and counters only grow."""

import pytest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from fleetlm_users.measure.judging.thresholds import Judgement, judge, parse_thresholds
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP, counter, gauge, rate, trend
from fleetlm_users.measure.report.prometheus import BUCKETS_S, name_of
from fleetlm_users.measure.report.run_status import RunStatus
from fleetlm_users.measure.snapshot_store import WorkerState
from tests.exposed import text_of

THRESHOLDS = "append_latency_ms: p(95)<500; message_success_rate: rate>0.95; backpressure_events: count<0"
RUN = {"run_id": "r1", "benchmark": "mixed", "preset": "light", "elapsed_s": 14.0, "planned_s": 120.0, "users": 18}


@pytest.fixture
def scraped(totals_of, healthy):
    """Return samples by name and labels, of one ledger per given function; a healthy one by default."""

    def scrape(*writes, thresholds=THRESHOLDS, workers=(), **changed):
        totals = totals_of(*(writes or (healthy,)))
        judged = {"judgements": tuple(judge(parse_thresholds(thresholds.split(";")), totals, 4.0))}
        status = RunStatus(totals=totals, workers=workers, **{**RUN, **judged, **changed})
        found = {}
        for family in text_string_to_metric_families(text_of(status)):
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in found, f"{key} twice"
                found[key] = sample.value
        return found

    return scrape


def at(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def test_before_the_first_run_there_is_the_version_and_no_run():
    """A scraper that comes early gets an answer, not an error."""
    text = text_of(None)
    assert 'fleetlm_build_info{version="1.2"} 1.0' in text
    assert "fleetlm_run_active 0.0" in text
    assert "fleetlm_run_info" not in text


def test_counters_are_exact_by_scenario_and_phase(scraped):
    """Two workers are summed; the two phases stay apart."""

    def write(ledger):
        ledger.count("messages_sent", "burst", MAIN, 3)
        ledger.count("messages_sent", "burst", WARM_UP, 2)

    found = scraped(write, write)
    assert at(found, "fleetlm_messages_sent_total", scenario="burst", phase="main") == 6
    assert at(found, "fleetlm_messages_sent_total", scenario="burst", phase="warm_up") == 4


def test_a_counter_begins_at_zero_in_every_scenario_that_runs(scraped):
    """Prometheus' rate() misses the first event of a series that begins with it."""
    found = scraped()
    assert at(found, "fleetlm_backpressure_events_total", scenario="burst", phase="main") == 0
    assert at(found, "fleetlm_message_failures_total", scenario="burst", phase="main") == 0


def test_what_a_counter_is_broken_down_by_stands_apart(scraped):
    """Else a sum over its labels would count twice, or miss the first of each kind."""

    def write(ledger):
        ledger.count("messages_lost", "burst", MAIN, 2, label="timeout")
        ledger.count("messages_lost", "burst", MAIN, 1, label="closed_1012")

    found = scraped(write)
    assert at(found, "fleetlm_messages_lost_total", scenario="burst", phase="main") == 3
    place = {"metric": "messages_lost", "scenario": "burst", "phase": "main"}
    assert at(found, "fleetlm_events_by_kind_total", **place, kind="timeout") == 2
    assert at(found, "fleetlm_events_by_kind_total", **place, kind="closed_1012") == 1


def test_histograms_are_cumulative_and_in_seconds(scraped):
    """Each bucket holds all at or below its bound; the last one, the count and the sum are exact."""

    def write(ledger):
        for value_us in (400, 500, 700, 40_000, 70_000_000):
            ledger.trend("append_latency_ms", "burst", MAIN).add(value_us)

    found = scraped(write, write)
    name, place = "fleetlm_append_latency_seconds", {"scenario": "burst", "phase": "main"}
    buckets = [at(found, f"{name}_bucket", **place, le=str(bound_s)) for bound_s in BUCKETS_S]
    assert buckets == sorted(buckets)
    assert [at(found, f"{name}_bucket", **place, le=le) for le in ("0.0005", "0.001", "0.05", "60.0")] == [4, 6, 8, 8]
    assert at(found, f"{name}_bucket", **place, le="+Inf") == at(found, f"{name}_count", **place) == 10
    assert at(found, f"{name}_sum", **place) == pytest.approx(2 * 70.0416)


def test_thresholds_tell_value_bound_and_answer_in_base_units(scraped):
    """Milliseconds become seconds; the text stays as it was written."""
    found = scraped()
    latency, success = "append_latency_ms: p(95)<500", "message_success_rate: rate>0.95"
    assert at(found, "fleetlm_threshold_bound", threshold=latency, unit="seconds") == 0.5
    assert 0.0014 < at(found, "fleetlm_threshold_value", threshold=latency, unit="seconds") < 0.0015
    assert at(found, "fleetlm_threshold_value", threshold=success, unit="ratio") == 1.0
    assert at(found, "fleetlm_threshold_ok", threshold=success) == 1
    assert at(found, "fleetlm_threshold_ok", threshold="backpressure_events: count<0") == 0


def test_a_threshold_on_too_few_samples_gives_no_answer(scraped):
    """It is neither green nor red; a threshold written twice is exported once."""

    def write(ledger):
        ledger.trend("append_latency_ms", "burst", MAIN).add(900_000)

    rules = "append_latency_ms: p(95)<500, p(95)<500; agent_latency_ms: avg<1"
    found = scraped(write, thresholds=rules)
    assert at(found, "fleetlm_threshold_value", threshold="append_latency_ms: p(95)<500", unit="seconds") == 0.9
    assert not [key for key in found if key[0] == "fleetlm_threshold_ok"]


def test_a_threshold_that_a_late_generator_missed_gives_no_answer(scraped):
    """Once judged so."""
    late = Judgement(parse_thresholds(["append_latency_ms: avg<1"])[0], 900.0, ok=False, samples=200, late=True)
    found = scraped(judgements=(late,))
    assert at(found, "fleetlm_threshold_value", threshold="append_latency_ms: avg<1", unit="seconds") == 0.9
    assert not [key for key in found if key[0] == "fleetlm_threshold_ok"]


def test_the_run_and_its_verdict(scraped):
    """The verdict is there once the run has been judged, and says all three so that a panel can choose."""
    going = scraped()
    assert at(going, "fleetlm_run_info", run_id="r1", benchmark="mixed", preset="light") == 1
    assert at(going, "fleetlm_run_active") == 1
    assert at(going, "fleetlm_run_planned_seconds") == 120
    assert not [key for key in going if key[0] == "fleetlm_run_verdict"]
    ended = scraped(verdict="fail", planned_s=None)
    assert at(ended, "fleetlm_run_active") == 0
    assert [at(ended, "fleetlm_run_verdict", verdict=kind) for kind in ("pass", "fail", "inconclusive")] == [0, 1, 0]
    assert not [key for key in ended if key[0] == "fleetlm_run_planned_seconds"]


def test_each_worker_tells_its_own_health(scraped):
    """Anything it did not report is absent, not 0."""
    well = WorkerState("w1", 3, False, 9.0, 35.0, 60.0, 80_000_000, 9, 0, 1_500, 300)
    silent = WorkerState("w2", 1, False, 3.0, None, None, None, 0, 0, None, None)
    found = scraped(workers=(well, silent))
    assert at(found, "fleetlm_run_workers") == 2
    assert at(found, "fleetlm_worker_cpu_ratio", worker="w1") == pytest.approx(0.35)
    assert at(found, "fleetlm_worker_rss_bytes", worker="w1") == 80_000_000
    assert at(found, "fleetlm_worker_lateness_p99_seconds", worker="w1") == pytest.approx(0.0015)
    assert at(found, "fleetlm_worker_loop_lag_p99_seconds", worker="w1") == pytest.approx(0.0003)
    assert not [key for key in found if ("worker", "w2") in key[1]]


def test_gauges_stand_by_scenario_without_their_sum(scraped):
    """Summing over scenarios must give what there is, not its double."""
    found = scraped()
    values = {key[1]: value for key, value in found.items() if key[0] == "fleetlm_active_connections"}
    assert values == {(("scenario", "burst"),): 2}


def test_every_metric_of_the_catalogue_has_a_name_of_its_own():
    """It holds after suffixes are changed, and together with the names of the run itself."""
    names = [name_of(metric) for metric in DEFAULT.values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith(("fleetlm_run_", "fleetlm_threshold_", "fleetlm_build"))]


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (trend("append_latency_ms", ""), "fleetlm_append_latency_seconds"),
        (counter("session_churn_total", ""), "fleetlm_session_churn"),
        (rate("agent_reply_rate", ("a",), ("b",), ""), "fleetlm_agent_reply_ratio"),
        (gauge("cache_percent", "", unit="%"), "fleetlm_cache_ratio"),
        (gauge("my-own.level", ""), "fleetlm_my_own_level"),
    ],
)
def test_names_follow_prometheus_conventions(metric, name):
    """Base units at the end, nothing but letters, digits and underscores."""
    assert name_of(metric) == name


def test_openmetrics_can_be_spoken_as_well(totals_of, healthy):
    """Newer scrapers ask for it, and it is stricter."""
    totals = totals_of(healthy)
    text = text_of(RunStatus(totals=totals, workers=(), judgements=(), **RUN), generate_openmetrics)
    assert "fleetlm_run" in {family.name for family in openmetrics_families(text)}
