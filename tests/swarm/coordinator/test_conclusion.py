"""The verdict of a run: judged once, with who took part, and written with what a person did meanwhile."""

import json
from types import SimpleNamespace

import pytest

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.conclusion import conclude, limits_of
from fleetlm_users.swarm.host.host_facts import HostFacts
from tests.swarm.samples import options

ALL_THERE = SimpleNamespace(expected=1, final=1, lost=())


def concluded(folder, workers=ALL_THERE, *, threshold="messages_sent: count>0", raw=(), **facts):
    """A run with five messages, all of which arrived, and what is written of it."""
    snapshots, ledger = SnapshotStore("e"), Ledger(DEFAULT, "e", "local")
    for name in ("messages_sent", "messages_appended"):
        ledger.count(name, "burst", "main", 5)
    snapshots.absorb("local", ledger.snapshot(1, True, 9.0))
    given = {"judged_s": 8.0, "interrupted": False, "drain_cut_short": False, "host": HostFacts({}, {}), "doubts": ()}
    given |= {"started_at": "2026-01-01T00:00:00+00:00", "workers": workers}
    chosen = options(results_dir=str(folder), **dict(raw))
    return conclude(chosen, parse_thresholds([threshold]), snapshots, **given | facts)


def test_a_run_that_kept_its_thresholds_passes_and_is_written(tmp_path):
    """The text names the folder."""
    result = concluded(tmp_path)
    assert (result.verdict.kind, result.exit_code) == ("pass", 0)
    written = json.loads((result.folder / "summary.json").read_text(encoding="utf-8"))
    assert written["verdict"]["exit_code"] == 0
    assert f"report   {result.folder}" in result.text(100, colour=False)


def test_without_a_folder_the_text_names_none(tmp_path):
    """`--no-results` asks for that."""
    result = concluded(tmp_path, raw={"no_results": "true"})
    assert result.folder is None
    assert "report   " not in result.text(100, colour=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named_and_is_no_pass(tmp_path):
    """The verdict itself stays."""
    (tmp_path / "a file").touch()
    result = concluded(tmp_path / "a file")
    assert (result.verdict.kind, result.exit_code) == ("pass", 5)
    assert result.summary["unwritten"]


@pytest.mark.parametrize(
    ("workers", "reason"),
    [
        (SimpleNamespace(expected=2, final=1, lost=()), "the final report of 1 of 2 workers is missing"),
        (SimpleNamespace(expected=2, final=1, lost=[LostWorker("b", "it is silent", 3.0)]), "b"),
    ],
    ids=["one without a report", "a lost one"],
)
def test_workers_that_did_not_report_to_the_end_are_doubted(tmp_path, workers, reason):
    """What they measured last is missing."""
    result = concluded(tmp_path, workers)
    assert result.verdict.kind == "inconclusive"
    assert any(reason in doubt for doubt in result.verdict.doubts)


def test_what_a_person_did_meanwhile_is_part_of_the_plan(tmp_path):
    """Edits of users, and the seconds at which the statistics were reset."""
    result = concluded(tmp_path, by_hand={"edits": [{"at_s": 1.0, "users": 9}], "resets": [2.0]})
    assert result.summary["plan"]["edits"] == [{"at_s": 1.0, "users": 9}]
    assert result.summary["plan"]["resets"] == [2.0]


def test_a_missed_threshold_fails_with_its_doubts(tmp_path):
    """Both are said."""
    result = concluded(tmp_path, threshold="messages_sent: count>5", doubts=["somebody looked"])
    assert (result.verdict.kind, result.exit_code) == ("fail", 3)
    assert "somebody looked" in result.verdict.reasons


def test_the_limits_of_the_generator_follow_the_one_that_is_set():
    """All in the same proportion; the default is the default."""
    default = Limits()
    doubled = limits_of(2 * default.lateness_p99_ms)
    assert limits_of(default.lateness_p99_ms) == default
    assert doubled.lateness_p95_ms == 2 * default.lateness_p95_ms
    assert doubled.loop_lag_p99_ms == 2 * default.loop_lag_p99_ms
    assert doubled.name_lookup_ms == 2 * default.name_lookup_ms
