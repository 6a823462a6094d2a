import json
import os
from pathlib import Path

import pytest

from fleetlm_users.earlier_runs.result_folders import read_run, read_runs
from fleetlm_users.errors import UsageError
from tests.cli.summaries import summary, written


def test_a_folder_and_its_summary_are_the_same_run(tmp_path):
    """Both ways to name it."""
    folder = written(tmp_path / "one", summary())
    assert read_run(folder) == read_run(folder / "summary.json")
    assert (read_run(folder).benchmark, read_run(folder).run_id, read_run(folder).verdict) == ("mixed", "r1", "pass")


def test_a_folder_of_result_folders_is_all_their_runs(tmp_path):
    """They come in order of name; folders without a summary are skipped."""
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
        (b"5", "that this project wrote"),
        (b"", "this file is not JSON"),
        (b"\0" * 1000, "this file is not JSON"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'{"format": 1, "a": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001, "it is nested too deeply"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "this file is not JSON"),
        (b'{"format": Infinity}', "it holds Infinity, which is not a number"),
        ('{"format": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b'{"format": "1"}', "format 1, this one has '1'"),
        (b'{"format": 1}', "verdict is missing"),
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


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    """Folders, pipes, loops of links, devices, names beyond the system's limit."""
    pipe, loop, folder = tmp_path / "pipe", tmp_path / "loop", tmp_path / "folder" / "summary.json"
    os.mkfifo(pipe)
    loop.symlink_to("loop")
    folder.mkdir(parents=True)
    for path in (pipe, loop, folder.parent, Path("/dev/zero"), Path("x" * 5000), tmp_path / "caf\udce9"):
        for read in (read_run, read_runs):
            with pytest.raises(UsageError) as problem:
                read(path)
            assert str(problem.value).isprintable()
            assert len(str(problem.value)) < 1000


def test_cleanup_asks_for_no_more_users_than_a_run_can_have(tmp_path):
    """A damaged count would have it search for days."""
    whole = summary()
    file = tmp_path / "summary.json"
    file.write_text(json.dumps({**whole, "plan": {**whole["plan"], "total_users": 10**12}}))
    with pytest.raises(UsageError, match="total_users"):
        read_run(file)
