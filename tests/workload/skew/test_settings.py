"""The skew of a run."""

from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.metric import SKEWED_PARTS
from fleetlm_users.workload.skew.settings import PARTS, check_skew, parts_in, skew_in
from tests.swarm.samples import options


def skewed(**plan):
    given = options()
    return replace(given, extra={"skew": "zipf:1.1"}, plan=replace(given.plan, **plan))


def test_a_run_without_the_option_is_even():
    """It includes runs of benchmarks without such an option."""
    assert skew_in(options()) == ""
    assert skew_in(skewed()) == "zipf:1.1"
    check_skew(skewed())


def test_there_is_a_part_for_every_session_of_the_plan():
    """However many run on this process."""
    assert len(parts_in(skewed(users={"burst": 23}), "burst")) == 23


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ({"stages": ("a=5s:3",)}, "stages"),
        ({"shape": "Waves"}, "Waves"),
        ({"session_rate": ("20",)}, "a session rate"),
        ({"arrivals": "poisson"}, "Poisson arrivals"),
    ],
)
def test_a_number_of_sessions_that_changes_has_no_skew(plan, named):
    """The error is a sentence."""
    with pytest.raises(UsageError, match=f"--skew .*{named}.*even rate"):
        check_skew(skewed(**plan))


def test_the_parts_have_the_same_names_in_thresholds_and_reports():
    """The pure packages do not know each other."""
    assert tuple(SKEWED_PARTS) == PARTS
