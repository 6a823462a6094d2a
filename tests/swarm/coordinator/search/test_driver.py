"""The search on a simulated server and clock: each step judged on its own messages, recovery, confirmation, the end."""

from collections import deque
from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp
from fleetlm_users.measure.judging.capacity import Border
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.search.driver import CapacityDriver
from fleetlm_users.workload.capacity_search import SearchPlan
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.orders.step_order import StepOrder

DEADLINE_S = 60.0
TICK_S = 0.1
REPLY_TIMEOUT_S = 30.0
SCENARIO = "capacity"


class Runner:
    """A Locust runner whose users start at once."""

    def __init__(self, first):
        self.state, self.started, self.has_ended = "running", [], Event()
        self.target_user_count = self.user_count = first

    def start(self, users, rate):
        self.started.append((users, rate))
        self.target_user_count = self.user_count = users

    def quit(self):
        self.has_ended.set()


class SimulatedRun:
    """A run of its own clock, on a server that joins `limit` users and answers `answers_per_s`, one after another.

    Each user sends a message a second, which is appended at once; an answer later than the reply timeout comes late.
    """

    def __init__(self, runner, *, limit=10**9, answers_per_s=10**9, stuck_beyond=None, thinks_s=0.0):
        self.thinks_s, self.joins_all = thinks_s, False
        self.runner, self.limit, self.answers_per_s, self.stuck_beyond = runner, limit, answers_per_s, stuck_beyond
        self.store, self.ledger, self.looks = SnapshotStore("run"), Ledger(DEFAULT, "run", "local"), 0
        self.lines, self.orders, self.now, self.joined = [], [], 0, 0
        self.on_order = lambda order: None
        self.current, self.queue, self.credit, self.made, self.given_up = StepOrder(), deque(), 0.0, 0.0, 0
        self.rows = {}

    def elapsed_s(self):
        return self.now * TICK_S

    def say(self, text):
        self.lines.append(text)

    def order(self, order):
        self.current = order
        if not self.orders or self.orders[-1] != order:
            self.orders.append(order)
            self.on_order(order)

    def seconds(self, newest):
        return [self.rows[second] for second in sorted(self.rows)][-newest:]

    def keeping_up(self, begins_s, ends_s):
        return KeepingUp()

    def border(self):
        joined = self.runner.user_count if self.joins_all else min(self.runner.user_count, self.limit)
        self.ledger.gauge("active_connections", SCENARIO, joined - self.joined)
        self.joined = joined
        self.looks += 1
        self.store.absorb("local", self.ledger.snapshot(self.looks, final=False, elapsed_s=float(self.looks)))
        return Border(self.store.totals(), self.store.workers)

    def sleep(self, seconds):
        for _ in range(max(1, round(seconds / TICK_S))):
            self.tick()
            self.now += 1
        gevent.sleep(0)

    def tick(self):
        now_s = self.elapsed_s()
        row = self.rows.setdefault(int(now_s), {"second": int(now_s), "sent": 0, "replies_due": 0})
        self.made += min(self.runner.user_count, self.limit) * self.current.share * TICK_S
        phase = self.current.phase_at(now_s)
        for _ in range(int(self.made)):
            self.queue.append((now_s, phase))
            for counter in ("messages_sent", "messages_appended", "agent_replies_due"):
                self.ledger.count(counter, SCENARIO, phase)
            self.ledger.trend("append_latency_ms", SCENARIO, phase).add(1_000)
            row["sent"] += 1
            row["replies_due"] += 1
        self.made %= 1
        if self.stuck_beyond is not None and len(self.queue) > self.stuck_beyond:
            self.answers_per_s = 0
        self.credit = min(self.credit, 1.0) + self.answers_per_s * TICK_S
        while self.queue and self.credit >= 1 and now_s - self.queue[0][0] >= self.thinks_s:
            self.credit -= 1
            self.answer(*self.queue.popleft(), now_s)
        self.give_up(now_s)
        row["append_backlog"], row["agent_backlog"] = 0, len(self.queue) - self.given_up

    def answer(self, due_s, phase, now_s):
        self.ledger.count("agent_replies", SCENARIO, "main")
        if self.given_up:
            self.given_up -= 1
            return
        self.ledger.count("agent_replies_matched", SCENARIO, phase)
        self.ledger.trend("agent_latency_ms", SCENARIO, phase).add(round((now_s - due_s) * 1e6) + 2_000)

    def give_up(self, now_s):
        for due_s, phase in list(self.queue)[self.given_up :]:
            if now_s - due_s < REPLY_TIMEOUT_S:
                break
            self.given_up += 1
            self.ledger.count("messages_unanswered", SCENARIO, phase)


