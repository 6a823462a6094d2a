"""The start of a run says what is done, to whom, and how it can be repeated."""

from fleetlm_users.swarm.head.announcement import announcement
from tests.swarm.samples import options


def test_it_names_users_targets_run_and_seed():
    """Everything that is needed to run it again."""
    text = announcement(options(), False)
    for said in ("18 users", "10 long_lived", "2m", "http://localhost:4000/api", "r1", "seed 7", "not judged"):
        assert said in text


def test_a_run_without_end_says_so():
    """Nobody should wait for it."""
    assert "until stopped" in announcement(options(duration="0"), False)
