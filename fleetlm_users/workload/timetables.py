"""The timetables of the behaviours: gaps between messages, lengths of sessions, and pauses between sessions.

First the behaviours of the mixed benchmark, then those of the single-purpose ones. All durations are seconds; infinity
means "until the run ends". `dues` are absolute moments on the clock of `joined_s`.
"""

import math
import random
from collections.abc import Iterator
from itertools import islice
from typing import Final, Self

import msgspec
from msgspec import structs

from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.pacing import fixed, poisson, uniform, until

# as in the k6 suite's mixed-workload.js
LONG_LIVED_GAP_LOW_S: Final = 20.0
LONG_LIVED_GAP_HIGH_S: Final = 40.0
LONG_LIVED_SESSION_S: Final = 120.0
LONG_LIVED_PAUSE_S: Final = 1.0

BURST_INTERVAL_LOW_S: Final = 0.1
BURST_INTERVAL_HIGH_S: Final = 0.5
BURST_SESSION_S: Final = 60.0
BURST_PAUSE_S: Final = 2.0

CHURN_MESSAGES_LOW: Final = 2
CHURN_MESSAGES_HIGH: Final = 4
# the k6 suite sent a churn session's messages back to back, which no person does and which makes the second wait
# for the first one's append; half a second keeps the session short and each message's latency its own
CHURN_SPACING_S: Final = 0.5
CHURN_HOLD_S: Final = 2.0
CHURN_PAUSE_LOW_S: Final = 3.0
CHURN_PAUSE_HIGH_S: Final = 8.0


class Pace(msgspec.Struct, frozen=True):
    """A timetable whose durations can all be scaled together."""

    def scaled(self, time_scale: float) -> Self:
        """Return the same timetable with every duration multiplied (below 1 is faster); for tests only.

        Raises ValueError unless the factor is positive.
        """
        if not time_scale > 0:
            raise ValueError(f"not a time scale: {time_scale!r}")
        durations = (name for name in self.__struct_fields__ if name.endswith("_s"))
        return structs.replace(self, **{name: getattr(self, name) * time_scale for name in durations})


class DrawnGapsPace(Pace, frozen=True):
    """A person who writes now and then, after gaps of different lengths."""

    gap_low_s: float
    gap_high_s: float
    session_s: float
    pause_s: float

    def dues(self, joined_s: float, rng: random.Random) -> Iterator[float]:
        """Return the due moments of one session: every gap is drawn separately, the first one after the join."""
        return until(uniform(joined_s, self.gap_low_s, self.gap_high_s, rng), joined_s + self.session_s)


class LongLivedPace(DrawnGapsPace, frozen=True):
    """A person who keeps the chat open."""

    gap_low_s: float = LONG_LIVED_GAP_LOW_S
    gap_high_s: float = LONG_LIVED_GAP_HIGH_S
    session_s: float = LONG_LIVED_SESSION_S
    pause_s: float = LONG_LIVED_PAUSE_S


class BurstPace(Pace, frozen=True):
    """A person, or a script, that writes without pause."""

    interval_low_s: float = BURST_INTERVAL_LOW_S
    interval_high_s: float = BURST_INTERVAL_HIGH_S
    session_s: float = BURST_SESSION_S
    pause_s: float = BURST_PAUSE_S

    def dues(self, joined_s: float, rng: random.Random) -> Iterator[float]:
        """Return the due moments of one session: one interval is drawn for all of it."""
        interval_s = rng.uniform(self.interval_low_s, self.interval_high_s)
        return until(fixed(joined_s, interval_s), joined_s + self.session_s)


class ChurnPace(Pace, frozen=True):
    """A person who comes, asks a few questions and leaves."""

    messages_low: int = CHURN_MESSAGES_LOW
    messages_high: int = CHURN_MESSAGES_HIGH
    spacing_s: float = CHURN_SPACING_S
    hold_s: float = CHURN_HOLD_S
    pause_low_s: float = CHURN_PAUSE_LOW_S
    pause_high_s: float = CHURN_PAUSE_HIGH_S

    def dues(self, joined_s: float, rng: random.Random) -> Iterator[float]:
        """Return the due moments of one session, the first at the join itself; their number is drawn."""
        messages = rng.randint(self.messages_low, self.messages_high)
        return islice(fixed(joined_s, self.spacing_s, at_start=True), messages)

    def pause_s(self, rng: random.Random) -> float:
        """Return the pause before the next session, drawn."""
        return rng.uniform(self.pause_low_s, self.pause_high_s)


# as in the k6 suite's concurrent-sessions.js
PING_INTERVAL_S: Final = 30.0
CONCURRENT_PAUSE_S: Final = 1.0

# between the batches of FleetLM's inbox, one a second, and a person who writes: some seconds are quiet, and then a real
# FleetLM falls silent for good (wire record: inbox)
INBOX_GAP_LOW_S: Final = 0.3
INBOX_GAP_HIGH_S: Final = 3.0
INBOX_SESSION_S: Final = 30.0
INBOX_PAUSE_S: Final = 1.0
INBOX_DEADLINE_S: Final = 5.0


def seconds_of(milliseconds: float) -> float:
    """Return an option's milliseconds in seconds; 0 stands for "until the run ends" and gives infinity."""
    return milliseconds / MS_PER_S if milliseconds else math.inf


class ConcurrentPace(Pace, frozen=True):
    """A session that is held open, with a ping message now and then."""

    keep_alive_s: float
    ping_interval_s: float = PING_INTERVAL_S
    pause_s: float = CONCURRENT_PAUSE_S

    def dues(self, joined_s: float) -> Iterator[float]:
        """Return the due moments of the pings, the first one an interval after the join."""
        return until(fixed(joined_s, self.ping_interval_s), joined_s + self.keep_alive_s)


class SteadyPace(Pace, frozen=True):
    """A message every so often."""

    interval_s: float

    def dues(self, joined_s: float, end_s: float) -> Iterator[float]:
        """Return the due moments of one session, the first one an interval after the join, none at or after the end."""
        return until(fixed(joined_s, self.interval_s), end_s)


class ArrivalPace(Pace, frozen=True):
    """One user's share of messages that arrive at a rate of the whole swarm, whatever the server replies.

    A share of a Poisson process is one itself, and the shares of all users together form one of the whole rate.
    """

    interval_s: float
    is_poisson: bool = False

    @classmethod
    def share(cls, rate_per_s: float, users: int, *, is_poisson: bool = False) -> "ArrivalPace":
        """Return the timetable of each of `users` that together send `rate_per_s`, whatever the number of workers."""
        return cls(users / rate_per_s, is_poisson)

    def dues(self, start_s: float, end_s: float, rng: random.Random) -> Iterator[float]:
        """Return the due moments from the start to the end: even gaps after a drawn part of one, or drawn gaps.

        Even unless Poisson arrivals are asked for, so that in any stretch of time each user's count is within one of
        its share. The drawn beginnings keep users apart: seen together, many even timetables with random phases look
        like Poisson arrivals.
        """
        if self.is_poisson:
            return until(poisson(start_s, 1 / self.interval_s, rng), end_s)
        phase_s = self.interval_s * rng.random()
        return until(fixed(start_s + phase_s, self.interval_s, at_start=True), end_s)


class InboxPace(DrawnGapsPace, frozen=True):
    """A person with an open inbox: writes, and watches how soon it shows there. After `deadline_s` a message is
    missed.
    """

    gap_low_s: float = INBOX_GAP_LOW_S
    gap_high_s: float = INBOX_GAP_HIGH_S
    session_s: float = INBOX_SESSION_S
    pause_s: float = INBOX_PAUSE_S
