"""Result folders: named, whole, never overwritten."""

import json
import re

import pytest

from fleetlm_users.swarm.results import write_file, write_results


def test_a_folder_is_named_by_time_benchmark_and_run(tmp_path):
    """Sortable by time; text and JSON as they are."""
    folder = write_results(tmp_path / "results", "mixed", "r1", {"a.txt": "x", "b.json": {"k": "ü"}})
    assert re.fullmatch(r"\d{8}T\d{6}Z-mixed-r1", folder.name)
    assert (folder / "a.txt").read_text() == "x"
    assert json.loads((folder / "b.json").read_text()) == {"k": "ü"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.json"]


def test_two_runs_of_one_id_within_a_second_get_two_folders(tmp_path):
    """Nothing is overwritten."""
    folders = {write_results(tmp_path, "mixed", "r1", {}) for _ in range(3)}
    assert len(folders) == 3


def test_what_cannot_be_written_is_an_os_error(tmp_path):
    """The caller tells it and goes on."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_results(tmp_path / "file", "mixed", "r1", {})


def test_a_file_makes_its_folder(tmp_path):
    """For --junit build/reports/junit.xml."""
    assert write_file(tmp_path / "a" / "b.xml", "<x/>").read_text() == "<x/>"
