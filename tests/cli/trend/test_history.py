"""Runs in order of time, and results left out with the reason."""

import json

import pytest

from fleetlm_users.cli.trend.history import commit_of, read_history
from fleetlm_users.errors import UsageError
from tests.cli.histories import history
from tests.cli.summaries import made, written


def names(found):
    """The runs' ids."""
    return [run.name for run in found.runs]


def test_runs_come_in_the_order_of_their_start(tmp_path):
    """Folder names do not matter, nor do a few levels of nesting, and each run counts once."""
    one, two = history(tmp_path / "z", [1, 1]), history(tmp_path / "a" / "job" / "results", [1, 1, 1], seed=2)
    found = read_history([tmp_path, one, one / "run-000-1"])
    assert names(found) == ["r000-1", "r000-2", "r001-1", "r001-2", "r002-2"]
    assert (found.left_out, found.runs[3].commit) == ((), "000000000001")
    assert names(read_history([two], last=2)) == ["r001-2", "r002-2"]


def test_what_cannot_count_is_left_out_by_name(tmp_path):
    """Inconclusive runs, copies, damaged files, runs without a start time."""
    history(tmp_path, [1, 1, 1])
    inconclusive = made()
    inconclusive["verdict"] = {"kind": "inconclusive", "exit_code": 4, "failures": [], "doubts": ["late"]}
    inconclusive["thresholds"] = []
    written(tmp_path / "inconclusive", inconclusive)
    copied = json.loads((tmp_path / "run-000-1" / "summary.json").read_text())
    written(tmp_path / "s-copy", copied)
    written(tmp_path / "timeless", made())
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "summary.json").write_text("{")
    found = read_history([tmp_path])
    reasons = {one.path.parent.name: one.reason for one in found.left_out}
    assert names(found) == ["r000-1", "r001-1", "r002-1"]
    assert set(reasons) == {"inconclusive", "s-copy", "timeless", "damaged"}
    assert reasons["inconclusive"] == "inconclusive: late"
    assert "same run" in reasons["s-copy"]
    assert "not JSON" in reasons["damaged"]


def test_the_folders_name_tells_the_start_where_the_summary_does_not(tmp_path):
    """Older versions named their folders so, too."""
    written(tmp_path / "20261124T113500Z-mixed-r1", made())
    (run,) = read_history([tmp_path]).runs
    assert run.started.isoformat() == "2026-11-24T11:35:00+00:00"


def test_a_named_file_must_be_readable(tmp_path):
    """One in a folder is left out instead; a folder must hold a run."""
    (tmp_path / "summary.json").write_text("[]")
    for path in (tmp_path, tmp_path / "summary.json", tmp_path / "nowhere"):
        with pytest.raises(UsageError):
            read_history([path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="a folder with results"):
        read_history([tmp_path / "empty"])


@pytest.mark.parametrize(
    ("versions", "commit"),
    [({"git_commit": "abc123"}, "abc123"), ({"git_commit": "abc123", "commit": "def456"}, "def456")]
    + [(odd, "") for odd in ({}, {"git_commit": "<b>abcdef"}, {"git_commit": 7}, {"commit": "x" * 99})],
)
def test_the_commit_is_that_of_what_was_tested(versions, commit):
    """CI may name it; only a text that looks like a commit counts."""
    assert commit_of(versions) == commit
