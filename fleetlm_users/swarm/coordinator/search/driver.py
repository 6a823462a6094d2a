"""The driver of a capacity search: it moves users up and down by Locust's own spawning, and holds, measures and reports
each step. After a missed step it waits until the server has recovered.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import gevent
from locust.env import Environment
from locust.runners import STATE_RUNNING, Runner
from msgspec import structs

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.capacity import SENT_SHARE, Border, Step, StepBorders, judge_step, step_backlogs
from fleetlm_users.measure.judging.recovery import Recovery, open_messages
from fleetlm_users.measure.judging.thresholds import Threshold
from fleetlm_users.measure.metrics.metric import ALL, MAIN
from fleetlm_users.measure.report.capacity import Capacity, amount, step_line
from fleetlm_users.measure.totals import Span
from fleetlm_users.swarm.coordinator.completion import end_run
from fleetlm_users.swarm.coordinator.search.searched_run import SearchedRun
from fleetlm_users.swarm.coordinator.search.waiting import SearchWait, Unloading
from fleetlm_users.workload.capacity_search import CapacitySearch
from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.orders.step_order import StepOrder

logger = logging.getLogger(__name__)

POLL_S = 0.05
SPARE_S = 30.0
"""Extra time for a ramp beyond what its rate implies: for a busy server, and for the reports of workers."""

LEAD_S: Final = 0.2
"""The least time between announcing a step to workers and holding it; messages due before that belong to no step."""

COMPLETE_S: Final = 1.2
"""A second's row is complete this long after the second, once the next one has begun."""

FILLING_S: Final = 2.0
FILLED: Final = 0.9
STILL_FILLING: Final = 1.05
"""Answers are counted in stretches of FILLING_S: a step has settled once there are enough, or no more than before."""

LOOK_S: Final = 1.0
LOOK_FACTOR: Final = 3
"""The pause between two readings of all processes, or three times as long as the last reading took, if longer."""

PROBE_SHARE: Final = 0.25
"""The light load that probes a server, as a share of the last kept load: a quarter builds no noticeable queue."""

PROBES_PER_S: Final = 2.0
"""The lowest light load, capped at the kept load: a probe every few seconds would take long to prove anything."""

SETTLE_FACTOR: Final = 1.5
"""The settling time in p95s of the answers of the last kept step. Before that, fewer answers come than messages are
sent.
"""


