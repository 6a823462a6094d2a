"""Webhooks one at a time, each with a service time: the rate, the order, and changes while messages wait."""

import asyncio

import pytest

from fleetlm_users.standin.agent.lanes import NODE, NONE, ORDERS, SESSION, WebhookLanes
from fleetlm_users.standin.counters import Counters
from fleetlm_users.standin.faults.faults import Faults, FaultState
from fleetlm_users.standin.lanes import AT_ONCE, ROUNDING_S
from tests.standin.fakes import FakeTimer, new_session, new_store
from tests.standin.raw_socket import RawSocket


class FakeHub:
    """The parts of a hub that lanes know."""

    def __init__(self, service_ms):
        self.counters = Counters()
        self.faults = FaultState(Faults(webhook_service_ms=service_ms))


class Asked:
    """A responder that notes when it was asked what."""

    pending = 0

    def __init__(self, timer):
        self._timer = timer
        self.asked_at = []

    def asked(self, _session, message, _content):
        self.asked_at.append((round(self._timer.now_s, 6), message))


class Scene:
    """Lanes on a clock that is driven by hand."""

    def __init__(self, order, service_ms, max_pending=1_000_000):
        self.timer, self.hub = FakeTimer(), FakeHub(service_ms)
        self.responder = Asked(self.timer)
        self.lanes = WebhookLanes(
            self.hub,
            self.responder,
            order=order,
            timer=self.timer,
            max_pending=max_pending,
            clock=lambda: self.timer.now_s,
        )
        store = new_store()
        self.sessions = [new_session(store, number) for number in range(1, 4)]

    def ask(self, *messages, session=0):
        for message in messages:
            self.lanes.asked(self.sessions[session], message, {})

    def answered(self):
        return [message for _, message in self.responder.asked_at]

    def serve_in(self, service_ms):
        self.hub.faults.set(Faults(webhook_service_ms=service_ms))
        self.lanes.retime()


def test_one_lane_for_the_node_answers_in_the_order_of_arrival_at_its_rate():
    """2.5 ms each: 400 a second, whichever session they are of, and the rest waits."""
    scene = Scene(NODE, 2.5)
    for number in range(1000):
        scene.ask(number, session=number % 3)
    scene.timer.advance(1.0)
    assert abs(len(scene.answered()) - 400) <= 1
    assert scene.lanes.pending == 1000 - len(scene.answered())
    scene.timer.advance(2.0)
    assert scene.answered() == list(range(1000))
    assert scene.lanes.pending == 0


@pytest.mark.parametrize(
    ("order", "each_after_ms"), [(SESSION, [10, 10, 20]), (NONE, [10, 10, 10]), (NODE, [10, 20, 30])]
)
def test_what_waits_for_what(order, each_after_ms):
    """Two messages of one session and one of another, come at the same moment."""
    scene = Scene(order, 10)
    scene.ask("first")
    scene.ask("other", session=1)
    scene.ask("second")
    scene.timer.advance(1.0)
    assert sorted(round(moment_s * 1000) for moment_s, _ in scene.responder.asked_at) == each_after_ms


def test_a_lane_that_stood_still_begins_when_a_message_comes():
    """Idle time is not saved up."""
    scene = Scene(NODE, 10)
    scene.ask("a")
    scene.timer.advance(5.0)
    scene.ask("b", "c")
    scene.timer.advance(1.0)
    moments_s = [moment_s for moment_s, _ in scene.responder.asked_at]
    assert moments_s == pytest.approx([0.010, 5.010, 5.020], abs=2 * ROUNDING_S)


def test_a_loop_that_wakes_up_late_catches_up():
    """The stated rate is kept, in bounded portions so that the loop still breathes."""
    scene = Scene(NODE, 1)
    scene.ask(*range(1000))
    scene.timer.now_s = 0.5  # nothing ran until now
    due_s, action = scene.timer.planned.pop()
    assert due_s < 0.5
    action()
    assert scene.answered() == list(range(AT_ONCE))
    scene.timer.advance(0.0)
    assert 499 <= len(scene.answered()) <= 500


@pytest.mark.parametrize(("service_ms", "expected"), [(0, 1000), (10, 199), (1000, 100)])
def test_the_service_time_may_change_while_messages_wait(service_ms, expected):
    """The message being served gets the new time at once."""
    scene = Scene(NODE, 10)
    scene.ask(*range(1000))
    scene.timer.advance(1.0)
    assert abs(len(scene.answered()) - 100) <= 1
    scene.serve_in(service_ms)
    scene.timer.advance(0.999)
    assert abs(len(scene.answered()) - expected) <= 1
    assert scene.answered() == list(range(len(scene.answered())))


@pytest.mark.parametrize("order", ORDERS)
def test_without_a_service_time_nothing_waits(order):
    """The effect is as if there were no lanes."""
    scene = Scene(order, 0)
    scene.ask("a", "b")
    assert scene.responder.asked_at == [(0.0, "a"), (0.0, "b")]
    assert scene.timer.planned == []


def test_beyond_the_bound_messages_are_dropped_and_counted():
    """Those that wait at the agent count too."""
    scene = Scene(NODE, 10, max_pending=3)
    scene.responder.pending = 1
    scene.ask("a", "b", "dropped")
    assert (scene.lanes.pending, scene.hub.counters.webhooks_failed) == (3, 1)
    scene.timer.advance(1.0)
    assert scene.answered() == ["a", "b"]


def test_what_waits_can_be_forgotten():
    """Timers that are under way then find nothing."""
    scene = Scene(SESSION, 10)
    scene.ask("a", "b")
    scene.lanes.clear()
    scene.timer.advance(1.0)
    assert (scene.answered(), scene.lanes.pending) == ([], 0)


@pytest.mark.parametrize("agent", [["--builtin-agent"], []])
def test_a_stand_in_that_is_slowed_down_answers_when_it_recovers(standin_with, agent):
    """The control route restores it; until then the messages count as pending."""
    standin = standin_with(*agent, "--webhook-order", "node", "--webhook-service-ms", 3_600_000)

    async def run():
        session = await asyncio.to_thread(standin.session)
        socket = await RawSocket.open(standin)
        await socket.join(f"session:{session}")
        for number in range(5):
            socket.say(f"session:{session}", str(number))
        await socket.take(5)
        waiting = (await asyncio.to_thread(standin.counters))["webhooks_pending"]
        await asyncio.to_thread(standin.faults, webhook_service_ms=0)
        if agent:
            await socket.take(5)
        while (await asyncio.to_thread(standin.counters))["webhooks_pending"]:
            await asyncio.sleep(0)
        await socket.close()
        return waiting

    assert asyncio.run(run()) == 5
    counters = standin.counters()
    assert (counters["messages_appended_agent"], counters["webhooks_failed"]) == ((5, 0) if agent else (0, 5))
