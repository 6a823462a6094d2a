"""The load for a load generator, described in a form common to all of them."""

import math
from dataclasses import dataclass

MS_PER_S = 1000
TEXT_BYTES = 64
AGENT_ID = "bench-echo-agent"


@dataclass(frozen=True)
class Load:
    """So many sessions, each created, connected and joined, the starts spread evenly over `ramp_s`.

    Each then does one of these: with `journeys`, so many times `messages` questions, each awaited, leave, DELETE,
    anew; with `depth`, always so many messages in flight for `seconds`; else a message every `interval_ms` (0: none)
    for `seconds`, both counted from the join. Heartbeats every 30 s in all of them. Or, with `rest`, each appends a
    message and reads the newest ones over REST, in turn and without a pause, for `seconds`. A tool that can set a
    warm-up apart reports its times without the first `warm_up_s`.
    """

    sessions: int
    seconds: float = 0.0
    interval_ms: float = 0.0
    depth: int = 0
    messages: int = 0
    journeys: int = 0
    ramp_s: float = 2.0
    warm_up_s: float = 0.0
    processes: int = 1
    protocol: str = "early"
    rest: bool = False

    @property
    def lasts_s(self) -> float:
        """Return the least time it takes; journeys take as long as they take."""
        return self.ramp_s + self.seconds

    def env(self) -> dict[str, str]:
        """The load as environment variables, for the k6 scripts and the floor."""
        return {
            "SESSIONS": str(self.sessions),
            "RUNTIME_MS": f"{self.seconds * MS_PER_S:.0f}",
            "INTERVAL_MS": f"{self.interval_ms:g}",
            "DEPTH": str(self.depth),
            "MESSAGES": str(self.messages),
            "JOURNEYS": str(self.journeys),
            "RAMP_MS": f"{self.ramp_s * MS_PER_S:g}",
            "TEXT_BYTES": str(TEXT_BYTES),
            "PROTOCOL": self.protocol,
        }


def even_ramp_s(sessions: int, interval_ms: float, about_s: float) -> float:
    """A ramp of about this length after which the sessions' messages are due evenly over the interval.

    With a step between two starts that divides the interval, as 20 ms does 20 and 100 ms, many sessions or all would
    send at the same moments for the whole run.
    """
    intervals = max(1, round(about_s * MS_PER_S / interval_ms))
    while math.gcd(intervals, sessions) > 1:
        intervals += 1
    return intervals * interval_ms / MS_PER_S
