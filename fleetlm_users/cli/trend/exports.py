"""A trend in the formats of other programs: Bencher, github-action-benchmark, Apache Otava. Pure.

Only the set-ups of the newest runs are exported: those programs keep one history per name. Rates are exported as
fractions.
"""

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from fleetlm_users.cli.trend.analysis import SetupTrend, TrendAnalysis
from fleetlm_users.cli.trend.series import FigureSeries, TrendPoint
from fleetlm_users.cli.trend.wording import is_nothing

MAX_MEASURE: Final = 64
"""The most characters of a measure's name in Bencher Metric Format, "Order of Precedence"."""

_UNITS: Final = {"rate": "fraction", "counter": "1/s"}


def bencher(trend: TrendAnalysis) -> str:
    """Return the newest runs as Bencher Metric Format (https://bencher.dev/docs/reference/bencher-metric-format)."""
    document = {
        one.setup.benchmark or "run": {
            _measure(series.name): _metric(point)
            for series in _shown(one)
            if (point := _of_newest(one, series)) is not None
        }
        for one in trend.deciding
    }
    return _json(document)


def github_smaller(trend: TrendAnalysis) -> str:
    """Return the newest runs' figures for which smaller is better, for the tool `customSmallerIsBetter`."""
    return _json(list(_github(trend, "lower")))


def github_bigger(trend: TrendAnalysis) -> str:
    """Return the newest runs' figures for which bigger is better, for the tool `customBiggerIsBetter`."""
    return _json(list(_github(trend, "higher")))


def otava(trend: TrendAnalysis) -> str:
    """Return all runs as CSV with the columns `time`, `commit`, `run` and one per figure, for Otava's type `csv`.

    Otava needs a number in every field, so a figure that some run lacks is left out. If there are several benchmarks,
    only the newest run's is written, since they have no runs in common.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for one in trend.deciding[:1]:
        runs = one.setup.runs
        whole = [series for series in _shown(one) if len(series.points) == len(runs)]
        writer.writerow(["time", "commit", "run", *(f"{one.setup.benchmark}.{series.name}" for series in whole)])
        for at, run in enumerate(runs):
            values = (series.points[at].value for series in whole)
            writer.writerow([run.started.isoformat(), run.commit, run.name, *values])
    return text.getvalue()


FORMATS: Final[Mapping[str, Callable[[TrendAnalysis], str]]] = MappingProxyType(
    {"bencher": bencher, "github-smaller": github_smaller, "github-bigger": github_bigger, "otava": otava}
)


def _shown(one: SetupTrend) -> Iterator[FigureSeries]:
    return (series for series in one.series if not is_nothing(series))


def _of_newest(one: SetupTrend, series: FigureSeries) -> TrendPoint | None:
    point = series.points[-1]
    return point if point.run is one.setup.newest else None


def _measure(name: str) -> str:
    """Return a name that Bencher accepts for a measure; a longer one is cut and ends in a digest of the whole."""
    if len(name) <= MAX_MEASURE:
        return name
    digest = f"{zlib.crc32(name.encode()):08x}"
    return f"{name[: MAX_MEASURE - len(digest) - 1]}-{digest}"


def _metric(point: TrendPoint) -> dict[str, float]:
    ends = {"lower_value": point.measured.interval.low, "upper_value": point.measured.interval.high}
    return {"value": point.value} | {name: end for name, end in ends.items() if end is not None}


def _github(trend: TrendAnalysis, direction: str) -> Iterator[dict[str, Any]]:
    """Yield entries in the format of https://github.com/benchmark-action/github-action-benchmark."""
    for one in trend.deciding:
        for series in _shown(one):
            point = _of_newest(one, series)
            if point is None or series.direction != direction:
                continue
            low, high = point.measured.interval
            spread = None if low is None or high is None else (high - low) / 2
            yield {
                "name": f"{one.setup.benchmark} {series.name}",
                "unit": _UNITS.get(series.kind, series.unit),
                "value": point.value,
                **({} if spread is None else {"range": f"± {spread:.4g}"}),
                "extra": f"run {point.run.name}, {point.measured.samples:,} samples",
            }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
