"""Differences from an earlier run in a few sentences: decisive ones first, and none for runs that cannot be
compared.
"""

import pytest

from fleetlm_users.measure.comparing.baseline import MOST, baseline_entry, no_baseline, obstacles_beforehand
from fleetlm_users.measure.comparing.comparison import compare
from fleetlm_users.measure.comparing.rows import Tolerances
from tests.cli.summaries import counter, rate, run_file, summary, threshold, trend, with_trend

EVEN = [50 + index / 100 for index in range(2000)]


def entry(before, after):
    return baseline_entry(compare(run_file(before), run_file(after, "B"), Tolerances()))


def texts(before, after):
    return [sentence["text"] for sentence in entry(before, after)["sentences"]]


def scaled(factor, **more):
    return with_trend([value * factor for value in EVEN], **more)


def test_what_is_worse_is_named_with_both_figures():
    """The answer and exit code of the comparison come with it."""
    told = entry(scaled(1.0), scaled(1.2))
    assert (told["answer"], told["exit_code"], told["run_id"]) == ("regression", 3, "r1")
    headline, worse, *_ = told["sentences"]
    assert headline == {"text": "Against run r1: regression.", "metric": ""}
    assert worse["metric"] == "append_latency_ms"
    assert worse["text"] == "append_latency_ms p(95) is worse: 68.99 ms, then 82.79 ms (+20.0 %)."


def test_a_broken_threshold_is_named_once():
    """Its figure does not name it a second time."""
    told = texts(scaled(1.0), scaled(10.0, verdict="fail"))
    assert told[1] == "append_latency_ms: p(95)<500 was kept (68.99 ms) and is missed (689.9 ms)."
    assert not any(text.startswith("append_latency_ms p(95) is worse") for text in told)


def test_without_a_regression_what_is_better_is_told_and_what_nothing_bounds():
    """They come in this order; unchanged figures are not named."""
    before, after = scaled(1.0), scaled(0.5)
    for told, factor in ((before, 1.0), (after, 3.0)):
        told["metrics"]["ws_join_ms"], _ = trend([value * factor for value in EVEN])
        told["metrics"]["message_success_rate"] = rate(900, 1000)
    told = texts(before, after)
    assert told[0] == "Against run r1: no regression shown."
    assert told[1].startswith("append_latency_ms p(95) is better: 68.99 ms, then 34.49 ms")
    assert told[2].startswith("ws_join_ms p(99) is worse, and no threshold bounds it: ")
    assert not any("message_success_rate" in text for text in told)


def test_equal_runs_differ_in_nothing():
    """One sentence is enough, with the settings that differ."""
    assert texts(scaled(1.0), scaled(1.0)) == ["Against run r1: no regression shown."]
    other = scaled(1.0, options={"cleanup": True, "insecure": True, "audit_share": 1, "on_worker_lost": "stop"})
    (told,) = texts(scaled(1.0), other)
    assert told.startswith(
        "Against run r1: no regression shown; set up differently in cleanup, insecure, audit_share and"
    )


def test_there_are_few_and_the_rest_is_counted():
    """The comparison has them all."""
    before, after = scaled(1.0), scaled(1.0)
    for number in range(9):
        name = f"own_{number}_ms"
        before["metrics"][name], _ = trend(EVEN)
        after["metrics"][name], _ = trend([value * (2 + number) for value in EVEN])
    told = entry(before, after)
    assert len(told["sentences"]) == 1 + MOST
    assert told["more"] == 9 - MOST  # a metric is named once, by its largest change
    assert told["sentences"][1]["metric"] == "own_8_ms"  # the largest change


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (scaled(1.0, verdict="inconclusive"), "not comparable, since this run is inconclusive: a reason."),
        (scaled(1.0, options={"benchmark": "other"}), "not comparable, since different benchmarks: mixed and other."),
        (
            scaled(1.0, plan={"users": {"burst": 9}}),
            "not comparable, since the load differs: users 5 burst and 9 burst.",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_and_nothing_else(after, words):
    """The words are those of this run: it knows no A and no B, and none of compare's options."""
    told = entry(scaled(1.0), after)
    assert [sentence["text"] for sentence in told["sentences"]] == [f"Against run r1: {words}"]
    assert told["exit_code"] == 4


def test_too_few_samples_leave_it_open():
    """That is not a green light."""
    few = [1.0 + index / 70 for index in range(70)]
    told = texts(with_trend(few), with_trend([value * 13 for value in few]))
    assert told[0] == "Against run r1: inconclusive."
    assert "looks worse, and too few samples" in told[1]


def test_a_capacity_that_fell_comes_first():
    """Nothing is said about loads between which there is no answer."""
    before, after = summary(), summary()
    for told, kept, missed in ((before, 100, 110), (after, 60, 70)):
        told["capacity"] = {"unit": "users", "per_user": 1.0, "kept": kept, "missed": missed, "words": "so many"}
    assert texts(before, after)[1] == "Capacity is worse: 100 users were kept then, and 70 were not now."


def test_obstacles_are_known_before_a_run():
    """They follow from its plan and options; nothing else of it exists."""
    run = run_file(scaled(1.0))
    same = {"plan": run.summary["plan"], "options": run.summary["options"]}
    assert obstacles_beforehand(run, same) == []
    other = {"plan": same["plan"] | {"users": {"burst": 9}}, "options": same["options"]}
    assert obstacles_beforehand(run, other) == ["the load differs: users 5 burst and 9 burst"]
    many = {"plan": other["plan"], "options": same["options"] | {"benchmark": "x", "message_bytes": 9}}
    before = scaled(1.0, options={"message_bytes": 64})
    assert obstacles_beforehand(run_file(before), many)[-1] == "1 more reason"


def test_no_baseline_is_an_entry_too():
    """A report says why nothing was compared."""
    told = no_baseline("results", "the folder is gone")
    assert told["sentences"][0]["text"] == "Against the baseline results: not comparable, since the folder is gone."


def test_a_count_from_nothing_is_the_largest_change():
    """There is no old value to compare it with."""
    judged = [threshold("disconnects: count<9", 0, True, unit="count")]
    before = summary({"disconnects": counter(0)}, judged)
    after = summary({"disconnects": counter(500)}, [threshold("disconnects: count<9", 500, False, unit="count")])
    assert texts(before, after)[1] == "disconnects: count<9 was kept (0) and is missed (500)."
