"""CI sees a failure for a miss and an error for a doubt, and green only for a pass."""

from xml.etree import ElementTree

import pytest

from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.report.junit import BELIEVABLE, render_junit

LOST = LostWorker("w", "its process ended", 7.0)


def suite_of(told):
    return ElementTree.fromstring(render_junit(told))


def outcome(case):
    return next((kind for kind in ("failure", "error") if case.find(kind) is not None), "passed")


def test_each_threshold_is_a_test(summary_of, healthy):
    """The message holds its measured value."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<500, p(50)<1, p(99.9)<1; ws_connect_ms: max<1")
    suite = suite_of(told)
    assert [outcome(case) for case in suite] == ["passed", "failure", "error", "failure", "error"]
    assert suite[1].find("failure").get("message") == "measured: 1.240 ms"
    assert suite[3].find("failure").get("message") == "measured: no samples"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "2")
    assert suite.get("name") == "fleetlm mixed r1"


@pytest.mark.parametrize(
    "facts",
    [
        {"interrupted": True},
        {"doubts": ("a \x00 byte & <tag>",)},
        {"workers_lost": (LOST,)},
    ],
)
def test_an_inconclusive_run_is_never_green(summary_of, healthy, facts):
    """Every threshold was kept, and still CI must not pass."""
    told, _ = summary_of(healthy, **facts)
    suite = suite_of(told)
    assert [outcome(case) for case in suite] == ["passed", "error"]
    assert suite[1].get("name") == BELIEVABLE


def test_an_interrupted_run_is_not_blamed(summary_of):
    """Thresholds it did not reach are errors, not failures."""
    told, _ = summary_of(lambda ledger: None, interrupted=True)
    suite = suite_of(told)
    assert [outcome(case) for case in suite] == ["error", "error"]


def test_a_pass_is_green(summary_of, healthy):
    """It states when it began, if known."""
    told, _ = summary_of(healthy)
    told["run"]["started_at"] = "2026-01-05T12:00:00Z"
    suite = suite_of(told)
    assert {outcome(case) for case in suite} == {"passed"}
    assert suite.get("timestamp") == "2026-01-05T12:00:00Z"
