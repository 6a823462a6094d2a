"""Memory per session: the slope from before the run to its plateau, or an honest no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.server.server_memory import MIN_SESSIONS, ServerSample, memory_per_session

MB = 1_000_000.0


def samples(*points):
    """Samples two seconds apart from (sessions, MB)."""
    return [ServerSample(2.0 * number, sessions, mb * MB) for number, (sessions, mb) in enumerate(points)]


def test_a_ramp_and_a_plateau_give_the_slope():
    """100 sessions took 10 MB more; the plateau itself moved by 0.2 MB."""
    found = memory_per_session(samples((0, 50), (0, 50), (40, 54), (98, 59.9), (100, 60), (100, 60.1), (100, 60)))
    assert found.bytes_per_session == pytest.approx(100_000)
    assert found.spread_bytes == pytest.approx(2_000)
    assert found.sessions == 100
    assert found.problem == ""


def test_what_the_end_of_the_run_releases_does_not_count():
    """The baseline lies before the sessions, and the sessions that left are neither."""
    found = memory_per_session(samples((0, 50), (100, 60), (100, 60), (100, 60), (50, 70), (0, 70)))
    assert found.bytes_per_session == pytest.approx(100_000)


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        ([], "only 0 readings"),
        ([(0, 50), (0, 50), (0, 51)], "only 0 readings"),
        ([(0, 50), (100, 60), (100, 60)], "only 2 readings"),
        ([(100, 60), (100, 60), (100, 60)], "no reading from before the sessions"),
        ([(0, 50), (12, 51), (12, 51), (12, 51)], "changed by 12 only"),
        ([(0, 50), (100, 51), (100, 55), (100, 53)], "moved more on the plateau itself"),
        ([(0, 50), (100, 40), (100, 40), (100, 40)], "moved more on the plateau itself"),
    ],
)
def test_what_cannot_be_said_is_said_to_be_so(points, problem):
    """With the reason, in words."""
    found = memory_per_session(samples(*points))
    assert found.bytes_per_session is None
    assert found.spread_bytes is None
    assert problem in found.problem


@given(
    st.floats(1.0, 5_000.0),
    st.integers(1, 100_000),
    st.integers(MIN_SESSIONS, 5_000),
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=20),
)
def test_the_true_slope_lies_within_the_spread(base_mb, true_bytes, sessions, noises):
    """Whatever moved on the plateau, as long as it moved less than the sessions took."""
    before = [ServerSample(0.0, 0, base_mb * MB)]
    taken = sessions * true_bytes
    after = [
        ServerSample(2.0 + number, sessions, base_mb * MB + taken * (1 + noise)) for number, noise in enumerate(noises)
    ]
    found = memory_per_session(before + after)
    assert found.bytes_per_session is not None
    worst = max(abs(noise) for noise in noises) * true_bytes
    assert abs(found.bytes_per_session - true_bytes) <= worst + 1
