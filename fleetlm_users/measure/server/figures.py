"""The readings of one source of server metrics during a run, and how reports show them.

Memory of the server per joined session: the increase from before the run to the run's plateau, per session.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import structs

from fleetlm_users.measure import formatting
from fleetlm_users.measure.server.exposition import MEMORY, Reading

PLATEAU_SHARE: Final = 0.9
"""The plateau is the time when at least this share of the highest number of sessions was joined."""

BASELINE_SHARE: Final = 0.1
"""The baseline is the time before it when at most this share was joined."""

MIN_SESSIONS: Final = 20
"""The smallest difference in sessions that says anything: garbage collection alone moves more memory than fewer
sessions hold.
"""

MIN_PLATEAU: Final = 3
"""The fewest readings that make a plateau."""


class ServerSample(NamedTuple):
    """The number of joined sessions and the server's figures, `elapsed_s` seconds after the run's start."""

    elapsed_s: float
    sessions: int
    memory_bytes: float


class MemoryPerSession(msgspec.Struct, frozen=True):
    """The slope from baseline to plateau, or why there is none (`problem`).

    `spread_bytes` is how much the memory moved on the plateau itself, per session: the figure is no more certain than
    that.
    """

    bytes_per_session: float | None
    spread_bytes: float | None
    sessions: int
    problem: str = ""


def memory_per_session(samples: Sequence[ServerSample]) -> MemoryPerSession:
    """Return the memory of each joined session, including its processes, buffers and stored messages."""
    highest = max((sample.sessions for sample in samples), default=0)
    plateau = [sample for sample in samples if sample.sessions >= max(1.0, PLATEAU_SHARE * highest)]
    if len(plateau) < MIN_PLATEAU:
        return _unmeasurable(0, f"only {len(plateau)} readings at the highest number of sessions")
    began_s = plateau[0].elapsed_s
    before = [s for s in samples if s.elapsed_s < began_s and s.sessions <= BASELINE_SHARE * highest]
    if not before:
        return _unmeasurable(0, "no reading from before the sessions")
    sessions = round(median(s.sessions for s in plateau) - median(s.sessions for s in before))
    if sessions < MIN_SESSIONS:
        return _unmeasurable(sessions, f"the number of sessions changed by {sessions} only")
    held = [sample.memory_bytes for sample in plateau]
    grown = median(held) - median(s.memory_bytes for s in before)
    spread = max(held) - min(held)
    if grown <= spread:
        return _unmeasurable(sessions, "the memory moved more on the plateau itself than on the way to it")
    return MemoryPerSession(grown / sessions, spread / sessions, sessions)


def _unmeasurable(sessions: int, problem: str) -> MemoryPerSession:
    return MemoryPerSession(None, None, sessions, problem)


Json = dict[str, Any]

MAX_SAMPLES: Final = 600
"""The most samples kept in summary.json and drawn; a longer run is thinned."""

MIB: Final = 1024 * 1024


READINGS_KEPT: Final = 3600
"""Two hours of readings; in a longer run every second one is kept, then every fourth, and so on."""


Item = TypeVar("Item")


class Thinned(Generic[Item]):
    """Readings in order, thinned evenly so that at most READINGS_KEPT stay; the first always does."""

    __slots__ = ("_count", "_stride", "kept")

    def __init__(self) -> None:
        self.kept: list[Item] = []
        self._count = 0
        self._stride = 1

    def __len__(self) -> int:
        return len(self.kept)

    def add(self, item: Item) -> None:
        """Add the next reading."""
        if self._count % self._stride == 0:
            self.kept.append(item)
        self._count += 1
        if len(self.kept) > READINGS_KEPT:
            self.kept, self._stride = self.kept[::2], 2 * self._stride


class ReadingHistory(msgspec.Struct):
    """The readings of one figure in the judged part of a run.

    How often it was read, the last, lowest and highest value, and the `kept` readings (seconds, value), thinned.
    `missing` counts the readings since the first that brought no value.
    """

    count: int = 0
    missing: int = 0
    last: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    total: float = 0.0
    _thinned: Thinned[tuple[float, float]] = msgspec.field(default_factory=Thinned)

    @property
    def kept(self) -> list[tuple[float, float]]:
        """The readings that stay, as (seconds, value)."""
        return self._thinned.kept

    @property
    def mean(self) -> float:
        """The mean of all readings; there must be some."""
        return self.total / self.count

    def add(self, elapsed_s: float, value: float) -> None:
        """Add a reading, `elapsed_s` seconds after the run's start."""
        self.lowest = min(self.lowest, value) if self.count else value
        self.highest = max(self.highest, value) if self.count else value
        self._thinned.add((elapsed_s, value))
        self.count += 1
        self.total += value
        self.last = value

    def miss(self) -> None:
        """Count a reading that brought no value."""
        self.missing += 1


