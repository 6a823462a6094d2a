"""The state that a caller needs while it goes on sending: which messages are open, until when, and when patience
ends.
"""

import math

from fleetlm_users.protocol.conversation import Conversation

USER, AGENT = "u1", "agent"


class Told:
    """Records its calls."""

    def __init__(self):
        self.facts = []

    def __getattr__(self, name):
        return lambda *facts: self.facts.append((name, getattr(facts[0], "client_ref", facts[0]) if facts else None))

    def of(self, *names):
        return [fact for fact in self.facts if fact[0] in names]


def conversation(**options):
    told = Told()
    opened = Conversation(USER, AGENT, told, reply_timeout_s=10.0, **options)
    opened.joined([])
    return opened, told


def send(opened, ref, now_s):
    message = opened.sending(ref, now_s, now_s, "main")
    opened.sent(message, f"ref-{ref}", now_s)
    return message


def own(seq, ref):
    return {"seq": seq, "sender_id": USER, "content": {"client_ref": ref}}


def test_a_message_is_open_until_it_has_its_fate_and_its_answer():
    """Appended is not enough where an agent answers."""
    opened, _ = conversation()
    message = send(opened, "a", 1.0)
    assert opened.is_open(message)
    opened.message(own(1, "a"), 1.5)
    assert opened.is_open(message)
    opened.message({"seq": 2, "sender_id": AGENT, "content": {}}, 2.0)
    assert not opened.is_open(message)


def test_the_oldest_wait_expires_first():
    """Infinity where nothing is open."""
    opened, _ = conversation()
    assert opened.first_expiry_s() == math.inf
    send(opened, "a", 1.0)
    send(opened, "b", 4.0)
    assert opened.first_expiry_s() == 11.0
    opened.message(own(1, "a"), 5.0)
    assert opened.first_expiry_s() == 14.0


def test_patience_ends_message_by_message_while_others_go_on():
    """Lost where nothing came, unanswered where the agent said nothing; a younger one stays open."""
    opened, told = conversation()
    send(opened, "a", 1.0)
    send(opened, "b", 2.0)
    young = send(opened, "c", 9.0)
    opened.message(own(1, "b"), 2.5)
    opened.expire(11.0)
    assert told.of("lost", "unanswered") == [("lost", "a")]
    opened.expire(12.5)
    assert told.of("lost", "unanswered") == [("lost", "a"), ("unanswered", "b")]
    assert opened.is_open(young)
    opened.expire(12.5)
    assert len(told.of("lost", "unanswered")) == 2


def test_an_agent_that_is_not_followed_is_left_alone():
    """Its messages count as received and answer nothing; no message awaits them."""
    opened, told = conversation(agent_replies=None)
    message = send(opened, "a", 1.0)
    opened.message(own(1, "a"), 1.5)
    assert not opened.is_open(message)
    assert opened.settled
    opened.message({"seq": 2, "sender_id": AGENT, "content": {}}, 2.0)
    opened.close(3.0)
    assert [name for name, _ in told.facts] == ["received", "appended", "received"]
