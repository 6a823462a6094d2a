"""A reconnect storm in the summary, in figures and words, and the doubts about its run. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, TypedDict

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.storm.latency_recovery import LatencyRecovery
from fleetlm_users.measure.judging.storm.return_curve import SHARES, return_curve
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import MS_PER_S

PLANNED: Final = frozenset(("disconnects", "messages_not_sent"))
"""Counters of trouble that a storm causes as planned."""

OWN_SHARE: Final = 0.1
"""The generator is the limit if this share of the time until 95 % were back is its own."""

BUSY_PERCENT: Final = 90.0
"""It also is if one of its processes used this much of a core until 95 % of its sessions were back."""

SOON_S: Final = 0.5
"""A storm that is over sooner is not doubted for either reason: nobody notices so short a wait."""


class MissedEntry(TypedDict):
    """Messages appended to sessions while they were away: all, and by how they were delivered."""

    all: int
    replayed: int
    pushed: int
    not_brought: int


class AwayEntry(TypedDict):
    """Messages to be appended meanwhile: those that the server accepted, and those that it did not."""

    appended: int
    failed: int


class StormLatencyEntry(TypedDict):
    """95th percentiles in ms: before the first cut, of sessions that stayed, and the limit; and when the latency had
    recovered.
    """

    calm_p95: float | None
    stayed_p95: float | None
    stayed_count: int
    limit_p95: float | None
    window_s: int
    recovered_s: float | None
    words: str


class StormGeneratorEntry(TypedDict):
    """The generator's own part: connects that it made and could make per second, its share of the time, its CPU."""

    made_per_s: float | None
    can_per_s: float | None
    own_p95_ms: float | None
    cpu_percent: float
    is_limit: bool


class StormEntry(TypedDict):
    """A storm in figures; times are seconds since the cut, null if it never happened."""

    how: str
    cuts: list[tuple[float, int]]
    planned: int
    cut: int
    back: int
    back_s: dict[str, float | None]
    curve: list[tuple[float, float]]
    attempts: int
    reconnects: int
    refused: dict[str, int]
    missed: MissedEntry
    away: AwayEntry
    latency: StormLatencyEntry
    generator: StormGeneratorEntry
    lines: list[str]


class StormRecord(msgspec.Struct, frozen=True):
    """The planned storm, and the measurements of the run's seconds.

    Attributes:
        how: In words: who cut the connections.
        by_server: Whether a restart of the server did.
        cuts: The moments in seconds of the run, each with how many sessions it was to cut.
        ended_s: When the run ended, in seconds of the run.
        away_messages: How many messages each session was to be sent while away.
        processes: How many processes made the load.
        recovery: When latency was back.
        forgotten: How many cuts a reset of the statistics came after; `cuts` are the others.
    """

    how: str
    by_server: bool
    cuts: Sequence[tuple[float, int]]
    ended_s: float
    away_messages: int
    processes: int = 1
    recovery: LatencyRecovery = msgspec.field(default_factory=LatencyRecovery)
    forgotten: int = 0

    @property
    def planned(self) -> int:
        """The total number of sessions to be cut."""
        return sum(sessions for _, sessions in self.cuts)


def storm_entry(record: StormRecord, totals: Totals) -> StormEntry:
    """Return the storm of a run."""
    curve = return_curve(_count(totals, "sessions_cut"), _trend(totals, "reconnect_ms"))
    calm, stayed = _trend(totals, "calm_append_ms").summary(), _trend(totals, "stayed_append_ms").summary()
    entry: StormEntry = {
        "how": record.how,
        "cuts": [(round(at_s, 3), sessions) for at_s, sessions in record.cuts],
        "planned": record.planned,
        "cut": curve.cut,
        "back": curve.back,
        "back_s": {
            f"{share * 100:g} %": None if time_s is None else round(time_s, 4)
            for share, time_s in zip(SHARES, curve.times_s, strict=True)
        },
        "curve": [(round(at_s, 4), round(share, 5)) for at_s, share in curve.points],
        "attempts": _count(totals, "reconnect_attempts"),
        "reconnects": _count(totals, "reconnects"),
        "refused": {kind: n for kind, n in totals.labels("resumes_failed", phase=ALL).items() if kind and n},
        "missed": {
            "all": _count(totals, "missed_messages"),
            "replayed": _count(totals, "missed_replayed"),
            "pushed": _count(totals, "missed_pushed"),
            "not_brought": _count(totals, "missed_not_brought"),
        },
        "away": {"appended": _count(totals, "away_messages"), "failed": _count(totals, "away_messages_failed")},
        "latency": {
            "calm_p95": _ms(calm.p95_us),
            "stayed_p95": _ms(stayed.p95_us),
            "stayed_count": stayed.count,
            "limit_p95": record.recovery.limit_ms,
            "window_s": record.recovery.window_s,
            "recovered_s": record.recovery.recovered_s,
            "words": record.recovery.words,
        },
        "generator": _generator(totals, curve.times_s[1], curve.cut, record.processes),
        "lines": [],
    }
    entry["lines"] = list(_lines(entry))
    return entry


