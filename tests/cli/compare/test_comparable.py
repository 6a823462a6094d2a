import copy

import pytest

from fleetlm_users.cli.compare.comparable import differing_options, obstacles
from tests.cli.summaries import run_file, summary


def test_alike_runs_have_no_obstacle_and_no_difference():
    """Run ids and seeds are different in every run and say nothing."""
    after = summary(options={"run_id": "r2", "seed": 5, "results_dir": "/elsewhere"})
    assert list(obstacles(run_file(summary()), run_file(after, "B"), any_load=False)) == []
    assert list(differing_options(summary(), after)) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (summary(options={"benchmark": "ws_hot_path"}), "different benchmarks: mixed and ws_hot_path"),
        (summary(verdict="inconclusive", doubts=["the run was interrupted"]), "run B is inconclusive: the run was int"),
        (summary(plan={"users": {"burst": 6}}), "the load differs: users {'burst': 5} and {'burst': 6}"),
        (summary(options={"message_bytes": 1024}), "the load differs: message_bytes"),
        (summary(options={"extra": {"send_interval": 5}}), "the load differs: send_interval"),
    ],
)
def test_what_cannot_be_compared_says_why(after, words):
    """Each obstacle in words."""
    before = summary(options={"message_bytes": 64, "extra": {"send_interval": 1}})
    after["options"] = {"message_bytes": 64, **after["options"]}
    after["options"]["extra"] = {"send_interval": 1, **after["options"]["extra"]}
    found = list(obstacles(run_file(before), run_file(after, "B"), any_load=False))
    assert len(found) == 1
    assert words in found[0]


def test_a_run_is_not_compared_with_itself():
    """The same folder twice is a slip."""
    assert list(obstacles(run_file(summary()), run_file(summary()), any_load=False)) == ["A and B are the same run"]


def test_options_that_one_version_does_not_know_are_no_other_load():
    """They are shown as different, and that is all."""
    after = summary(options={"message_bytes": 64, "extra": {"send_interval": 1}})
    assert list(obstacles(run_file(summary()), run_file(after, "B"), any_load=False)) == []
    assert [item.name for item in differing_options(summary(), after)] == ["message_bytes", "send_interval"]


def test_any_load_lets_unequal_loads_through():
    """But nothing else."""
    after = run_file(summary(plan={"users": {"burst": 6}}, verdict="inconclusive"), "B")
    assert list(obstacles(run_file(summary()), after, any_load=True)) == ["run B is inconclusive: a reason"]


def test_load_is_told_first_and_machines_and_versions_too():
    """Everything that differs, whatever it is."""
    after = copy.deepcopy(summary(plan={"duration_s": 5.0, "users": {}}, options={"reply_timeout_s": 5}))
    after["versions"]["python"] = "3.12"
    after["host"]["hostname"] = "other"
    after["workers"] = []
    names = [item.name for item in differing_options(summary(), after)]
    assert names == ["users", "duration_s", "reply_timeout_s", "host.hostname", "versions.python", "workers"]


def test_ports_of_two_standins_are_no_difference():
    """They are free ones, other in every run; without --standin another server is told."""
    one, other = ({"standin": True, "api_url": f"http://127.0.0.1:{port}/api"} for port in (1, 2))
    assert list(differing_options(summary(options=one), summary(options=other))) == []
    one, other = ({**side, "standin": False} for side in (one, other))
    assert [item.name for item in differing_options(summary(options=one), summary(options=other))] == ["api_url"]
