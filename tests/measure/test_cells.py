"""The parts of a ledger: gauges, levels, and series that are sealed quickly and folded later."""

from fleetlm_users.measure.cells import FOLDED_AT_ONCE, GaugeCell, Level, Series
from fleetlm_users.measure.timeline.second import Second


def test_a_gauge_knows_now_its_peak_and_the_recent_peak():
    """A peak between two ticks is not lost, and the next stretch starts where the last ended."""
    cell = GaugeCell()
    for delta in (1, 1, 1, -2):
        cell.move(delta)
    assert (cell.now, cell.peak, cell.restart()) == (1, 3, 3)
    assert cell.restart() == 1
    cell.move(1)
    assert (cell.now, cell.peak, cell.restart()) == (2, 3, 2)


def test_a_level_keeps_the_last_and_the_highest_reading():
    """Readings are not summed."""
    level = Level()
    for value in (10.0, 95.0, 20.0):
        level.read(value)
    assert (level.last, level.peak) == (20.0, 95.0)


def test_a_series_folds_up_to_a_mark_and_no_further():
    """Samples sealed after a snapshot's mark must not be in that snapshot."""
    series = Series(column="append")
    row = Second.empty(0)
    series.trend.add(10)
    series.seal(row)
    mark = series.mark
    series.trend.add(20)
    series.seal(row)
    encoded = series.encoded_at(mark)
    assert sum(row.whole().spreads["append"].values()) == 1
    assert series.encoded_at(mark) is encoded
    assert series.encoded_at(series.mark) != encoded
    assert sum(row.whole().spreads["append"].values()) == 2


def test_what_is_sealed_is_folded_in_small_chunks():
    """Each of them a step after which others may have their turn; none is lost."""
    series = Series()
    for value_us in range(2 * FOLDED_AT_ONCE + 1):
        series.trend.add(value_us)
    series.seal(None)
    steps = 0
    while series.fold_one(series.mark):
        steps += 1
    assert (steps, series.trend.count, series.trend.max) == (3, 2 * FOLDED_AT_ONCE + 1, 2 * FOLDED_AT_ONCE)


def test_sealing_nothing_changes_nothing():
    """An idle trend keeps its cached bytes."""
    series = Series()
    series.seal(None)
    assert series.mark == 0
