"""Files that were asked for: refused before the run where they cannot be written, never missing in silence."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.results import result_files
from fleetlm_users.swarm.results.result_files import UNWRITTEN_EXIT, note_unwritten, try_reports, write_reports
from tests.swarm.results.test_output_file import everything_in
from tests.swarm.samples import options


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        ("junit", "folder", r"--junit \(JUNIT\): got '.*folder'; accepted is a file that can be written \(Is a dir"),
        ("markdown", "file/x", r"--markdown \(MARKDOWN\): got '.*file/x'; .* \(Not a directory\), for example"),
        ("results_dir", "file", r"--results-dir \(RESULTS_DIR\): got '.*file'; .* \(Not a directory\); --no-results"),
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
    """And the summary says which it is."""
    monkeypatch.setattr(result_files, "_RENDERERS", {"junit": lambda told: "<x/>", "markdown": lambda told: "x"})
    told = {"verdict": {"exit_code": 0}}
    run = options(junit=str(tmp_path), markdown=str(tmp_path / "x.md"), no_results=True)
    assert write_reports(run, told, ()) is None
    assert (tmp_path / "x.md").read_text(encoding="utf-8") == "x"
    assert told["unwritten"] == [f"--junit {tmp_path}: Is a directory"]
    assert told["verdict"]["exit_code"] == UNWRITTEN_EXIT


@pytest.mark.parametrize(("verdict", "code"), [(0, UNWRITTEN_EXIT), (3, 3), (4, 4)])
def test_a_missing_file_is_never_green(verdict, code):
    """What the run came to outweighs it."""
    told = {"verdict": {"exit_code": verdict}}
    note_unwritten(told, "--junit", "x.xml", OSError(28, "No space left on device"))
    note_unwritten(told, "--html", "x.html", OSError(28, "No space left on device"))
    assert told["verdict"]["exit_code"] == code
    assert told["unwritten"] == ["--junit x.xml: No space left on device", "--html x.html: No space left on device"]
