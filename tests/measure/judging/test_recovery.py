"""When a server counts as recovered: nothing is awaited, nothing comes late, and a light load is answered quickly."""

import pytest

from fleetlm_users.measure.judging.recovery import PROBE_S, PROBES, OpenMessages, Recovery, open_messages
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore

REFERENCE = {"append_latency_ms": (2.0, 5.0), "agent_latency_ms": (40.0, 106.0)}


class Story:
    """A run that recovers, looked at second by second."""

    def __init__(self, reference=REFERENCE):
        self.store, self.ledger, self.now_s = SnapshotStore("run"), Ledger(DEFAULT, "run", "worker"), 0.0
        self.recovery = Recovery(reference)

    def send(self, n, phase=MAIN):
        self.ledger.count("messages_sent", "capacity", phase, n)
        self.ledger.count("messages_appended", "capacity", phase, n)
        self.ledger.count("agent_replies_due", "capacity", phase, n)
        for _ in range(n):
            self.ledger.trend("append_latency_ms", "capacity", phase).add(2_000)

    def answer(self, n, latency_ms=30, phase=MAIN):
        self.ledger.count("agent_replies_matched", "capacity", phase, n)
        self.ledger.count("agent_replies", "capacity", MAIN, n)
        for _ in range(n):
            self.ledger.trend("agent_latency_ms", "capacity", phase).add(round(latency_ms * 1000))

    def give_up(self, n):
        self.ledger.count("messages_unanswered", "capacity", MAIN, n)

    def answer_late(self, n):
        self.ledger.count("agent_replies", "capacity", MAIN, n)

    def totals(self):
        self.store.absorb("worker", self.ledger.snapshot(round(self.now_s) + 1, False, self.now_s))
        return self.store.totals()

    def look(self, after_s=1.0):
        self.now_s += after_s
        self.recovery.look(self.totals(), self.now_s)
        return self.recovery

    def probes(self, n, latency_ms):
        self.send(n, WARM_UP)
        self.answer(n, latency_ms, WARM_UP)

    def quieten(self):
        self.look()
        assert not self.look().is_quiet
        assert self.look().is_quiet


def test_what_is_open_is_without_a_fate_or_without_an_answer():
    """It can be limited to one phase."""
    story = Story()
    story.send(10)
    story.ledger.count("messages_sent", "capacity", WARM_UP, 3)
    story.answer(4)
    totals = story.totals()
    assert open_messages(totals) == OpenMessages(3, 6)
    assert open_messages(totals, MAIN) == OpenMessages(0, 6)
    assert str(open_messages(totals)) == "3 appends and 6 answers still awaited"
    assert str(OpenMessages(1, 1)) == "1 append and 1 answer still awaited"


def test_a_server_that_still_answers_is_not_recovered():
    """The line says how many are awaited, and how quick the last ones were."""
    story = Story()
    story.send(1_900)
    story.look()
    story.answer(54, latency_ms=29_900)
    recovery = story.look()
    assert not recovery.is_quiet
    assert recovery.words() == "1,846 answers still awaited, p95 29.9 s; the last kept step had 106.0 ms"


def test_answers_to_messages_that_were_given_up_show_a_queue():
    """No answer is due any more, and the server is still working."""
    story = Story()
    story.send(100)
    story.look()
    story.give_up(100)
    story.look()
    story.answer_late(40)
    recovery = story.look()
    assert not recovery.is_quiet
    assert recovery.words().startswith("40 answers came to messages that had been given up")
    assert not story.look().is_quiet
    assert story.look().is_quiet


def test_a_quiet_server_is_probed():
    """Twenty probes decide, and not before."""
    story = Story()
    story.quieten()
    story.probes(PROBES - 1, 50)
    assert not story.look().has_recovered
    story.probes(1, 50)
    assert story.look().has_recovered


def test_a_server_that_stays_slow_is_probed_again():
    """Until it is as quick as it was, within a factor of two and 50 ms."""
    story = Story()
    story.quieten()
    story.probes(PROBES, 700)
    assert not story.look().has_recovered
    assert "p95 7" in story.recovery.words()
    story.probes(PROBES, 263)
    assert not story.look().has_recovered
    story.probes(PROBES, 120)
    assert story.look().has_recovered


def test_a_server_that_leaves_probes_unanswered_has_not_recovered():
    """It holds even if none of them is measured."""
    story = Story()
    story.quieten()
    story.send(30, WARM_UP)
    assert not story.look(PROBE_S).has_recovered
    assert "30 answers still awaited" in story.recovery.words()


@pytest.mark.parametrize("probes", [0, 3])
def test_few_probes_decide_after_a_while(probes):
    """Their median decides; if nothing is sent, the backlog alone does."""
    story = Story()
    story.quieten()
    story.probes(probes, 50)
    assert not story.look(1.0).has_recovered
    assert story.look(PROBE_S).has_recovered


def test_without_a_kept_step_the_backlog_decides():
    """There is nothing that its latency could be held against."""
    story = Story(reference={})
    story.send(5)
    story.look()
    story.answer(5)
    assert not story.look().has_recovered
    assert not story.look().has_recovered
    assert story.look().has_recovered


def test_a_server_to_which_nothing_can_be_sent_has_not_recovered():
    """Its sessions are gone, and so it keeps no queue."""
    story = Story()
    story.recovery = Recovery(REFERENCE, probes_per_s=2.0)
    story.quieten()
    assert not story.look(PROBE_S).has_recovered
    assert story.recovery.words() == "nothing can be sent to it; the last kept step had 106.0 ms"
    story.probes(PROBES, 50)
    assert story.look(1.0).has_recovered


def test_a_slow_agent_leaves_probes_open_and_has_recovered():
    """Eight seconds each at ten a second: eighty are always awaited."""
    story = Story()
    story.recovery = Recovery({"append_latency_ms": (2.0, 5.0), "agent_latency_ms": (8_000.0, 8_200.0)}, 10.0)
    story.quieten()
    story.send(100, WARM_UP)
    story.answer(20, 8_000, WARM_UP)
    assert story.look(10.0).has_recovered
