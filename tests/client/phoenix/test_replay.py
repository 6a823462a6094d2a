"""The replay of a session: joined, read and left again, whatever else arrives on the topic."""

from types import SimpleNamespace

import pytest

from fleetlm_users.client.phoenix.replay import read_replay
from fleetlm_users.errors import Disconnected, JoinRefused, ReplyTimeout

MESSAGES = [{"seq": 1, "content": {}}]


class Socket:
    """A socket whose join and leave are played by the test."""

    def __init__(self, response=None, join=None, leave=None):
        self.response, self.failures, self.left, self.is_closed = response, {"join": join, "leave": leave}, [], False

    def join(self, topic, payload, handler, timeout_s):
        handler.on_broadcast("message", {}, 0.0)  # of somebody who writes meanwhile
        handler.on_reply("1", "error", {}, 0.0)
        handler.on_down(Disconnected("phx_close"), 0.0)
        if self.failures["join"]:
            raise self.failures["join"]
        return SimpleNamespace(response=self.response)

    def leave(self, topic, timeout_s):
        self.left.append(topic)
        if self.failures["leave"]:
            raise self.failures["leave"]

    def close(self):
        self.is_closed = True


def test_the_replay_is_what_the_join_hands_over():
    """The topic is left, so that the next session finds a quiet socket."""
    socket = Socket({"messages": MESSAGES, "session_id": "s"})
    assert read_replay(socket, "s", 1.0) == MESSAGES
    assert socket.left == ["session:s"]
    assert not socket.is_closed


@pytest.mark.parametrize("response", [None, {}, {"messages": None}, {"messages": "none"}, [1]])
def test_a_join_without_messages_is_a_failure(response):
    """An empty list says that nothing is stored; no list says nothing."""
    with pytest.raises(Disconnected) as caught:
        read_replay(Socket(response), "s", 1.0)
    assert caught.value.kind == "no_replay"


def test_a_refused_join_goes_on_to_the_caller():
    """The error has the server's word."""
    with pytest.raises(JoinRefused):
        read_replay(Socket(join=JoinRefused("session:s", "not found")), "s", 1.0)


@pytest.mark.parametrize(
    ("failure", "is_closed"), [(Disconnected("eof"), False), (ReplyTimeout("session:s", "phx_leave", 5.0), True)]
)
def test_a_leave_that_fails_takes_nothing_away(failure, is_closed):
    """The messages are there; a socket that does not answer is not used again."""
    socket = Socket({"messages": MESSAGES}, leave=failure)
    assert read_replay(socket, "s", 1.0) == MESSAGES
    assert socket.is_closed is is_closed
