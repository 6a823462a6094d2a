"""The thresholds of a run: the preset's, the given ones over them, none that this run could not judge."""

from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.coordinator.run_thresholds import of_sources, rules_of
from tests.swarm.samples import benchmark, options

PRESET = (
    "append_latency_ms: p(95)<1000",
    "message_success_rate: rate>0.90",
    "agent_reply_rate: rate>0.90",
    "backpressure_events: count<500",
)
BENCH = replace(benchmark(), records=lambda asked, metric, scenario: metric != "lifecycle_total_ms")


def rules(*given, preset=PRESET, said=None, **raw):
    asked = options(threshold=list(given), **raw)
    asked = replace(asked, plan=replace(asked.plan, thresholds=preset))
    return [str(rule) for rule in rules_of(asked, BENCH, DEFAULT, (said if said is not None else []).append)]


def test_given_thresholds_replace_the_presets_of_their_metric():
    """As before."""
    assert rules("append_latency_ms: p(99)<5")[:2] == ["append_latency_ms: p(99)<5", "message_success_rate: rate>0.9"]


def test_each_knows_who_set_it():
    """A report says so, since a person may wonder where a bound comes from."""
    asked = options(threshold=["append_latency_ms: p(99)<5"])
    asked = replace(asked, plan=replace(asked.plan, thresholds=PRESET[:2]))
    bench = replace(BENCH, thresholds={name: {"agent_reply_rate": "rate>0.5"} for name in BENCH.behaviours})
    origins = {
        str(rule).partition("{")[0].partition(":")[0]: rule.origin for rule in rules_of(asked, bench, DEFAULT, print)
    }
    assert origins == {
        "append_latency_ms": "given",
        "message_success_rate": "preset",
        "agent_reply_rate": "behaviour",
    }


@pytest.mark.parametrize(
    ("given", "raw", "told"),
    [
        ("append_latency_ms: p(95)>=0", {}, r"invalid value .* for --threshold \(THRESHOLD\): .*can be broken"),
        ("message_success_rate: rate>1", {}, "can be kept"),
        (
            "append_latency_ms{scenario:burst}: max>9; append_latency_ms: max<4",
            {},
            "invalid value .* for thresholds: .*hold together",
        ),
        ("append_latency_ms{scenario:churn}: p(95)<5", {"churn_vus": "0"}, "a scenario of this run: burst, long_lived"),
        ("lifecycle_total_ms: p(95)<5", {}, "burst, churn. measures"),
        ("server.memory_bytes: max<5", {}, "--server-metrics or --server-pid"),
        ("append_latency_ms[60s]: avg<5", {"duration": "65s", "warm_up": "10s"}, "is 55 s after the warm-up"),
        ("append_latency_ms[60s]: min>9, max<5", {"duration": "90s"}, "hold together"),
        ("server.db.memory_bytes: max<5", {"server_pid": "12"}, r"a source of this run \(pid-12\)"),
        ("server.memory_bytes: max>=0", {"server_pid": "12"}, "can be broken"),
        ("server.memory_bytes: min>9, max<5", {"server_pid": "12"}, "hold together"),
    ],
)
def test_what_this_run_cannot_judge_is_refused(given, raw, told):
    """Before it begins, and not as a threshold without samples after it."""
    with pytest.raises(UsageError, match=told):
        rules(given, **raw)


def test_a_given_threshold_may_take_a_contradiction_out_of_the_preset():
    """Overriding comes first."""
    assert "append_latency_ms: p(95)>2000" in rules("append_latency_ms: p(95)>2000")
    with pytest.raises(UsageError, match="hold together"):
        rules("append_latency_ms{scenario:burst}: min>2000; append_latency_ms: max<9")


def test_a_preset_also_serves_a_run_of_single_behaviours():
    """Its thresholds on others are not judged, and reported so."""
    said = []
    preset = (*PRESET, "append_latency_ms{scenario:churn}: p(95)<9", "lifecycle_total_ms: avg<9")
    found = rules(preset=preset, said=said, churn_vus="0")
    assert found == [str(rule).replace("0.90", "0.9") for rule in PRESET]
    assert [line.partition(": ")[2] for line in said] == [
        "append_latency_ms{scenario:churn}: p(95)<9 (preset light)",
        "lifecycle_total_ms: avg<9 (preset light)",
    ]


def test_a_preset_that_promises_nothing_is_refused_by_name():
    """A person's own file may hold such."""
    with pytest.raises(UsageError, match=r"^invalid value 'message_success_rate: rate>90' for preset light"):
        rules(preset=("message_success_rate: rate>90",))


