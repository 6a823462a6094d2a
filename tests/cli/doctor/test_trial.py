"""The trial session's words for the fate of its message and of the answer."""

import pytest

from fleetlm_users.cli.doctor.trial import MessageOutcome, Trial
from fleetlm_users.client import Targets
from fleetlm_users.protocol.observer import SentMessage, UpperBound

TARGETS = Targets("http://x/api", "ws://x/socket/websocket", "http://a", "echo", protocol="late")


class Channel:
    """A channel whose one message comes back at `appended_s` and is answered at 2 s."""

    def __init__(self, outcome, appended_s):
        self.outcome = outcome
        self.appended_s = appended_s

    def send(self, text, client_ref, due_s, phase):
        message = SentMessage(client_ref, due_s, 1.0, phase)
        message.appended_s = self.appended_s
        self.outcome.appended(message, self.appended_s)
        self.outcome.replied(message, 2.0)

    def settle(self, until_s):
        return True

    def finish(self):
        """Nothing is open."""


@pytest.mark.parametrize(
    ("appended_s", "words"),
    [
        (1.5, "500.0 ms later, through the webhook"),
        (UpperBound(2.0), "read together with the message, through the webhook"),
    ],
)
def test_the_answer_has_a_time_only_where_it_is_known(appended_s, words):
    """Message and answer in one read: 0.0 ms would be a time that no server can have."""
    outcome = MessageOutcome()
    results = list(Trial(TARGETS, "u1", "r1", 1.0)._send(Channel(outcome, appended_s), outcome))
    assert [result.outcome for result in results] == ["ok", "ok"]
    assert results[1].detail == words
