"""The server's figures that a threshold can name: `server.memory_bytes`, `server.api.memory_bytes`, or any series.

A series is named as in PromQL, with equality matchers only: `http_requests_total{code="500",method="GET"}`. Names and
label values are bounded: they come from files and forms, and appear in reports.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

PREFIX: Final = "server."
MAX_LABELS: Final = 8
MAX_CHARACTERS: Final = 180

SOURCE_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?"
"""A source's name: no dot, which separates it from the figure."""

_METRIC: Final = r"[A-Za-z_](?:[A-Za-z0-9_:]*[A-Za-z0-9_])?"
_LABEL: Final = r'[A-Za-z_][A-Za-z0-9_]*\s*=\s*"[^"\\\n;{}\[\]]{0,100}"'
SUBJECT: Final = rf"server\.(?:{SOURCE_NAME}\.)?{_METRIC}(?:\{{\s*(?:{_LABEL}\s*(?:,\s*{_LABEL}\s*)*,?\s*)?\}})?"
"""A regular expression of a whole subject."""

_PARTS: Final = re.compile(
    rf"server\.(?:(?P<source>{SOURCE_NAME})\.)?(?P<name>{_METRIC})(?:\{{(?P<labels>.*)\}})?", re.DOTALL
)
_EACH_LABEL: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"([^"]*)"')
_UNITS: Final = (
    ("_bytes", "bytes"),
    ("_percent", "%"),
    ("_milliseconds", "ms"),
    ("_ms", "ms"),
    ("_seconds", "s"),
    ("_ratio", "fraction"),
)


class ServerSeries(msgspec.Struct, frozen=True):
    """A figure by our name for it, or a series by the server's own name and the labels it must have."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        labels = ",".join(f'{label}="{value}"' for label, value in self.labels)
        return f"{self.name}{{{labels}}}" if labels else self.name

    @property
    def unit(self) -> str:
        """The unit at the end of the name (prometheus.io/docs/practices/naming); count if there is none."""
        stem = self.name.removesuffix("_total")
        return next((unit for ending, unit in _UNITS if stem.endswith(ending)), "count")

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether a sample of that name has the labels; labels not named may have any value."""
        return all(labels.get(label, "") == value for label, value in self.labels)


class ServerSubject(msgspec.Struct, frozen=True):
    """A series of one source, or of each source that has it (None)."""

    source: str | None
    series: ServerSeries

    def __str__(self) -> str:
        return f"{PREFIX}{self.source + '.' if self.source else ''}{self.series}"

    def of(self, source: str) -> "ServerSubject":
        """Return the same series of one source."""
        return ServerSubject(source, self.series)


def parse_subject(text: str) -> ServerSubject:
    """Return a subject from its text, ignoring blanks. Raises ValueError for an invalid or too long one."""
    match = _PARTS.fullmatch(text) if re.fullmatch(SUBJECT, text) and text.isprintable() else None
    if match is None:
        raise ValueError('server.NAME, server.SOURCE.NAME, with labels as {label="value"}')
    labels = tuple(sorted(_EACH_LABEL.findall(match["labels"] or "")))
    subject = ServerSubject(match["source"], ServerSeries(match["name"], labels))
    if len(labels) > MAX_LABELS or len(str(subject)) > MAX_CHARACTERS or len(dict(labels)) < len(labels):
        raise ValueError(f"at most {MAX_LABELS} labels, each once, and {MAX_CHARACTERS} characters")
    return subject
