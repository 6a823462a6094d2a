"""The options of the reconnect storm, and the storm they describe."""

import math
from typing import Final

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.durability import (
    CRASH,
    GROUP,
    RESTART_COMMAND,
    RESTART_TIMEOUT,
    STOP_COMMAND,
    CrashPlan,
    crash_plan,
)
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import option
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.storm.back_off import PHOENIX, RECONNECT, REJOIN, BackOff, parse_back_off
from fleetlm_users.workload.storm.cuts import Cuts

CLIENT: Final = "client"
SERVER: Final = "server"
FULL: Final = "full"
NONE: Final = "none"

CUT: Final = option(
    "cut", default=CLIENT, choices=(CLIENT, SERVER), example=SERVER, group=GROUP, in_form=False, in_preset=False,
    help="who cuts the connections: the clients, or a restart of the server, as --crash and its options say",
)  # fmt: skip

CUT_AT: Final = option(
    "cut_at", kind="timeout", example="30s", group=GROUP, title="Cut at",
    help="how long after the start the connections are cut; empty: after a third of the judged time",
)  # fmt: skip

CUT_SHARE: Final = option(
    "cut_share", default=1, kind="positive", most=1, example="0.1", group=GROUP, title="Share that is cut",
    help="share of the sessions that each cut hits, up to 1",
)  # fmt: skip

CUT_EVERY: Final = option(
    "cut_every", kind="timeout", least=0.1, example="1m", group=GROUP, title="Cut again every",
    help="time from one cut to the next, each of another share, as in a rolling deploy; empty: one cut",
)  # fmt: skip

RECONNECT_AFTER: Final = option(
    "reconnect_after", default=PHOENIX, example="10ms,1s,5s", group=GROUP, title="Reconnect after",
    help="waits before each attempt to connect, the last one repeated; phoenix: the official client's",
)  # fmt: skip

REJOIN_AFTER: Final = option(
    "rejoin_after", default=PHOENIX, example="1s,5s", group=GROUP, title="Rejoin after",
    help="waits before each further attempt to join on an open socket; phoenix: the official client's",
)  # fmt: skip

RECONNECT_JITTER: Final = option(
    "reconnect_jitter", default=NONE, choices=(NONE, FULL), example=FULL, group=GROUP, title="Reconnect jitter",
    help="full draws each wait evenly from 0 to the table's; none: as the official client does",
)  # fmt: skip

AWAY_MESSAGES: Final = option(
    "away_messages", default=1, kind="whole", most=100, group=GROUP, title="Messages while away",
    help="messages that the agent appends over REST to each session that is cut, while it hears nothing",
)  # fmt: skip

UNNOTICED: Final = option(
    "unnoticed", default="500ms", kind="duration", most=10, group=GROUP, title="Dead before it is noticed",
    help="how long before a cut by the client its connection is already dead, unnoticed",
)  # fmt: skip

STORM_OPTIONS: Final = (
    *(CUT, CUT_AT, CUT_SHARE, CUT_EVERY, RECONNECT_AFTER, REJOIN_AFTER, RECONNECT_JITTER, AWAY_MESSAGES, UNNOTICED),
    *(CRASH, STOP_COMMAND, RESTART_COMMAND, RESTART_TIMEOUT),
)


class StormPlan(msgspec.Struct, frozen=True):
    """The storm that a run's options describe.

    Attributes:
        by_server: Whether a restart of the server cuts the connections.
        cuts: Which connections are cut, and when; for a server's restart, its moment.
        reconnect, rejoin: The waits before each attempt.
        has_jitter: Whether each wait is drawn from 0 to the table's.
        away_messages: How many messages are sent to each session while it is away; none while the server itself is
            down.
        unnoticed_s: How long before a cut by the client its connection is already dead, in seconds.
    """

    by_server: bool
    cuts: Cuts
    reconnect: BackOff
    rejoin: BackOff
    has_jitter: bool
    away_messages: int
    unnoticed_s: float


def storm_plan(options: Options) -> StormPlan:
    """Return the storm that a run's options describe. Raise UsageError for options that contradict each other."""
    values = options.extra
    by_server = values[CUT.name] == SERVER
    plan = StormPlan(
        by_server,
        _cuts(options),
        parse_back_off(values[RECONNECT_AFTER.name], RECONNECT, RECONNECT_AFTER.label),
        parse_back_off(values[REJOIN_AFTER.name], REJOIN, REJOIN_AFTER.label),
        values[RECONNECT_JITTER.name] == FULL,
        0 if by_server else values[AWAY_MESSAGES.name],
        values[UNNOTICED.name],
    )
    if by_server and (plan.cuts.share < 1 or plan.cuts.every_s is not None):
        given = CUT_EVERY if plan.cuts.share >= 1 else CUT_SHARE
        accepted = "left out with --cut server, which breaks every connection, once"
        raise UsageError(given.label, values[given.name], accepted, "--cut client")
    if not by_server:
        for spec in (STOP_COMMAND, RESTART_COMMAND):
            if values[spec.name]:
                accepted = "left out with --cut client, which stops no server"
                raise UsageError(spec.label, Described("a command"), accepted, "--cut server")
    if not plan.cuts.sessions:
        accepted = f"a share of the {plan.cuts.users} users that is at least one of them"
        raise UsageError(CUT_SHARE.label, values[CUT_SHARE.name], accepted, "1")
    return plan


def storm_crash(options: Options) -> CrashPlan | None:
    """Return how the server is restarted; None when the clients cut their connections. Raise UsageError."""
    plan = storm_plan(options)
    return crash_plan(options, at_s=plan.cuts.at_s) if plan.by_server else None


def _cuts(options: Options) -> Cuts:
    values, plan = options.extra, options.plan
    return Cuts(
        at_s=_at_s(options),
        share=values[CUT_SHARE.name],
        every_s=values[CUT_EVERY.name],
        users=plan.total_users,
        until_s=math.inf if plan.duration_s is None else plan.duration_s,
        seed=options.seed,
    )


def _third_of(plan: Plan) -> str:
    """Return a third of the judged part, in tenths of a second, as an example."""
    return format_duration(round(plan.warm_up_s + (float(plan.duration_s or 0) - plan.warm_up_s) / 3, 1))


def _at_s(options: Options) -> float:
    given, plan = options.extra[CUT_AT.name], options.plan
    if given is None and plan.duration_s is None:
        accepted = "a moment, as a third of a run without an end is unknown"
        raise UsageError(CUT_AT.label, Described("nothing"), accepted, "--cut-at 30s")
    if given is None:
        return plan.warm_up_s + (float(plan.duration_s or 0) - plan.warm_up_s) / 3
    if given < plan.warm_up_s:
        accepted = f"at least the warm-up of {format_duration(plan.warm_up_s)}, in which nothing is judged"
        raise UsageError(CUT_AT.label, format_duration(given), accepted, format_duration(plan.warm_up_s + 10))
    if plan.duration_s is not None and given >= plan.duration_s:
        accepted = f"less than the run's {format_duration(plan.duration_s)}: sessions come back after the cut"
        raise UsageError(CUT_AT.label, format_duration(given), accepted, _third_of(plan))
    return float(given)
