"""The seconds of a run that nothing is expected of any more, packed: 60 to 350 bytes each, whatever happened in them.

They stay what they are: exact counts and whole distributions, so that a row that comes late is still added to them.
"""

import zlib
from collections.abc import Iterator
from typing import Final

import orjson

from fleetlm_users.measure.timeline.rows import Second

BLOCK_S: Final = 60
"""Seconds that are packed together. A larger block saves a tenth, and takes more memory while it is open."""

LEVEL: Final = 9  # of zlib: 5 % less than 6, for a millisecond each minute


class PackedSeconds:
    """Seconds by their number, in any order; one block at a time is open, the others are packed."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytes] = {}
        self._number = 0
        self._open: dict[int, Second] = {}

    def __repr__(self) -> str:
        return f"PackedSeconds({len(self._blocks)} blocks, {len(self._open)} seconds open)"

    def put(self, second: int, what: Second) -> None:
        """Keep a second; it is this object's own from now on."""
        self._turn_to(second // BLOCK_S)
        self._open[second] = what

    def change(self, second: int) -> Second:
        """The second, to be added to before anything else is asked of this object; an empty one if it was not kept."""
        self._turn_to(second // BLOCK_S)
        return self._open.setdefault(second, Second())

    def between(self, first: int, end: int) -> Iterator[tuple[int, Second]]:
        """Each second that is kept, from `first` to before `end`, in order; to be read only."""
        for number in range(first // BLOCK_S, -(-end // BLOCK_S)):
            block = self._open if number == self._number else _unpacked(self._blocks.get(number))
            for second in sorted(block):
                if first <= second < end:
                    yield second, block[second]

    def _turn_to(self, number: int) -> None:
        if number == self._number:
            return
        if self._open:
            self._blocks[self._number] = _packed(self._open)
        self._number, self._open = number, _unpacked(self._blocks.pop(number, None))


def _packed(block: dict[int, Second]) -> bytes:
    return zlib.compress(orjson.dumps([what.to_wire(second) for second, what in block.items()]), LEVEL)


def _unpacked(block: bytes | None) -> dict[int, Second]:
    found: dict[int, Second] = {}
    for row in orjson.loads(zlib.decompress(block)) if block else ():
        found[row[0]] = what = Second()
        what.add(row)
    return found
