"""The charts of the HTML report, ready for its template: axes, lines over time, distributions.

They are SVG and not canvas, so a report is complete without script (CI servers often forbid it), prints sharply and
follows the reader's light or dark scheme. The live page draws with uPlot instead, because it redraws every second.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.timeline.rows import SeriesRow, column_of

_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_LOG_ABOVE: Final = 40  # highest / lowest: beyond this ratio, a linear axis shows one line and a flat one


class Scale(msgspec.Struct, frozen=True):
    """An axis from `low` to `high`; logarithmic ones need a `low` above 0."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value, 0 at the low end and 1 at the high one; beyond them, the end."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(max(share, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return the values to label, rising: two to seven round ones."""
        return self._log_ticks() if self.logarithmic else self._linear_ticks()

    def _linear_ticks(self) -> list[float]:
        step = _round_step(self.high - self.low)
        return [self.low + step * number for number in range(int((self.high - self.low) / step + 1e-9) + 1)]

    def _log_ticks(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        factors = (1, 2, 5) if self.high / self.low < 500 else (1,)
        values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]


def fitting(values: Iterable[float]) -> Scale:
    """Return an axis for the values: linear from 0, or logarithmic when they differ too much for that."""
    positive = [value for value in values if value > 0]
    if not positive:
        return Scale(0.0, 1.0)
    low, high = min(positive), max(positive)
    if high / low > _LOG_ABOVE:
        return log_around(low, high)
    return from_zero(high)


def from_zero(high: float) -> Scale:
    """Return a linear axis from 0 to the round value at or above `high`."""
    if high <= 0:
        return Scale(0.0, 1.0)
    step = _round_step(high)
    return Scale(0.0, step * math.ceil(high / step - 1e-9))


def around(values: Iterable[float]) -> Scale:
    """Return an axis whose ends are close to the values: linear between round ones, or logarithmic as in `fitting`."""
    known = list(values)
    low, high = min(known), max(known)
    if low > 0 and high / low > _LOG_ABOVE:
        return log_around(low, high)
    if high <= low:
        low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
    step = _round_step(high - low)
    return Scale(step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9))


def log_around(low: float, high: float) -> Scale:
    """Return a logarithmic axis that begins and ends at 1, 2 or 5 times a power of ten."""
    begin, end = _round_down(low), _round_up(high)
    return Scale(begin, end if end > begin else begin * 10, logarithmic=True)


def time_ticks(seconds: float, at_most: int = 6) -> list[int]:
    """Return the whole seconds, from 0, to label on a time axis of `seconds`."""
    step = next((step for step in _TIME_STEPS_S if seconds / step <= at_most), _TIME_STEPS_S[-1])
    return list(range(0, int(seconds) + 1, step))


def clock(seconds: int) -> str:
    """Return a moment of the run as clock time: 0:45, 12:05, 1:02:00."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _round_step(span: float) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that divides a span into at most five."""
    return _round_up(span / 5)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= value * (1 + 1e-9))


WIDTH: Final = 1000
"""In SVG units, stretched to the page."""

HEIGHT: Final = 200

MAX_POINTS: Final = 600
"""The most points: more than a page has pixels for."""

DISTRIBUTION_BINS: Final = 60
_HIGHEST_BAR: Final = 0.92  # as shares of the height


class AxisLabel(NamedTuple):
    """A text at a share of an axis, as CSS writes it: 25.00%."""

    at: str
    text: str


class Bar(NamedTuple):
    """A bar of a distribution, in SVG units."""

    x: str
    y: str
    width: str
    height: str


class Band(NamedTuple):
    """A stage behind the lines: its start and width as CSS shares, and its name."""

    left: str
    width: str
    name: str


class MarkedSpan(NamedTuple):
    """A marked span of time, in SVG units, and its text."""

    x: str
    width: str
    text: str


class ChartFigure(msgspec.Struct, frozen=True):
    """Everything the template draws. `legend` and `paths` start with a class of the style sheet.

    `grid` are heights of horizontal lines, `marks` places of vertical ones, `warm_up` the width of the shaded warm-up,
    `spans` the worst windows of thresholds, all in SVG units; `bands` are the stages of the run. `data` are the values
    that the script shows under the pointer, None for none.
    """

    title: str
    unit: str
    legend: tuple[tuple[str, str], ...]
    x_labels: tuple[AxisLabel, ...]
    y_labels: tuple[AxisLabel, ...] = ()
    grid: tuple[str, ...] = ()
    warm_up: str | None = None
    paths: tuple[tuple[str, str], ...] = ()
    bars: tuple[Bar, ...] = ()
    marks: tuple[str, ...] = ()
    spans: tuple[MarkedSpan, ...] = ()
    bands: tuple[Band, ...] = ()
    data: Mapping[str, Any] | None = None
    width: int = WIDTH
    height: int = HEIGHT


class Line(msgspec.Struct, frozen=True):
    """One column of the time series as a line; `colour` is one of the style's six."""

    column: str
    name: str
    colour: int


class LineChart(msgspec.Struct, frozen=True):
    """Lines over the run's time with one axis; `percentiles` are thinned by their worst, counts by their mean."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    percentiles: bool = False

    def has_data(self, rows: Sequence[SeriesRow]) -> bool:
        """Return whether there is anything to draw besides zeros and gaps."""
        return any(any(column_of(rows, line.column)) for line in self.lines)

    def figure(
        self,
        rows: Sequence[SeriesRow],
        warm_up_s: float,
        more: Mapping[Line, Sequence[float | None]] = MappingProxyType({}),
    ) -> ChartFigure:
        """Return the chart of one row per second; the first `warm_up_s` seconds are shaded.

        `more` are further lines, with a value per second, that are not columns of the rows.
        """
        seconds, step_s = float(len(rows)), -(-len(rows) // MAX_POINTS)
        lines = (*self.lines, *more)
        columns = {line.column: self._thinned(column_of(rows, line.column), step_s) for line in self.lines}
        columns |= {line.column: self._thinned(values, step_s) for line, values in more.items()}
        values = [value for column in columns.values() for value in column if value is not None]
        scale = fitting(values) if self.percentiles else from_zero(max(values, default=0))
        ticks = [(scale.at(tick), _short_ms(tick)) for tick in scale.ticks()]
        return ChartFigure(
            self.title,
            self.unit + self._note(scale, step_s),
            legend=tuple((line.name, f"c{line.colour}") for line in lines),
            x_labels=_labels((second / seconds, clock(second)) for second in time_ticks(seconds)),
            y_labels=_labels(ticks),
            grid=tuple(f"{HEIGHT * (1 - at):.1f}" for at, _ in ticks),
            warm_up=f"{min(warm_up_s / seconds, 1) * WIDTH:.1f}",
            paths=tuple(
                (f"line c{line.colour}", _path(columns[line.column], scale)) for line in (*reversed(self.lines), *more)
            ),
            data={
                "step": step_s,
                "unit": self.unit,
                "lines": [[line.name, columns[line.column]] for line in lines],
            },
        )

    def _note(self, scale: Scale, step_s: int) -> str:
        thinned = f" · {'worst' if self.percentiles else 'mean'} of {step_s} s" if step_s > 1 else ""
        return (" · log scale" if scale.logarithmic else "") + thinned

    def _thinned(self, values: Sequence[float | None], step: int) -> list[float | None]:
        if step <= 1:
            return list(values)
        groups = [
            [value for value in values[at : at + step] if value is not None] for at in range(0, len(values), step)
        ]
        if self.percentiles:
            return [max(group, default=None) for group in groups]
        return [round(sum(group) / len(group), 2) if group else None for group in groups]


def span_of(first_s: float, end_s: float, rows: Sequence[SeriesRow], text: str) -> MarkedSpan:
    """Return the mark of a span of the run on a chart of these rows, one per second."""
    left, right = (share * WIDTH for share in _shares(first_s, end_s, rows))
    return MarkedSpan(f"{left:.1f}", f"{right - left:.1f}", text)


def band_of(first_s: float, end_s: float, rows: Sequence[SeriesRow], name: str) -> Band | None:
    """Return the band of a stage behind a chart of these rows, one per second; None if it is not on the chart."""
    left, right = _shares(first_s, end_s, rows)
    return Band(f"{left:.2%}", f"{right - left:.2%}", name) if right > left else None


def _shares(first_s: float, end_s: float, rows: Sequence[SeriesRow]) -> tuple[float, float]:
    """Return the start and end of a span of the run on the time axis of these rows, from 0 to 1."""
    begins_s, seconds = float(rows[0]["second"] or 0), len(rows)
    left, right = (min(max(at_s - begins_s, 0.0), seconds) / seconds for at_s in (first_s, end_s))
    return left, right


def distribution_figure(
    title: str, buckets: Sequence[Sequence[float]], marks: Sequence[tuple[str, float]]
) -> ChartFigure:
    """Return a histogram: density over a logarithmic axis of ms, with named values in ms marked.

    `buckets` are [low ms, high ms, samples] as in summary.json.
    """
    known = [(max(low, 0.001), max(high, 0.002), n) for low, high, n in buckets]
    scale = log_around(known[0][0], known[-1][1])
    bins = [0.0] * DISTRIBUTION_BINS
    for low, high, n in known:
        _spread(bins, scale.at(low) * DISTRIBUTION_BINS, scale.at(high) * DISTRIBUTION_BINS, n)
    return ChartFigure(
        title,
        "samples over ms · log scale",
        legend=tuple((f"{name} {formatting.ms(value)} ms", "mark") for name, value in marks),
        x_labels=_labels((scale.at(tick), _short_ms(tick)) for tick in scale.ticks()),
        bars=tuple(_bars(bins)),
        marks=tuple(f"{scale.at(value) * WIDTH:.1f}" for _, value in marks),
    )


def _bars(bins: Sequence[float]) -> Iterable[Bar]:
    highest, width = max(bins), WIDTH / DISTRIBUTION_BINS
    for number, value in enumerate(bins):
        if value:
            share = value / highest * _HIGHEST_BAR
            left, top = f"{number * width + 1:.1f}", f"{HEIGHT * (1 - share):.1f}"
            yield Bar(left, top, f"{width - 2:.1f}", f"{HEIGHT * share:.1f}")


def _labels(places: Iterable[tuple[float, str]]) -> tuple[AxisLabel, ...]:
    return tuple(AxisLabel(f"{at:.2%}", text) for at, text in places)


def _path(values: Sequence[float | None], scale: Scale) -> str:
    """Return one stroke per run of values without gaps; a single value is a dot (a line of no length has round
    ends).
    """
    width = WIDTH / max(len(values), 1)
    points = [
        None if value is None else f"{(number + 0.5) * width:.1f} {HEIGHT * (1 - scale.at(value)):.1f}"
        for number, value in enumerate(values)
    ]
    path = ""
    for before, point in pairwise([None, *points]):
        if point is not None:
            path += f"L{point}" if before is not None else f"M{point}h0"
    return path


def _spread(bins: list[float], begin: float, end: float, n: float) -> None:
    """Spread `n` over the bins between two positions, so that unequal buckets do not look like a comb."""
    for number in range(int(begin), min(math.ceil(end), len(bins))):
        overlap = min(end, number + 1) - max(begin, number)
        bins[number] += n * overlap / (end - begin)


def _short_ms(value: float) -> str:
    return f"{value:,.6g}" if value < 10_000 else f"{value / 1000:,.6g}k"
