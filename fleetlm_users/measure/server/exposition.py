"""A server's own metrics in Prometheus' text format: the few figures that reports show, under any of their names.

The names are those of PromEx 1.x (github.com/akoutmos/prom_ex, plugins Beam and Phoenix), which FleetLM serves at
/metrics, of FleetLM's own plugin, of prometheus.erl, and of the usual client libraries.
"""

import math
import re
from collections.abc import Collection, Container, Iterable, Mapping
from fnmatch import translate
from typing import Final, NamedTuple

from fleetlm_users.measure.server.series import ServerSeries

MEMORY: Final = "memory_bytes"

PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    MEMORY: (
        "*_beam_memory_allocated_bytes",  # PromEx: erlang:memory(total)
        "erlang_vm_memory_bytes_total",  # prometheus.erl 4: kind system and processes, summed
        "erlang_vm_memory_bytes",  # prometheus.erl 5 and later
        "vm_memory_total",  # telemetry_poller's vm.memory.total
        "process_resident_memory_bytes",  # client libraries of other languages, a proxy for instance
    ),
    "processes_memory_bytes": ("*_beam_memory_processes_total_bytes", "erlang_vm_memory_processes_bytes*"),
    "binary_memory_bytes": ("*_beam_memory_binary_total_bytes",),
    "ets_memory_bytes": ("*_beam_memory_ets_total_bytes",),
    "beam_processes": ("*_beam_stats_process_count", "erlang_vm_process_count"),
    "beam_ports": ("*_beam_stats_port_count", "erlang_vm_port_count"),  # each TCP connection is a port
    "connections": (
        "*phoenix_connections_total",
        "*websocket_connections*",
        "*active_sockets*",
    ),  # custom plugins
    "channel_joins": ("*_phoenix_channel_joined_total",),  # PromEx, since the server's start
    "socket_connects": ("*_phoenix_socket_connected_duration_milliseconds_count",),
    "conversations": ("*_chat_conversations_active_count",),  # FleetLM's session processes
    "inboxes": ("*_chat_inboxes_active_count",),
}
"""Figure -> names in order of preference, `*` for anything; all samples of the first name present are summed."""

_NAMES: Final = {figure: tuple(re.compile(translate(name)) for name in names) for figure, names in PATTERNS.items()}
_ANY: Final = re.compile("|".join(pattern.pattern for patterns in _NAMES.values() for pattern in patterns))
_NAME: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")


class Reading(NamedTuple):
    """One figure, and the server's own name for it."""

    value: float
    name: str


def read_exposition(text: str, wanted: Collection[ServerSeries] = ()) -> dict[str, Reading]:
    """Return the figures in a server's text, in the order of PATTERNS, then the `wanted` series by their text.

    All samples that match a series are summed; a series without matching samples is left out. Raise ValueError for text
    of another format. Only lines that may matter are parsed: a server's metrics can be megabytes, and the users' event
    loop waits.
    """
    sums: dict[str, float] = {}
    series: dict[str, Reading] = {}
    by_name: dict[str, list[ServerSeries]] = {}
    for one in wanted:
        by_name.setdefault(one.name, []).append(one)
    for name, labels, value in _samples(text, by_name):
        if not math.isfinite(value):
            continue
        sums[name] = sums.get(name, 0.0) + value
        for one in by_name.get(name, ()):
            if one.matches(labels):
                before = series.get(str(one))
                series[str(one)] = Reading(value + (before.value if before else 0.0), name)
    finite = {name: value for name, value in sums.items() if math.isfinite(value)}  # a sum may still overflow
    readings = {figure: _first(patterns, finite) for figure, patterns in _NAMES.items()}
    figures = {figure: reading for figure, reading in readings.items() if reading is not None}
    named = {name: reading for name, reading in series.items() if math.isfinite(reading.value) and name not in figures}
    return figures | named


def names_in(text: str) -> frozenset[str]:
    """Return the names of all samples in a server's text."""
    lines = (_NAME.match(line) for line in text.splitlines() if not line.startswith("#"))
    return frozenset(name.group() for name in lines if name is not None)


def _samples(text: str, others: Container[str]) -> Iterable[tuple[str, Mapping[str, str], float]]:
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - with a web server in it

    wanted: dict[str, bool] = {}
    kept = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name = _NAME.match(line)
        if name is None:
            raise ValueError(f"not Prometheus' text format: {line[:80]!r}")
        if name.group() not in wanted:
            wanted[name.group()] = name.group() in others or _ANY.fullmatch(name.group()) is not None
        if wanted[name.group()]:
            kept.append(line)
    for family in text_string_to_metric_families("\n".join(kept) + "\n"):
        for sample in family.samples:
            yield sample.name, sample.labels, float(sample.value)


def _first(patterns: Iterable[re.Pattern[str]], sums: Mapping[str, float]) -> Reading | None:
    for pattern in patterns:
        names = [name for name in sums if pattern.fullmatch(name)]
        if names:
            return Reading(sums[names[0]], names[0])
    return None
