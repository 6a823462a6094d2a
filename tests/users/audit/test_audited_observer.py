"""The memory of an audited session: acknowledged and pushed messages, once, and nothing else."""

from types import SimpleNamespace

import pytest

from fleetlm_users.measure.audit.digest import digest_of
from fleetlm_users.measure.audit.memory import AuditMemory, Remembered
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals
from fleetlm_users.protocol.conversation import MAX_PRESUMED
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.users.audit.audited_observer import AuditedObserver
from tests.swarm.samples import numbering, options

AGENT = "bench-echo-agent"


@pytest.fixture
def run():
    return Run(options(warm_up="0s"), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())


@pytest.fixture
def memory(run):
    return AuditMemory(100, run.started_s)


@pytest.fixture
def observer(run, memory):
    made = AuditedObserver(run, "burst", memory, "p")
    made.session_id = "s1"
    return made


def sent(run, observer, *refs):
    """Return messages whose payloads the session has taken."""
    for _ in observer.watched((ref, f"text of {ref}") for ref in refs):
        pass
    return [SimpleNamespace(client_ref=ref, phase="main", seq=None, **stamps(run)) for ref in refs]


def stamps(run):
    return dict.fromkeys(("due_s", "sent_s", "appended_s"), run.started_s)


def remembered(memory):
    return [message for session in memory.sessions for message in session.messages()]


def test_an_acknowledged_message_is_remembered_as_it_was_sent(run, memory, observer):
    """The pushed form does not count: a server that changes a message before pushing it is found as well."""
    first, second = sent(run, observer, "r-3-1-1", "r-3-1-2")
    second.seq = 4
    observer.appended(second, run.started_s + 1.5)
    digest = digest_of({"client_ref": "r-3-1-2", "text": "text of r-3-1-2"})
    assert remembered(memory) == [Remembered(4, digest, 1500, 2, False)]
    (session,) = memory.sessions
    assert (session.session_id, session.scenario, session.participant_id) == ("s1", "burst", "p")
    assert session.client_ref(2) == "r-3-1-2"
    observer.lost(first, "timeout")
    assert len(memory) == 1


def test_what_the_reply_acknowledged_is_remembered(run, memory, observer):
    """It is remembered by the reply's seq even if its own broadcast never came, whether resolved or lost."""
    resolved, lost, in_flight = sent(run, observer, "r-3-1-1", "r-3-1-2", "r-3-1-3")
    for seq, message in ((7, resolved), (8, lost)):
        message.seq, message.appended_s, message.replies = seq, run.started_s + 1.0, 0
    observer.resolved(resolved)
    observer.lost(lost, "not_pushed")
    observer.left_in_flight(in_flight)
    observer.let_go()
    assert [(message.seq, message.number, message.at_ms) for message in remembered(memory)] == [
        (7, 1, 1000),
        (8, 2, 1000),
    ]


def test_what_a_reply_without_seq_acknowledged_cannot_be_audited(run, memory, observer):
    """It is counted under a cause of its own, unless a reset of the statistics left it out."""
    late, posted, later = sent(run, observer, "r-3-1-1", "r-3-1-2", "r-3-1-3")
    for message in (late, posted, later):
        message.appended_s, message.replies, message.replied_s = run.started_s + 1.0, 0, 0.0
    observer.lost(late, "not_pushed")
    observer.appended(posted, run.started_s + 1.0)  # over REST, where the answer alone has it
    run.ledger.since_s = run.started_s + 5.0
    observer.lost(later, "not_pushed")
    assert remembered(memory) == []
    totals = Totals(DEFAULT, [run.ledger.snapshot(1, True, 1.0)])
    assert totals.labels("messages_unaudited", phase=ALL) == {"no_seq": 2}


def test_an_open_outcome_is_remembered_by_its_content(run, memory, observer):
    """It holds even if the agent's answer shows that there was an append: that does not give its seq."""
    for_ever, answered, pushed = sent(run, observer, "r-3-1-1", "r-3-1-2", "r-3-1-3")
    for message in (for_ever, answered, pushed):
        message.replies = 0
        observer.unconfirmed(message, "timeout")
    for message in (answered, pushed):
        observer.confirmed(message, "timeout")
    observer.resolved(answered)
    pushed.seq = 4
    observer.appended(pushed, run.started_s)
    observer.let_go()
    found = {(message.seq, message.number, message.is_unconfirmed) for message in remembered(memory)}
    assert found == {(0, 1, True), (0, 2, True), (4, 3, False)}


def test_an_answer_is_remembered_as_it_was_pushed(run, memory, observer):
    """Pushes of anybody else are not: the session's own are remembered when they are acknowledged."""
    payload = {"seq": 2, "sender_id": AGENT, "content": {"text": "yes"}}
    observer.received(payload, run.started_s + 2.0)
    observer.received({**payload, "sender_id": "somebody"}, run.started_s + 2.0)
    assert remembered(memory) == [Remembered(2, digest_of({"text": "yes"}), 2000, 0, True)]


def test_what_a_reset_leaves_out_is_not_audited(run, memory, observer):
    """A message from before it is in no count; its fate is not either."""
    (message,) = sent(run, observer, "r-3-1-1")
    message.seq = 1
    run.ledger.since_s = run.started_s + 5.0
    observer.appended(message, run.started_s + 6.0)
    observer.received({"seq": 2, "sender_id": AGENT, "content": {}}, run.started_s + 4.0)
    assert remembered(memory) == []


def test_what_was_named_already_is_known(run, memory, observer):
    """The check of a round's replay names what it misses; the audit counts it and does not name it again."""
    (message,) = sent(run, observer, "r-3-1-1")
    message.seq = 1
    observer.finding("unreplayed", 7, "r-3-1-1")  # nothing is remembered of the session yet
    observer.appended(message, run.started_s)
    observer.finding("unreplayed", 1, "r-3-1-1")
    observer.finding("unreplayed", 2, "r-3-1-1")
    assert memory.sessions[0].named == {1, 2}


def test_a_session_that_is_over_holds_no_more_than_its_messages(run, memory, observer):
    """Messages sent but never acknowledged are forgotten with it."""
    messages = sent(run, observer, *(f"r-3-1-{k}" for k in range(1, 9)))
    for seq, message in enumerate(messages[:5], 1):
        message.seq = seq
        observer.appended(message, run.started_s)
    observer.let_go()
    assert [message.seq for message in remembered(memory)] == [1, 2, 3, 4, 5]


def test_a_refusal_that_is_taken_back_is_remembered(run, memory, observer):
    """Only as many refused messages are kept as may still be taken back; an unknown one is counted."""
    refs = [f"r-3-1-{k}" for k in range(1, MAX_PRESUMED + 3)]
    messages = sent(run, observer, *refs)
    for message in messages:
        observer.rejected(message, "backpressure: full", run.started_s)
    assert len(observer._open) == MAX_PRESUMED
    for seq, message in ((1, messages[0]), (2, messages[-1])):
        message.seq = seq
        observer.unrejected(message, "backpressure: full")
        observer.appended(message, run.started_s)
    assert [(message.seq, message.number) for message in remembered(memory)] == [(2, MAX_PRESUMED + 2)]
    assert memory.not_remembered == {"burst": [1, 0, 0]}
