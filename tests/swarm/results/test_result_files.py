"""Requested files: refused before the run if they cannot be written, never missing silently."""

import json
import re

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.timeline.rows import flat, to_csv
from fleetlm_users.measure.timeline.second import Stretch
from fleetlm_users.swarm.results import result_files
from fleetlm_users.swarm.results.result_files import (
    UNWRITTEN_EXIT,
    note_annotations,
    note_unwritten,
    try_reports,
    try_results,
    write_reports,
    write_results,
)
from tests.cli.summaries import made
from tests.swarm.results.test_output_file import everything_in, no_file_larger_than
from tests.swarm.samples import options


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        (
            "junit",
            "folder",
            r"invalid value '.*folder' for --junit \(JUNIT\): expected a file that can be written \(Is a dir",
        ),
        (
            "markdown",
            "file/x",
            r"invalid value '.*file/x' for --markdown \(MARKDOWN\): .* \(Not a directory\), for example",
        ),
        (
            "results_dir",
            "file",
            r"invalid value '.*file' for --results-dir \(RESULTS_DIR\): .* \(Not a directory\); --no-results",
        ),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(tmp_path, name, path, told):
    """It names the option, the path and the reason, and leaves no trace."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    before = everything_in(tmp_path)
    with pytest.raises(UsageError, match=told):
        try_reports(options(**{"results_dir": str(tmp_path / "results"), name: str(tmp_path / path)}))
    assert everything_in(tmp_path) == before


def test_two_reports_in_one_file_are_refused(tmp_path):
    """The second would replace the first; a device takes both."""
    (tmp_path / "link").symlink_to("one")
    with pytest.raises(UsageError, match="another file than that of --junit"):
        try_reports(options(junit=str(tmp_path / "one"), markdown=str(tmp_path / "link"), no_results=True))
    try_reports(options(junit="/dev/null", markdown="/dev/null", no_results=True))


def test_what_can_be_written_is_not_there_yet(tmp_path):
    """Trying leaves no trace."""
    given = {name: str(tmp_path / name) for name in ("junit", "markdown", "results_dir")}
    try_reports(options(**given))
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_tried_where_none_is_written(tmp_path):
    """--no-results for a root that cannot be written."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    try_reports(options(results_dir=str(tmp_path / "file"), no_results=True))


def test_a_missing_file_keeps_no_other_from_being_written(tmp_path, monkeypatch):
    """The summary names it."""
    monkeypatch.setattr(result_files, "_RENDERERS", {"junit": lambda told: "<x/>", "markdown": lambda told: "x"})
    told = {"verdict": {"exit_code": 0}}
    run = options(junit=str(tmp_path), markdown=str(tmp_path / "x.md"), no_results=True)
    assert write_reports(run, told, ()) is None
    assert (tmp_path / "x.md").read_text(encoding="utf-8") == "x"
    assert told["unwritten"] == [f"--junit {tmp_path}: Is a directory"]
    assert told["verdict"]["exit_code"] == UNWRITTEN_EXIT


@pytest.mark.parametrize(("verdict", "code"), [(0, UNWRITTEN_EXIT), (3, 3), (4, 4)])
def test_a_missing_file_is_never_green(verdict, code):
    """The run's own result takes precedence."""
    told = {"verdict": {"exit_code": verdict}}
    note_unwritten(told, "--junit", "x.xml", OSError(28, "No space left on device"))
    note_unwritten(told, "--html", "x.html", OSError(28, "No space left on device"))
    assert told["verdict"]["exit_code"] == code
    assert told["unwritten"] == ["--junit x.xml: No space left on device", "--html x.html: No space left on device"]


def test_a_folder_is_named_by_time_benchmark_and_run(tmp_path):
    """Names sort by time; text and JSON are written unchanged."""
    found = write_results(tmp_path / "results", "mixed", "r1", {"a.txt": "x", "b.json": {"k": "ü"}})
    assert re.fullmatch(r"\d{8}T\d{6}Z-mixed-r1", found.path.name)
    assert (found.path / "a.txt").read_text(encoding="utf-8") == "x"
    assert json.loads((found.path / "b.json").read_text(encoding="utf-8")) == {"k": "ü"}
    assert sorted(path.name for path in found.path.iterdir()) == ["a.txt", "b.json"]
    assert not found.problems