DEFAULTS = {
    "long_lived": {"message_success_rate": "rate>0.5"},
    "churn": {"message_success_rate": "rate>0.5", "cleanup_success_rate": "rate>0.9"},
    "inbox_watcher": {"inbox_shown_rate": "rate>0.9"},
}


def defaults(*given, preset=(), said=None, records=lambda *_: True, **raw):
    asked = options(threshold=list(given), **raw)
    asked = replace(asked, plan=replace(asked.plan, thresholds=preset))
    bench = replace(benchmark(), thresholds=DEFAULTS, records=records)
    return [str(rule) for rule in rules_of(asked, bench, DEFAULT, (said if said is not None else []).append)]


LONG_LIVED, CHURN, DELETED = (
    "message_success_rate{scenario:long_lived}: rate>0.5",
    "message_success_rate{scenario:churn}: rate>0.5",
    "cleanup_success_rate{scenario:churn}: rate>0.9",
)


@pytest.mark.parametrize(
    ("preset", "given", "raw", "judged"),
    [
        ((), (), {}, [LONG_LIVED, CHURN, DELETED]),
        ((), (), {"churn_vus": "0"}, [LONG_LIVED]),
        (("message_success_rate: rate>0.1",), (), {}, ["message_success_rate: rate>0.1", DELETED]),
        (
            ("message_success_rate{scenario:churn}: rate>0.1",),
            (),
            {},
            ["message_success_rate{scenario:churn}: rate>0.1", LONG_LIVED, DELETED],
        ),
        ((), ("message_success_rate: rate>0.2",), {}, ["message_success_rate: rate>0.2", DELETED]),
        (
            ("message_success_rate: rate>0.1",),
            ("message_success_rate{scenario:burst}: rate>0.2",),
            {},
            ["message_success_rate: rate>0.1", "message_success_rate{scenario:burst}: rate>0.2", DELETED],
        ),
    ],
)
def test_every_behaviour_that_runs_brings_its_defaults(preset, given, raw, judged):
    """Each is judged for its scenario, unless the preset or a given threshold bounds that metric, for it or for all."""
    assert defaults(*given, preset=preset, **raw) == judged


@pytest.mark.parametrize(
    ("preset", "given", "judged"),
    [
        ((), ("message_success_rate: off",), [DELETED]),
        ((), ("message_success_rate{scenario:churn}: OFF",), [LONG_LIVED, DELETED]),
        (("message_success_rate: rate>0.1",), ("message_success_rate:off",), [DELETED]),
        (("cleanup_success_rate: off",), (), [LONG_LIVED, CHURN]),
        (
            ("cleanup_success_rate: off",),
            ("cleanup_success_rate: rate>0",),
            ["cleanup_success_rate: rate>0", LONG_LIVED, CHURN],
        ),
    ],
)
def test_a_default_threshold_can_be_switched_off(preset, given, judged):
    """`off` replaces the conditions, in the preset or a given threshold; defaults switched off are reported."""
    said = []
    assert defaults(*given, preset=preset, said=said) == judged
    assert all(line.startswith("default threshold dropped, as requested: ") for line in said)
    assert bool(said) == (judged[0] != "cleanup_success_rate: rate>0")


def test_what_is_not_there_cannot_be_switched_off():
    """It would have no effect; the error names the existing ones."""
    with pytest.raises(UsageError, match=r"a default threshold of this run: message_success_rate\{scenario:long_lived"):
        defaults("seq_gaps: off")
    with pytest.raises(UsageError, match="this run: none"):
        defaults("seq_gaps: off", long_lived_vus="0", churn_vus="0")


def test_a_default_that_this_run_does_not_record_is_left_out():
    """A default recorded only for the whole run is judged for the whole run, once."""
    assert defaults(records=lambda _options, metric, scenario: scenario != "churn") == [LONG_LIVED]
    assert defaults(records=lambda _options, metric, scenario: scenario is None) == [
        "message_success_rate: rate>0.5",
        "cleanup_success_rate: rate>0.9",
    ]


@pytest.mark.parametrize(
    ("metric", "bound"), [("agent_backlog_growth", "value<0.01"), ("messages_duplicated", "count==0")]
)
def test_a_default_on_what_one_server_does_is_judged_once_for_the_whole_run(metric, bound):
    """It answers all scenarios."""
    both = {key: {metric: bound} for key in ("long_lived", "churn")}
    bench = replace(benchmark(), thresholds=both)
    asked = options()
    asked = replace(asked, plan=replace(asked.plan, thresholds=()))
    assert [str(rule) for rule in rules_of(asked, bench, DEFAULT, [].append)] == [f"{metric}: {bound}"]


