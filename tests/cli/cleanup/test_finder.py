"""Probing, sweeping and cleaning together, on a fake FleetLM that pages as the real one does."""

import pytest

from fleetlm_users.cli.cleanup.api import GIVE_UP, NOT_TRIED, Sweep, Unreachable
from fleetlm_users.cli.cleanup.finder import EMPTY_BLOCKS, MISSES, Cleaner
from fleetlm_users.cli.cleanup.sessions import RunMark
from fleetlm_users.errors import RestFailed
from fleetlm_users.workload.identity import VUS_PER_BLOCK

BATCH = 8
R1 = RunMark("r1", "bench")


def cleaner(api):
    return Cleaner(api, Sweep(api, BATCH), BATCH, lambda _text: None)


def names(numbers, run_id="r1"):
    return [f"bench-{run_id}-{number}" for number in numbers]


def ids(found):
    return sorted(session.id for session in found.deletable)


@pytest.mark.parametrize(
    "numbers",
    [[1], [1, 2, 3], list(range(1, 121)), [2, 40, 80, 129], [10_000_001, 10_000_002], [1, 10_000_001, 30_000_007], []],
    ids=["one", "few", "many", "holes", "beyond the plan", "gap of workers", "none"],
)
def test_every_participant_of_a_run_is_found(api, numbers):
    """They are in the plan's block and in each worker's, with gaps shorter than the run of misses that ends a block."""
    for name in names(numbers):
        api.add(name)
    assert len(cleaner(api).find([R1]).deletable) == len(numbers)


def test_probing_ends_after_a_stretch_of_misses_in_each_of_some_empty_blocks(api):
    """A run that does not exist costs a bounded number of requests."""
    cleaner(api).find([R1])
    blocks = {int(name.rpartition("-")[2]) // VUS_PER_BLOCK for name in api.asked}
    assert blocks == set(range(EMPTY_BLOCKS))
    assert len(api.asked) <= EMPTY_BLOCKS * (MISSES + BATCH)


def test_what_a_folder_knows_bridges_longer_holes(api):
    """Users 1 to 99 never got a session, the hundredth did: all users of the plan are asked in any case."""
    api.add("bench-r1-100")
    assert cleaner(api).find([R1]).deletable == []
    assert len(cleaner(api).find([RunMark("r1", "bench", users=100, workers=4)]).deletable) == 1


def test_all_known_workers_are_asked(api):
    """There are five workers, and only the last had a user beyond the plan."""
    api.add("bench-r1-50000001")
    assert cleaner(api).find([R1]).deletable == []
    assert len(cleaner(api).find([RunMark("r1", "bench", users=5, workers=5)]).deletable) == 1


def test_only_the_runs_own_sessions_are_found(api):
    """Sessions of the same participant that belong to another run, lack bench, or are archived stay."""
    api.add("bench-r1-1", "r1")
    api.add("bench-r1-1", "r2")
    api.add("bench-r1-1", "r1", bench=False)
    api.add("bench-r1-1", "r1", archived=True)
    found = cleaner(api).find([R1])
    assert ids(found) == ["s0"]
    assert found.archived == 1


def test_without_a_run_the_newest_fifty_show_the_runs(api):
    """Run old is beyond them and not found; new is found whole, though most of it is beyond them too."""
    api.add("bench-old-1", "old")
    for number in range(1, 81):
        api.add(f"bench-new-{number}", "new")
    found = cleaner(api).find([])
    assert {session.run_id for session in found.deletable} == {"new"}
    assert len(found.deletable) == 80


def test_without_a_run_participants_of_other_names_are_asked_too(api):
    """A behaviour of somebody's own may name them otherwise; only what says bench is taken."""
    api.add("somebody", "r9", count=3)
    api.add("somebody", "", count=2)
    api.add("somebody", "r9", bench=False)
    assert len(cleaner(api).find([]).deletable) == 5


@pytest.mark.parametrize(("hides_archived", "deleted"), [(False, 50), (True, 120)])
def test_a_full_list_is_asked_again(api, hides_archived, deleted):
    """120 sessions of one participant: FleetLM lists archived ones, so 70 stay out of reach, and that is known."""
    api.hides_archived = hides_archived
    api.add("bench-r1-1", count=120)
    cleaning = cleaner(api)
    found = cleaning.find([R1])
    assert found.full == {"bench-r1-1"}
    assert cleaning.delete(found) == deleted == len(api.deleted)


def test_failures_are_counted_and_end(api):
    """Two that cannot be deleted are tried once each."""
    api.add("bench-r1-1", count=60)
    api.broken = {"s58", "s59"}
    cleaning = cleaner(api)
    assert cleaning.delete(cleaning.find([R1])) == 48
    assert dict(cleaning.sweep.failures) == {"DELETE /api/sessions/:id: http_503": 2}


def test_a_dead_fleetlm_is_reported_at_once(api):
    """Before anything was answered there is nothing to count."""
    api.down = True
    with pytest.raises(Unreachable, match="Connection refused"):
        cleaner(api).find([R1])
    with pytest.raises(RestFailed):
        cleaner(api).find([])


def test_a_fleetlm_that_dies_is_not_asked_for_ever(api):
    """After a number of failures in a row the rest is counted as not tried."""
    for number in range(1, 201):
        api.add(f"bench-r1-{number}")
    cleaning = cleaner(api)
    found = cleaning.find([R1])
    api.down = True
    assert cleaning.delete(found) == 0
    failures = cleaning.sweep.failures
    assert failures.total() == 200
    assert failures["DELETE /api/sessions/:id: http_503"] < GIVE_UP + BATCH
    assert failures[NOT_TRIED] > 0
