"""The terminal's table of a figure."""

import pytest

from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.publishing.table import WAITED_SHARE, cell, lines

FIGURE = Figure(
    "figure", "A figure", "work", ("ours", "k6/ws"), lambda *_: {}, lambda _: 1.0, (Column("x", "x, µs", 1),),
    (Goal("≤ half of k6/ws", "ours", "x", "k6/ws", at_most=0.5),),
)  # fmt: skip


@pytest.mark.parametrize(("values", "shown"), [([], "–"), ([1234.56], "1,234.6"), ([3.0, 1.0, 2.0], "2.0 (1.0–3.0)")])
def test_a_cell_is_the_median_with_its_spread(values, shown):
    """One value has no spread."""
    assert cell(values, 1) == shown


def test_a_goal_is_printed_with_its_ratio_and_outcome():
    """Below the values."""
    shown = list(lines(FIGURE, [{"ours": {"x": 6.0}, "k6/ws": {"x": 10.0}}]))
    assert shown[-1] == "  goal ≤ half of k6/ws: 0.6, missed by 20 %"


def test_long_cells_do_not_touch():
    """A count of six digits with its spread is longer than a column usually is."""
    long = {"x": 298_462.5}, {"x": 1_296_990.25}
    shown = list(lines(FIGURE, [{"ours": each, "k6/ws": each} for each in long]))
    text = cell([each["x"] for each in long], 1)
    assert shown[2].endswith(f"  {text}  {text}")
    assert len(shown[1]) == len(shown[2])


def test_a_busy_machine_is_reported():
    """A figure of a process that stood in line for its core says more of the machine than of the process."""
    quiet, busy = {"x": 1.0, WAITED_SHARE: 0.01}, {"x": 1.0, WAITED_SHARE: 0.4}
    assert "DOUBT" not in "".join(lines(FIGURE, [{"ours": quiet, "k6/ws": quiet}]))
    *_, last = lines(FIGURE, [{"ours": quiet, "k6/ws": quiet}, {"ours": quiet, "k6/ws": busy}])
    assert last == "  DOUBT: the machine was busy: k6/ws for 40 % of the time ready to run without a core."