def test_a_default_that_is_no_threshold_names_its_behaviour():
    """The author of a behaviour sees it at the first start."""
    bench = replace(benchmark(), thresholds={"burst": {"append_latency_ms": "p(95)<<5"}})
    with pytest.raises(UsageError, match="for thresholds of the behaviour burst"):
        rules_of(options(), bench, DEFAULT, print)


AUDITED = [f"{metric}: count==0" for metric in (
    "messages_unstored", "messages_stored_changed", "answers_unstored", "answers_stored_changed",
)]  # fmt: skip


def test_an_audited_run_has_the_audits_thresholds():
    """After the preset's; a given one replaces that of its metric, as does one of the preset."""
    assert rules(audit="replay")[-4:] == AUDITED
    assert AUDITED[0] not in rules()
    assert AUDITED[0] not in rules(audit="off")
    assert rules("messages_unstored: count<5", audit="replay")[-4:] == ["messages_unstored: count<5", *AUDITED[1:]]
    own = (*PRESET, "messages_unstored: count<9")
    assert rules(preset=own, audit="rest")[-4:] == ["messages_unstored: count<9", *AUDITED[1:]]


def test_a_run_without_answers_is_not_judged_by_them():
    """They would have no samples."""
    follows_none = replace(BENCH, records=lambda asked, metric, scenario: not metric.startswith("answers"))
    asked = options(audit="replay")
    rules = [str(rule) for rule in rules_of(asked, follows_none, DEFAULT, print)]
    assert rules[-2:] == AUDITED[:2]


def test_a_search_has_no_threshold_on_what_is_stored():
    """It judges its steps, and what is stored is known only at its end."""
    search = replace(BENCH, search=lambda _options: None)
    rules = [str(rule) for rule in rules_of(options(audit="replay"), search, DEFAULT, print)]
    assert not set(AUDITED) & set(rules)


SERVER = "server.memory_bytes: growth<20MiB/h"


def test_a_preset_may_bound_the_server_and_serve_runs_that_do_not_see_it():
    """Without a source it is not judged, and that is said; with one it is."""
    said = []
    assert rules(preset=(*PRESET, SERVER), said=said) == rules()
    assert said == [f"not judged, as this run does not measure it: {SERVER} (preset light)"]
    assert rules(preset=(*PRESET, SERVER), server_pid="12")[-1] == SERVER


def test_a_search_judges_nothing_that_takes_longer_than_a_step():
    """That rules out windows and figures of the server; a preset's are left out."""
    search = replace(BENCH, search=lambda _options: None)
    for lasting in ("append_latency_ms[60s]: p(95)<5", SERVER):
        asked = options(threshold=[lasting], server_pid="12")
        with pytest.raises(UsageError, match="step by step"):
            rules_of(asked, search, DEFAULT, [].append)
        asked = replace(asked, given_thresholds=(), plan=replace(asked.plan, thresholds=(lasting,)))
        assert rules_of(asked, search, DEFAULT, [].append) == []


def test_a_figure_that_no_source_has_is_refused_or_left_out():
    """A given one is a mistake to be reported before the load; a preset's also serves other servers."""
    thresholds, said = parse_thresholds([SERVER]), []
    has_none, has_all = (lambda _series: False), (lambda _series: True)
    with pytest.raises(UsageError, match="a source of this run reports, unlike api"):
        of_sources(thresholds, {"api": has_none}, {SERVER}, said.append)
    assert of_sources(thresholds, {"api": has_none}, set(), said.append) == []
    assert said == [f"not judged, since no source of the server's figures reports it: {SERVER}"]
    assert of_sources(thresholds, {"api": has_all}, {SERVER}, said.append) == thresholds
    assert len(of_sources(thresholds, {"api": has_all, "db": None}, {SERVER}, said.append)) == 2


WINDOW = "append_latency_ms[60s]: p(95)<500"


def test_a_window_stands_beside_the_whole_run():
    """It replaces the preset's of the same window, and no other; a preset's that the run is too short for is said."""
    preset = ("append_latency_ms: p(95)<1000", "append_latency_ms[60s]: p(95)<900")
    assert rules(WINDOW, preset=preset, duration="90s", warm_up="10s") == [preset[0], WINDOW]
    assert rules("append_latency_ms: avg<9", preset=preset, duration="90s") == ["append_latency_ms: avg<9", preset[1]]
    said = []
    assert rules(preset=preset, duration="30s", said=said) == [preset[0]]
    assert said == [f"not judged, as this run is too short for one full window: {preset[1]} (preset light)"]
