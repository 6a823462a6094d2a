"""Levels, changes for the worse and for the better, and which of them precede the newest run."""

import json
import random

import pytest

from fleetlm_users.cli.trend.analysis import trend_of
from fleetlm_users.cli.trend.history import read_history
from fleetlm_users.cli.trend.series import TrendSettings
from fleetlm_users.cli.trend.wording import kind_of
from fleetlm_users.measure.comparing.figures import Figure
from fleetlm_users.measure.comparing.rows import Tolerances
from tests.cli.histories import history
from tests.cli.summaries import made

P95 = Figure("append_latency_ms", None, "p(95)")
SETTINGS = TrendSettings(0.005, Tolerances(0.02, 0.005))


def analysed(folder, factors, **more):
    """The trend of a history with these factors, and the series of its p95."""
    trend = trend_of(read_history([history(folder, factors, **more)]), SETTINGS)
    return trend, next(series for series in trend.setups[0].series if series.figure == P95)


@pytest.mark.parametrize(
    ("factors", "code", "kinds"),
    [
        ([1] * 30, 0, []),
        ([1] * 20 + [1.05] * 10, 3, ["worse"]),
        ([1] * 20 + [0.9] * 10, 0, ["better"]),
        ([1] * 15 + [1.2] * 10 + [1] * 15, 0, ["worse then, recovered since", "better"]),
        ([1] * 15 + [1.2] * 10 + [1.15] * 15, 3, ["worse", "better"]),
        ([1] * 12 + [1.015] * 12, 0, ["small"]),
        ([1] * 12 + [1.015] * 12 + [1.03] * 12, 3, ["worse", "small"]),
        ([1] * 5 + [2] * 5, 4, []),
    ],
)
def test_the_newest_run_is_held_against_every_earlier_level(tmp_path, factors, code, kinds):
    """A drift in small steps counts as a whole, and what has recovered does not count."""
    trend, series = analysed(tmp_path, factors, noise=0.002)
    assert [kind_of(series, change) for change in series.changes] == kinds
    assert trend.exit_code == code


def test_a_change_says_before_after_and_commit(tmp_path):
    """Medians of the runs on both sides."""
    _, series = analysed(tmp_path, [1] * 20 + [1.1] * 10, noise=0.001)
    (change,) = series.changes
    assert (change.at, change.first.name, change.first.commit) == (20, "r020-1", "000000000014")
    assert (change.runs_before, change.runs_after) == (20, 10)
    assert change.share == pytest.approx(0.1, abs=0.002)
    assert series.level == change.after


def test_only_figures_with_a_threshold_decide(tmp_path):
    """A worse median is shown and decides nothing, if only the p95 is bounded; but here all of them get worse."""
    trend, _ = analysed(tmp_path, [1] * 20 + [1.1] * 10)
    found = {series.figure.aggregation for series, _ in trend.setups[0].unwanted}
    assert found == {"avg", "p(95)", "p(99)"}
    changed = {series.name for series in trend.setups[0].series if series.changes}
    assert "append_latency_ms med" in changed


def test_an_older_setup_decides_nothing(tmp_path):
    """Its newest run is not the newest run."""
    history(tmp_path / "old", [1] * 20 + [1.5] * 10, plan={"users": {"burst": 9}})
    history(tmp_path / "new", [1] * 40, seed=2)
    trend = trend_of(read_history([tmp_path]), SETTINGS)
    assert [bool(one.unwanted) for one in trend.setups] == [False, True]
    assert trend.exit_code == 0


def test_a_newest_run_without_a_judged_figure_is_no_pass(tmp_path):
    """No answers at all, say: the history of the others cannot make that green."""
    history(tmp_path, [1] * 20)
    gone = history(tmp_path / "newest", [1], seed=2) / "run-000-2" / "summary.json"
    summary = json.loads(gone.read_text())
    summary["run"]["started_at"] = "2026-12-24T00:00:00+00:00"
    del summary["metrics"][P95.metric], summary["distributions"][P95.metric]
    for threshold in summary["thresholds"]:
        if threshold["metric"] == P95.metric:
            threshold |= {"measured": None, "ok": False, "samples": 0, "problem": "no samples"}
    summary["verdict"] = {"kind": "fail", "exit_code": 3, "failures": ["no samples"], "doubts": []}
    gone.write_text(json.dumps(summary))
    trend = trend_of(read_history([tmp_path]), SETTINGS)
    assert trend.exit_code == 4
    assert "mixed: the newest run did not measure append_latency_ms" in trend.cautions()
    assert "mixed: the newest run failed its own thresholds" in trend.cautions()


@pytest.mark.parametrize(("newest", "code"), [(400, 0), (300, 3)])
def test_a_capacity_search_is_judged_by_its_result(tmp_path, newest, code):
    """More is better; a search ended by the generator is not a point of the line."""
    rng = random.Random(1)
    for day in range(24):
        result = (400 if day < 16 else newest) * rng.gauss(1, 0.01)
        entry = {"result": 1.0 if day == 5 else result, "unit": "sessions", "limited_by_generator": day == 5}
        run = history(tmp_path / str(day), [1], seed=day, options={"benchmark": "capacity"})
        path = next(run.glob("*/summary.json"))
        summary = json.loads(path.read_text())
        summary["run"]["started_at"] = f"2026-09-{day + 1:02}T00:00:00+00:00"
        entry |= {
            "finished": True,
            "words": "",
            "per_user": 1.0,
            "kept": 400,
            "missed": None,
            "at_least": False,
            "steps": [],
        }
        summary |= {"capacity": entry, "thresholds": []}
        path.write_text(json.dumps(summary))
    trend = trend_of(read_history([tmp_path]), SETTINGS)
    series = trend.setups[0].series[0]
    assert (series.name, series.is_judged, len(series.points)) == ("capacity result", True, 23)
    assert trend.exit_code == code


@pytest.mark.parametrize(("kept", "undecided", "code"), [(True, False, 0), (False, False, 4), (True, True, 4)])
def test_a_figure_that_the_newest_run_could_not_tell_holds_the_answer_up_unless_it_was_kept(
    tmp_path, kept, undecided, code
):
    """Each run of a set-up is too short for the growth of a backlog, or none is; what got lost is another matter."""
    base = made()["thresholds"]
    growth = base[0] | {"measured": None, "ok": kept, "undecided": undecided, "samples": 0}
    growth |= {"metric": "agent_backlog_growth", "condition": "value<0.01", "bound": 0.01, "unit": "fraction"}
    growth |= {"subject": "agent_backlog_growth", "expression": "agent_backlog_growth: value<0.01"}
    folder = history(tmp_path, [1] * 30)
    for path in folder.glob("*/summary.json"):
        document = json.loads(path.read_text())
        document["thresholds"].append(growth)
        path.write_text(json.dumps(document))
    assert trend_of(read_history([folder]), SETTINGS).exit_code == code
