"""The options of the capacity search, and the search that they ask for."""

from dataclasses import dataclass
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.capacity_search import SearchPlan
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.model import HOUR_S, Options
from fleetlm_users.workload.options.specs import option

GROUP: Final = "benchmark"
SESSIONS: Final = "sessions"
MESSAGES: Final = "messages"

INTERVALS_S: Final = {SESSIONS: 5.0, MESSAGES: 0.1}
"""Between two messages of a user: sessions that are held write now and then; messages need few sessions for many."""

SEARCH: Final = option(
    "search", default=SESSIONS, choices=(SESSIONS, MESSAGES), group=GROUP,
    help="what to find the most of: sessions, or messages per second",
)  # fmt: skip

MOST: Final = option(
    "most", default=5000, kind="count", most=VUS_PER_BLOCK, example="20000", group=GROUP,
    help="most users to try; the first step is -u",
)  # fmt: skip

STEP_FACTOR: Final = option(
    "step_factor", default=2, kind="positive", most=1000, example="1.5", group=GROUP,
    help="factor from each step to the next, above 1",
)  # fmt: skip

HOLD: Final = option(
    "hold", default="30s", kind="timeout", most=24 * HOUR_S, group=GROUP,
    help="how long each step is held and measured",
)  # fmt: skip

SETTLE: Final = option(
    "settle", default="5s", kind="duration", most=24 * HOUR_S, group=GROUP,
    help="the warm-up of each step, and the rest after one that missed a threshold",
)  # fmt: skip

PRECISION: Final = option(
    "precision", default=5, kind="positive", least=0.01, most=100, group=GROUP,
    help="how closely to find the limit, in percent",
)  # fmt: skip

JOIN_RATE: Final = option(
    "join_rate", default=50, kind="positive", least=0.01, most=100_000, group=GROUP,
    help="users added per second on the way up to a step",
)  # fmt: skip

MESSAGE_INTERVAL: Final = option(
    "message_interval", kind="timeout", least=0.001, example="5s", group=GROUP,
    help="from one message of a user to the next; empty: 5s, with --search messages 100ms",
)  # fmt: skip

CAPACITY_OPTIONS: Final = (SEARCH, MOST, STEP_FACTOR, HOLD, SETTLE, PRECISION, JOIN_RATE, MESSAGE_INTERVAL)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """A search as a run does it. One user accounts for `per_user` of the `unit` searched for."""

    plan: SearchPlan
    hold_s: float
    settle_s: float
    join_rate: float
    unit: str
    per_user: float

    def __str__(self) -> str:
        """Two lines for a person, before the run."""
        plan = self.plan
        return (
            f"searching for the most {self.unit}: {plan.first} users first, each step {plan.factor:g} times the one "
            f"before, at most {plan.most:,}, to {plan.precision:.3g} of it\n"
            f"  each step held for {format_duration(self.hold_s)} after {format_duration(self.settle_s)}, users added "
            f"at {self.join_rate:g}/s"
        )


def message_interval_s(options: Options) -> float:
    """Return the seconds from one message of a user to the next."""
    interval_s = options.extra[MESSAGE_INTERVAL.name]
    return float(interval_s) if interval_s is not None else INTERVALS_S[options.extra[SEARCH.name]]


def search_settings(options: Options) -> SearchSettings:
    """Return the search that a run's options ask for. Raise UsageError for one that cannot find anything."""
    values = options.extra
    first, most, factor = options.plan.total_users, values[MOST.name], values[STEP_FACTOR.name]
    if most < first:
        raise UsageError(MOST.label, most, f"at least the first step's {first} users (-u)", f"--most {10 * first}")
    if factor <= 1:
        raise UsageError(STEP_FACTOR.label, f"{factor:g}", "a number above 1", STEP_FACTOR.example)
    if options.abort_on_fail:
        accepted = "left out of a search, which looks for the load that fails"
        raise UsageError("--abort-on-fail (ABORT_ON_FAIL)", True, accepted, "--hold 10s, for shorter steps")
    of_messages = values[SEARCH.name] == MESSAGES
    return SearchSettings(
        SearchPlan(first, factor, most, values[PRECISION.name] / 100),
        hold_s=values[HOLD.name],
        settle_s=values[SETTLE.name],
        join_rate=values[JOIN_RATE.name],
        unit="messages/s" if of_messages else SESSIONS,
        per_user=1 / message_interval_s(options) if of_messages else 1,
    )
