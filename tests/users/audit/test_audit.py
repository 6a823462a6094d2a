"""The audit at a run's end: everything remembered is compared, and what cannot be read is counted by cause."""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.errors import Disconnected
from fleetlm_users.measure.audit.comparison import CUT_SHORT, TIME_UP, Stored
from fleetlm_users.measure.audit.memory import ANSWER_TAG, AuditMemory, own_tag
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.recorder import Recorder
from fleetlm_users.users.audit import audit as audit_module
from fleetlm_users.users.audit.audit import GIVE_UP_AFTER, Audit
from tests.swarm.samples import numbering, options

PARALLEL = 4


class Scene:
    """A run whose sessions have remembered messages, with readers played by the test."""

    def __init__(self, **raw):
        self.run = Run(
            options(audit="replay", audit_after="0s", **raw),
            "e",
            numbering(),
            Ledger(DEFAULT, "e", "local"),
            RunEvents(),
        )
        recorder = Recorder()
        recorder.record_into(self.run.ledger)
        recorder.listen(self.run.events)
        self.memory = AuditMemory(10**6, self.run.started_s)
        self.readers = []
        self.audit = Audit(self.run, self.memory, self.reader, parallel=PARALLEL, batch=3)
        self.stored = lambda session: Stored({message.seq: message.digest for message in session.messages()})
        self.before = lambda: gevent.sleep(0)

    def reader(self):
        self.readers.append(PlayedReader(self))
        return self.readers[-1]

    def session(self, name, messages, answers=0):
        session = self.memory.begin(name, "burst", f"p-{name}")
        session.ref_prefix = f"r-{name}"
        for seq in range(1, messages + 1):
            session.add(seq, seq, self.run.started_s + seq, own_tag(seq))
        for seq in range(messages + 1, messages + answers + 1):
            session.add(seq, seq, self.run.started_s + seq, ANSWER_TAG)
        return session

    def count(self, metric, label=""):
        return self.run.ledger.counter(metric, "burst", "main", label).n

    def findings(self):
        return self.run.ledger.snapshot(1, True, 1.0).findings


class PlayedReader:
    """Yields what the scene says is stored."""

    def __init__(self, scene):
        self.scene, self.is_closed = scene, False

    def read(self, sessions):
        for session in sessions:
            self.scene.before()
            yield session, self.scene.stored(session)

    def close(self):
        self.is_closed = True


def test_all_that_is_remembered_is_compared():
    """Several readers work at once, and each is closed."""
    scene = Scene()
    for number in range(50):
        scene.session(f"s{number}", messages=3, answers=2)
    scene.audit.close()
    assert scene.count("messages_audited") == scene.count("messages_stored") == 150
    assert scene.count("answers_audited") == scene.count("answers_stored") == 100
    assert scene.findings().total == 0
    assert len(scene.readers) == PARALLEL
    assert all(reader.is_closed for reader in scene.readers)


def test_what_is_lost_is_named():
    """The name has session, seq, client_ref and the moment of its acknowledgement."""
    scene = Scene()
    scene.session("a", messages=2, answers=1)
    scene.stored = lambda _session: Stored({1: 1})
    scene.audit.close()
    assert scene.count("messages_unstored") == scene.count("answers_unstored") == 1
    own, answer = scene.findings().first
    assert (own.kind, own.session_id, own.seq, own.client_ref) == ("unstored", "a", 2, "r-a-2")
    assert own.detail.startswith("acknowledged 2.000 s into the run, at 20")
    assert (answer.kind, answer.seq, answer.client_ref) == ("answer_unstored", 3, "")
    assert answer.detail.startswith("pushed 3.000 s into the run, at 20")
    firsts = {first.metric: first.at_s for first in scene.run.ledger.snapshot(2, True, 9.0).firsts}
    assert firsts == {"messages_unstored": 2.0, "answers_unstored": 3.0}


def test_what_was_named_before_is_counted_and_not_named_again():
    """The behaviour's own check has named it."""
    scene = Scene()
    scene.session("a", messages=2).named = {1}
    scene.stored = lambda _session: Stored({})
    scene.audit.close()
    assert scene.count("messages_unstored") == 2
    assert [finding.seq for finding in scene.findings().first] == [2]


def test_a_session_that_cannot_be_read_is_counted_by_the_cause():
    """The others are still audited."""
    scene = Scene()
    for number in range(10):
        scene.session(f"s{number}", messages=2)
    stored = scene.stored
    scene.stored = lambda session: Disconnected("eof") if session.session_id == "s3" else stored(session)
    scene.audit.close()
    assert scene.count("messages_audited") == 18
    assert scene.count("messages_unaudited", "eof") == 2


def test_a_server_that_is_gone_is_given_up():
    """Untried sessions have the same cause as failed ones, and the end does not wait for them."""
    scene = Scene()
    for number in range(10 * GIVE_UP_AFTER):
        scene.session(f"s{number}", messages=1)
    asked = []
    scene.stored = lambda session: asked.append(session) or Disconnected("refused")
    scene.audit.close()
    assert len(asked) <= GIVE_UP_AFTER + 3 * PARALLEL
    assert scene.count("messages_unaudited", "refused") == 10 * GIVE_UP_AFTER
    assert scene.count("messages_audited") == 0


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_second_signal_cuts_it_short(moment):
    """Messages not read by then are counted as such, each once."""
    scene = Scene()
    for number in range(20):
        scene.session(f"s{number}", messages=2)
    if moment == "before":
        scene.run.cut_drain_short()
    else:
        scene.before = lambda: scene.run.cut_drain_short() or Event().wait()
    scene.audit.close()
    assert scene.count("messages_unaudited", CUT_SHORT) == 40
    assert all(reader.is_closed for reader in scene.readers)


def test_its_time_is_bounded(monkeypatch):
    """A server that does not answer ends nothing but the audit."""
    monkeypatch.setattr(audit_module, "AUDIT_S", 0.05)
    scene = Scene()
    scene.session("s", messages=3)
    scene.before = Event().wait
    scene.audit.close()
    assert scene.count("messages_unaudited", TIME_UP) == 3


def test_without_messages_nothing_is_read_or_waited_for():
    """A run in which nothing was acknowledged ends at once."""
    scene = Scene()
    scene.audit.close()
    assert scene.readers == []


def test_what_was_dropped_beyond_the_bound_is_counted():
    """Every acknowledged message is in one count or the other."""
    scene = Scene()
    scene.memory._bound = 7
    for number in range(5):
        scene.session(f"s{number}", messages=2)
    scene.audit.close()
    audited, dropped = scene.count("messages_audited"), scene.count("messages_unaudited", "memory_bound")
    assert (audited, dropped) == (6, 4)


def test_what_came_before_a_reset_is_left_out():
    """Its sending is in no count any more."""
    scene = Scene()
    scene.session("a", messages=5)
    scene.run.ledger.since_s = scene.run.started_s + 3.0
    scene.audit.close()
    assert scene.count("messages_audited") == 3
