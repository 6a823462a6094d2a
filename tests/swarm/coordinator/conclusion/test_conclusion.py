"""The verdict of a run: judged once, with the workers that took part, and written with the changes a person made."""

import json
from types import SimpleNamespace

import pytest

from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.conclusion.conclusion import conclude
from fleetlm_users.swarm.coordinator.conclusion.ended_run import EndedRun
from fleetlm_users.swarm.host.host_facts import HostFacts
from fleetlm_users.swarm.results.run_course import RunCourse
from tests.swarm.samples import options

ALL_THERE = SimpleNamespace(expected=1, final=1, lost=())


def concluded(folder, workers=ALL_THERE, *, threshold="messages_sent: count>0", raw=(), **facts):
    """A run with five messages that all arrived, and its result files."""
    snapshots, ledger = SnapshotStore("e"), Ledger(DEFAULT, "e", "local")
    for name in ("messages_sent", "messages_appended"):
        ledger.count(name, "burst", "main", 5)
    snapshots.absorb("local", ledger.snapshot(1, True, 9.0))
    given = {"judged_s": 8.0, "interrupted": False, "drain_cut_short": False, "host": HostFacts({}, {}), "doubts": ()}
    given |= {"started_at": "2026-01-01T00:00:00+00:00", "workers": workers}
    chosen = options(results_dir=str(folder), **dict(raw))
    given |= {"options": chosen, "thresholds": parse_thresholds([threshold]), "snapshots": snapshots}
    return conclude(EndedRun(**given | facts))


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
    """Their last measurements are missing."""
    result = concluded(tmp_path, workers)
    assert result.verdict.kind == "inconclusive"
    assert any(reason in doubt for doubt in result.verdict.doubts)


def test_what_a_person_did_meanwhile_is_part_of_the_plan(tmp_path):
    """Edits of users, and the seconds at which the statistics were reset."""
    result = concluded(tmp_path, course=RunCourse([{"at_s": 1.0, "users": 9}], [2.0]))
    assert result.summary["plan"]["edits"] == [{"at_s": 1.0, "users": 9}]
    assert result.summary["plan"]["resets"] == [2.0]


def test_a_missed_threshold_fails_with_its_doubts(tmp_path):
    """Both are said."""
    result = concluded(tmp_path, threshold="messages_sent: count>5", doubts=["somebody looked"])
    assert (result.verdict.kind, result.exit_code) == ("fail", 3)
    assert "somebody looked" in result.verdict.reasons


def test_a_run_in_which_several_scenarios_stream_keeps_the_figures_of_each(tmp_path):
    """They are for the charts of a report made again from its folder."""
    snapshots, ledger = SnapshotStore("e"), Ledger(DEFAULT, "e", "local")
    ledger.count("messages_sent", "burst", "main")
    for place, scenario in enumerate(("burst", "churn"), 1):
        ledger.count("agent_chunks", scenario, "main", place)
        ledger.trend("agent_first_chunk_ms", scenario, "main").add(100_000 * place)
    ledger.tick(1.0)
    snapshots.absorb("local", ledger.snapshot(1, True, 9.0))
    result = concluded(tmp_path, snapshots=snapshots)
    written = json.loads((result.folder / "summary.json").read_text(encoding="utf-8"))
    assert [line["scenario"] for line in written["streams"]["scenarios"]] == ["burst", "churn"]
    assert "First chunk by scenario" in (result.folder / "report.html").read_text(encoding="utf-8")


def audited(folder, counts, **raw):
    """An audited run with five acknowledged messages and those counts."""
    snapshots, ledger = SnapshotStore("e"), Ledger(DEFAULT, "e", "local")
    for name, n in {"messages_sent": 5, "messages_appended": 5, **counts}.items():
        metric, _, label = name.partition(" ")
        ledger.count(metric, "burst", "main", n, label)
    snapshots.absorb("local", ledger.snapshot(1, True, 9.0))
    given = {"judged_s": 8.0, "interrupted": False, "drain_cut_short": False, "host": HostFacts({}, {}), "doubts": ()}
    given |= {"started_at": "2026-01-01T00:00:00+00:00", "workers": ALL_THERE}
    chosen = options(results_dir=str(folder), audit="database", audit_database="postgresql://u:s3cret@h/d", **raw)
    thresholds = parse_thresholds(["messages_unstored: count==0"])
    return conclude(EndedRun(options=chosen, thresholds=thresholds, snapshots=snapshots, **given))


def test_an_audited_run_says_what_the_audit_saw(tmp_path):
    """The summary and the text say it; neither contains the database's address."""
    result = audited(tmp_path, {"messages_audited": 5, "messages_stored": 5})
    assert result.verdict.kind == "pass"
    assert result.summary["audit"]["words"] == "audited in the database: 5 of 5 acknowledged messages (100 %)"
    assert "5 of 5 acknowledged messages" in " ".join(result.text(100, colour=False).split())
    assert "s3cret" not in str(result.summary)
    for written in result.folder.iterdir():
        assert b"s3cret" not in written.read_bytes()


def test_an_audit_that_saw_too_little_is_a_doubt(tmp_path):
    """A fifth is enough by default, but not if half is required."""
    counts = {"messages_audited": 1, "messages_stored": 1, "messages_unaudited memory_bound": 4}
    assert audited(tmp_path / "a", counts).verdict.kind == "pass"
    assert "less than --audit-share 0.5" in str(audited(tmp_path / "b", counts, audit_share="0.5").verdict.doubts)


def test_what_a_lost_worker_acknowledged_is_known_to_be_missing(tmp_path):
    """No audit reported on it."""
    result = audited(tmp_path, {"messages_audited": 3, "messages_stored": 3})
    assert result.summary["audit"]["messages"]["unaudited"] == {"unreported": 2}
    assert result.verdict.kind == "inconclusive"
