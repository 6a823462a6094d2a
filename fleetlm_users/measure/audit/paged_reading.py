"""Read a whole session page by page from a server whose pages may leave messages out. Pure.

FleetLM's late protocol fills a page with messages that are only in memory, then with database rows from the low end
(late wire record: "Replay and REST reads"). With 130 flushed messages and one unflushed, a page of 100 holds 1 to 99
and 131. If memory alone fills a page, it holds nothing of the database. So a page that is not full is complete, and a
full one proves nothing about its holes: their messages are lost, or hidden.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from fleetlm_users.measure.audit.comparison import Stored

ENDLESS: Final = 1 << 63
"""A number above every seq: the end of an open range."""


class MessagePage(NamedTuple):
    """One page: digests of contents by seq, and whether there may be more messages above its first seq than it
    holds.
    """

    digests: Mapping[int, int]
    is_full: bool


def read_whole(read: Callable[[int], MessagePage], limit: int, after_seq: int = 0) -> Stored:
    """Return what is stored of a session above a seq.

    A page that is not full settles everything above the seq it was requested from. One such page reaches the end, and
    one settles the holes with fewer than `limit` messages above them. A hole with more above it stays unsettled,
    because a lost message and one hidden behind a full page of memory look the same.

    Args:
        read: Returns the page of the messages above a seq.
        limit: How many messages a full page has.
        after_seq: The seq above which to read.

    Returns:
        The digests, and the ranges of seqs about which the pages prove nothing.
    """
    digests: dict[int, int] = {}
    repeated: set[int] = set()
    asked = newest = after_seq
    settled_above: int | None = None
    while True:
        page = read(asked)
        new = {seq: digest for seq, digest in page.digests.items() if seq > asked and seq not in digests}
        digests |= new
        newest = max(newest, *new) if new else newest
        if not page.is_full:
            settled_above = asked if settled_above is None else min(asked, settled_above)
        elif not new and settled_above is None:  # it repeats itself and never reaches the end
            return Stored(digests, hidden=(*_holes(digests, after_seq, newest), range(newest + 1, ENDLESS)))
        elif not new:
            repeated.add(asked)
        if settled_above is None:
            asked = newest
            continue
        holes = _holes(digests, after_seq, settled_above)
        question = next((seq for seq in _askable(digests, holes, limit) if seq not in repeated), None)
        if question is None:
            return Stored(digests, hidden=holes)
        asked = question


def _askable(digests: Mapping[int, int], holes: Sequence[range], limit: int) -> Iterator[int]:
    """Yield the seqs before the holes that have fewer messages above them than a full page."""
    seqs = sorted(digests)
    for hole in holes:
        if len(seqs) - bisect_right(seqs, hole.start) < limit:
            yield hole.start - 1


def _holes(digests: Mapping[int, int], after_seq: int, up_to_seq: int) -> tuple[range, ...]:
    """Return the runs of seqs that no page held and that begin between `after_seq` and `up_to_seq`."""
    rising = (after_seq, *sorted(digests))
    return tuple(
        range(seq + 1, following) for seq, following in pairwise(rising) if following > seq + 1 and seq < up_to_seq
    )
