"""The end of a run begins once, whoever asks for it and in which order, and always reaches its report."""

import itertools

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.swarm.run_end import Once, Phase, RunEnd

VERBS = ("stop", "drain", "cut_drain_short", "judge")


class Steps:
    """Records its calls; the drain and the judging can be held open, or fail."""

    def __init__(self, fails=()):
        self.done = []
        self.drained, self.judged = Event(), Event()
        self._fails = fails

    def on_stop(self):
        self._note("stop")

    def on_drain(self):
        self._note("drain")
        self.drained.wait()
        self._note("drained")

    def on_drain_cut_short(self):
        self._note("cut_drain_short")
        self.drained.set()

    def on_judge(self):
        self._note("judge")
        self.judged.wait()
        self._note("judged")

    def _note(self, what):
        self.done.append(what)
        if what in self._fails:
            raise RuntimeError(what)


ALL = ["stop", "drain", "drained", "judge", "judged"]


def test_each_step_happens_once_and_in_order():
    """The first request does not matter."""
    steps = Steps()
    steps.drained.set()
    steps.judged.set()
    end = RunEnd(steps)
    assert end.phase is Phase.RUNNING
    end.judge()
    end.drain()
    end.stop()
    end.judge()
    assert steps.done == ALL
    assert end.phase is Phase.REPORTED


def test_whoever_asks_while_a_step_is_under_way_joins_it():
    """Nobody goes on before it is over, and nobody does it again."""
    steps = Steps()
    end = RunEnd(steps)
    callers = [gevent.spawn(each) for each in (end.drain, end.drain, end.judge, end.judge)]
    gevent.idle()
    assert (end.phase, steps.done) == (Phase.DRAINING, ["stop", "drain"])
    assert not any(caller.ready() for caller in callers)
    steps.drained.set()
    gevent.joinall(callers[:2])
    gevent.idle()
    assert (end.phase, steps.done) == (Phase.JUDGING, ["stop", "drain", "drained", "judge"])
    assert not any(caller.ready() for caller in callers[2:])
    steps.judged.set()
    gevent.joinall(callers)
    assert (end.phase, steps.done) == (Phase.REPORTED, ALL)


@pytest.mark.parametrize("verb", ["drain", "judge"])
def test_a_caller_that_is_ended_does_not_take_the_step_with_it(verb):
    """Locust ends its greenlets when it quits, and a page may be closed."""
    steps = Steps()
    end = RunEnd(steps)
    caller = gevent.spawn(getattr(end, verb))
    gevent.idle()
    caller.kill()
    steps.drained.set()
    steps.judged.set()
    end.judge()
    assert steps.done == ALL


def test_the_drain_is_cut_short_once_and_nothing_else_happens():
    """It is not cut short before there is an end, nor twice."""
    steps = Steps()
    steps.judged.set()
    end = RunEnd(steps)
    end.cut_drain_short()
    assert steps.done == []
    judging = gevent.spawn(end.judge)
    gevent.idle()
    for _ in range(5):
        end.cut_drain_short()
    judging.join()
    end.cut_drain_short()
    assert steps.done == ["stop", "drain", "cut_drain_short", "drained", "judge", "judged"]


def test_the_drain_can_be_cut_short_between_the_stop_and_the_drain():
    """Two quick signals: Locust has not even told its listeners yet."""
    steps = Steps()
    steps.judged.set()
    end = RunEnd(steps)
    end.stop()
    end.cut_drain_short()
    end.judge()
    assert steps.done == ["stop", "cut_drain_short", "drain", "drained", "judge", "judged"]


@pytest.mark.parametrize("failing", ["stop", "drain", "drained", "judge"])
def test_a_step_that_fails_does_not_keep_the_end_from_its_report(failing, caplog):
    """The numbers there are get judged; no listener raises, and nobody waits forever."""
    steps = Steps(fails=[failing])
    steps.drained.set()
    steps.judged.set()
    end = RunEnd(steps)
    end.drain()
    end.judge()
    assert end.phase is Phase.REPORTED
    assert [step for step in ("stop", "drain", "judge") if step in steps.done] == ["stop", "drain", "judge"]
    assert "A step of the run's end failed" in caplog.text


@pytest.mark.parametrize("verbs", list(itertools.product(VERBS, repeat=4)), ids="-".join)
def test_any_four_requests_at_once_come_to_one_end(verbs):
    """Each in a greenlet of its own, as events come."""
    steps = Steps()
    end = RunEnd(steps)
    callers = [gevent.spawn(getattr(end, verb)) for verb in verbs]
    gevent.idle()
    steps.drained.set()
    steps.judged.set()
    gevent.joinall(callers)
    end.judge()
    assert [step for step in steps.done if step != "cut_drain_short"] == ALL
    assert steps.done.count("cut_drain_short") <= 1


def test_an_action_that_asks_for_itself_does_not_wait_for_itself():
    """A listener of ours may be called from within a step."""
    calls = []

    def act():
        calls.append(1)
        once()

    once = Once(act)
    assert not once.is_done
    once()
    assert once.is_done
    assert calls == [1]
