"""Runs in stages, in real processes: the users that Locust is asked for, and the accounting of each stage."""

import re

import pytest

from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

STAGES = "up=2s:6,hold=3s:6,0s:12,peak=3s:12,down=2s:2,rest=3s:2"
OF_PEAK = ["--threshold", "messages_sent{stage:peak}: count>0"]
ASKED = [0, 3, 6, 12, 7, 2]
QUICK = ["--time-scale", "0.2"]


def is_part_of(asked, planned):
    rest = iter(planned)
    return all(users in rest for users in asked)


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_run_in_stages(tmp_path, standin, processes):
    """Users come and go as planned, every message is in the books of one stage, and those who left lost nothing."""
    with Locust(tmp_path, *targets(standin), *QUICK, *processes, "--stages", STAGES, *OF_PEAK) as locust:
        finished = locust.finish()
    asked = [int(users) for users in re.findall(r"Shape test updating to (\d+) users", finished.output)]
    assert is_part_of(asked, ASKED), asked  # a second that a busy machine slept through is passed over
    assert {6, 12, 2} <= set(asked)
    stages = finished.summary["stages"]
    assert [(stage["name"], stage["users_before"], stage["users"]) for stage in stages] == [
        ("up", 0, 6),
        ("hold", 6, 6),
        ("peak", 12, 12),
        ("down", 12, 2),
        ("rest", 2, 2),
    ]
    whole = finished.accounting(phase="main")
    for fate in ("sent", "appended", "in_flight", "lost"):
        assert sum(stage["accounting"][fate] for stage in stages) == whole[fate]
    assert whole["sent"] > 0
    (of_peak,) = [one for one in finished.summary["thresholds"] if one["stage"] == "peak"]
    assert (of_peak["measured"], of_peak["ok"]) == (stages[2]["accounting"]["sent"], True)
    assert whole["in_flight"] == 0
    assert not any("interrupted" in doubt or "ever ran" in doubt for doubt in finished.summary["verdict"]["doubts"])
    assert "STAGES, LATENCY IN MS" in finished.output
    assert "Traceback" not in finished.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-u", "5"], "no value with --stages (STAGES)"),
        (["-t", "5s"], "no value with --stages (STAGES)"),
        (["--threshold", "append_latency_ms{stage:top}: avg<9"], "a stage of this run that lasts: up, hold, peak"),
        (["--stages", "30s"], "invalid value '30s' for --stages (STAGES)"),
    ],
)
def test_what_contradicts_stages_is_refused_in_a_sentence(tmp_path, words, said):
    """Before any user starts."""
    with Locust(tmp_path, "--stages", STAGES, *words) as locust:
        finished = locust.finish()
    assert finished.code == 2
    assert said in " ".join(finished.output.split())
    assert "Traceback" not in finished.output
