"""Every message reaches every listener, or the listener that missed it is named; the deliveries always add up."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.protocol.fan_out import KEPT, FanOut
from fleetlm_users.protocol.observer import SentMessage

USER, AGENT = "user-1", "agent-1"
TIMEOUT_S = 5.0


class Notes:
    """An observer that keeps everything."""

    def __init__(self):
        self.spreads = []
        self.counts = Counter()
        self.missed = []

    def ended(self, spread, missed, left_open):
        self.spreads.append(spread)
        self.counts["expected"] += len(spread.seen)
        self.counts["seen"] += len(spread.arrivals)
        self.counts["open"] += left_open
        for cause, listeners in missed.items():
            self.counts["missed"] += len(listeners)
            self.missed.append((spread.client_ref, cause, listeners))

    def again(self, spread, listener, *, is_known):
        self.counts["repeated" if is_known else "duplicated"] += 1

    def out_of_order(self, spread, listener):
        self.counts["out of order"] += 1

    def altered(self, spread):
        self.counts["altered"] += 1

    def unexpected(self, kind):
        self.counts[kind] += 1


def crowd(listeners, **options):
    notes = Notes()
    return notes, FanOut(USER, AGENT, listeners, notes, timeout_s=TIMEOUT_S, **options)


def send(fan_out, client_ref, sent_s):
    fan_out.sent(SentMessage(client_ref, sent_s, sent_s, "main"))


def push(fan_out, listener, seq, client_ref="", at_s=0.0, *, sender=USER):
    payload = {"seq": seq, "sender_id": sender, "content": {"client_ref": client_ref}}
    spread = fan_out.find(payload, "main", at_s)
    if spread is not None:
        fan_out.take(spread, listener, at_s)


def test_a_message_is_whole_when_the_last_listener_has_it():
    """Its arrivals are those of the listeners, whatever their order."""
    notes, fan_out = crowd(3)
    send(fan_out, "a", 1.0)
    for listener, at_s in ((2, 1.3), (0, 1.1)):
        push(fan_out, listener, 1, "a", at_s)
    assert not fan_out.is_settled
    push(fan_out, 1, 1, "a", 1.2)
    assert fan_out.is_settled
    assert sorted(notes.spreads[0].arrivals) == [1.1, 1.2, 1.3]
    assert notes.missed == []


def test_who_does_not_have_it_in_time_has_missed_it():
    """A push that comes afterwards is late, and not a delivery."""
    notes, fan_out = crowd(3)
    send(fan_out, "a", 1.0)
    push(fan_out, 1, 1, "a", 1.1)
    assert fan_out.next_expiry_s() == 6.0
    fan_out.expire(6.0)
    assert notes.missed == [("a", "timeout", [0, 2])]
    push(fan_out, 2, 1, "a", 6.1)
    assert notes.counts["late"] == 1


def test_a_refused_message_is_expected_by_nobody():
    """Unless it is pushed all the same, or the refusal is taken back."""
    notes, fan_out = crowd(1)
    for client_ref in "abc":
        send(fan_out, client_ref, 1.0)
        fan_out.withdrawn(client_ref, True)
    assert fan_out.is_settled
    push(fan_out, 0, 1, "a", 1.1)
    fan_out.withdrawn("b", False)
    fan_out.end(2.0)
    assert notes.counts == Counter(expected=2, seen=1, open=1, missed=0)


def test_a_lost_listener_misses_what_it_does_not_have():
    """At the others the same messages are open."""
    notes, fan_out = crowd(2)
    send(fan_out, "a", 1.0)
    fan_out.lost(1, "closed_1011")
    fan_out.end(1.5)
    assert notes.missed == [("a", "closed_1011", [1])]
    assert notes.counts["open"] == 1


def test_an_answer_is_expected_once_anybody_has_seen_it():
    """The session's first device, or a listener."""
    notes, fan_out = crowd(2)
    fan_out.answer(1, "main", 1.0)
    push(fan_out, 0, 2, at_s=1.0, sender=AGENT)
    fan_out.expire(6.0)
    assert notes.missed == [("", "timeout", [0, 1]), ("", "timeout", [1])]


