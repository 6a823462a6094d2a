"""The console output of a run: an announcement at its start, then one live line on a terminal, or occasional lines in a
log.
"""

import sys
import time
from collections.abc import Callable
from typing import TextIO

import gevent

from fleetlm_users.foreign_text import printable_lines
from fleetlm_users.output import LiveLine, tell
from fleetlm_users.protocol.profile import PROFILES
from fleetlm_users.swarm.options.session_rate import arriving_in
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan

TERMINAL_INTERVAL_S = 1.0
LOG_INTERVAL_S = 10.0

MAX_TEXT_CHARS = 20_000

TICK_S = 1.0


class Console:
    """The console: writes to `stream`, by default stderr, as stdout belongs to results; rewrites one line on a
    terminal.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = LiveLine(self._stream)
        self.is_terminal = self._live.is_possible
        self.interval_s = TERMINAL_INTERVAL_S if self.is_terminal else LOG_INTERVAL_S

    def fits(self, line: str) -> bool:
        """Return whether a line of progress can be shown whole, at the terminal's present width."""
        return not self.is_terminal or self._live.fits(line)

    def progress(self, line: str) -> None:
        """Show the newest state of the run."""
        if self.is_terminal:
            self._live.show(line)
        else:
            tell(self._stream, f"{line}\n")

    def show_progress(self, line: Callable[[], str]) -> None:
        """Show what `line` returns, once per interval, forever; to be run in its own greenlet."""
        shown_s = time.perf_counter()
        while True:
            gevent.sleep(TICK_S)
            if time.perf_counter() - shown_s >= self.interval_s - TICK_S / 2:
                shown_s = time.perf_counter()
                self.progress(line())

    def say(self, text: str) -> None:
        """Write lines that stay."""
        self.clear()
        text = printable_lines(text, MAX_TEXT_CHARS)
        tell(self._stream, text if text.endswith("\n") else f"{text}\n")

    def clear(self) -> None:
        """Remove the live line, so that the next output begins on a line of its own."""
        self._live.clear()


def announcement(
    options: Options, is_finite: bool = False, is_search: bool = False, *, needs_fleetlm: bool = True
) -> str:
    """Return a few lines that announce the load, its target and its duration; no secrets."""
    plan = options.plan
    users = _users(plan)
    length = format_duration(plan.duration_s) if plan.duration_s else "until stopped"
    if is_finite:
        end = "until the search is done" if is_search else "until all have done their work"
        length = f"at most {length}" if plan.duration_s else end
    if plan.shape:
        length = f"until the shape {plan.shape} ends"
    if plan.stages or (plan.rates is not None and plan.rates.stages):
        n = len(plan.stages or plan.session_rate)
        length += f" in {n} {'stage' if n == 1 else 'stages'}"
    ramp_up = f"ramp-up {_seconds(plan.ramp_up_s)}" if not plan.shape else "ramp-up as the shape defines it"
    lines = [
        f"{plan.benchmark}, preset {plan.preset}: {users}, {length}",
        f"  {ramp_up}, warm-up {_seconds(plan.warm_up_s)} (measured, not judged)",
        *(_fleetlm(options) if needs_fleetlm else (f"  socket   {options.ws_url}",)),
        f"  run id   {options.run_id}   seed {options.seed}",
    ]
    return "\n".join(lines)


def _fleetlm(options: Options) -> list[str]:
    embedded = "  (embedded stand-in)" if options.standin else ""
    lines = [
        f"  FleetLM  {options.api_url}  {options.ws_url}{embedded}",
        f"  agent    {options.agent_id} at {options.agent_url}",
    ]
    if options.protocol in PROFILES:
        lines.append(f"  protocol {options.protocol}, {'detected' if options.is_protocol_detected else 'as given'}")
    return lines


def _users(plan: Plan) -> str:
    counts = [f"{count} {name}" for name, count in plan.users.items() if count]
    if plan.shape:
        return f"as many users as the load shape {plan.shape} asks for, in the proportion {' : '.join(counts)}"
    if plan.session_rate:
        return arriving_in(plan)
    most = "at most " if plan.stages else ""
    return f"{most}{plan.total_users} users ({' + '.join(counts)})"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"