def test_two_runs_of_one_id_within_a_second_get_two_folders(tmp_path):
    """Nothing is overwritten."""
    folders = {write_results(tmp_path, "mixed", "r1", {}).path for _ in range(3)}
    assert len(folders) == 3


@pytest.mark.parametrize("parent", ["new/results", "results", "link", "link to nothing"])
def test_trying_leaves_no_trace(tmp_path, parent):
    """Tried files can still be written."""
    (tmp_path / "results" / "last").mkdir(parents=True)
    (tmp_path / "link").symlink_to("results")
    (tmp_path / "link to nothing").symlink_to("made/later")
    before = everything_in(tmp_path)
    try_results(tmp_path / parent, "mixed", "r1")
    assert everything_in(tmp_path) == before
    assert write_results(tmp_path / parent, "mixed", "r1", {"a.txt": "x"}).path.is_dir()


@pytest.mark.parametrize(("parent", "run_id"), [("file", "r1"), ("file/results", "r1"), ("results", "r" * 250)])
def test_what_cannot_be_made_is_found_before_the_run(tmp_path, parent, run_id):
    """A file in its place, a name that is too long."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    before = everything_in(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|File name too long"):
        try_results(tmp_path / parent, "mixed", run_id)
    assert everything_in(tmp_path) == before
    with pytest.raises(OSError, match=r"Not a directory|File exists|File name too long"):
        write_results(tmp_path / parent, "mixed", run_id, {})


def test_a_disk_that_is_full_is_found_before_the_run(tmp_path):
    """No more than a few files were written to find out, and none is left."""
    with no_file_larger_than(100), pytest.raises(OSError, match="File too large"):
        try_results(tmp_path, "mixed", "r1")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_keeps_no_other_from_it(tmp_path):
    """The disk fills up: what still fits is there, whole; of the rest there is nothing."""
    with no_file_larger_than(100):
        found = write_results(tmp_path, "mixed", "r1", {"big.html": "x" * 200, "small.txt": "x"})
    assert [path.name for path in found.path.iterdir()] == ["small.txt"]
    assert list(found.problems) == ["big.html"]


def test_a_folder_without_a_file_is_not_left(tmp_path):
    """Nothing could be written at all."""
    with no_file_larger_than(10):
        found = write_results(tmp_path, "mixed", "r1", {"a.html": "x" * 200, "b.txt": "x" * 200})
    assert found.path is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("failed", "shown"), [(2, True), (0, False)])
def test_what_was_not_posted_is_in_the_reports_too(tmp_path, failed, shown):
    """They were written before the verdict was posted; if everything was posted, they do not change."""
    summary = made()
    for name in ("summary.json", "report.html", "report.txt"):
        (tmp_path / name).write_text("before", encoding="utf-8")
    (tmp_path / "timeseries.csv").write_text(to_csv([flat(Stretch.empty(0))]), encoding="utf-8")
    entry = {"url": "http://g", "posted": 1, "failed": failed, "problem": "HTTP 500"}
    note_annotations(summary, tmp_path, entry)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["annotations"] == entry
    for name in ("report.html", "report.txt"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert ("2 of 3 annotations not posted: HTTP 500" in text) is shown
        assert (text == "before") is not shown


def test_without_the_seconds_the_page_stays_as_it_was(tmp_path):
    """The others say it."""
    (tmp_path / "report.html").write_text("before", encoding="utf-8")
    note_annotations(made(), tmp_path, {"url": "http://g", "posted": 0, "failed": 1, "problem": "refused"})
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "before"
    assert "1 of 1 annotations not posted" in (tmp_path / "report.txt").read_text(encoding="utf-8")
