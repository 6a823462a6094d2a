"""Each fault as a client meets it, switched on at run time."""

import asyncio

import pytest

from tests.standin.raw_socket import CLOSE, TEXT, RawSocket


@pytest.fixture
def faulty(standin):
    """The shared stand-in, its faults off again afterwards."""
    off = standin.call("GET", "/standin/faults").json()
    yield standin
    standin.faults(**off)


def with_session(standin, scene):
    """Runs `scene(socket, session id, topic)` with a joined socket of a new session."""

    async def run():
        session = await asyncio.to_thread(standin.session)
        socket = await RawSocket.open(standin)
        await socket.join(f"session:{session}")
        try:
            return await scene(socket, session, f"session:{session}")
        finally:
            await socket.close()

    return asyncio.run(run())


def pushed(standin, sends):
    """Return the seqs of the pushes after this many sends, and the stored messages."""

    async def scene(socket, session, topic):
        for number in range(sends):
            socket.say(topic, str(number))
        socket.send([None, "end", "phoenix", "heartbeat", {}])
        seqs = []
        while (message := await socket.receive())[1] != "end":
            seqs.append(message[4]["seq"] if message[3] == "message" else message[3])
        return seqs, [seq for seq, _ in await asyncio.to_thread(standin.messages, session)]

    return with_session(standin, scene)


ALL = [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("faults", "seqs", "stored"),
    [
        ({"no_broadcast": True}, [], ALL),
        ({"lose_every": 3}, [1, 2, 4, 5], ALL),
        ({"double_every": 4}, [1, 2, 3, 4, 4, 5, 6], ALL),
        ({"reorder_every": 3}, [1, 2, 4, 3, 5], ALL),
        ({"lose_replay_every": 2}, ALL, [1, 3, 5]),
        ({"change_every": 2}, ALL, ALL),
        ({"alter_every": 2}, ALL, ALL),
        ({"no_agent": True}, [1, 2, 3], [1, 2, 3]),
        ({"backpressure_every": 2}, [1, 2, "backpressure", 3, 4], [1, 2, 3, 4]),
        ({"reject_every": 2}, [1, 2, "phx_reply", 3, 4], [1, 2, 3, 4]),
        ({}, ALL, ALL),
    ],
)
def test_pushes(faulty, faults, seqs, stored):
    """Return the pushes of three sends and their echoes."""
    faulty.faults(**faults)
    assert pushed(faulty, 3) == (seqs, stored)


def test_a_held_push_comes_at_last(faulty):
    """Reordering is not loss: without a follower it comes after a second."""

    async def scene(socket, session, topic):
        del session
        faulty_now = {"reorder_every": 1, "no_agent": True}
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", faulty_now)
        socket.say(topic, "alone")
        return (await socket.receive())[4]["seq"]

    assert with_session(faulty, scene) == 1


def test_payloads_of_backpressure_and_rejection(faulty):
    """The pushed event carries reason and retry_after_ms; a rejection is an error reply."""

    async def scene(socket, session, topic):
        del session
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", {"backpressure_every": 1})
        socket.say(topic, "x")
        held = {"reason": "session_draining", "retry_after_ms": 1000}
        assert await socket.receive() == ["1", None, topic, "backpressure", held]
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", {"backpressure_every": 0, "reject_every": 1})
        socket.say(topic, "x")
        rejected = {"response": {"reason": "rejected"}, "status": "error"}
        assert await socket.receive() == ["1", "9", topic, "phx_reply", rejected]

    with_session(faulty, scene)


def test_garbage_and_disconnect(faulty):
    """A text frame is not JSON; a close has 1011, and the send is not appended."""

    async def scene(socket, session, topic):
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", {"garbage_every": 1, "no_agent": True})
        socket.say(topic, "x")
        assert (await socket.receive())[4]["seq"] == 1
        assert await socket.frame_in() == (TEXT, b'["not json')
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", {"disconnect_every": 1})
        socket.say(topic, "y")
        assert await socket.closed() == 1011
        return await asyncio.to_thread(faulty.messages, session)

    assert with_session(faulty, scene) == [(1, {"text": "x"})]


