import json

import pytest

from fleetlm_users.cli.result_folders import read_run, read_runs
from fleetlm_users.errors import UsageError
from tests.cli.summaries import summary, written


def test_a_folder_and_its_summary_are_the_same_run(tmp_path):
    """Both ways to name it."""
    folder = written(tmp_path / "one", summary())
    assert read_run(folder) == read_run(folder / "summary.json")
    assert (read_run(folder).benchmark, read_run(folder).run_id, read_run(folder).verdict) == ("mixed", "r1", "pass")


def test_a_folder_of_result_folders_is_all_their_runs(tmp_path):
    """By name; folders without a summary are passed over."""
    for name in ("b", "a"):
        written(tmp_path / name, summary(options={"run_id": name}))
    (tmp_path / "c").mkdir()
    assert [run.run_id for run in read_runs(tmp_path)] == ["a", "b"]
    assert [run.run_id for run in read_runs(tmp_path / "a")] == ["a"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"[]", "that this project wrote"),
        (b"{}", "that this project wrote"),
        (json.dumps({**summary(), "format": 99}).encode(), "format 1, this one has 99"),
    ],
)
def test_what_is_no_summary_is_refused_with_its_name(tmp_path, content, words):
    """Missing, unreadable, foreign, of another version."""
    file = tmp_path / "summary.json"
    if content is not None:
        file.write_bytes(content)
    for read in (read_run, read_runs):
        with pytest.raises(UsageError) as problem:
            read(file)
        assert words in str(problem.value)
        assert str(file) in str(problem.value)
