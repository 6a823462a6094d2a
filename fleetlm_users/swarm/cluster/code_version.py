"""The code of a process, as versions, names and digests; a worker sends it to its master."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """The code of one process. All processes of a run must have the same.

    `source` and `locustfile` are digests, empty if the text could not be read, and then not compared.
    """

    package: str
    locust: str
    benchmark: str
    scenarios: tuple[str, ...]
    options: tuple[str, ...]
    metrics: tuple[str, ...]
    source: str
    locustfile: str

    def to_wire(self) -> dict[str, Any]:
        """Return plain values, for msgpack."""
        return asdict(self)

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Return how the code version of another process, in plain values, differs from this one, as text."""
        differences = (_difference(item.name, getattr(self, item.name), other.get(item.name)) for item in fields(self))
        return [words for words in differences if words]


_NAMES: Final = {
    "package": "the version of this package",
    "locust": "the version of Locust",
    "benchmark": "the benchmark",
    "scenarios": "behaviours",
    "options": "options",
    "metrics": "metrics",
    "source": "the code of this package",
    "locustfile": "the locustfile",
}


def _difference(name: str, mine: str | tuple[str, ...], theirs: Any) -> str:
    if isinstance(mine, tuple):
        return _in_lists(_NAMES[name], mine, tuple(theirs or ()))
    if name in ("source", "locustfile"):
        return f"{_NAMES[name]} is different" if mine and theirs and mine != theirs else ""
    return "" if mine == theirs else f"{_NAMES[name]} is {theirs or 'not known'} there and {mine} here"


def _in_lists(name: str, mine: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    lacks, added = sorted(set(mine) - set(theirs)), sorted(set(theirs) - set(mine))
    parts = [f"it {verb} the {name} {', '.join(names)}" for verb, names in (("lacks", lacks), ("adds", added)) if names]
    return " and ".join(parts)
