"""The behaviour of a stand-in of the late protocol beyond the recorded scenes."""

import asyncio
import json

import pytest

from fleetlm_users.standin.faults.quirks import mixed_page
from fleetlm_users.standin.phoenix.channel import Refused
from fleetlm_users.standin.phoenix.late_session_channel import last_seq_of
from tests.e2e.harness import eventually
from tests.standin.raw_socket import RawSocket
from tests.standin.scripted_agent import ScriptedAgent, plain
from tests.standin.test_late_record import ACK, AGENT, late_session

LATE = ("--protocol", "late")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [({}, 0), ({"last_seq": 2}, 2), ({"last_seq": "3"}, 3), ({"last_seq": 2.9}, 2), ({"last_seq": -1}, 0),
     ({"last_seq": "abc"}, 0), ({"last_seq": None}, 0), ({"last_seq": True}, 0), ({"last_seq": [1]}, 0),
     ({"last_seq": 1e999}, 0), ({"other": 1}, 0)],
)  # fmt: skip
def test_the_last_seq_of_a_join(payload, expected):
    """The record "join variants" shows it."""
    assert last_seq_of(payload) == expected


@pytest.mark.parametrize("payload", [None, [1], "x", 5, {"last_seq": {"a": 1}}])
def test_a_join_of_the_wrong_shape_is_refused(payload):
    """The record: "join crashed"."""
    with pytest.raises(Refused, match="join crashed"):
        last_seq_of(payload)


class Pages:
    """A session of messages 1 to `count`, stamped by their seq."""

    def __init__(self, count):
        self.messages = list(range(1, count + 1))

    def after(self, seq, limit):
        return [message for message in self.messages if message > seq][:limit]


@pytest.mark.parametrize(
    ("count", "flushed", "after", "limit", "expected"),
    [
        (130, 9, 0, 100, [*range(10, 110)]),
        (130, 9, 0, 50, [*range(10, 60)]),
        (131, 130, 0, 100, [*range(1, 100), 131]),
        (131, 130, 0, 50, [*range(1, 50), 131]),
        (131, 130, 20, 100, [*range(21, 120), 131]),
        (131, 130, 100, 50, [*range(101, 132)]),
        (131, 130, 0, 1000, [*range(1, 132)]),
    ],
)
def test_a_page_mixes_memory_and_database(  # noqa: PLR0917  # the columns of the table
    monkeypatch, count, flushed, after, limit, expected
):
    """The very pages that the record shows ("The biggest surprise")."""
    monkeypatch.setattr("fleetlm_users.standin.faults.quirks.stamp_of", lambda message: message)
    assert mixed_page(Pages(count), after, limit, flushed + 1) == expected


def frames_of(standin_with, flags, scene, answer=lambda _: plain(ACK)):
    """Runs `scene(socket, topic, standin, agent)` on a joined session."""

    async def run():
        async with ScriptedAgent(answer) as agent:
            standin = await asyncio.to_thread(standin_with, *LATE, *flags)
            await asyncio.to_thread(standin.agent, AGENT, agent.url, timeout_ms=60_000)
            session = await asyncio.to_thread(late_session, standin)
            socket = await RawSocket.open(standin, "u1", parameter="user_id")
            topic = f"session:{session}"
            await socket.join(topic)
            try:
                return await scene(socket, topic, standin, agent)
            finally:
                await socket.close()

    return asyncio.run(run())


def test_without_quirks_each_message_is_pushed_once(standin_with):
    """Reply, push, the four pieces, the answer."""

    async def scene(socket, topic, *_):
        socket.say(topic, "hi")
        return [(frame[3], frame[4].get("seq")) for frame in await socket.take(7)]

    seen = frames_of(standin_with, (), scene)
    assert seen == [("phx_reply", None), ("message", 1), *([("stream_chunk", None)] * 4), ("message", 2)]


def test_an_open_outcome_is_appended_and_answered_but_never_pushed(standin_with):
    """The fault of a storage that does not confirm in time."""

    async def scene(socket, topic, standin, _):
        socket.say(topic, "hi")
        frames = await socket.take(6)
        assert len(await asyncio.to_thread(standin.messages, topic.removeprefix("session:"))) == 2
        return [(frame[3], frame[4].get("response"), frame[4].get("seq")) for frame in frames]

    seen = frames_of(standin_with, ("--timeout-every", "1"), scene)
    assert seen[0] == ("phx_reply", {"error": "timeout"}, None)
    assert [event for event, _, _ in seen[1:]] == ["stream_chunk"] * 4 + ["message"]
    assert seen[-1][2] == 2


def test_the_transcript_is_frozen_under_quirks(standin_with):
    """All webhooks of a session carry the body of its first one."""

    async def scene(socket, topic, _, agent):
        for text in ("one", "two", "three"):
            socket.say(topic, text)
            await socket.take(8)
        return [[message["content"]["text"] for message in request["body"]["messages"]] for request in agent.requests]

    assert frames_of(standin_with, ("--quirks",), scene) == [["one"]] * 3


def test_a_webhook_has_the_context_and_seq_twice(standin_with):
    """A parser that refuses duplicate keys would fail on it, as on FleetLM's."""

    async def scene(socket, topic, _, agent):
        socket.say(topic, "hi")
        await socket.take(7)
        return agent.requests[0]["body"]

    body = frames_of(standin_with, (), scene)
    assert body["context"]["metadata"]["last_included_seq"] == 1
    assert body["messages"][0]["recipient_id"] == AGENT
    assert sorted(body) == ["agent_id", "context", "messages", "session_id", "user_id"]


def test_a_cut_connection_takes_the_sessions_queue_with_it(standin_with):
    """Three sends to an agent that hangs up: one webhook, no answer; the next send is answered."""
    first = []

    def answer(request):
        if not first:
            first.append(request)
            return None
        return plain(ACK)

    async def scene(socket, topic, standin, agent):
        for text in ("one", "two", "three"):
            socket.say(topic, text)
        await socket.take(9)
        await asyncio.to_thread(eventually, lambda: standin.counters()["webhooks_failed"] == 3, "three lost webhooks")
        socket.say(topic, "four")
        frames = await socket.take(8)
        return len(agent.requests), [frame[3] for frame in frames]

    asked, events = frames_of(standin_with, ("--quirks",), scene, answer)
    assert asked == 2
    assert events[-1] == "message"


def test_both_protocols_on_one_server(standin_with):
    """A socket speaks the protocol of its parameter, a session that of the keys that created it."""

    async def run():
        standin = await asyncio.to_thread(standin_with, "--protocol", "both", "--builtin-agent")
        seen = {}
        for parameter, session in (
            ("participant_id", await asyncio.to_thread(standin.session)),
            ("user_id", await asyncio.to_thread(late_session, standin)),
        ):
            socket = await RawSocket.open(standin, "u1", parameter=parameter)
            await socket.join(f"session:{session}")
            socket.say(f"session:{session}", "hi")
            seen[parameter] = (await socket.take(1))[0][3]
            await socket.close()
        return seen, await asyncio.to_thread(standin.call, "POST", "/api/sessions", {})

    seen, refused = asyncio.run(run())
    assert seen == {"participant_id": "message", "user_id": "phx_reply"}
    assert (refused.status, json.loads(refused.body)) == (422, {"error": "user_id and agent_id are required"})