@pytest.fixture
def scene():
    """Makes a driver on a simulated server; ends it after the test."""
    made = []

    def make(first=10, most=1_000, unit="messages/s", settings=None, **server):
        runner = Runner(first)
        run = SimulatedRun(runner, **server)
        environment = SimpleNamespace(runner=runner, parsed_options=SimpleNamespace(headless=True), web_ui=None)
        values = {
            "plan": SearchPlan(first=first, factor=2.0, most=most, precision=0.05),
            "hold_s": 12.0,
            "settle_s": 2.0,
            "join_rate": 50.0,
            "unit": unit,
            "per_user": 1,
            "confirm_s": 24.0,
            "message_interval_s": 1.0,
            "patience_s": 2 * REPLY_TIMEOUT_S,
        } | (settings or {})
        thresholds = parse_thresholds(["append_latency_ms: p(95)<50", "agent_reply_rate: rate>0.9"])
        driver = CapacityDriver(environment, SearchSettings(**values), thresholds, Limits(), run, sleep=run.sleep)
        made.append(driver)
        return driver, runner, run

    with gevent.Timeout(DEADLINE_S):
        yield make
    for driver in made:
        driver.stop()


def searched(made):
    """The driver's result, once it has ended the run."""
    driver, runner, run = made
    driver.start(warm_up_s=0.0)
    runner.has_ended.wait()
    return driver.result(), runner, run


@pytest.mark.parametrize("first", [5, 40, 160])
def test_the_rate_of_answers_is_found(scene, first):
    """From below, at it and far above; confirmed, told step by step, and the run is ended."""
    found, _, run = searched(scene(first=first, answers_per_s=40))
    assert found.finished
    assert found.confirmed == found.kept == pytest.approx(40, rel=0.05)
    assert found.steps[-1].confirmation
    assert len([line for line in run.lines if line.startswith("step ")]) == len(found.steps)
    assert run.lines[0].startswith("searching for the most messages/s")
    assert run.lines[-1] == f"capacity: {found.words()}"


def test_no_step_is_judged_on_messages_of_another(scene):
    """As many messages are judged as were due in its hold, whatever was awaited before; each has its fate by then."""
    found, _, run = searched(scene(first=160, answers_per_s=40))
    assert found.steps[0].is_behind
    for step in found.steps:
        assert step.figures["messages_per_s"] * step.hold_s == pytest.approx(step.load * step.hold_s, abs=step.load)
        assert step.doubts == ()
    late = [step for step in found.steps if step.figures["agent_p95_ms"] > 5_000]
    assert all(step.is_behind for step in late)
    totals = run.border().totals
    judged = totals.count("agent_replies_matched") + totals.count("messages_unanswered")
    assert totals.count("agent_replies_due") == judged


def test_a_step_that_is_missed_unloads_the_server_and_probes_it(scene):
    """No message is sent until the backlog is gone, then a light load, then all; a line says what is missing."""
    _, _, run = searched(scene(first=20, answers_per_s=40))
    missed = next(number for number, order in enumerate(run.orders) if order.share == 0)
    shares = [order.share for order in run.orders[missed : missed + 6]]
    probing = next(share for share in shares if share not in (0, 1))
    assert shares.index(0.0) < shares.index(probing) < shares.index(1.0)
    assert probing * 80 == pytest.approx(0.25 * 40, rel=0.05)


def test_what_is_waited_for_is_said(scene):
    """The line states how many answers, how slow the last ones were, how it was at the last kept step, and for how
    long.
    """
    _, _, run = searched(scene(first=20, most=160, answers_per_s=40, settings={"hold_s": 20.0}))
    said = [line for line in run.lines if line.startswith("waiting for the server to recover: ")]
    assert said
    assert "answers still awaited, p95 " in said[0]
    assert "; the last kept step had " in said[0]
    assert said[0].endswith("s of 2m")


def test_late_answers_are_waited_for_although_nobody_does(scene):
    """After a step far beyond the limit the messages' time is up before the server is idle."""
    found, _, run = searched(scene(first=400, answers_per_s=40, settings={"recover_s": 600.0}))
    assert found.confirmed == pytest.approx(40, rel=0.05)
    assert any("answers came to messages that had been given up" in line for line in run.lines)


def test_a_server_that_does_not_recover_ends_the_search(scene):
    """That is a result in itself; the load kept before is still reported as kept once."""
    found, runner, _ = searched(scene(first=20, answers_per_s=40, stuck_beyond=300))
    assert (found.finished, found.kept, found.confirmed) == (True, 40, 0)
    assert found.unrecovered.startswith("the server did not recover within 2m after 80 messages/s: ")
    assert max(users for users, _ in runner.started) == 80


def test_a_load_that_a_short_step_keeps_and_a_long_one_does_not_is_not_the_answer(scene):
    """The search goes on below it."""
    made = scene(first=20, most=20)
    _, _, run = made

    def slow_down(order):
        if 23 < order.held_to_s - order.held_from_s < 25 and made[1].target_user_count > 18:
            run.answers_per_s = 15
        else:
            run.answers_per_s = 1_000

    run.on_order = slow_down
    found, _, _ = searched(made)
    assert [step.load for step in found.steps if step.confirmation] == [20, 19, 18]
    assert (found.kept, found.confirmed, found.missed) == (18, 18, 19)


