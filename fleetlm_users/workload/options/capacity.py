"""The options of the capacity search, and the search that they ask for."""

from dataclasses import dataclass
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.capacity_search import SearchPlan
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec

GROUP: Final = "benchmark"
SESSIONS: Final = "sessions"
MESSAGES: Final = "messages"

INTERVALS_S: Final = {SESSIONS: 5.0, MESSAGES: 0.1}
"""Between two messages of a user: sessions that are held write now and then; messages need few sessions for many."""

SEARCH: Final = OptionSpec(
    "search", "--search", "SEARCH", SESSIONS, "what to find the most of: sessions, or messages per second",
    "text", SESSIONS, choices=(SESSIONS, MESSAGES), group=GROUP,
)  # fmt: skip

MOST: Final = OptionSpec(
    "most", "--most", "MOST", "5000", "most users to try; the first step is -u", "count", "20000", group=GROUP,
)  # fmt: skip

STEP_FACTOR: Final = OptionSpec(
    "step_factor", "--step-factor", "STEP_FACTOR", "2", "each step up is so many times the one before, above 1",
    "positive", "1.5", group=GROUP,
)  # fmt: skip

HOLD: Final = OptionSpec(
    "hold", "--hold", "HOLD", "30s", "how long each step is held and measured", "timeout", "30s", group=GROUP,
)  # fmt: skip

SETTLE: Final = OptionSpec(
    "settle", "--settle", "SETTLE", "5s", "the warm-up of each step, and the rest after one that was not kept",
    "duration", "5s", group=GROUP,
)  # fmt: skip

PRECISION: Final = OptionSpec(
    "precision", "--precision", "PRECISION", "5", "how close to find the limit, in percent", "positive", "5",
    group=GROUP,
)  # fmt: skip

JOIN_RATE: Final = OptionSpec(
    "join_rate", "--join-rate", "JOIN_RATE", "50", "users added per second on the way up to a step", "positive", "50",
    group=GROUP,
)  # fmt: skip

MESSAGE_INTERVAL: Final = OptionSpec(
    "message_interval", "--message-interval", "MESSAGE_INTERVAL", "",
    "from one message of a user to the next; empty is 5s, with --search messages 100ms", "timeout", "5s", group=GROUP,
)  # fmt: skip

CAPACITY_OPTIONS: Final = (SEARCH, MOST, STEP_FACTOR, HOLD, SETTLE, PRECISION, JOIN_RATE, MESSAGE_INTERVAL)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """A search as a run is to do it. One user makes `per_user` of the `unit` that is asked about."""

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
    given = options.extra[MESSAGE_INTERVAL.name]
    return float(given) if given is not None else INTERVALS_S[options.extra[SEARCH.name]]


def search_settings(options: Options) -> SearchSettings:
    """Return the search that a run's options ask for. Raises UsageError for one that leads nowhere."""
    asked = options.extra
    first, most, factor = options.plan.total_users, asked[MOST.name], asked[STEP_FACTOR.name]
    if most < first:
        raise UsageError(MOST.label, most, f"at least the first step's {first} users (-u)", f"--most {10 * first}")
    if factor <= 1:
        raise UsageError(STEP_FACTOR.label, f"{factor:g}", "a number above 1", STEP_FACTOR.example)
    if options.abort_on_fail:
        accepted = "left out of a search, which looks for the load that fails"
        raise UsageError("--abort-on-fail (ABORT_ON_FAIL)", True, accepted, "--hold 10s, for shorter steps")
    of_messages = asked[SEARCH.name] == MESSAGES
    return SearchSettings(
        SearchPlan(first, factor, most, asked[PRECISION.name] / 100),
        hold_s=asked[HOLD.name],
        settle_s=asked[SETTLE.name],
        join_rate=asked[JOIN_RATE.name],
        unit="messages/s" if of_messages else SESSIONS,
        per_user=1 / message_interval_s(options) if of_messages else 1,
    )
