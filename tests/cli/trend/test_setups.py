"""Which runs are comparable and which are kept apart."""

import pytest

from fleetlm_users.cli.trend.history import read_history
from fleetlm_users.cli.trend.setups import differences, setups_of
from tests.cli.histories import history


@pytest.mark.parametrize(
    ("part", "values", "name"),
    [
        ("plan", {"users": {"burst": 9}}, "users"),
        ("plan", {"duration_s": 99.0}, "duration_s"),
        ("plan", {"session_rate": ["20"]}, "session_rate"),
        ("options", {"message_bytes": 64}, "message_bytes"),
        ("options", {"extra": {"probes": 4}}, "probes"),
        ("options", {"api_url": "http://other:4000/api"}, "api_url"),
        ("host", {"cpu": "EPYC"}, "cpu"),
        ("host", {"cores": 64}, "cores"),
    ],
)
def test_another_load_server_or_machine_is_another_setup(tmp_path, part, values, name):
    """The differing setting is named, and can be ignored on request."""
    known = {"options": {"message_bytes": 32, "api_url": "http://here:4000/api"}, "plan": {"session_rate": []}}
    history(tmp_path / "old", [1, 1], **known)
    history(tmp_path / "new", [1] * 3, seed=2, **(known | {part: known.get(part, {}) | values}))
    runs = read_history([tmp_path]).runs
    newest, other = setups_of(runs)
    assert (len(newest.runs), len(other.runs)) == (3, 2)
    assert (newest.decides, other.decides) == (True, False)
    assert [found for found, _, _ in differences(other, newest)] == [name]
    assert len(setups_of(runs, ignored=[name])) == 1


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("options", {"run_id": "mine", "seed": 99, "results_dir": "/elsewhere", "junit": "j.xml"}),
        ("host", {"hostname": "other", "kernel": "7.0"}),
        ("versions", {"locust": "2.48.0", "git_commit": "fff"}),
        ("options", {"of_a_later_version": True}),
        ("options", {"standin": True, "api_url": "http://127.0.0.1:50123/api"}),
    ],
)
def test_what_differs_in_every_run_keeps_nothing_apart(tmp_path, part, values):
    """Names, paths, versions, ports of a stand-in, and what an older version does not know."""
    history(tmp_path / "old", [1, 1], options={"standin": True, "api_url": "http://127.0.0.1:50007/api"})
    history(tmp_path / "new", [1], seed=2, **({"options": {"standin": True}} | {part: values}))
    assert len(setups_of(read_history([tmp_path]).runs)) == 1


def test_each_benchmarks_newest_setup_decides(tmp_path):
    """Benchmarks are never mixed."""
    history(tmp_path / "a", [1, 1])
    history(tmp_path / "b", [1], seed=2, options={"benchmark": "ws_hot_path"})
    setups = setups_of(read_history([tmp_path]).runs)
    assert {(setup.benchmark, setup.decides) for setup in setups} == {("mixed", True), ("ws_hot_path", True)}