@pytest.mark.parametrize("unit", ["messages/s", "sessions"])
def test_a_server_is_probed_until_it_is_fast_again_although_no_load_is_kept_any_more(scene, unit):
    """The only kept load did not last, and the first probes are slow: the others are sent all the same."""
    driver, runner, run = scene(first=20, most=20, unit=unit)
    slow_until_s = 0.0

    def slow_down(order):
        nonlocal slow_until_s
        if 23 < order.held_to_s - order.held_from_s < 25 and runner.target_user_count == 20:
            run.answers_per_s, run.thinks_s, slow_until_s = 15, 4.0, order.held_to_s + 45

    def sleep(seconds):
        run.sleep(seconds)
        if run.elapsed_s() > slow_until_s:
            run.answers_per_s, run.thinks_s = 1_000, 0.0

    run.on_order, driver._sleep = slow_down, sleep
    found, _, _ = searched((driver, runner, run))
    assert found.unrecovered == ""
    assert [step.load for step in found.steps if step.confirmation] == [20, 19]
    assert found.confirmed == 19


def test_sessions_are_searched_for_too(scene):
    """A server that joins no more; after a miss its sessions are taken back at once, for they are the load."""
    found, runner, _ = searched(scene(limit=60, unit="sessions"))
    assert found.confirmed == found.kept == pytest.approx(60, rel=0.05)
    assert found.kept <= 60 < found.missed
    assert runner.started[:5] == [(20, 50.0), (40, 50.0), (80, 50.0), (40, 80.0), (80, 50.0)]


def test_an_agent_that_thinks_for_longer_than_a_step_settles_keeps_up(scene):
    """Its answers begin to come while the first step settles, which takes as long as they need."""
    found, _, _ = searched(scene(most=40, thinks_s=8.0))
    assert found.confirmed == 40
    assert all(step.outcome == "kept" for step in found.steps)


def test_a_server_without_a_limit_is_tried_up_to_the_most(scene):
    """It goes no further."""
    found, runner, _ = searched(scene(most=100))
    assert found.confirmed == 100
    assert max(users for users, _ in runner.started) == 100


def test_a_server_that_keeps_nothing_gets_down_to_one(scene):
    """With no user at all between the steps."""
    found, runner, _ = searched(scene(limit=0, unit="sessions"))
    assert (found.kept, found.missed, found.confirmed) == (0, 1, 0)
    assert (0, 10.0) in runner.started


def test_nothing_is_confirmed_when_not_asked_for(scene):
    """The result says so."""
    plan = SearchPlan(first=10, factor=2.0, most=10, precision=0.05, confirms=False)
    found, _, run = searched(scene(settings={"plan": plan, "confirm_s": 0.0}))
    assert (found.kept, found.confirmed, len(found.steps)) == (10, 0, 1)
    assert "--confirm 0" in run.lines[-1]


@pytest.mark.parametrize(
    ("reached", "doing"),
    [
        (lambda order: order.held_to_s, "trying 20 messages/s"),
        (lambda order: order.share == 0, "waiting for the server to recover from 20 messages/s"),
    ],
)
def test_a_run_that_ends_before_has_what_was_found_so_far(scene, reached, doing):
    """It is not finished, and its activity is known; no more users are started."""
    driver, runner, run = scene(answers_per_s=12)
    is_there = Event()

    def wait(order):
        if reached(order) and runner.user_count == 20:
            is_there.set()
            gevent.get_hub().wait(gevent.get_hub().loop.timer(DEADLINE_S))

    run.on_order = wait
    driver.start(warm_up_s=0.0)
    is_there.wait()
    driver.stop()
    found = driver.result()
    assert not driver.is_done
    assert (found.finished, found.kept, found.doing) == (False, 10, doing)
    assert doing in found.words()
    assert max(users for users, _ in runner.started) == 20


@pytest.mark.parametrize("interval_s", [0.0, 0.25])
def test_users_of_another_kind_are_searched_for_too(scene, interval_s):
    """Their rate is not known, or differs from the options, so the step expects no number of messages."""
    found, _, _ = searched(scene(answers_per_s=40, settings={"message_interval_s": interval_s}))
    assert found.confirmed == pytest.approx(40, rel=0.05)
    assert not found.limited


def test_a_load_that_is_no_longer_made_is_the_generators_limit(scene):
    """Once users have sent what they were to send, fewer messages are another load."""
    made = scene(most=40)
    made[2].on_order = lambda order: setattr(made[2], "limit", 10) if made[1].target_user_count > 10 else None
    made[2].joins_all = True
    found, _, _ = searched(made)
    assert found.limited
    assert any("messages were sent" in doubt for step in found.steps for doubt in step.doubts)


def test_a_search_that_breaks_ends_the_run_and_is_not_finished(scene, caplog, monkeypatch):
    """A run without a planned end must not go on forever."""
    made = scene()
    monkeypatch.setattr(made[2], "border", lambda: 1 / 0)
    found, _, _ = searched(made)
    assert not found.finished
    assert "The search cannot go on" in caplog.text
