"""The figures of a comparison as words, the same for terminal and Markdown. Pure."""

from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing.comparison import Comparison
from fleetlm_users.measure.comparing.figures import Measured
from fleetlm_users.measure.comparing.rows import FigureRow
from fleetlm_users.measure.comparing.statistics import ConfidenceInterval

VERDICTS: Final = {0: "no regression shown", 3: "regression", 4: "not comparable"}
LEGEND: Final = (
    "worse, better: beyond the interval and the tolerance. small: real, but within the tolerance. same: no difference "
    "shown. unclear: too few samples for an interval. changed: neither way is better. missing: in one run only. "
    "*: judged, since a threshold bounds it; only these decide."
)
LONGEST_VALUE: Final = 60


def value(row: FigureRow, side: Measured) -> str:
    """Return one run's measurement: counters as counts, everything else in its unit."""
    if side.value is None and side.shown is None:
        return formatting.NOTHING
    if row.kind == "counter":
        return formatting.per_s(side.value) if row.figure.aggregation == "rate" else formatting.count(side.shown)
    if row.kind == "rate":
        return formatting.percent(side.value)
    return formatting.ms(side.value) if row.unit == "ms" else formatting.measured(side.value, row.unit)


def interval(row: FigureRow, side: Measured) -> str:
    """Return the interval of one run's figure; an open end is an ellipsis, no interval an empty text."""
    if side.interval.low is None and side.interval.high is None:
        return ""
    ends = []
    for end in side.interval:
        is_per_s = row.kind == "counter"
        text = (
            formatting.per_s(end) if is_per_s else formatting.percent(end) if row.kind == "rate" else formatting.ms(end)
        )
        ends.append("…" if end is None else text)
    return " to ".join(ends)


def change(row: FigureRow) -> str:
    """Return B − A: in percent of A, in percentage points (pp) for rates, as an absolute value if A is 0."""
    if row.gap is None:
        return ""
    if row.kind == "rate":
        return f"{row.gap * 100:+.2f} pp"
    if row.relative is not None:
        return f"{row.relative * 100:+,.{_digits(row.relative)}f} %"
    if row.kind == "counter" and row.figure.aggregation == "count":
        return f"{(row.after.shown or 0) - (row.before.shown or 0):+,.0f}"
    return f"{row.gap:+,.3g}" if row.gap else "0"


def change_interval(row: FigureRow) -> str:
    """Return the interval of B − A in the unit of `change`."""
    if row.gap is None or (row.kind != "rate" and row.relative is None):
        return ""
    scale = 100.0 if row.kind == "rate" else 100.0 / (row.before.value or 1.0)
    return _ends(row.gap_in, scale)


def verdict(comparison: Comparison) -> str:
    """Return the answer in two words."""
    is_open = not comparison.obstacles and not comparison.regressions and comparison.undecided
    return "inconclusive" if is_open else VERDICTS[comparison.exit_code]


def reasons(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the grounds of the answer, each with its sign: obstacles and open questions ?, regressions ✗, cautions
    !.
    """
    groups = {"?": comparison.obstacles + comparison.undecided, "✗": comparison.regressions, "!": comparison.cautions}
    return [(sign, reason) for sign, group in groups.items() for reason in group]


def is_nothing(row: FigureRow) -> bool:
    """Return whether a counter counted nothing in either run, and no threshold names it."""
    return row.kind == "counter" and not row.judged and row.before.value == 0 and row.after.value == 0


def setting(raw: Any) -> str:
    """Return a setting's value, shortened if it is long."""
    text = formatting.NOTHING if raw is None or raw == "" else str(raw)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _ends(interval_: ConfidenceInterval, scale: float) -> str:
    if interval_.low is None and interval_.high is None:
        return ""
    ends = ["…" if end is None else f"{end * scale:+,.{_digits(end * scale / 100)}f}" for end in interval_]
    return f"[{', '.join(ends)}]"


def _digits(share: float) -> int:
    return 1 if abs(share) < 1 else 0