def test_a_closing_socket_listens_to_nothing(faulty):
    """The client has not closed its side yet: a message that comes now is not pushed, and not counted as pushed."""

    async def scene(socket, session, topic):
        await asyncio.to_thread(faulty.call, "POST", "/standin/faults", {"disconnect_every": 1})
        socket.say(topic, "x")
        opcode, _ = await socket.frame_in()
        assert opcode == CLOSE
        before = await asyncio.to_thread(faulty.counters)
        await asyncio.to_thread(faulty.append, session, "y", "stranger")
        after = await asyncio.to_thread(faulty.counters)
        assert await socket.frame_in() is None
        return after["broadcasts_sent"] - before["broadcasts_sent"]

    assert with_session(faulty, scene) == 0


def test_refused_joins(faulty):
    """Every session join is refused as a stranger's would be; inboxes are not."""
    faulty.faults(refuse_joins=True)

    async def run():
        session = await asyncio.to_thread(faulty.session)
        socket = await RawSocket.open(faulty)
        refused = {"response": {"reason": "unauthorized"}, "status": "error"}
        assert await socket.join(f"session:{session}") == refused
        assert (await socket.join("inbox:u1"))["status"] == "ok"
        await socket.close()

    asyncio.run(run())


def test_unavailable(faulty):
    """503 to REST and to the upgrade; the stand-in's own routes still answer."""
    faulty.faults(unavailable=True)
    answer = faulty.call("GET", "/api/agents", headers={"Accept": "application/json"})
    assert (answer.status, answer.json()) == (503, {"errors": {"detail": "Service Unavailable"}})
    with pytest.raises(AssertionError, match="503 Service Unavailable"):
        asyncio.run(RawSocket.open(faulty))
    assert faulty.call("GET", "/health").status == 200


def test_session_limit(faulty):
    """The creation beyond it answers 503; a deleted session makes room."""
    first = faulty.session()
    counters = faulty.counters()
    faulty.faults(session_limit=counters["sessions_created"] - counters["sessions_deleted"])
    body = {"sender_id": "u1", "recipient_id": "a"}
    assert faulty.call("POST", "/api/sessions", body).status == 503
    faulty.call("DELETE", f"/api/sessions/{first}")
    assert faulty.call("POST", "/api/sessions", body).status == 201


def test_a_delay_keeps_the_order(faulty):
    """Every push comes later, none is lost or overtaken."""
    faulty.faults(broadcast_delay_ms=30)

    async def scene(socket, session, topic):
        del session
        for number in range(20):
            socket.say(topic, str(number))
        return [message[4]["seq"] for message in await socket.take(40)]

    assert with_session(faulty, scene) == list(range(1, 41))


def test_a_stall_stops_everything_once(faulty):
    """Requests meanwhile are answered afterwards."""
    faulty.faults(stall_ms=300, stall_at_s=0)
    assert faulty.call("GET", "/health").status == 200
    assert pushed(faulty, 1)[0] == [1, 2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"lose_evry": 1}, ["lose_evry", "expected one of", "lose_every"]),
        ({"lose_every": "3"}, ["lose_every", "'3'", "whole number"]),
        ({"lose_every": -1}, ["-1", "whole number"]),
        ({"no_agent": 1}, ["no_agent", "true or false"]),
        ({"broadcast_delay_ms": True}, ["broadcast_delay_ms", "number"]),
        ([1], ["_json"]),
    ],
)
def test_bad_faults_are_refused_with_the_accepted_form(faulty, body, words):
    """400, a JSON error, and nothing is changed."""
    before = faulty.call("GET", "/standin/faults").json()
    answer = faulty.call("POST", "/standin/faults", body)
    assert answer.status == 400
    assert [word for word in words if word not in answer.json()["error"]] == []
    assert faulty.call("GET", "/standin/faults").json() == before


def test_messages_past_the_rate_are_appended_late(faulty):
    """They wait in their order, and a higher rate lets them through."""

    async def scene(socket, _session, topic):
        await asyncio.to_thread(faulty.faults, append_rate_limit=0.0001, no_agent=True)
        for number in range(3):
            socket.say(topic, str(number))
        await socket.silence()
        await asyncio.to_thread(faulty.faults, append_rate_limit=0)
        return [message[4]["content"]["text"] for message in await socket.take(3)]

    assert with_session(faulty, scene) == ["0", "1", "2"]
