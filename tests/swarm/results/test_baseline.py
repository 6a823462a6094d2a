"""The earlier run of `--baseline`: refused before a run if it cannot be read, reported if it cannot be compared."""

import json

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.results.baseline import Baseline, baseline_of, check_baseline
from fleetlm_users.workload.options.model import describe
from tests.cli.summaries import made, run_file, written
from tests.swarm.samples import options


def earlier(folder, name, **changed):
    """A run of the light preset of mixed, in a folder of that name."""
    found = made()
    described = describe(options())
    found["plan"], found["options"] = described.pop("plan"), {**described, "run_id": name, **changed}
    return written(folder / name, json.loads(json.dumps(found)))


def chosen(path):
    said = []
    return baseline_of(options(baseline=str(path)), said.append), said


def test_without_the_option_there_is_none(tmp_path):
    """Nothing is read."""
    assert baseline_of(options(), lambda _: None) is None
    check_baseline(options())


def test_a_run_by_its_folder_or_its_summary(tmp_path):
    """It is taken without a word."""
    folder = earlier(tmp_path, "r0")
    for path in (folder, folder / "summary.json"):
        baseline, said = chosen(path)
        assert (baseline.run.run_id, said) == ("r0", [])


def test_of_a_folder_of_runs_the_newest_that_can_be_compared(tmp_path):
    """Another load, another benchmark and what cannot be read are passed over; which run it is, is said."""
    earlier(tmp_path, "1-old")
    earlier(tmp_path, "2-good")
    earlier(tmp_path, "3-other", benchmark="durability")
    earlier(tmp_path, "4-heavy", message_bytes=4096)
    (tmp_path / "5-torn").mkdir()
    (tmp_path / "5-torn" / "summary.json").write_text("{")
    check_baseline(options(baseline=str(tmp_path)))
    baseline, said = chosen(tmp_path)
    assert baseline.run.run_id == "2-good"
    assert "5-torn" in said[0]
    assert said[1] == f"baseline: run 2-good in {tmp_path / '2-good'}"


def test_where_none_can_be_compared_the_run_goes_on_and_says_why(tmp_path):
    """Before it begins, and in its report; by the newest of the same benchmark."""
    earlier(tmp_path, "1", message_bytes=4096)
    earlier(tmp_path, "2", benchmark="durability")
    baseline, said = chosen(tmp_path)
    assert baseline.run is None
    assert "the load differs: message_bytes 4096 and 64" in said[0]
    (sentence,) = baseline.entry(made())["sentences"]
    assert "not comparable" in sentence["text"]
    single, said = chosen(tmp_path / "2")
    assert single.run is None
    assert "different benchmarks: durability and mixed" in said[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', None])
def test_what_cannot_be_read_is_refused(tmp_path, content):
    """The error names the option; a folder without any run is refused, too."""
    folder = tmp_path / "r0"
    folder.mkdir()
    if content is not None:
        (folder / "summary.json").write_text(content)
    with pytest.raises(UsageError, match=r"--baseline \(BASELINE\)"):
        check_baseline(options(baseline=str(folder)))
    with pytest.raises(UsageError, match=r"--baseline \(BASELINE\)"):
        chosen(tmp_path if content else tmp_path / "none")


def test_an_odd_baseline_costs_no_run():
    """A fault that the checks missed becomes a sentence of the report."""
    found = made()
    found["thresholds"][0]["condition"] = 7
    told = Baseline(options().results_dir, run_file(found)).entry(made())
    assert told["exit_code"] == 4
    assert "cannot be read" in told["sentences"][0]["text"]
