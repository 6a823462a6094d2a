"""An observer of conversations that records its calls."""

from collections import Counter


class Notes:
    """Every fact in order, and how often each kind came."""

    def __init__(self):
        self.facts = []
        self.kinds = Counter()

    def note(self, kind, *what):
        self.facts.append((kind, *what))
        self.kinds[kind] += 1

    def of(self, kind):
        """Return the arguments of the facts of this kind."""
        return [what for name, *what in self.facts if name == kind]

    def received(self, payload, done_s):
        self.note("received", payload["seq"])

    def repeated(self, payload, done_s):
        self.note("repeated", payload["seq"])

    def acknowledged(self, message, done_s):
        self.note("acknowledged", message.client_ref, done_s)

    def unacknowledged(self, message):
        self.note("unacknowledged", message.client_ref)

    def appended(self, message, done_s):
        self.note("appended", message.client_ref)

    def resolved(self, message):
        self.note("resolved", message.client_ref)

    def rejected(self, message, reason, done_s):
        self.note("rejected", message.client_ref, reason)

    def unrejected(self, message, reason):
        self.note("unrejected", message.client_ref, reason)

    def unconfirmed(self, message, reason):
        self.note("unconfirmed", message.client_ref, reason)

    def confirmed(self, message, reason):
        self.note("confirmed", message.client_ref, reason)

    def lost(self, message, reason):
        self.note("lost", message.client_ref, reason)

    def left_in_flight(self, message):
        self.note("in_flight", message.client_ref)

    def replied(self, message, done_s):
        self.note("replied", message.client_ref, done_s)

    def unanswered(self, message, reason):
        self.note("unanswered", message.client_ref, reason)

    def backpressure(self, reason):
        self.note("backpressure", reason)

    def anomaly(self, kind):
        self.note(kind)

    def skipped(self, noticed_s):
        self.note("seq_gap", noticed_s)

    def stream_began(self, message, done_s):
        self.note("stream_began", message and message.client_ref, done_s)

    def stream_went_on(self, message, gap_s):
        self.note("stream_went_on", message and message.client_ref, gap_s)

    def stream_ended(self, message, chunks, length_s, *, is_whole):
        self.note("stream_ended", message and message.client_ref, chunks, length_s, is_whole)
