"""The chart lines of each scenario whose agent streams its answers, by second: a bounded number.

Seconds hold these counts and distributions by scenario anyway, so nothing extra is counted.
"""

from collections.abc import Mapping
from typing import Final

from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.timeline.rows import PERCENTS, percentiles_ms
from fleetlm_users.measure.timeline.second import Column, Distribution, Part, Stretch

STREAM_COLUMNS: Final[tuple[Column, ...]] = ("first_chunk", "chunk_gap", "stream")
STREAM_FIGURES: Final = (*(f"{column}_p95_ms" for column in STREAM_COLUMNS), "chunks_per_s", "broken_per_s")
"""The figures of a line: percentiles, pieces per second, and unwanted pauses and ends per second."""

MAX_LINES: Final = 6
"""The number of chart colours. If there are more scenarios, the last line shows all the rest together."""

MAX_NAME: Final = 60
"""The most characters of a name in a legend."""

_P95: Final = tuple(PERCENTS).index("p95_ms")
_BROKEN: Final = ("stream_stalls", "streams_incomplete")


class ScenarioLines:
    """The lines of one run's charts: one per scenario, in the order in which they were first seen to stream."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"ScenarioLines({', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """The name of each line; the last one is the number of scenarios it shows, if several."""
        scenarios = [printable(name, MAX_NAME) for name in self._places]
        if len(scenarios) <= MAX_LINES:
            return scenarios
        first = scenarios[: MAX_LINES - 1]
        return [*first, f"{len(scenarios) - len(first)} others"]

    def figures(self, stretch: Stretch) -> list[float | None]:
        """Return the figures of a stretch, line by line, each in the order of STREAM_FIGURES.

        Percentiles are None where nothing was measured. New lines come at the end.
        """
        streaming = {name: part for name, part in stretch.parts.items() if _streams(part)}
        for name in sorted(streaming.keys() - self._places.keys()):
            self._places[name] = len(self._places)
        lines: dict[int, list[Part]] = {}
        for name, part in streaming.items():
            lines.setdefault(min(self._places[name], MAX_LINES - 1), []).append(part)
        return [
            figure
            for line in range(min(len(self._places), MAX_LINES))
            for figure in _figures(lines.get(line, []), stretch.width_s)
        ]


def _streams(part: Part) -> bool:
    return not part.spreads.keys().isdisjoint(STREAM_COLUMNS) or any(map(part.count, ("chunks", *_BROKEN)))


def _figures(parts: list[Part], width_s: int) -> list[float | None]:
    chunks = sum(part.count("chunks") for part in parts)
    broken = sum(part.count(column) for part in parts for column in _BROKEN)
    percentiles = [percentiles_ms(_together(parts, column))[_P95] for column in STREAM_COLUMNS]
    return [*percentiles, *(round(count / width_s, 3) for count in (chunks, broken))]


def _together(parts: list[Part], column: Column) -> Mapping[int, int]:
    """Return the distribution of a column in all these scenarios: percentiles cannot be merged afterwards."""
    merged: Distribution = {}
    for part in parts:
        for index, times in part.spreads.get(column, {}).items():
            merged[index] = merged.get(index, 0) + times
    return merged
