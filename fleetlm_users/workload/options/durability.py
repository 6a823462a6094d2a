"""The options of the durability benchmark, and the server crash they describe.

Whoever sets a command decides what runs on this machine. So the two commands come from the command line, a variable or
Locust's configuration file, never from the web form or a preset.
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.model import HOUR_S, Options
from fleetlm_users.workload.options.server_sources import source_of
from fleetlm_users.workload.options.specs import OptionSpec, option

GROUP: Final = "benchmark"
KILL: Final = "kill"
TERM: Final = "term"
NONE: Final = "none"
COMMAND: Final = "command"

How = Literal["kill", "term", "command", "none"]

CRASH: Final = option(
    "crash", default=KILL, choices=(KILL, TERM, NONE), group=GROUP, in_form=False, in_preset=False,
    help="how the server is stopped: SIGKILL or SIGTERM to --server-pid or the stand-in, or not by this benchmark",
)  # fmt: skip

CRASH_AT: Final = option(
    "crash_at", kind="timeout", least=0.1, example="30s", group=GROUP, title="Crash at",
    help="how long after the start the server is stopped; empty: in the middle of the judged time",
)  # fmt: skip

STOP_COMMAND: Final = option(
    "stop_command", example="docker kill fleetlm", group=GROUP, secret=True, in_form=False, in_preset=False,
    help="a command that stops the server, instead of a signal; it is run without a shell",
)  # fmt: skip

RESTART_COMMAND: Final = option(
    "restart_command", example="docker start fleetlm", group=GROUP, secret=True, in_form=False, in_preset=False,
    help="a command that starts the server again, run without a shell; empty: it is waited for",
)  # fmt: skip

RESTART_TIMEOUT: Final = option(
    "restart_timeout", default="60s", kind="timeout", most=HOUR_S, group=GROUP,
    help="how long the server may take to stop, and how long to answer again",
)  # fmt: skip

CRASH_OPTIONS: Final = (CRASH, CRASH_AT, STOP_COMMAND, RESTART_COMMAND, RESTART_TIMEOUT)


class CrashPlan(msgspec.Struct, frozen=True):
    """When and how a run stops the server, and how it is started again.

    Attributes:
        how: A signal, a command, or `none`, which leaves it to the server's operator.
        at_s: Seconds from the start of the run.
        pids: The processes that `--server-pid` names; a signal needs exactly one.
        stop: The words of the command that stops the server.
        restart: The words of the command that starts it again; empty if the run just waits for it.
        timeout_s: How long stopping may take, and how long starting again, in seconds.
    """

    how: How
    at_s: float
    pids: tuple[int, ...]
    stop: tuple[str, ...]
    restart: tuple[str, ...]
    timeout_s: float


def crash_plan(options: Options, at_s: float | None = None) -> CrashPlan:
    """Return the crash that a run's options describe. Raise UsageError for options that contradict each other.

    Args:
        options: The options of the run.
        at_s: Seconds from the start of the run to the crash; None leaves it to --crash-at.
    """
    values = options.extra
    stop, restart = _words(STOP_COMMAND, values), _words(RESTART_COMMAND, values)
    how: How = COMMAND if stop else values[CRASH.name]
    if values[CRASH.name] == NONE and (stop or restart):
        given = STOP_COMMAND if stop else RESTART_COMMAND
        accepted = "left out with --crash none, which stops nothing"
        raise UsageError(given.label, Described("a command"), accepted, "--crash kill")
    return CrashPlan(
        how,
        _at_s(options) if at_s is None else at_s,
        tuple(int(source_of(text).place) for text in options.server_pid),
        stop,
        restart,
        values[RESTART_TIMEOUT.name],
    )


def _words(spec: OptionSpec, values: Mapping[str, Any]) -> tuple[str, ...]:
    text = values[spec.name] or ""
    try:
        return tuple(shlex.split(text))
    except ValueError as problem:  # an unclosed quote
        accepted = f"a command with its arguments, quoted as in a shell ({problem})"
        raise UsageError(spec.label, Described("a command"), accepted, spec.example) from problem


def _at_s(options: Options) -> float:
    given, plan = options.extra[CRASH_AT.name], options.plan
    if given is None and plan.duration_s is None:
        accepted = "a moment, as a run without an end has no middle"
        raise UsageError(CRASH_AT.label, Described("nothing"), accepted, "--crash-at 30s")
    if given is None:
        return (plan.warm_up_s + float(plan.duration_s or 0)) / 2
    if plan.duration_s is not None and given >= plan.duration_s:
        accepted = f"less than the run's {format_duration(plan.duration_s)}: sessions go on after the crash"
        raise UsageError(CRASH_AT.label, format_duration(given), accepted, format_duration(plan.duration_s / 2))
    return float(given)
