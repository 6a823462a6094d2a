"""The figures of one set-up over its runs: each a series with its intervals, its changes, and their meaning. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from fleetlm_users.cli.trend.change_points import change_points
from fleetlm_users.cli.trend.history import PastRun
from fleetlm_users.cli.trend.setups import Setup
from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing.comparison import label
from fleetlm_users.measure.comparing.definitions import REDEFINED, Redefinition, redefined
from fleetlm_users.measure.comparing.figures import Figure, Measured, aggregation_of, look_up
from fleetlm_users.measure.comparing.rows import Tolerances, allowed, figures_of, usual_direction
from fleetlm_users.measure.comparing.thresholds import Direction, direction_of

CAPACITY: Final = Figure("capacity", None, "result")


@dataclass(frozen=True)
class TrendPoint:
    """One run's figure, always with a value."""

    run: PastRun
    measured: Measured

    @property
    def value(self) -> float:
        """The value: ms, a fraction, events per second, or the gauge's unit."""
        value = self.measured.value
        if value is None:
            raise ValueError("a point without a value")
        return value


@dataclass(frozen=True)
class LevelChange:
    """A change of a figure's level, from the run at index `at` of its points.

    `before` and `after` are medians of the runs on both sides, up to the next change. `is_small`: within the tolerance.
    `is_better` is None if neither direction is better. `in_force`: the newest level is worse than the one before this
    change by more than the tolerance, so a drift in small steps counts as a whole, and a recovered figure does not
    count.
    """

    at: int
    first: PastRun
    before: float
    after: float
    runs_before: int
    runs_after: int
    p_value: float
    is_small: bool
    is_better: bool | None
    in_force: bool

    @property
    def is_unwanted(self) -> bool:
        """Whether it made the figure worse, and the newest level still is worse."""
        return self.is_better is False and self.in_force

    @property
    def share(self) -> float | None:
        """after − before as a share of before; None if that is 0."""
        return (self.after - self.before) / abs(self.before) if self.before else None


@dataclass(frozen=True)
class FigureSeries:
    """One figure over the runs that measured it, oldest first. `is_judged`: a threshold of the newest run bounds it."""

    figure: Figure
    kind: str
    unit: str
    direction: Direction | None
    is_judged: bool
    points: tuple[TrendPoint, ...]
    changes: tuple[LevelChange, ...]

    @property
    def name(self) -> str:
        """The figure in threshold notation."""
        return label(self.figure)

    @property
    def level(self) -> float:
        """The median of the runs since the last change."""
        first = self.changes[-1].at if self.changes else 0
        return median(point.value for point in self.points[first:])


@dataclass(frozen=True)
class TrendSettings:
    """The settings of a trend. `accepted` is the newest run whose changes are known and no longer count."""

    significance: float
    tolerances: Tolerances
    by_scenario: bool = False
    accepted: PastRun | None = None


def series_of(setup: Setup, settings: TrendSettings) -> list[FigureSeries]:
    """Return a series for every figure of the newest run, judged ones first.

    A figure that is the same in all runs, such as a count of 0, is a series without changes.
    """
    newest = setup.newest.file.summary
    judged = {
        Figure(entry["metric"], entry["scenario"], aggregation_of(entry["condition"])): direction_of(entry["condition"])
        for entry in newest["thresholds"]
    }
    all_series = [
        _series(setup, figure, judged, settings)
        for figure in figures_of([newest], judged, by_scenario=settings.by_scenario)
        if figure.metric in newest["metrics"]
    ]
    whole = [_capacity(setup, settings), *all_series]
    return sorted((series for series in whole if series is not None), key=lambda series: not series.is_judged)


def unmeasured(setup: Setup) -> list[str]:
    """Return the figures that a threshold of the newest run bounds, but for which it has no value.

    A default threshold that a run is too short for counts as kept in that run, so it does not hold up a trend either.
    """
    missing = [entry for entry in setup.newest.file.summary["thresholds"] if entry["measured"] is None]
    return list(
        dict.fromkeys(entry["subject"] for entry in missing if not entry["ok"] or formatting.is_undecided(entry))
    )


def redefinitions(setup: Setup) -> Iterator[tuple[Redefinition, int]]:
    """Yield each metric that older runs define differently from the newest one, and how many runs do."""
    newest = setup.newest.file.summary
    for changed in REDEFINED:
        n = sum(changed in redefined(run.file.summary, newest) for run in setup.runs)
        if n:
            yield changed, n


def unwanted(series: Sequence[FigureSeries], accepted: PastRun | None) -> Iterator[tuple[FigureSeries, LevelChange]]:
    """Yield the judged figures' unwanted changes that the newest run comes after and that nobody has accepted."""
    for one in series:
        for change in one.changes if one.is_judged else ():
            is_known = accepted is not None and change.first.started <= accepted.started
            if change.is_unwanted and not is_known:
                yield one, change


def _series(
    setup: Setup, figure: Figure, judged: Mapping[Figure, Direction | None], settings: TrendSettings
) -> FigureSeries | None:
    newest = setup.newest.file.summary
    metric = newest["metrics"][figure.metric]
    looked_up = (
        TrendPoint(run, look_up(run.file.summary, figure, settings.tolerances.confidence))
        for run in setup.runs
        if not any(changed.metric == figure.metric for changed in redefined(run.file.summary, newest))
    )
    points = tuple(point for point in looked_up if point.measured.value is not None)
    if not points:
        return None
    direction = judged.get(figure) or usual_direction(figure.metric, metric["kind"])
    changes = tuple(_changes(points, metric["kind"], direction, settings))
    return FigureSeries(figure, metric["kind"], metric["unit"], direction, figure in judged, points, changes)


def _capacity(setup: Setup, settings: TrendSettings) -> FigureSeries | None:
    """Return the results of capacity searches, which are their purpose; None for other runs.

    A search that ended at the generator's limit says nothing about the server.
    """
    newest = setup.newest.file.summary.get("capacity")
    if not newest:
        return None
    points = tuple(
        TrendPoint(run, Measured(float(entry["result"])))
        for run in setup.runs
        if (entry := run.file.summary.get("capacity")) and entry["finished"] and not entry["limited_by_generator"]
    )
    if not points:
        return None
    changes = tuple(_changes(points, "gauge", "higher", settings))
    return FigureSeries(CAPACITY, "gauge", newest["unit"], "higher", True, points, changes)


def _changes(
    points: Sequence[TrendPoint], kind: str, direction: Direction | None, settings: TrendSettings
) -> Iterator[LevelChange]:
    values = [point.value for point in points]
    changes = change_points(values, settings.significance)
    places = [0, *(change.at for change in changes), len(values)]
    levels = [median(values[first:last]) for first, last in pairwise(places)]
    for number, change in enumerate(changes):
        before, after = levels[number], levels[number + 1]
        within = allowed(kind, settings.tolerances, abs(before))
        yield LevelChange(
            change.at,
            points[change.at].run,
            before,
            after,
            places[number + 1] - places[number],
            places[number + 2] - places[number + 1],
            change.p_value,
            is_small=abs(after - before) <= within,
            is_better=None if direction is None or after == before else (after < before) == (direction == "lower"),
            in_force=_is_worse(levels[-1], before, direction, within),
        )


def _is_worse(level: float, before: float, direction: Direction | None, within: float) -> bool:
    if direction is None:
        return False
    return (level - before if direction == "lower" else before - level) > within