class CapacityDriver:
    """One search, in a greenlet of its own on the coordinator; it ends the run when it is done."""

    def __init__(  # noqa: PLR0913  # a search is made in one place, each argument under its own name
        self,
        environment: Environment,
        settings: SearchSettings,
        thresholds: Sequence[Threshold],
        limits: Limits,
        run: SearchedRun,
        *,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self._environment = environment
        self._settings = settings
        self._thresholds = thresholds
        self._limits = limits
        self._run = run
        self._sleep = sleep
        self._search = CapacitySearch(settings.plan)
        self._steps: list[Step] = []
        self._order = StepOrder()
        self._doing = ""
        self._unrecovered = ""
        self._unloading: Unloading | None = None
        self._looked_for_s = 0.0
        self._greenlet: gevent.Greenlet | None = None

    def __repr__(self) -> str:
        return f"<CapacityDriver {self._search!r}>"

    @property
    def is_done(self) -> bool:
        """Whether the search came to its end by itself."""
        return self._search.is_done

    def start(self, warm_up_s: float) -> None:
        """Begin; Locust itself spawns the first step's users, and the run's warm-up passes first."""
        self._run.say(str(self._settings))
        self._greenlet = gevent.spawn(self._drive, warm_up_s)

    def stop(self) -> None:
        """Start no more steps: the run ends."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def result(self) -> Capacity:
        """Return the result so far."""
        search, settings = self._search, self._settings
        return Capacity(
            settings.unit,
            settings.per_user,
            kept=search.kept,
            missed=search.missed,
            limited=search.limited,
            finished=search.is_done,
            steps=tuple(self._steps),
            confirmed=search.confirmed,
            confirm_s=settings.confirm_s,
            unrecovered=self._unrecovered,
            doing="" if search.is_done else self._doing,
        )

    def _drive(self, warm_up_s: float) -> None:
        try:
            began = self._run.border()
            self._sleep(warm_up_s)
            self._await(lambda runner: runner.state == STATE_RUNNING, self._settings.plan.first)
            self._search_from(began)
            self._run.say(f"capacity: {self.result().words()}")
        except Exception:
            logger.exception("The search cannot go on")
        gevent.spawn(end_run, self._environment)

    def _search_from(self, began: Border) -> None:
        needs_rest = False
        while self._search.load is not None:
            if needs_rest and not self._recover():
                self._search.give_up()
                return
            step = self._step(self._search.load, self._look() if self._steps else began)
            self._steps.append(step)
            self._search.tell(step.outcome)
            self._run.say(step_line(len(self._steps), step, self._settings.per_user))
            needs_rest = step.outcome != "kept" or self._search.is_confirmation

    # One step

    def _step(self, load: int, began: Border) -> Step:
        search, amount = self._search, self._amount(load)
        hold_s, is_confirmation = self._settings.held_s(search.is_confirmation), search.is_confirmation
        self._doing = f"{'confirming' if is_confirmation else 'trying'} {amount}"
        self._reach(load)
        settled = self._settle()
        # whole seconds, which match the timeline's
        first_s = math.ceil(self._run.elapsed_s() + LEAD_S)
        end_s = first_s + max(1, math.ceil(hold_s))
        self._follow(StepOrder(float(first_s), first_s + hold_s))
        self._sleep_until(first_s + hold_s)
        held, users = self._look(), self._users()
        self._sleep_until(end_s + COMPLETE_S)
        closed = self._look()
        newest = math.ceil(self._run.elapsed_s()) - first_s + 2
        backlogs = step_backlogs(self._run.seconds(newest), first_s, end_s, self._settings.follows_agent)
        keeping_up = self._run.keeping_up(first_s, end_s)
        if any(backlog.is_behind for backlog in backlogs.values()):
            self._unload(load)
            closed = self._await_quiet(closed)
        else:
            closed = self._await_fates(closed)
        self._follow(StepOrder(share=self._order.share))  # messages due in it but sent only now belong to no step
        return judge_step(
            self._thresholds,
            StepBorders(began, settled, held, closed),
            load=load,
            hold_s=hold_s,
            limits=self._limits,
            backlogs=backlogs,
            keeping_up=keeping_up,
            left_open=open_messages(closed.of_present, MAIN),
            users=users,
            asked_messages=self._asked_messages(load, hold_s),
            repeat=search.is_repeat,
            confirmation=is_confirmation,
        )

    def _settle(self) -> Border:
        """Return the numbers once the step has settled: by then, answers come as often as messages are sent, or never
        will.

        The last kept step shows how long answers take. Without one, wait while the rate of answers still rises, for at
        most as long as a step is held.
        """
        kept = self._last_kept()
        answer_s = kept.latencies.get("agent_latency_ms", (0.0, 0.0))[1] / 1000 if kept is not None else 0.0
        self._sleep(max(self._settings.settle_s, SETTLE_FACTOR * answer_s))
        border, settles_until_s = self._look(), self._run.elapsed_s() + self._settings.hold_s
        answers_before = 0
        while kept is None and self._settings.follows_agent and self._run.elapsed_s() < settles_until_s:
            before = border
            self._pause(FILLING_S)
            border = self._look()
            span = Span(before.totals, border.totals)
            due, answers = (span.count(name, phase=ALL) for name in ("agent_replies_due", "agent_replies_matched"))
            if answers >= FILLED * due or 0 < answers <= STILL_FILLING * answers_before:
                break
            answers_before = answers
        return border

    def _await_fates(self, border: Border) -> Border:
        """Return the numbers once all messages of the step have their fate; all have it when their time is up."""
        patience_s = self._settings.patience_s
        waiting = SearchWait(self._run, "the fate of the step's messages", patience_s)
        while (left_open := open_messages(border.of_present, MAIN)).total > 0 and waiting.for_s() < patience_s:
            waiting.say(str(left_open))
            self._pause(LOOK_S / 2)
            border = self._look()
        return border

    # The recovery

    def _unload(self, load: int) -> None:
        """Begin to unload the server after a step at `load`."""
        self._doing = f"waiting for the server to recover from {self._amount(load)}"
        kept, limit_s = self._last_kept(), self._settings.recover_s
        probes_per_s = self._probes_per_s()
        recovery = Recovery(kept.latencies if kept is not None else {}, probes_per_s)
        self._unloading = Unloading(recovery, SearchWait(self._run, "the server to recover", limit_s), probes_per_s)
        self._follow(structs.replace(self._order, share=0.0))

    def _await_quiet(self, border: Border) -> Border:
        """Return the numbers once the unloaded server has nothing left to do, or when its time is up."""
        unloading = self._unloading
        while unloading is not None and not unloading.recovery.is_quiet and not self._is_time_up(unloading):
            border = self._watch(unloading)
        return border

    def _recover(self) -> bool:
        """Unload the server until it has recovered; return whether it has within the time it may take."""
        load = self._steps[-1].load
        if self._unloading is None:
            self._unload(load)
        unloading, self._unloading = self._unloading, None
        assert unloading is not None  # for mypy
        if not self._settings.is_of_messages:
            # its sessions are a load in themselves; if no load is kept any more, those of the next step probe it
            probers = self._search.load or 0 if unloading.recovery.needs_probes else 0
            self._reach(self._search.kept or probers)
        while not unloading.recovery.has_recovered:
            if self._is_time_up(unloading):
                within, after = format_duration(self._settings.recover_s), self._amount(load)
                words = unloading.recovery.words()
                self._unrecovered = f"the server did not recover within {within} after {after}: {words}"
                return False
            self._watch(unloading)
        self._follow(StepOrder())
        return True

    def _watch(self, unloading: Unloading) -> Border:
        """Check a recovering server once; once it has nothing left to do, it is probed."""
        recovery, border = unloading.recovery, self._look()
        recovery.look(border.of_present, self._run.elapsed_s())
        if not recovery.has_recovered:
            share = self._probe_share(unloading.probes_per_s) if recovery.is_quiet else 0.0
            self._follow(structs.replace(self._order, share=share))
            unloading.waiting.say(recovery.words())
            self._pause(LOOK_S)
        return border

    def _is_time_up(self, unloading: Unloading) -> bool:
        return unloading.waiting.for_s() >= self._settings.recover_s

    def _amount(self, load: int) -> str:
        return amount(load, self._settings.unit, self._settings.per_user)

    def _probes_per_s(self) -> float:
        """Return how many messages per second make a light load."""
        interval_s = self._settings.message_interval_s
        kept_per_s = self._search.kept / interval_s if interval_s else 0.0
        return min(kept_per_s, max(PROBE_SHARE * kept_per_s, PROBES_PER_S))

    def _probe_share(self, probes_per_s: float) -> float:
        """Return the share of their messages that the present users send, so that together they make a light load."""
        runner = self._environment.runner
        users = runner.target_user_count if runner is not None else 0
        if not self._settings.message_interval_s:
            return PROBE_SHARE
        return min(1.0, probes_per_s * self._settings.message_interval_s / users) if users else 0.0

    def _last_kept(self) -> Step | None:
        """Return the kept step of the highest load that still counts as kept."""
        kept = [step for step in self._steps if step.outcome == "kept" and step.load <= self._search.kept]
        return max(kept, key=lambda step: step.load, default=None)

    # Orders, users and time

    def _follow(self, order: StepOrder) -> None:
        self._order = order
        self._run.order(order)

    def _look(self) -> Border:
        began_s = self._run.elapsed_s()
        border = self._run.border()
        self._looked_for_s = self._run.elapsed_s() - began_s
        return border

    def _pause(self, least_s: float) -> None:
        """Pause between two readings. Repeat the order: a worker may have joined, or a message may have been lost."""
        self._run.order(self._order)
        self._sleep(max(least_s, LOOK_FACTOR * self._looked_for_s))

    def _sleep_until(self, moment_s: float) -> None:
        while (left_s := moment_s - self._run.elapsed_s()) > 0:
            self._run.order(self._order)
            self._sleep(min(left_s, LOOK_S))

    def _asked_messages(self, load: int, hold_s: float) -> float:
        """Return how many messages a step requires; 0 for users of another kind, whose rate is unknown."""
        kept, interval_s = self._last_kept(), self._settings.message_interval_s
        if kept is None or not interval_s:
            return 0.0
        is_steady = (kept.figures["messages_per_s"] or 0.0) * interval_s >= SENT_SHARE * kept.load
        return load * hold_s / interval_s if is_steady else 0.0

    def _users(self) -> int | None:
        runner = self._environment.runner
        return None if runner is None else int(runner.user_count)

    def _reach(self, load: int) -> None:
        """Have Locust run this many users; a lower number is reached at once, each user leaving cleanly."""
        runner = self._environment.runner
        if runner is None or runner.target_user_count == load:
            return
        rate = self._settings.join_rate if load > runner.target_user_count else float(runner.target_user_count)
        distance = abs(load - runner.target_user_count)
        runner.start(load, rate)
        self._await(lambda runner: runner.user_count == load, distance)

    def _await(self, is_there: Callable[[Runner], bool], distance: int) -> None:
        runner = self._environment.runner
        give_up_s = time.perf_counter() + distance / self._settings.join_rate + SPARE_S
        while runner is not None and not is_there(runner) and time.perf_counter() < give_up_s:
            gevent.sleep(POLL_S)
