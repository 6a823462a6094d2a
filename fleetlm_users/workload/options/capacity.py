"""The options of the capacity search, and the search they describe."""

import math
from typing import Final

import msgspec
from msgspec import structs

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.capacity_search import CapacitySearch, SearchPlan
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.model import HOUR_S, Options
from fleetlm_users.workload.options.specs import option

GROUP: Final = "benchmark"
SESSIONS: Final = "sessions"
MESSAGES: Final = "messages"

INTERVALS_S: Final = {SESSIONS: 5.0, MESSAGES: 0.1}
"""Seconds between two messages of a user: held sessions write now and then; a search for messages needs many from few
sessions.
"""

SEARCH: Final = option(
    "search", default=SESSIONS, choices=(SESSIONS, MESSAGES), group=GROUP,
    help="what to maximise: sessions, or messages per second",
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
    help="the warm-up of each step, after its users were added",
)  # fmt: skip

RECOVER: Final = option(
    "recover", default="2m", kind="timeout", most=24 * HOUR_S, group=GROUP,
    help="how long a server may take to recover from a step that it did not keep",
)  # fmt: skip

CONFIRM: Final = option(
    "confirm", kind="duration", most=24 * HOUR_S, example="5m", group=GROUP,
    help="how long the kept load is held once more at the end; empty: twice --hold; 0: not at all",
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

CAPACITY_OPTIONS: Final = (
    *(SEARCH, MOST, STEP_FACTOR, HOLD, SETTLE, PRECISION, JOIN_RATE, MESSAGE_INTERVAL),
    *(RECOVER, CONFIRM),
)

BORDERS_S: Final = 3.0
"""Extra time of a step: until all processes have heard of it, and until its last answers have arrived."""

SPARE_S: Final = 5.0
"""Extra time beyond the two timeouts of a message: its user checks them periodically (behaviours/capacity.py)."""

RECOVERY_S: Final = 8.0
"""How long a server that is not far behind takes to recover; only for the estimate."""


class SearchSettings(msgspec.Struct, frozen=True):
    """The settings of a search. One user accounts for `per_user` of the `unit` searched for.

    A load is confirmed for `confirm_s`, by default twice as long as a step is held, if the plan confirms at all. The
    server may take `recover_s` to recover from a step. A user sends a message every `message_interval_s`, 0 if that is
    not known. A message's fate is known `patience_s` after it was due at the latest.
    """

    plan: SearchPlan
    hold_s: float
    settle_s: float
    join_rate: float
    unit: str
    per_user: float
    recover_s: float = 120.0
    confirm_s: float = 0.0
    message_interval_s: float = 0.0
    patience_s: float = 65.0
    follows_agent: bool = True

    @property
    def is_of_messages(self) -> bool:
        """Whether the search is for messages, not for sessions."""
        return self.unit != SESSIONS

    def __post_init__(self) -> None:
        if not self.plan.confirms:
            structs.force_setattr(self, "confirm_s", 0.0)
        elif not self.confirm_s:
            structs.force_setattr(self, "confirm_s", 2 * self.hold_s)

    def held_s(self, is_confirmation: bool) -> float:
        """Return how long a step is held, in seconds."""
        return self.confirm_s if is_confirmation else self.hold_s

    def estimate_s(self) -> tuple[float, float]:
        """Return the least and the most time that the search may take, for a server whose limit lies between first and
        most.

        The estimate assumes a quick recovery, so a slow server takes longer: up to `recover_s` for each missed step.
        """
        plan = self.plan
        limits = {round(plan.first * (plan.most / plan.first) ** (n / 16)) for n in range(17)} | {plan.first // 2}
        lengths = sorted(self._length_s(limit) for limit in limits)
        return lengths[0], lengths[-1]

    def _length_s(self, limit: int) -> float:
        """Return how long a search takes on a server with that limit, in users."""
        search, length_s, users = CapacitySearch(self.plan), 0.0, self.plan.first
        while search.load is not None:
            load, is_kept = search.load, search.load <= limit
            ramp_s = max(0, load - users) / self.join_rate
            length_s += ramp_s + self.settle_s + self.held_s(search.is_confirmation) + BORDERS_S
            length_s += RECOVERY_S if search.is_confirmation or not is_kept else 0.0
            users = load
            search.tell("kept" if is_kept else "missed")
        return length_s

    def __str__(self) -> str:
        """Return lines that describe the search to a person, before the run."""
        plan = self.plan
        low_s, high_s = self.estimate_s()
        confirmed = (
            f"the kept load confirmed for {format_duration(self.confirm_s)}"
            if self.confirm_s
            else "the kept load not confirmed (--confirm 0)"
        )
        return (
            f"searching for the most {self.unit}: {plan.first} users first, each step {plan.factor:g} times the one "
            f"before, at most {plan.most:,}, to {plan.precision:.3g} of it\n"
            f"  each step held for {format_duration(self.hold_s)} after {format_duration(self.settle_s)}, users added "
            f"at {self.join_rate:g}/s; {confirmed}\n"
            f"  takes {_stretch(low_s, high_s)}, and longer if the server is slow to recover from a step "
            f"that it does not keep (up to {format_duration(self.recover_s)} each)"
        )


def message_interval_s(options: Options) -> float:
    """Return the seconds between two messages of a user."""
    interval_s = options.extra[MESSAGE_INTERVAL.name]
    return float(interval_s) if interval_s is not None else INTERVALS_S[options.extra[SEARCH.name]]


def search_settings(options: Options) -> SearchSettings:
    """Return the search that a run's options describe. Raise UsageError if it cannot find anything."""
    values = options.extra
    first, most, factor = options.plan.total_users, values[MOST.name], values[STEP_FACTOR.name]
    if most < first:
        raise UsageError(MOST.label, most, f"at least the first step's {first} users (-u)", f"--most {10 * first}")
    if factor <= 1:
        raise UsageError(STEP_FACTOR.label, f"{factor:g}", "a number above 1", STEP_FACTOR.example)
    if options.abort_on_fail:
        accepted = "it to be left out of a search, which looks for the load that fails"
        raise UsageError("--abort-on-fail (ABORT_ON_FAIL)", True, accepted, "--hold 10s, for shorter steps")
    of_messages = values[SEARCH.name] == MESSAGES
    hold_s, confirm_s, interval_s = (
        values[HOLD.name],
        values[CONFIRM.name],
        message_interval_s(options) * options.time_scale,
    )
    confirm_s = 2 * hold_s if confirm_s is None else confirm_s
    return SearchSettings(
        SearchPlan(first, factor, most, values[PRECISION.name] / 100, confirms=confirm_s > 0),
        hold_s=hold_s,
        settle_s=values[SETTLE.name],
        join_rate=values[JOIN_RATE.name],
        unit="messages/s" if of_messages else SESSIONS,
        per_user=1 / interval_s if of_messages else 1,
        recover_s=values[RECOVER.name],
        confirm_s=confirm_s,
        message_interval_s=interval_s,
        # a reply timeout for the append, another for the answer
        patience_s=2 * options.reply_timeout_s + SPARE_S,
        follows_agent=options.agent_replies > 0,
    )


def _stretch(low_s: float, high_s: float) -> str:
    """Return `3 to 9 min`, or `20s to 90s`."""
    if high_s < 120:
        return f"{math.ceil(low_s)}s to {math.ceil(high_s)}s"
    return f"{math.ceil(low_s / 60)} to {math.ceil(high_s / 60)} min"
