"""Options from master to workers: plain values that msgpack carries."""

import math

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import ShapeError
from fleetlm_users.swarm.options.wire import from_wire, to_wire
from tests.mutations import mutated
from tests.swarm.samples import options


@given(
    st.sampled_from(["light", "standard", "stress"]),
    st.integers(0, 2**31),
    st.lists(st.sampled_from(["append_latency_ms: p(95)<1", "message_success_rate: rate>0.5"]), max_size=2),
)
def test_options_survive_the_wire(preset, seed, thresholds):
    """A worker sees what the master resolved, through msgpack."""
    paths = {"results_dir": "some/where", "junit": "j.xml"}
    sent = options(preset=preset, seed=str(seed), threshold=thresholds, source_ips="127.0.0.2", **paths)
    wire = msgpack.unpackb(msgpack.packb(to_wire(sent)), strict_map_key=False)
    assert from_wire(wire) == sent


def test_damaged_options_are_refused_by_name():
    """Nothing but a ShapeError comes of them, or options of the right types."""
    sound = msgpack.unpackb(msgpack.packb(to_wire(options(preset="light", seed="7"))), strict_map_key=False)
    refused = 0
    for seed in range(1_000):
        try:
            found = from_wire(mutated(sound, seed))
        except ShapeError:
            refused += 1
            continue
        assert isinstance(found.plan.total_users, int)
        assert math.isfinite(found.drain_timeout_s)
        assert isinstance(found.api_url, str)
    assert refused > 500


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": "7"}, "seed is '7'; expected a whole number"),
        ({"cleanup": None}, "cleanup is None"),
        ({"reply_timeout_s": float("nan")}, "reply_timeout_s is nan"),
        ({"reply_timeout_s": -1.0}, "reply_timeout_s is -1.0"),
        ({"plan": None}, "plan is None; expected an object"),
        ({"source_ips": "127.0.0.1"}, "source_ips is '127.0.0.1'; expected a list"),
        ({"extra": []}, "extra is a list; expected an object"),
        ({"added": 1}, "added is an option that this version does not know"),
    ],
)
def test_what_no_master_of_this_version_describes_is_refused(changed, words):
    """The error names the place in the options."""
    with pytest.raises(ShapeError) as problem:
        from_wire(to_wire(options()) | changed)
    assert words in str(problem.value)