def storm_doubts(record: StormRecord, entry: StormEntry) -> Iterator[str]:
    """Yield why a storm's run proves less than it should."""
    if record.forgotten:
        yield f"the statistics were reset after {cuts_in_words(record.forgotten)}: what came back later belongs to none"
        if not record.cuts:
            return
    late = [at_s for at_s, _ in record.cuts if at_s >= record.ended_s]
    if len(late) == len(record.cuts):
        yield "no connection was cut: the run ended before the cut"
        return
    if late:
        yield f"{len(late)} of {len(record.cuts)} cuts did not happen: the run ended before them"
    if not entry["cut"]:
        yield "no connection was cut: no session was joined at that moment"
        return
    planned = sum(sessions for at_s, sessions in record.cuts if at_s < record.ended_s)
    if record.forgotten:
        return  # remains of the earlier cuts mix with the rest
    if entry["cut"] < planned:
        yield f"{_n(planned - entry['cut'])} of {_n(planned)} sessions were not joined when they were to be cut"
    if not entry["back"]:
        yield "nobody came back"
    elif entry["back"] < entry["cut"]:
        yield f"{_n(entry['cut'] - entry['back'])} of {_n(entry['cut'])} sessions never came back"
    if record.away_messages and not entry["missed"]["replayed"] + entry["missed"]["not_brought"]:
        yield "nothing was missed that a replay could have delivered, so no replay was tested"
    if entry["generator"]["is_limit"]:
        yield f"the generator was the limit: {_generator_words(entry['generator'])}"


def cuts_in_words(n: int) -> str:
    """Return a number of cuts in words."""
    return "1 cut" if n == 1 else f"{_n(n)} cuts"


def _generator(totals: Totals, soon_s: float | None, cut: int, processes: int) -> StormGeneratorEntry:
    """Return the generator's own part; `soon_s` is when 95 % were back."""
    own, cpu_ms = _trend(totals, "reconnect_own_ms").summary(), _count(totals, "storm_cpu_ms")
    attempts, cpu_percent = _count(totals, "storm_attempts"), totals.gauge("storm_cpu_percent").peak
    own_s = None if own.p95_us is None else own.p95_us / 1e6
    is_long = soon_s is None or soon_s >= SOON_S
    is_own = own_s is not None and soon_s is not None and own_s > OWN_SHARE * soon_s
    return {
        "made_per_s": round(SHARES[1] * cut / soon_s, 1) if soon_s and cut else None,
        "can_per_s": round(attempts / cpu_ms * MS_PER_S * processes, 1) if attempts and cpu_ms else None,
        "own_p95_ms": _ms(own.p95_us),
        "cpu_percent": round(cpu_percent, 1),
        "is_limit": bool(cut and is_long and (is_own or cpu_percent > BUSY_PERCENT)),
    }


def _lines(entry: StormEntry) -> Iterator[str]:
    if not entry["cuts"]:
        yield "the statistics were reset after the last cut: nothing of it can be told"
        return
    moments = ", ".join(f"{at_s:.1f} s" for at_s, _ in entry["cuts"][:3]) + (" …" if len(entry["cuts"]) > 3 else "")
    cut, planned = entry["cut"], entry["planned"]
    of_all = f"{_n(cut)} of {_n(planned)} sessions" if cut <= planned else f"{_n(cut)} sessions, {_n(planned)} planned,"
    yield f"{of_all} lost their connection, {entry['how']}, at {moments}"
    if not entry["cut"]:
        return
    times = ", ".join(f"{share} {_s(at_s)}" for share, at_s in entry["back_s"].items())
    yield f"{_n(entry['back'])} came back, counted from the cut: {times}"
    refused = ", ".join(f"{_n(n)} {kind}" for kind, n in formatting.few_kinds(entry["refused"]).items())
    yield f"attempts: {_n(entry['attempts'])}; refused or failed: {refused or 'none'}"
    yield from _missed_lines(entry)
    latency = entry["latency"]
    if latency["stayed_count"]:
        stayed, calm = (_p95(latency[key]) for key in ("stayed_p95", "calm_p95"))
        yield f"append latency p95 of those that stayed: {stayed} while others were away, {calm} before the cut"
    yield latency["words"]
    yield f"the generator: {_generator_words(entry['generator'])}"


def _missed_lines(entry: StormEntry) -> Iterator[str]:
    missed, away = entry["missed"], entry["away"]
    text = f"missed meanwhile: {_n(missed['all'])} messages"
    if missed["all"]:
        text += f"; replay brought {_n(missed['replayed'])}, a push {_n(missed['pushed'])}, nothing"
        text += f" {_n(missed['not_brought'])}"
    yield text
    if away["failed"]:
        yield f"messages that were to be appended meanwhile and were not accepted: {_n(away['failed'])}"


def _generator_words(generator: StormGeneratorEntry) -> str:
    made, can, own = generator["made_per_s"], generator["can_per_s"], generator["own_p95_ms"]
    parts = [] if made is None else [f"{_n(round(made))} sessions came back per second"]
    if can is not None:
        parts.append(f"at its CPU per attempt it could make {_n(round(can))} attempts per second")
    if own is not None:
        parts.append(f"its own share of a return was {formatting.ms(own)} ms at p95")
    parts.append(f"its busiest process used {generator['cpu_percent']:.0f} % of a core until 95 % were back")
    return ", ".join(parts)


def _trend(totals: Totals, name: str) -> Trend:
    return totals.trend(name, phase=ALL) or Trend()


def _count(totals: Totals, name: str) -> int:
    return totals.count(name, phase=ALL)


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000


def _p95(value_ms: float | None) -> str:
    return "too few to tell" if value_ms is None else f"{formatting.ms(value_ms)} ms"


def _s(value_s: float | None) -> str:
    return "never" if value_s is None else f"{value_s:.3f} s" if value_s < 10 else f"{value_s:.1f} s"


def _n(value: int) -> str:
    return formatting.count(value)
