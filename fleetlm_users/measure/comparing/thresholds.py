"""The thresholds of two runs side by side: new, gone or changed, and those kept before and missed now.

Pure. A figure with a threshold in either run is judged; all other figures are only shown.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import structs

from fleetlm_users.measure.comparing.figures import Figure, aggregation_of
from fleetlm_users.measure.formatting import is_undecided
from fleetlm_users.measure.report.summary.types import ThresholdEntry
from fleetlm_users.measure.threshold.threshold import OPERATORS

Direction = Literal["lower", "higher"]

_SIGN: Final = re.compile(r"[<>=!]=?")


class ThresholdPair(msgspec.Struct, frozen=True):
    """One threshold in both runs; None in a run that does not have it. `entry` is B's, or A's if B has none.

    `broken`: A's measurement keeps it and B's misses it.
    """

    figure: Figure
    entry: ThresholdEntry
    before: ThresholdEntry | None
    after: ThresholdEntry | None
    broken: bool
    note: str

    @property
    def is_of_figure(self) -> bool:
        """Whether it bounds a figure of the whole run: not a window, and not a figure of the server."""
        return not self.entry.get("window_s") and not self.entry["metric"].startswith("server.")

    @property
    def direction(self) -> Direction | None:
        """Which way is better according to the threshold's operator; None for == and !=."""
        return direction_of(self.entry["condition"])


def pair_thresholds(
    before: list[ThresholdEntry], after: list[ThresholdEntry], measured_before: Callable[[Figure], float | None]
) -> list[ThresholdPair]:
    """Return all thresholds of two runs, A's order first; `measured_before` gives what A measured for a figure."""
    left, right = _by_key(before), _by_key(after)
    both = left | right  # B's entry if both have one
    keys = [*left, *(key for key in right if key not in left)]
    return [_pair(both[key], left.get(key), right.get(key), measured_before) for key in keys]


def direction_of(condition: str) -> Direction | None:
    """Return which way is better for the figure that a condition bounds; None for == and !=."""
    sign = sign_of(condition)
    return "lower" if sign.startswith("<") else "higher" if sign.startswith(">") else None


def sign_of(condition: str) -> str:
    """Return the operator of a condition such as `p(95)<500`."""
    match = _SIGN.search(condition)
    return match[0] if match else ""


def keeps(entry: ThresholdEntry, value: float | None) -> bool | None:
    """Return whether a value would keep a threshold; None without a value."""
    compare = OPERATORS.get(sign_of(entry["condition"]))
    return None if value is None or compare is None else compare(value, entry["bound"])


Key = tuple[str, str | None, int | None, str, str]


def _by_key(entries: list[ThresholdEntry]) -> dict[Key, ThresholdEntry]:
    """Return thresholds by what they bound and from which side; of two with one key, the last counts."""
    return {_key(entry): entry for entry in entries}


def _key(entry: ThresholdEntry) -> Key:
    condition = entry["condition"]
    place = entry["metric"], entry["scenario"], entry.get("window_s")
    return *place, aggregation_of(condition), sign_of(condition)[:1]


def _pair(
    entry: ThresholdEntry,
    before: ThresholdEntry | None,
    after: ThresholdEntry | None,
    measured_before: Callable[[Figure], float | None],
) -> ThresholdPair:
    figure = Figure(entry["metric"], entry["scenario"], aggregation_of(entry["condition"]))
    pair = ThresholdPair(figure, entry, before, after, False, _note(before, after))
    was = before["measured"] if before is not None else measured_before(figure) if pair.is_of_figure else None
    broken = after is not None and not after["ok"] and not is_undecided(after) and _kept(before, after, was)
    return structs.replace(pair, broken=broken)


def _kept(before: ThresholdEntry | None, after: ThresholdEntry, was: float | None) -> bool:
    """Return whether A kept what B missed: A's measurement is held against B's bound, so a stricter bound alone breaks
    nothing. A threshold that A did not measure was not kept.
    """
    if before is not None and is_undecided(before):
        return False
    return keeps(after, was) is True


def _note(before: ThresholdEntry | None, after: ThresholdEntry | None) -> str:
    if before is None:
        return "only in B"
    if after is None:
        return "only in A"
    if before["condition"] != after["condition"]:
        return f"was {before['condition']}"
    return ""
