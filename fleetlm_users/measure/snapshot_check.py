"""Decode a worker's snapshot and check that a ledger of this run can have written it, before merging any of it.

A snapshot that passes can be added up, judged and shown: every number is finite and within bounds, every metric is
known, every trend decodes, no second lies after the end of the report. Its size is bounded too, since everything it
names becomes a row of the report. snapshot.py declares types and bounds.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.msgpack import Decoder

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.histogram_bytes import check_trend
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.metrics.metric import Kind
from fleetlm_users.measure.snapshot import (
    MAX_SNAPSHOT_BYTES,
    SNAPSHOT_FORMAT,
    Count,
    EncodedTrend,
    FirstMoment,
    GaugeReading,
    LevelReading,
    Snapshot,
    SnapshotHead,
)
from fleetlm_users.measure.timeline.second import MAX_SCENARIOS, Second
from fleetlm_users.shape import decode, shown

AHEAD_S: Final = 3600.0
"""How far a worker's clock of the run may be ahead of the master's, which stands still while its machine sleeps."""

_Entry = Count | EncodedTrend | FirstMoment | GaugeReading | LevelReading

_HEAD: Final = Decoder(SnapshotHead)
_WHOLE: Final = Decoder(Snapshot)


def decode_head(encoded: object) -> SnapshotHead:
    """Return the head of a snapshot; raises ShapeError for another format or shape."""
    if not isinstance(encoded, bytes) or len(encoded) > MAX_SNAPSHOT_BYTES:
        raise ShapeError(f"is {shown(encoded)}; expected at most {MAX_SNAPSHOT_BYTES:,} bytes")
    head = decode(encoded, _HEAD)
    if head.format != SNAPSHOT_FORMAT:
        raise ShapeError(f"is {head.format}; expected {SNAPSHOT_FORMAT}", "format")
    return head


def decode_snapshot(
    encoded: bytes, catalogue: Catalogue, *, limit_s: float, known_trends: Iterable[EncodedTrend] = ()
) -> Snapshot:
    """Decode a snapshot whose head is sound.

    Args:
        encoded: The output of `encode_snapshot` in another process.
        catalogue: The metrics of the run.
        limit_s: The longest time in seconds that the run can have lasted.
        known_trends: The trends of the worker's previous snapshot: unchanged ones are not checked again.

    Raises:
        ShapeError: The snapshot cannot be merged; the error names the place.
    """
    snapshot = decode(encoded, _WHOLE)
    if snapshot.elapsed_s > limit_s:
        raise ShapeError(f"is {snapshot.elapsed_s:,.0f}; expected at most {limit_s:,.0f} in this run", "elapsed_s")
    _check_entries(snapshot, catalogue)
    _check_scenarios(snapshot)
    _check_trends(snapshot.trends, known_trends)
    _check_seconds(snapshot.rows, limit_s)
    _check_firsts(snapshot.firsts, limit_s)
    return snapshot


def _check_entries(snapshot: Snapshot, catalogue: Catalogue) -> None:
    parts: tuple[tuple[str, Sequence[_Entry], Kind], ...] = (
        ("counts", snapshot.counts, "counter"),
        ("trends", snapshot.trends, "trend"),
        ("gauges", snapshot.gauges, "gauge"),
        ("levels", snapshot.levels, "gauge"),
        ("firsts", snapshot.firsts, "counter"),
    )
    for part, entries, kind in parts:
        names = frozenset(name for name, metric in catalogue.items() if metric.kind == kind and not metric.parts)
        if len({entry.key for entry in entries}) != len(entries):
            raise ShapeError("names something twice", part)
        for at, entry in enumerate(entries):
            if entry.metric not in names:
                raise ShapeError(f"is {shown(entry.metric)}; expected a {kind} that this run knows", f"{part}[{at}][0]")


def _check_scenarios(snapshot: Snapshot) -> None:
    parts = (snapshot.counts, snapshot.gauges, snapshot.trends, snapshot.firsts)
    scenarios = {entry.scenario for part in parts for entry in part}
    if len(scenarios) > MAX_SCENARIOS:
        raise ShapeError(f"names {len(scenarios):,} scenarios; expected at most {MAX_SCENARIOS}")


def _check_trends(trends: Sequence[EncodedTrend], known_trends: Iterable[EncodedTrend]) -> None:
    known = {trend.key: trend.encoded for trend in known_trends}
    for at, trend in enumerate(trends):
        if known.get(trend.key) == trend.encoded:
            continue
        try:
            check_trend(trend.encoded)
        except ValueError as problem:
            raise ShapeError(f"is not an encoded trend: {problem}", f"trends[{at}]") from problem


def _check_seconds(rows: Sequence[Second], limit_s: float) -> None:
    last = -1
    for at, row in enumerate(rows):
        if not last < row.second <= limit_s:
            raise ShapeError(f"is of second {row.second}; expected {last + 1} to {limit_s:.0f}", f"rows[{at}]")
        last = row.second


def _check_firsts(firsts: Sequence[FirstMoment], limit_s: float) -> None:
    for at, first in enumerate(firsts):
        if first.at_s > limit_s:
            raise ShapeError(f"is {first.at_s:,.0f}; expected at most {limit_s:,.0f} in this run", f"firsts[{at}][3]")
