"""Inbox channels on the wire: snapshot at join, whole snapshots once a second, nobody refused."""

import asyncio

from tests.standin.raw_socket import RawSocket


def with_inbox(standin, user, scene):
    """Runs `scene(socket)` on a new socket of `user`."""

    async def run():
        socket = await RawSocket.open(standin, user)
        try:
            return await scene(socket)
        finally:
            await socket.close()

    return asyncio.run(run())


def by_session(snapshot):
    return {entry["session_id"]: (entry["unread_count"], entry["last_sender_id"]) for entry in snapshot}


def test_snapshot_deltas_and_rejoin(standin):
    """Counts all messages of the user's sessions; a delta is the whole inbox, the latest activity first."""

    async def scene(socket):
        first, second = [await asyncio.to_thread(standin.session, "i1") for _ in range(2)]
        inbox = (await socket.join("inbox:i1"))["response"]["inbox"]
        assert by_session(inbox) == {first: (0, None), second: (0, None)}
        assert inbox[0]["last_activity_at"] is None
        await asyncio.to_thread(standin.append, first, "one", "i1")
        late = await asyncio.to_thread(standin.session, "i1")
        await asyncio.to_thread(standin.append, late, "two", "stranger")
        delta = await socket.receive()
        assert delta[:4] == ["1", None, "inbox:i1", "inbox_delta"]
        shown = delta[4]["inbox"]
        assert by_session(shown) == {first: (2, "bench-echo-agent"), second: (0, None), late: (1, "stranger")}
        assert [entry["session_id"] for entry in shown][:2] == [late, first]
        socket.send(["2", "2", "inbox:i1", "phx_join", {}])
        assert (await socket.receive())[4]["response"]["inbox"] == shown
        assert await socket.receive() == ["1", "1", "inbox:i1", "phx_close", {}]

    with_inbox(standin, "i1", scene)


def test_nobody_is_refused_and_any_event_crashes(standin):
    """Any participant, any name, the empty one too; an event is answered by phx_error, a leave by ok and phx_close."""

    async def scene(socket):
        for ref, name in (("1", "nobody"), ("2", "")):
            assert await socket.join(f"inbox:{name}", ref) == {"response": {"inbox": []}, "status": "ok"}
        socket.send(["1", "5", "inbox:nobody", "send", {}])
        assert await socket.receive() == ["1", "1", "inbox:nobody", "phx_error", {}]
        socket.send(["1", "6", "inbox:nobody", "phx_leave", {}])
        assert await socket.receive() == ["1", "6", "inbox:nobody", "phx_reply", {"response": {}, "status": "ok"}]
        socket.send(["2", "7", "inbox:", "phx_leave", {}])
        assert await socket.receive() == ["2", "7", "inbox:", "phx_reply", {"response": {}, "status": "ok"}]
        assert await socket.receive() == ["2", "2", "inbox:", "phx_close", {}]
        await socket.silence()

    with_inbox(standin, "i2", scene)


def test_fifty_changed_sessions_are_pushed_at_once(standin):
    """The threshold does not wait for the second."""

    async def scene(socket):
        sessions = [await asyncio.to_thread(standin.session, "i3") for _ in range(50)]
        await socket.join("inbox:i3")
        for session in sessions:
            await asyncio.to_thread(standin.append, session, "x", "stranger")
        count = 0
        while count < 50:
            inbox = (await socket.receive())[4]["inbox"]
            count = sum(entry["unread_count"] for entry in inbox)
        assert len(inbox) == 50

    with_inbox(standin, "i3", scene)
