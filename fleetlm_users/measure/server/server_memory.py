"""Memory of the server per joined session: from what it held before the run to what it held at the run's plateau."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

PLATEAU_SHARE: Final = 0.9
"""The plateau is where at least so much of the highest number of sessions was joined."""

BASELINE_SHARE: Final = 0.1
"""The baseline is what came before it with at most so much."""

MIN_SESSIONS: Final = 20
"""A smaller difference says nothing: garbage collection alone moves more than that many sessions hold."""

MIN_PLATEAU: Final = 3
"""Fewer readings than that are no plateau."""


class ServerSample(NamedTuple):
    """What was joined and what the server held at one moment, `elapsed_s` seconds after the run's start."""

    elapsed_s: float
    sessions: int
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class MemoryPerSession:
    """The slope from baseline to plateau, or why there is none (`problem`).

    `spread_bytes` is what the memory moved on the plateau itself, per session: the figure is no more certain than that.
    """

    bytes_per_session: float | None
    spread_bytes: float | None
    sessions: int
    problem: str = ""


def memory_per_session(samples: Sequence[ServerSample]) -> MemoryPerSession:
    """The memory that joined sessions took, each with all it brought: processes, buffers, stored messages."""
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
