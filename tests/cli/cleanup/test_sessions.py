import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.cli.cleanup.sessions import BenchSession, RunMark, bench_sessions, is_full, mark_of, merged

KEYS = st.sampled_from(["sessions", "metadata", "id", "bench", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)  # fmt: skip


def session(user_id, run_id="r1", **changes):
    values = {"id": "s1", "user_id": user_id, "run_id": run_id, "scenario": "", "inserted_at": "", "archived": False}
    return BenchSession(**{**values, **changes})


def listed(**changes):
    return {"sessions": [{"id": "s1", "user_id": "bench-r1-1", "status": "active", **changes}]}


@pytest.mark.parametrize(
    ("metadata", "is_ours"),
    [
        ({"bench": True, "run_id": "r1"}, True),
        ({"bench": True}, True),
        ({"bench": "true", "run_id": "r1"}, False),  # only what says so exactly is ever deleted
        ({"bench": 1}, False),
        ({"run_id": "r1"}, False),
        ({}, False),
        (None, False),
        ("bench", False),
    ],
)
def test_only_bench_true_is_ours(metadata, is_ours):
    """Nothing else is touched, however much it looks like ours."""
    assert bool(list(bench_sessions(listed(metadata=metadata)))) is is_ours


@given(JSON)
def test_any_body_is_read_without_an_error(body):
    """A body in another form than FleetLM's holds no sessions."""
    assert all(isinstance(found, BenchSession) for found in bench_sessions(body))
    assert is_full(body) in (True, False)


def test_archived_ones_are_marked():
    """FleetLM goes on listing deleted sessions."""
    found = next(
        bench_sessions(listed(metadata={"bench": True, "run_id": "r1", "scenario": "churn"}, status="archived"))
    )
    assert (found.archived, found.run_id, found.scenario, found.user_id) == (True, "r1", "churn", "bench-r1-1")


@pytest.mark.parametrize(
    ("user_id", "run_id", "mark"),
    [
        ("bench-r1-7", "r1", RunMark("r1", "bench")),
        ("my-bench-r1124-2135-7f3a-20000001", "r1124-2135-7f3a", RunMark("r1124-2135-7f3a", "my-bench")),
        ("bench-r1-7", "", None),
        ("bench-r1", "r1", None),
        ("r1-7", "r1", None),
        ("bench-other-7", "r1", None),
        ("", "r1", None),
    ],
)
def test_the_run_of_a_participant(user_id, run_id, mark):
    """`<prefix>-<run_id>-<n>` only."""
    assert mark_of(session(user_id, run_id)) == mark


def test_marks_are_reported_once_and_keep_what_a_folder_knows():
    """Whichever way a run was named."""
    known = RunMark("r1", "bench", users=5, workers=2)
    assert merged([RunMark("r1", "bench"), known, RunMark("r1", "bench"), RunMark("r1", "other")]) == [
        known,
        RunMark("r1", "other"),
    ]


@pytest.mark.parametrize(("count", "full"), [(0, False), (49, False), (50, True), (60, True)])
def test_a_page_of_fifty_is_full(count, full):
    """Older sessions may hide behind it."""
    assert is_full({"sessions": [{}] * count}) is full