class ServerFigures:
    """The readings of one source. `failed` counts failed readings, `problem` is the reason of the last of them.

    `name` distinguishes it from other sources. The readings of its memory and of the `bounded` figures are kept for
    judgement.
    """

    def __init__(self, source: str, name: str = "", bounded: Iterable[str] = ()) -> None:
        self.source = source
        self.name = name
        self._histories = {figure: ReadingHistory() for figure in (MEMORY, *bounded)}
        self.failed = 0
        self.problem = ""
        self._readings = 0
        self._first: dict[str, Reading] = {}
        self._last: dict[str, Reading] = {}
        self._peak: dict[str, float] = {}
        self._samples: Thinned[ServerSample] = Thinned()

    def history(self, figure: str) -> ReadingHistory | None:
        """Return the readings of a bounded figure in the judged part of the run; None for any other."""
        return self._histories.get(figure)

    def forget_judged(self) -> None:
        """Restart the judged part of the run."""
        self._histories = {figure: ReadingHistory() for figure in self._histories}

    def offers(self, figure: str) -> bool:
        """Return whether it was ever read."""
        return figure in self._first

    def add(self, elapsed_s: float, sessions: int, readings: Mapping[str, Reading], *, is_judged: bool = False) -> None:
        """Add one reading, the number of sessions joined then, and whether it belongs to the judged part of the run."""
        self._readings += 1
        for figure, history in self._histories.items() if is_judged else ():
            if figure in readings:
                history.add(elapsed_s, readings[figure].value)
            elif history.count:
                history.miss()
        for name, reading in readings.items():
            self._first.setdefault(name, reading)
            self._last[name] = reading
            self._peak[name] = max(self._peak.get(name, reading.value), reading.value)
        if MEMORY in readings:
            self._samples.add(ServerSample(round(elapsed_s, 3), sessions, readings[MEMORY].value))

    def fail(self, problem: str, *, is_judged: bool = False) -> None:
        """Count a reading that failed."""
        for history in self._histories.values() if is_judged else ():
            history.miss()
        self.failed += 1
        self.problem = problem

    def to_json(self) -> Json:
        """Return the entry of summary.json, memory in bytes; unmeasurable values are null, with the reason."""
        step = -(-len(self._samples) // MAX_SAMPLES) or 1
        return {
            "source": self.source,
            "name": self.name,
            "readings": self._readings,
            "failed": self.failed,
            "problem": self.problem,
            "figures": {
                name: {
                    "name": last.name,
                    "first": self._first[name].value,
                    "last": last.value,
                    "peak": self._peak[name],
                }
                for name, last in self._last.items()
            },
            "memory_per_session": structs.asdict(memory_per_session(self._samples.kept)),
            "samples": [list(sample) for sample in self._samples.kept[::step]],
        }


def title_of(entry: Mapping[str, Any]) -> str:
    """Return a source's title in reports: with its name, if it has one."""
    return f"{entry['name']}, {entry['source']}" if entry.get("name") else str(entry["source"])


def server_rows(entry: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return a source's figures as a table: its head and its rows."""
    rows = [
        (name, *(_shown(name, figure[moment]) for moment in ("first", "last", "peak")), figure["name"])
        for name, figure in entry["figures"].items()
    ]
    return ("", "first", "last", "peak", "name at the server"), tuple(rows)


def server_lines(entry: Mapping[str, Any]) -> list[str]:
    """Return the lines below the table: memory per session, and failures."""
    lines = []
    memory = entry["memory_per_session"]
    if memory["bytes_per_session"] is not None:
        per_session, spread = (formatting.bytes_(memory[key]) for key in ("bytes_per_session", "spread_bytes"))
        sessions = formatting.count(memory["sessions"])
        lines.append(f"memory per joined session: {per_session}, ± {spread}, from {sessions} sessions")
    elif MEMORY in entry["figures"]:
        lines.append(f"memory per joined session: not measurable: {memory['problem']}")
    growth = entry.get("memory_growth")
    if growth is not None:
        per_h, low, high = (formatting.measured(growth[key], "bytes/h") for key in ("per_h", "low_per_h", "high_per_h"))
        lines.append(f"memory growth: {per_h}, between {low} and {high} with 99 % confidence")
    if entry["failed"]:
        lines.append(f"{entry['failed']} of {entry['failed'] + entry['readings']} readings failed: {entry['problem']}")
    return lines


def server_seconds(entry: Mapping[str, Any]) -> list[dict[str, int | float | None]]:
    """Return a row per second, for the chart: the newest reading at that time, in MiB, and the joined sessions."""
    rows: list[dict[str, int | float | None]] = []
    samples: Sequence[Sequence[float]] = entry["samples"]
    for number, (elapsed_s, sessions, memory_bytes) in enumerate(samples):
        until_s = samples[number + 1][0] if number + 1 < len(samples) else elapsed_s + 1
        while len(rows) < until_s:
            rows.append({"memory_mib": round(memory_bytes / MIB, 2), "sessions": int(sessions)})
    return rows


def _shown(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return formatting.bytes_(value)
    return f"{value:.0f} %" if name.endswith("_percent") else formatting.count(value)
