"""Growth of memory is reported with its uncertainty."""

import random

import pytest

from benchmarks.parts.soak import growth, table


def readings(per_hour_mb, noise_mb=0.0, minutes=50):
    """RSS every ten seconds."""
    rng = random.Random(7)
    return [(10.0 * n, round(1e6 * (80 + per_hour_mb * n / 360 + rng.gauss(0, noise_mb)))) for n in range(minutes * 6)]


@pytest.mark.parametrize(
    ("per_hour_mb", "noise_mb", "outcome"),
    [(0.2, 0.1, "reached"), (-3.0, 0.1, "reached"), (5.0, 0.1, "missed"), (0.9, 2.0, "not shown")],
)
def test_the_slope_is_found_and_judged(per_hour_mb, noise_mb, outcome):
    """A goal counts as reached or missed only if the readings can tell."""
    found = growth("worker", readings(per_hour_mb, noise_mb))
    assert abs(found.per_hour_mb - per_hour_mb) <= 2 * found.within_mb
    assert found.outcome == outcome
    assert list(table([found]))[-1].startswith("| worker | ")


def test_a_straight_line_is_known_exactly():
    """First and last are means of blocks."""
    found = growth("master", readings(6.0))
    assert found.per_hour_mb == pytest.approx(6.0, abs=0.01)
    assert found.within_mb < 0.01
    assert found.first_mb == pytest.approx(80.24, abs=0.05)
    assert found.last_mb == pytest.approx(84.75, abs=0.05)