def test_the_second_push_is_known_where_the_protocol_makes_one():
    """It is for messages sent on a socket; an answer is pushed once, and a third push is one too many."""
    notes, fan_out = crowd(1, pushed_twice=True)
    send(fan_out, "a", 1.0)
    for _ in range(3):
        push(fan_out, 0, 1, "a", 1.1)
    for _ in range(2):
        push(fan_out, 0, 2, at_s=1.2, sender=AGENT)
    assert notes.counts["repeated"] == 1
    assert notes.counts["duplicated"] == 2


def test_what_nobody_sent_and_what_is_no_message_is_unexpected():
    """That includes a known message under a different seq."""
    notes, fan_out = crowd(1)
    send(fan_out, "a", 1.0)
    push(fan_out, 0, 1, "a", 1.1)
    push(fan_out, 0, 2, "a", 1.1)
    push(fan_out, 0, 3, "strange", 1.1)
    for payload in (None, [], {}, {"seq": "1"}, {"seq": True}, {"seq": 0}):
        assert fan_out.find(payload, "main", 1.1) is None
    assert notes.counts["unknown"] == 2
    assert notes.counts["malformed"] == 6


def test_what_is_over_is_forgotten_in_the_end():
    """A session of days takes no more memory than one of minutes."""
    notes, fan_out = crowd(1)
    for number in range(KEPT + 50):
        send(fan_out, f"m{number}", 1.0)
        push(fan_out, 0, number + 1, f"m{number}", 1.1)
    push(fan_out, 0, 1, "m0", 1.2)
    push(fan_out, 0, KEPT + 50, f"m{KEPT + 49}", 1.2)
    assert notes.counts["unknown"] == 1
    assert notes.counts["duplicated"] == 1


PUSHES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans(), st.floats(0, 12, allow_nan=False)), max_size=60
)


@given(pushes=PUSHES, refused=st.sets(st.integers(0, 5)), lost=st.sets(st.integers(0, 3)), cut_s=st.floats(0, 12))
def test_deliveries_always_add_up(pushes, refused, lost, cut_s):
    """Expected = seen + missed + open, and every push is one of those, a repetition or unexpected."""
    notes, fan_out = crowd(4, pushed_twice=True)
    for number in range(6):
        send(fan_out, str(number), float(number))
    for number in refused:
        fan_out.withdrawn(str(number), True)
    for listener, number, is_answer, at_s in sorted(pushes, key=lambda push: push[3]):
        fan_out.expire(at_s)
        if is_answer:
            push(fan_out, listener, 100 + number, at_s=at_s, sender=AGENT)
        else:
            push(fan_out, listener, 1 + number, str(number), at_s)
    for listener in lost:
        fan_out.lost(listener, "eof")
    fan_out.end(cut_s)
    counts = notes.counts
    assert counts["expected"] == counts["seen"] + counts["missed"] + counts["open"]
    read = (counts[kind] for kind in ("seen", "repeated", "duplicated", "late", "after_end", "unknown"))
    assert sum(read) == len(pushes)
    assert len({id(spread) for spread in notes.spreads}) == len(notes.spreads)
    assert fan_out.is_settled


def test_a_message_that_listeners_are_given_otherwise_than_it_was_sent_is_altered_once():
    """It has reached them all the same."""
    notes, fan_out = crowd(3)
    fan_out.sent(SentMessage("a", 1.0, 1.0, "main", {"client_ref": "a", "text": "x"}))
    for listener, text in enumerate("xyz"):
        payload = {"seq": 1, "sender_id": USER, "content": {"client_ref": "a", "text": text}}
        fan_out.take(fan_out.find(payload, "main", 1.1), listener, 1.1)
    assert notes.counts["altered"] == 1
    assert notes.counts["seen"] == notes.counts["expected"] == 3


def test_a_message_altered_for_its_own_session_is_counted_there():
    """Once it has reached everybody its content is not kept."""
    notes, fan_out = crowd(2)
    message = SentMessage("a", 1.0, 1.0, "main", {"client_ref": "a", "text": "x"})
    fan_out.sent(message)
    message.is_altered, message.content = True, None
    payload = {"seq": 1, "sender_id": USER, "content": {"client_ref": "a", "text": "y"}}
    for listener in range(2):
        spread = fan_out.find(payload, "main", 1.1)
        fan_out.take(spread, listener, 1.1)
    assert notes.counts["altered"] == 0
    assert spread.content is None
