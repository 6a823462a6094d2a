"""Units in the bounds of thresholds: `<1.5s`, `<20MiB/h`, `>95%`. A bare number is in the metric's own unit."""

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

_NUMBER: Final = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
BOUND: Final = rf"(?P<bound>{_NUMBER})\s*(?P<unit>[A-Za-zµ%]*(?:\s*/\s*[A-Za-z]+)?)"
"""A regular expression of a number with or without a unit."""

PER: Final[Mapping[str, int]] = MappingProxyType({"s": 1, "min": 60, "h": 3600, "d": 86_400})
"""A span for figures per time -> its length in seconds."""

_ONE: Final = Fraction(1)
_MS: Final = {"us": _ONE / 1000, "µs": _ONE / 1000, "ms": _ONE, "s": Fraction(1000), "min": Fraction(60_000)}
_BYTES: Final = {
    **{unit: Fraction(1000**power) for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))},
    **{unit: Fraction(1024**power) for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)},
}
_SCALES: Final[Mapping[str, Mapping[str, Fraction]]] = MappingProxyType(
    {
        "ms": _MS,
        "s": {unit: scale / 1000 for unit, scale in _MS.items()} | {"h": Fraction(3600)},
        "bytes": _BYTES,
        "%": {"%": _ONE},
        "fraction": {"%": Fraction(1, 100)},
        "count": {},
    }
)
"""Unit of a figure -> units that its bound may have -> their size in the figure's unit."""


def scale_of(written: str, unit: str) -> Fraction | None:
    """Return the size of the written unit in `unit`; None if it is not a unit of such a figure.

    Args:
        written: The text after the number, such as `MiB/h`; empty for the figure's own unit.
        unit: The figure's unit as in Threshold.unit: ms, bytes, %, fraction, count, 1/s, bytes/h, ...
    """
    written = re.sub(r"\s", "", written)
    if not written:
        return _ONE
    base, _, per = unit.partition("/")
    base = "count" if base == "1" else base
    amount, slash, span = written.partition("/")
    if bool(slash) != bool(per):
        return None
    scale = _SCALES.get(base, {}).get(amount) if amount else (_ONE if per and base == "count" else None)
    if scale is None or not slash:
        return scale
    return scale * PER[per] / PER[span] if span in PER else None


def accepted_units(unit: str) -> str:
    """Return the units that a bound of such a figure may have, in words."""
    base, _, per = unit.partition("/")
    amounts = list(_SCALES.get("count" if base == "1" else base, {}))
    if not per:
        return f"a number with or without a unit: {', '.join(amounts)}" if amounts else "a number without a unit"
    spans = ", ".join(f"/{span}" for span in PER)
    of = f" of {', '.join(amounts)}" if amounts else ""
    return f"a number, or one{of} with {spans}"
