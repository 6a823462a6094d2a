"""Loads whose sessions do not all send at the same time."""

import pytest

from benchmarks.load import Load, even_ramp_s


@pytest.mark.parametrize(("sessions", "interval_ms"), [(100, 20.0), (100, 100.0), (100, 37.5), (10_000, 10_000.0)])
def test_messages_are_due_evenly_over_the_interval(sessions, interval_ms):
    """Each session has a phase of its own, and neighbours are equally far apart."""
    step = even_ramp_s(sessions, interval_ms, 2.0) * 1000 / interval_ms / sessions
    phases = {round(number * step % 1 * sessions) % sessions for number in range(sessions)}
    assert phases == set(range(sessions))


@pytest.mark.parametrize(("interval_ms", "length_s"), [(20.0, 2.02), (100.0, 2.1), (10_000.0, 10.0)])
def test_the_ramp_is_about_as_long_as_asked(interval_ms, length_s):
    """The next number of intervals that has no divisor in common with the sessions; at least one."""
    assert even_ramp_s(100, interval_ms, 2.0) == pytest.approx(length_s)


def test_a_load_in_variables_is_whole_numbers_where_scripts_expect_them():
    """Milliseconds, as JavaScript's timers have them."""
    env = Load(10, 60.0, interval_ms=12.5, ramp_s=2.02).env()
    assert env["RUNTIME_MS"] == "60000"
    assert (env["INTERVAL_MS"], env["RAMP_MS"], env["JOURNEYS"]) == ("12.5", "2020", "0")
