"""A load clock maps the seconds of a run to those of its timetables, and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.orders.load_clock import MAX_SPEED, MIN_SPEED, LoadClock, SpeedChange, parse_speed

SPEEDS = st.one_of(st.just(0.0), st.floats(0.01, 10))


@st.composite
def clocks(draw):
    moments = sorted(draw(st.lists(st.floats(0, 1000), max_size=6, unique=True)))
    return LoadClock([SpeedChange(at_s, draw(SPEEDS)) for at_s in moments])


@pytest.mark.parametrize(
    ("changes", "run_s", "planned_s"),
    [
        ([], 7.0, 7.0),
        ([(10, 2.0)], 4.0, 4.0),
        ([(10, 2.0)], 10.0, 10.0),
        ([(10, 2.0)], 13.0, 16.0),
        ([(10, 0.0)], 50.0, 10.0),
        ([(10, 0.0), (20, 1.0)], 25.0, 15.0),
        ([(10, 0.5), (20, 0.0), (30, 4.0)], 31.0, 19.0),
        ([(10, 2.0)], -3.0, -3.0),
    ],
)
def test_seconds_of_the_timetable(changes, run_s, planned_s):
    """They pass at the speed that holds then."""
    assert LoadClock([SpeedChange(*change) for change in changes]).planned_s(run_s) == pytest.approx(planned_s)


def test_what_is_due_at_a_pause_comes_after_it():
    """Nothing is sent in a pause, not even at its first moment; without an end it never comes."""
    assert LoadClock([SpeedChange(10, 0.0)]).moment_s(10.0) == math.inf
    assert LoadClock([SpeedChange(10, 0.0)]).moment_s(9.5) == 9.5
    assert LoadClock([SpeedChange(10, 0.0), SpeedChange(20, 2.0)]).moment_s(10.0) == 20.0


@given(clocks(), st.floats(-10, 2000))
def test_there_and_back(clock, run_s):
    """The moment of a second of the timetable is the run's, unless it lies in a pause: then the pause's end."""
    back = clock.moment_s(clock.planned_s(run_s))
    if clock.speed_at(run_s):
        assert back == pytest.approx(run_s, abs=1e-6)
    else:
        assert back == clock.resumed_s(run_s)


@given(clocks(), st.floats(0, 1000), st.floats(0, 500), st.floats(0, 500))
def test_later_stays_later(clock, since_s, one_s, more_s):
    """No change of speed makes a later message overtake an earlier one, nor one come before it was planned from."""
    first, second = clock.due_s(since_s + one_s, since_s), clock.due_s(since_s + one_s + more_s, since_s)
    assert since_s - 1e-6 <= first <= second


@given(clocks(), st.floats(0, 2000))
def test_a_pause_lasts_until_the_next_speed(clock, run_s):
    """Outside a pause it is over already; the speed at its end is not 0."""
    resumed_s = clock.resumed_s(run_s)
    if clock.speed_at(run_s):
        assert resumed_s <= run_s
    else:
        assert resumed_s > run_s
    if math.isfinite(resumed_s):
        assert clock.speed_at(resumed_s) > 0


def test_without_a_change_nothing_moves():
    """It holds to the last bit."""
    assert LoadClock().due_s(12345.678901, 0.1) == pytest.approx(12345.678901)
    assert LoadClock([SpeedChange(20, 2.0)]).due_s(19.25, 1.0) == 19.25


@pytest.mark.parametrize(
    ("text", "planned", "speed"),
    [("150%", None, 1.5), (" 50 %", None, 0.5), ("800", 400.0, 2.0), ("25%", 400.0, 0.25), ("0.1%", None, 0.001)],
)
def test_rates(text, planned, speed):
    """A share of the plan, or messages per second where the plan says how many."""
    assert parse_speed(text, planned) == pytest.approx(speed)


@pytest.mark.parametrize("text", ["", "fast", "800", "0%", "-5%", "nan%", "inf", "1e9%", "5x", "%"])
def test_what_is_no_rate_is_refused(text):
    """The error has the value and the accepted form."""
    with pytest.raises(UsageError, match=r"invalid value .* for rate: expected a share of the planned rate"):
        parse_speed(text, None)


@pytest.mark.parametrize("rate", [400 * MAX_SPEED * 1.01, 400 * MIN_SPEED * 0.99])
def test_bounds_are_said_in_messages_per_second(rate):
    """It applies if the rate was requested in them."""
    with pytest.raises(UsageError, match=r"or 0\.4 to 40000 messages per second"):
        parse_speed(f"{rate}", 400.0)


def test_what_arrives_is_said():
    """Sessions in a run to which they arrive at a rate."""
    assert parse_speed("40", 20.0, "sessions") == 2.0
    with pytest.raises(UsageError, match="this run plans no constant rate in sessions per second"):
        parse_speed("40", None, "sessions")
