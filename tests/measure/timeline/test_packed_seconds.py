"""Packed seconds come out as they went in, can still be added to, and are small."""

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.timeline.packed_seconds import BLOCK_S, PackedSeconds
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, Part, Stretch

WIDTH = len(COUNTER_COLUMNS)
COUNTS = st.lists(st.integers(-9, 10**9), min_size=WIDTH, max_size=WIDTH)
SPREADS = st.dictionaries(
    st.sampled_from(["append", "lateness"]), st.dictionaries(st.integers(0, 500), st.integers(1, 10**6), min_size=1)
)
BACKLOGS = st.tuples(*[st.integers(0, 10**6)] * 4)
PARTS = st.dictionaries(st.sampled_from(["", "burst", "long_lived"]), st.builds(Part, COUNTS, BACKLOGS, SPREADS))
SECONDS = st.dictionaries(
    st.integers(0, 5 * BLOCK_S), st.tuples(st.integers(0, 10**5), st.floats(0, 6400), PARTS), max_size=20
).map(lambda parts: {second: Stretch(second, *rest) for second, rest in parts.items()})


@given(SECONDS, st.randoms(use_true_random=False))
def test_what_is_put_in_comes_out_in_order(seconds, rng):
    """The order in which they went in does not matter."""
    packed, order = PackedSeconds(), list(seconds)
    rng.shuffle(order)
    for second in order:
        packed.put(seconds[second].copy())
    assert list(packed.between(0, 6 * BLOCK_S)) == [seconds[second] for second in sorted(seconds)]
    assert list(packed.between(BLOCK_S, BLOCK_S + 7)) == [
        seconds[second] for second in sorted(seconds) if BLOCK_S <= second < BLOCK_S + 7
    ]


def test_a_second_that_is_packed_can_still_be_added_to():
    """A second that was not kept begins empty."""
    packed = PackedSeconds()
    for second in range(3 * BLOCK_S):
        packed.put(Stretch(second, 2, 0.0, {}))
    packed.change(5).connections += 3
    packed.change(4 * BLOCK_S).connections += 1
    found = {stretch.second: stretch.connections for stretch in packed.between(0, 9 * BLOCK_S)}
    assert (found[4], found[5], found[4 * BLOCK_S], len(found)) == (2, 5, 1, 3 * BLOCK_S + 1)


def test_an_hour_of_a_thousand_messages_a_second_takes_less_than_a_megabyte():
    """Distributions and all."""
    rng = random.Random(1)
    packed = PackedSeconds()
    tracemalloc.start()
    try:
        for second in range(3600):
            spreads = {
                column: spread(rng, shift) for column, shift in (("append", 90), ("agent", 130), ("lateness", 60))
            }
            part = Part(
                [1000 + rng.randrange(9)] * WIDTH, (rng.randrange(99), rng.randrange(99), 0, rng.randrange(9)), spreads
            )
            packed.put(Stretch(second, 50, 12.5, {"burst": part}))
        packed.put(Stretch.empty(9 * 3600))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1e6, taken


def spread(rng, shift):
    """A distribution of a thousand durations over some forty buckets."""
    return {shift + bucket: rng.randrange(1, 60) for bucket in range(40)}
