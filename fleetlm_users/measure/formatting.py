"""Numbers formatted for people, the same in console, HTML, Markdown and JUnit."""

import math
from collections.abc import Mapping
from typing import Any, Final

NOTHING: Final = "–"
MAX_KINDS_IN_LINE: Final = 10
FEW_PER_S: Final = 0.01


def ms(value: float | None) -> str:
    """Return milliseconds without their unit, with about four digits: 0.412, 12.30, 951.2, 12,345."""
    if value is None:
        return NOTHING
    size = abs(value)
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 10_000 else 0
    return f"{value:,.{digits}f}"


def ms_with_unit(value: float | None) -> str:
    """Return the same as `ms`, with the unit; an unknown value has none."""
    return NOTHING if value is None else f"{ms(value)} ms"


def ms_aligned(value: float | None) -> str:
    """Return the same as `ms`, padded on the right so that the decimal points of a column align."""
    text = ms(value)
    fraction = len(text) - text.index(".") if "." in text else 0
    return text + " " * (4 - fraction)


def count(value: float | None) -> str:
    """Return a whole number with thousands separated."""
    return NOTHING if value is None else f"{value:,.0f}"


def few_kinds(labels: Mapping[str, int]) -> dict[str, int]:
    """Return the kinds on one line of text: the first, which are the most frequent, and all others as one."""
    first = dict(list(labels.items())[:MAX_KINDS_IN_LINE])
    rest = [n for kind, n in labels.items() if kind not in first]
    return first | ({f"({len(rest)} more kinds)": sum(rest)} if rest else {})


def per_s(value: float | None) -> str:
    """Return events per second, with more digits if they are few: one in an hour is not shown as none."""
    if value is None:
        return NOTHING
    if 0 < abs(value) < FEW_PER_S:
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}/s"
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}/s"


def percent(fraction: float | None) -> str:
    """Return a share as percent, never rounded up to 100 or down to 0, since those two mean something."""
    if fraction is None:
        return NOTHING
    shown = f"{fraction * 100:.2f}"
    if shown == "100.00" and fraction < 1:
        return "> 99.99 %"
    if shown == "0.00" and fraction > 0:
        return "< 0.01 %"
    return f"{shown} %"


def bytes_(value: float | None) -> str:
    """Return an amount of memory in binary units."""
    if value is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}"
        value /= 1024
    return f"{value:,.2f} GiB"


def duration(seconds: float) -> str:
    """Return a length of time: 45s, 2m05s, 1h02m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def clock(seconds: float) -> str:
    """Return a moment of a run: 00:04:10."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def measured(value: float | None, unit: str) -> str:
    """Return a threshold's measured value with its unit, as Threshold.unit and summary.json name units."""
    if value is None:
        return "no samples"
    match unit:
        case "ms":
            return ms_with_unit(value)
        case "fraction":
            return percent(value)
        case "1/s":
            return per_s(value)
        case "s":
            return f"{value:,.1f} s"
        case "bytes":
            return bytes_(value)
        case "%":
            return f"{value:,.1f} %"
        case "s":
            return f"{value:,.4g} s"
        case _ if unit.endswith("/h"):
            sign = "−" if value < 0 else ""
            return f"{sign}{measured(abs(value), unit.removesuffix('/h'))}/h".replace(" %/h", " %-points/h")
        case _:
            return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def outcome(threshold: Mapping[str, Any]) -> str:
    """Return what was measured for a judged threshold of a summary.json, with its unit."""
    if is_unjudged(threshold) or (threshold["measured"] is None and is_undecided(threshold)):
        return "cannot tell"
    if threshold["measured"] is None and threshold["problem"]:
        return str(threshold["problem"])
    return measured(threshold["measured"], threshold["unit"])


def note(threshold: Mapping[str, Any]) -> str:
    """Return the text beside a judged threshold: why it has no answer, or how many samples its answer rests on."""
    if is_undecided(threshold) or is_unjudged(threshold):
        return str(threshold["problem"])
    of = f"of {count(threshold['samples'])} {'readings' if _is_of_server(threshold) else 'samples'}"
    return "; ".join(filter(None, (of if threshold["samples"] else "", threshold.get("note"))))


_ORIGINS: Final = {
    "given": "given",
    "preset": "preset",
    "behaviour": "default",
    "audit": "default",
}


def origin(threshold: Mapping[str, Any]) -> str:
    """Return who set a threshold of a summary.json, in words; empty if unknown, as in older files."""
    return _ORIGINS.get(str(threshold.get("origin", "")), "")


def _is_of_server(threshold: Mapping[str, Any]) -> bool:
    return str(threshold["metric"]).startswith("server.")


def mark(threshold: Mapping[str, Any]) -> str:
    """Return the sign of a judged threshold: ✓ kept, ✗ missed, ? undecided, – not judged."""
    if is_undecided(threshold):
        return "?"
    if is_unjudged(threshold):
        return NOTHING
    return "✓" if threshold["ok"] else "✗"


def is_unjudged(threshold: Mapping[str, Any]) -> bool:
    """Return whether a threshold of a summary.json had nothing to judge and does not speak against the run.

    An example is a default in a run of seconds: nobody asked for it.
    """
    return threshold["measured"] is None and bool(threshold["ok"]) and not is_undecided(threshold)


def is_undecided(threshold: Mapping[str, Any]) -> bool:
    """Return whether a judged threshold of a summary.json has no answer; older files know only of too few samples."""
    return bool(threshold.get("undecided", threshold["too_few"]))
