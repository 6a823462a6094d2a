"""The reports of an observer: always to the tallies, and to the event hooks and behaviours that ask for them."""

from types import SimpleNamespace

import pytest

from fleetlm_users.errors import Disconnected
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.recorder import Recorder
from fleetlm_users.users.session_observer import SessionLog, SessionObserver
from fleetlm_users.workload.pacing import Window
from tests.swarm.samples import numbering, options


@pytest.fixture
def run():
    """Return a run whose hooks count into its ledger."""
    made = Run(options(warm_up="0s"), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
    recorder = Recorder()
    recorder.record_into(made.ledger)
    recorder.listen(made.events)
    return made


@pytest.fixture
def observer(run):
    return SessionObserver(run, "burst")


def message(run, ref="r1"):
    """A message that was due, and sent, when the run began."""
    return SimpleNamespace(
        client_ref=ref, phase="main", due_s=run.started_s, sent_s=run.started_s, appended_s=run.started_s
    )


def count(run, metric, label=""):
    return run.ledger.counter(metric, "burst", "main", label).n


def test_a_failed_message_is_logged_counted_and_frees_its_slot(run, observer):
    """Its fate is logged; a rejection that is taken back leaves the log, and frees no second slot."""
    observer.log, observer.window = SessionLog(), Window(1, 0.0)
    observer.window.take()
    one = message(run)
    observer.rejected(one, "full", 1.0)
    assert observer.log.fates == {"r1": "rejected"}
    assert observer.failure == (one, "rejected", "full")
    assert count(run, "messages_rejected", "full") == 1
    assert observer.window.take() == 1.0
    observer.unrejected(one, "full")
    observer.appended(one, 2.0)
    assert observer.log.fates == {}
    assert not observer.window.has_room
    assert count(run, "messages_rejected", "full") == 0
    assert count(run, "messages_appended") == 1


def test_a_loss_of_the_session_is_reported_once_and_only_when_joined(run, observer):
    """The user is woken; a leave afterwards counts nothing."""
    calls = []
    observer.on_lost = lambda: calls.append("lost")
    observer.disconnected(Disconnected("eof"))
    assert calls == []
    observer.joined = True
    observer.disconnected(Disconnected("eof"))
    observer.disconnected(Disconnected("eof"))
    observer.left()
    assert calls == ["lost"]
    assert count(run, "disconnects", "eof") == 1


def test_listeners_hear_the_facts_of_their_hook(run, observer):
    """Arguments are keywords, with scenario, phase and session."""
    heard = []
    observer.session_id = "s1"
    run.events.message_received.add_listener(lambda **facts: heard.append(facts))
    payload = {"sender_id": run.options.agent_id}
    observer.received(payload, run.started_s)
    assert observer.last_payload is payload
    assert observer.last_seen_s == run.started_s
    assert [(fact["scenario"], fact["session_id"], fact["from_agent"]) for fact in heard] == [("burst", "s1", True)]


def test_nothing_holds_a_behaviour_after_its_session(observer):
    """The callbacks are dropped."""
    observer.on_appended = observer.on_lost = lambda *_: None
    observer.let_go()
    assert observer.on_appended is None
    assert observer.on_lost() is None


def test_a_send_without_a_reply_is_counted(run, observer):
    """It counts in the phase of its message."""
    observer.unacknowledged(message(run))
    assert count(run, "messages_unacknowledged") == 1
    assert count(run, "messages_acknowledged") == 0


@pytest.mark.parametrize("pushed_first", [False, True])
def test_an_acknowledgement_frees_one_slot_whichever_comes_first(run, observer, pushed_first):
    """Its push, before or after, frees no second one."""
    observer.window, observer.frees_at_ack = Window(1, 0.0), True
    observer.window.take()
    one = message(run)
    if pushed_first:
        observer.appended(one, 1.0)
        observer.acknowledged(one, 2.0)
    else:
        one.appended_s = 0.0
        observer.acknowledged(one, 1.0)
        one.appended_s = 1.0
        observer.appended(one, 2.0)
    assert observer.window.take() == 1.0
    assert not observer.window.has_room
    assert count(run, "messages_acknowledged") == 1


def test_a_gap_belongs_to_the_moment_at_which_it_was_noticed(run, observer):
    """It is counted when the session ends; one that was noticed before a reset is none of the run's."""
    for noticed_s in (run.started_s + 8.5, run.started_s + 3.25):
        observer.skipped(noticed_s)
    run.ledger.since_s = run.started_s + 3.0
    observer.skipped(run.started_s + 2.0)
    assert count(run, "seq_gaps") == 2
    (first,) = run.ledger.snapshot(1, final=True, elapsed_s=60.0).firsts
    assert (first.metric, first.phase, round(first.at_s, 3)) == ("seq_gaps", "main", 3.25)
