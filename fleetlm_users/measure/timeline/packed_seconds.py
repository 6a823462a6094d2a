"""The settled seconds of a run, packed: 60 to 350 bytes per scenario, however many messages there were.

Nothing is lost: exact counts and whole distributions, so that a late row can still be added.
"""

import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from fleetlm_users.measure.timeline.second import Backlogs, Column, Distribution, Part, Stretch
from fleetlm_users.measure.timeline.windowed import FineSpread, Windowed

BLOCK_S: Final = 60
"""Seconds packed together. A larger block saves a tenth, and takes more memory while it is open."""

LEVEL: Final = 9  # zlib's level: 5 % less than 6, for a millisecond per minute


class PackedSeconds:
    """Seconds by their number, in any order; one block at a time is open, the others are packed."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytes] = {}
        self._number = 0
        self._open: dict[int, Stretch] = {}

    def __repr__(self) -> str:
        return f"PackedSeconds({len(self._blocks)} blocks, {len(self._open)} seconds open)"

    def put(self, stretch: Stretch) -> None:
        """Take over a second; it belongs to this object from now on."""
        self._turn_to(stretch.second // BLOCK_S)
        self._open[stretch.second] = stretch

    def change(self, second: int) -> Stretch:
        """Return a second to be added to before the next call; an empty one if it was never put in."""
        self._turn_to(second // BLOCK_S)
        return self._open.setdefault(second, Stretch.empty(second))

    def between(self, first: int, end: int) -> Iterator[Stretch]:
        """Yield each second put in, from `first` to before `end`, in order; they are read-only."""
        for number in range(first // BLOCK_S, -(-end // BLOCK_S)):
            block = self._open if number == self._number else _unpacked(self._blocks.get(number))
            for second in sorted(block):
                if first <= second < end:
                    yield block[second]

    def _turn_to(self, number: int) -> None:
        if number == self._number:
            return
        if self._open:
            self._blocks[self._number] = _packed(self._open)
        self._number, self._open = number, _unpacked(self._blocks.pop(number, None))


class _PackedPart(msgspec.Struct, array_like=True):
    """A part with its distributions as [step to the next bucket, count, …], which deflate to 60 % of pairs."""

    counts: list[int]
    backlogs: Backlogs
    steps: dict[Column, list[int]]
    windowed: dict[str, tuple[int, list[int]]] = {}
    windowed_counts: dict[str, int] = {}


class _Packed(msgspec.Struct, array_like=True):
    second: int
    connections: int
    cpu_percent: float
    parts: dict[str, _PackedPart]


_DECODER: Final = msgspec.msgpack.Decoder(list[_Packed])


def _packed(block: Mapping[int, Stretch]) -> bytes:
    rows = [
        _Packed(
            one.second,
            one.connections,
            one.cpu_percent,
            {scenario: _packed_part(part) for scenario, part in one.parts.items()},
        )
        for one in block.values()
    ]
    return zlib.compress(msgspec.msgpack.encode(rows), LEVEL)


def _packed_part(part: Part) -> _PackedPart:
    steps = {column: _steps(buckets) for column, buckets in part.spreads.items()}
    windowed = {metric: (spread.sum_us, _steps(spread.buckets)) for metric, spread in part.windowed.trends.items()}
    return _PackedPart(part.counts, part.backlogs, steps, windowed, part.windowed.counts)


def _unpacked(block: bytes | None) -> dict[int, Stretch]:
    rows = _DECODER.decode(zlib.decompress(block)) if block else ()
    return {
        row.second: Stretch(
            row.second,
            row.connections,
            row.cpu_percent,
            {scenario: _unpacked_part(part) for scenario, part in row.parts.items()},
        )
        for row in rows
    }


def _unpacked_part(part: _PackedPart) -> Part:
    spreads = {column: _buckets(steps) for column, steps in part.steps.items()}
    trends = {metric: FineSpread(sum_us, _buckets(steps)) for metric, (sum_us, steps) in part.windowed.items()}
    return Part(part.counts, part.backlogs, spreads, Windowed(trends, part.windowed_counts))


def _steps(buckets: Distribution) -> list[int]:
    indexes = sorted(buckets)
    return [value for last, index in pairwise((0, *indexes)) for value in (index - last, buckets[index])]


def _buckets(steps: list[int]) -> Distribution:
    index, buckets = 0, {}
    for step, times in zip(steps[::2], steps[1::2], strict=True):
        index += step
        buckets[index] = times
    return buckets
