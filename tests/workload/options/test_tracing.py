"""Trace contexts: valid by W3C's rules, unique in a run, the same for the same seed, sampled by share."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.tracing import TraceContexts, check_tracing, traces_of
from tests.swarm.samples import options

VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")


@given(st.integers(0, 2**53), st.text("abc-019.", min_size=1, max_size=20), st.floats(0, 1), st.text(max_size=30))
def test_each_is_valid(seed, run_id, share, ref):
    """Version 00, lowercase hexadecimal, no id of zeros alone, one flag."""
    traces = TraceContexts(seed, run_id, share)
    assert VALID.fullmatch(traces.of_message(f"{run_id}-{ref}").header)
    assert VALID.fullmatch(traces.next_call().header)


def test_no_two_messages_or_calls_of_a_run_share_one():
    """Whichever worker sends them."""
    workers = [TraceContexts(7, "r1", 1.0, index) for index in range(3)]
    messages = [f"r1-{vu}-{session}-{k}" for vu in range(1, 12) for session in (1, 11) for k in range(1, 12)]
    drawn = [workers[0].of_message(ref) for ref in messages]
    drawn += [worker.next_call() for worker in workers for _ in range(100)]
    assert len({trace.trace_id for trace in drawn}) == len({trace.parent_id for trace in drawn}) == len(drawn)


def test_a_seed_repeats_them_and_another_does_not():
    """It holds for another run, too; a master finds the id of a worker's message."""
    first, again, other = TraceContexts(7, "r1", 1.0), TraceContexts(7, "r2", 1.0, 5), TraceContexts(8, "r1", 1.0)
    assert first.of_message("r1-3-1-2") == again.of_message("r2-3-1-2")
    assert first.of_message("r1-3-1-2") != other.of_message("r1-3-1-2")


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1000, 1000)])
def test_so_many_are_sampled(share, low, high):
    """None, a part, all: the seed is fixed, so the part is."""
    traces = TraceContexts(7, "r1", share)
    sampled = [traces.of_message(f"r1-1-1-{k}").header.endswith("-01") for k in range(1000)]
    assert low <= sum(sampled) <= high


def test_it_is_off_unless_asked_for():
    """A share without it would do nothing, so it is refused."""
    assert traces_of(options()) is None
    assert traces_of(options(traceparent=True)).of_message("x").is_sampled
    assert not traces_of(options(traceparent=True, trace_share="0")).of_message("x").is_sampled
    check_tracing(options(traceparent=True, trace_share="0.5"))
    with pytest.raises(UsageError, match="--traceparent"):
        check_tracing(options(trace_share="0.5"))
    with pytest.raises(UsageError, match="0 to 1"):
        options(traceparent=True, trace_share="1.5")
