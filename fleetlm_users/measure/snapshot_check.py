"""What a worker reports, held against what a ledger can have written, before any of it is merged.

A snapshot that passes can be added up, judged and shown: every number is finite and within bounds, every metric is
known, every trend decodes, no second lies after the end of the report. How much is in it is bounded too, since whatever
it names becomes a row of the report.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.findings import KEPT
from fleetlm_users.measure.histogram_buckets import MAX_US, coarse_index
from fleetlm_users.measure.histogram_bytes import check_trend
from fleetlm_users.measure.metrics.catalogue import Catalogue, Kind
from fleetlm_users.measure.metrics.phase import PHASES
from fleetlm_users.measure.timeline.worker_timeline import COUNTER_COLUMNS, TREND_COLUMNS
from fleetlm_users.shape import (
    Check,
    anything,
    each,
    flag,
    nothing_or,
    number,
    one_of,
    record,
    row,
    shown,
    table,
    text,
    whole,
)

MAX_COUNTS: Final = 20_000
MAX_TRENDS: Final = 5_000
MAX_SCENARIOS: Final = 100
MAX_LABEL_CHARS: Final = 1_000
MAX_REPORTS: Final = 10**9

MAX_IN_A_SECOND: Final = 10**12
"""The sums over all workers are packed as 64 bits."""

AHEAD_S: Final = 3600.0
"""A worker's clock of the run may be so far ahead of the master's, which stands still while its machine sleeps."""

LONGEST_RUN_S: Final = 32 * 86_400.0

_TOP_BUCKET: Final = coarse_index(MAX_US)
_LONG_TEXT: Final = text(10_000, printable=False)
_LABEL: Final = text(MAX_LABEL_CHARS, printable=False)
_SCENARIO: Final = text(200, printable=False)  # reports escape what they show
_COLUMNS: Final = tuple(TREND_COLUMNS)


def head_check(snapshot_format: int) -> Check:
    """What is asked first: whose it is, of which run, and which one it is."""
    return record(
        {
            "format": one_of(snapshot_format),
            "epoch": text(64),
            "resets": whole(high=MAX_REPORTS),
            "seq": whole(high=MAX_REPORTS),
            "final": flag,
            "elapsed_s": number(0, LONGEST_RUN_S),
        }
    )


class BodyCheck:
    """Holds the measurements of a snapshot against a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        phase = one_of(*PHASES)
        counter, trend, gauge = (self._metric(kind) for kind in ("counter", "trend", "gauge"))
        reading = number(-1e18, 1e18)
        finding = row(_LONG_TEXT, _LONG_TEXT, _LONG_TEXT, nothing_or(whole(-(2**63), 2**64)), _LONG_TEXT, _LONG_TEXT)
        self._parts = record(
            {
                "counts": each(row(counter, _SCENARIO, phase, _LABEL, whole()), MAX_COUNTS),
                "gauges": each(row(gauge, _SCENARIO, reading, reading), MAX_COUNTS),
                "levels": each(row(gauge, reading, reading), MAX_COUNTS),
                "findings": row(whole(), each(finding, KEPT)),
                "trends": each(row(trend, _SCENARIO, phase, anything), MAX_TRENDS),
                "rows": anything,
            }
        )

    def __call__(
        self,
        snapshot: Mapping[str, Any],
        *,
        limit_s: float,
        before: Mapping[str, Any] | None,
        summed_to: int,
    ) -> None:
        """Raises ShapeError for a snapshot that cannot be merged, its head being sound.

        `limit_s` is how long the run can have gone on, `before` the worker's previous snapshot, and `summed_to` the
        second before which its rows were taken: what was looked at then is not looked at again.
        """
        if snapshot["elapsed_s"] > limit_s:
            words = f"is {snapshot['elapsed_s']:,.0f}; expected at most {limit_s:,.0f} in this run"
            raise ShapeError(words, "elapsed_s")
        self._parts(snapshot)
        for part, key_length in (("counts", 4), ("gauges", 2), ("levels", 1), ("trends", 3)):
            if len({tuple(entry[:key_length]) for entry in snapshot[part]}) != len(snapshot[part]):
                raise ShapeError("names something twice", part)
        scenarios = {entry[1] for part in ("counts", "gauges", "trends") for entry in snapshot[part]}
        if len(scenarios) > MAX_SCENARIOS:
            raise ShapeError(f"names {len(scenarios):,} scenarios; expected at most {MAX_SCENARIOS}")
        _check_trends(snapshot["trends"], before)
        check_rows(snapshot["rows"], limit_s, summed_to)

    def _metric(self, kind: Kind) -> Check:
        name_check = text(200)

        def check(name: Any) -> None:
            name_check(name)
            found = self._catalogue.get(name)
            if found is None or found.name != name or found.kind != kind or found.parts:
                raise ShapeError(f"is {shown(name)}; expected a {kind} that this run knows")

        return check


def _check_trends(trends: Sequence[Sequence[Any]], before: Mapping[str, Any] | None) -> None:
    known = {tuple(entry[:3]): entry[3] for entry in before["trends"]} if before is not None else {}
    for at, (*key, encoded) in enumerate(trends):
        if known.get(tuple(key)) == encoded:
            continue
        try:
            check_trend(encoded)
        except ValueError as problem:
            raise ShapeError(f"is no encoded trend: {problem}", f"trends[{at}]") from problem


_ROW_HEAD: Final = row(
    whole(),
    row(*[whole(high=MAX_IN_A_SECOND)] * len(COUNTER_COLUMNS)),
    whole(-MAX_IN_A_SECOND, MAX_IN_A_SECOND),
    number(-1e6, 1e6),
    table(one_of(*_COLUMNS), anything, len(_COLUMNS)),
)


def check_rows(rows: Any, limit_s: float, summed_to: int) -> None:
    """Raises ShapeError unless these are rows of a timeline (timeline.WireRow), rising, of its first `limit_s`."""
    if not isinstance(rows, list | tuple):
        raise ShapeError(f"is {shown(rows)}; expected a list", "rows")
    last = -1
    for at, wire in enumerate(rows):
        try:
            last = _check_row(wire, last, limit_s, summed_to)
        except ShapeError as problem:
            raise problem.within(f"rows[{at}]") from None


def _check_row(wire: Any, last: int, limit_s: float, summed_to: int) -> int:
    """Return the second of a sound row that comes after the second `last`."""
    if isinstance(wire, list | tuple) and wire and type(wire[0]) is int:
        if not last < wire[0] <= limit_s:
            raise ShapeError(f"is of second {shown(wire[0])}; expected {last + 1} to {limit_s:.0f}")
        if wire[0] < summed_to:
            return wire[0]
    _ROW_HEAD(wire)
    for column, steps in wire[4].items():
        if not _are_steps(steps):
            raise ShapeError("is no distribution", f"[4][{column}]")
    return int(wire[0])


def _are_steps(steps: Any) -> bool:
    """Whether these are [step to the next bucket, samples in it, …] within the range of a trend."""
    if not isinstance(steps, list | tuple) or len(steps) % 2 or not set(map(type, steps)) <= {int}:
        return False
    return min(steps, default=0) >= 0 and sum(steps[::2]) <= _TOP_BUCKET and max(steps, default=0) <= MAX_IN_A_SECOND
