"""The limits beyond which a generator is too late or too short of CPU for its numbers to be trusted."""

from typing import Final, Self

import msgspec
from msgspec import structs

# Locust warns at 90 % of a core (runners.py, CPU_MONITOR_INTERVAL): one Python process cannot use a second core
CPU_STARVED_PERCENT: Final = 90.0


class Limits(msgspec.Struct, frozen=True):
    """The limits above which a run is inconclusive: the generator may have caused what was measured.

    `lateness_p99_ms`: a message sent more than 100 ms late is no longer the planned load (the shortest planned interval
    is 100 ms, the burst users'). `lateness_p95_ms` with `lateness_share`: lateness is part of append latency, which
    counts from `due`; above 10 ms and a fifth of the p95 that is judged, the figure describes the generator and not the
    server. `loop_lag_p99_ms`: the single event loop stamps arrivals, so a lag of 200 ms is 200 ms of false latency.
    `name_lookup_ms`: a ramp is planned to the second, so a session that waits longer than that for a name look-up
    begins later than planned; the whole run counts, as most look-ups happen in its first second.
    `failed_sessions_share`: the planned load was not applied when more than a tenth of the journeys failed; the default
    thresholds of a message benchmark judge messages, and a session that never opened sends none.
    `dropped_visits_share`: sessions that were due and could not begin; at 1 % the rate is no longer the planned one.
    `cpu_readings`: fewer readings above the limit, one per second, are a burst and not saturation; lateness shows its
    harm. `cpu_share`: readings above CPU_STARVED_PERCENT; a single one is a garbage collection, a fifth of them is
    saturation. `in_flight_share`: messages whose fate was still open at the end count in no success rate; above a
    twentieth, the rate leaves out too much. `unasked_answers_share`: answers that nobody asked for, relative to the
    messages that ask for one; each may have been taken for the answer to a later message.
    """

    lateness_p99_ms: float = 100.0
    lateness_p95_ms: float = 10.0
    lateness_share: float = 0.20
    loop_lag_p99_ms: float = 200.0
    name_lookup_ms: float = 1000.0
    cpu_share: float = 0.20
    cpu_readings: int = 5
    failed_sessions_share: float = 0.10
    in_flight_share: float = 0.05
    dropped_visits_share: float = 0.01
    unasked_answers_share: float = 0.01

    @classmethod
    def in_proportion_to(cls, lateness_p99_ms: float) -> Self:
        """Return the time limits, all scaled in proportion to the configurable one; the other limits keep their
        defaults.
        """
        default = cls()
        share = lateness_p99_ms / default.lateness_p99_ms
        return structs.replace(
            default,
            lateness_p99_ms=lateness_p99_ms,
            lateness_p95_ms=default.lateness_p95_ms * share,
            loop_lag_p99_ms=default.loop_lag_p99_ms * share,
            name_lookup_ms=default.name_lookup_ms * share,
        )
