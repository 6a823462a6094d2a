"""The floors: one program, at whole milliseconds or on time."""

import time
from pathlib import Path

import pytest

from benchmarks import floor
from benchmarks.contenders import FLOOR, FLOOR_ON_TIME, TOOLS
from benchmarks.load import Load

SENDING = Load(100, 60.0, interval_ms=20, ramp_s=2.0)


def test_both_run_the_same_program_under_the_same_load():
    """They differ in how they sleep alone."""
    plain, on_time = (
        TOOLS[name].command(SENDING, "127.0.0.1:4000", "r", Path("/x")) for name in (FLOOR, FLOOR_ON_TIME)
    )
    assert plain.words == on_time.words
    assert on_time.env == {**plain.env, "ON_TIME": "1"}


@pytest.mark.parametrize("load", [Load(1, 1.0, depth=5), Load(1, journeys=3), Load(1, 1.0, rest=True)])
def test_what_needs_an_answer_is_refused(load):
    """It reads no frames."""
    with pytest.raises(ValueError, match="reads no frames"):
        TOOLS[FLOOR].command(load, "127.0.0.1:4000", "r", Path("/x"))


@pytest.mark.parametrize("on_time", [False, True])
def test_neither_sends_early(on_time, monkeypatch):
    """A message is sent at its moment or after it."""
    monkeypatch.setenv("ON_TIME", "1") if on_time else monkeypatch.delenv("ON_TIME", raising=False)
    moment_s = time.perf_counter() + 0.003
    floor.sleep_until(moment_s)
    assert time.perf_counter() >= moment_s - 0.001 * (not on_time)
