"""The requests to agents and the fates of their answers, as in the wire record's section on webhooks."""

import asyncio

import pytest

from tests.standin.raw_socket import RawSocket
from tests.standin.running import Standin
from tests.standin.scripted_agent import CHUNKED, ScriptedAgent, chunk, line, plain


@pytest.fixture(scope="module")
def standin():
    """A stand-in that calls webhooks."""
    shared = Standin()
    yield shared
    shared.stop()


async def talk(standin, agent, name, texts=("hi 0",), replies=1, **fields):
    """Says `texts` one after the other; the messages that came, `replies` of the agent's after each."""
    await asyncio.to_thread(standin.agent, name, agent.url, **fields)
    session = await asyncio.to_thread(standin.session, "u1", name)
    socket = await RawSocket.open(standin)
    await socket.join(f"session:{session}")
    seen = []
    for number, text in enumerate(texts):
        socket.say(f"session:{session}", text, client_ref=f"r{number}")
        seen += [message[4] for message in await socket.take(1 + replies)]
    await settled(standin)
    await socket.silence()
    await socket.close()
    return session, seen


async def settled(standin):
    """Waits until no webhook is under way."""
    while (await asyncio.to_thread(standin.counters))["webhooks_pending"]:
        await asyncio.sleep(0)


def scene(standin, answer, name, **options):
    """(the agent, the session, the messages) of one scene."""

    async def run():
        async with ScriptedAgent(answer) as agent:
            return agent, *await talk(standin, agent, name, **options)

    return asyncio.run(run())


def texts_of(messages, sender):
    return [message["content"].get("text") for message in messages if message["sender_id"] == sender]


def test_the_request_is_the_recorded_one(standin):
    """Method, headers and body, without metadata and message ids; the agent's own headers are merged in."""
    agent, session, _ = scene(
        standin, lambda _: plain(line("ok")), "w-request", headers={"x-api-key": "secret", "accept": "text/plain"}
    )
    request = agent.requests[0]
    stamp = request["body"]["messages"][0].pop("inserted_at")
    assert len(stamp) == 19
    assert request["line"] == "POST /webhook HTTP/1.1"
    assert request["body"] == {
        "agent_id": "w-request",
        "messages": [{"content": {"client_ref": "r0", "text": "hi 0"}, "kind": "text", "sender_id": "u1", "seq": 1}],
        "session_id": session,
        "user_id": "u1",
    }
    expected = {
        "accept": "text/plain",
        "content-type": "application/json",
        "user-agent": "req/0.5.15",
        "x-api-key": "secret",
    }
    assert {name: request["headers"][name] for name in expected} == expected


def test_connections_are_reused(standin):
    """HTTP/1.1 keep-alive."""
    agent, _, _ = scene(standin, lambda _: plain(line("ok")), "w-alive", texts=("a", "b", "c"))
    assert (agent.connections, len(agent.requests)) == (1, 3)


@pytest.mark.parametrize(
    ("mode", "limit", "expected"),
    [
        ("tail", 2, [[1], [2, 3], [4, 5]]),
        ("last", 10, [[1], [3], [5]]),
        ("entire", 1, [[1], [1, 2, 3], [1, 2, 3, 4, 5]]),
    ],
)
def test_history(standin, mode, limit, expected):
    """`tail` is the true tail, `last` the message itself, `entire` everything."""
    fields = {"message_history_mode": mode, "message_history_limit": limit}
    agent, _, _ = scene(standin, lambda _: plain(line("ok")), f"w-history-{mode}", texts=("a", "b", "c"), **fields)
    assert [[message["seq"] for message in request["body"]["messages"]] for request in agent.requests] == expected


ANSWERS = {
    "two-lines": (plain(line("one") + line("two")), ["one", "two"], 0),
    "last-without-newline": (plain(line("first") + line("last").rstrip()), ["first", "last"], 0),
    "only-without-newline": (plain(line("only").rstrip()), ["only"], 0),
    "empty": (plain(""), [], 0),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", [], 0),
    "created": (plain(line("made"), "201 Created"), ["made"], 0),
    "empty-lines": (plain("\n" + line("one") + "\r\n\n"), ["one"], 0),
    "garbage": (plain("<html>garbage</html>"), [], 1),
    "good-bad-good": (plain(line("good") + "BAD\n" + line("late")), ["good"], 1),
    "no-kind": (plain('{"x":1}\n'), [], 1),
    "array": (plain("[1,2]\n"), [], 1),
    "content-text": (plain('{"kind":"text","content":"a string"}\n'), [], 1),
    "metadata-null": (plain('{"kind":"text","content":{},"metadata":null}\n'), [], 1),
    "kind-number": (plain('{"kind":1,"content":{}}\n'), [], 1),
    "500": (plain("oops", "500 Internal Server Error"), [], 1),
    "500-with-lines": (plain(line("no"), "500 Internal Server Error"), [], 1),
    "404": (plain("", "404 Not Found"), [], 1),
    "not-http": (b"hello\r\n\r\n", [], 1),
    "cut": (None, [], 1),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(standin, name):
    """Each whole line is a message; a bad one ends the answer; the client is never notified of a failure."""
    answer, replies, failed = ANSWERS[name]
    before = standin.counters()["webhooks_failed"]
    _, _, seen = scene(standin, lambda _: answer, f"w-{name}", replies=len(replies))
    assert texts_of(seen, f"w-{name}") == replies
    assert standin.counters()["webhooks_failed"] - before == failed


def test_kind_and_metadata_are_kept(standin):
    """Other keys (id, sender_id) are ignored."""
    answer = plain(line("f", kind="tool_call", metadata={"m": 1}, id="mine", sender_id="u9"))
    _, _, seen = scene(standin, lambda _: answer, "w-kind")
    reply = seen[1]
    assert (reply["kind"], reply["metadata"], reply["sender_id"], reply["seq"]) == ("tool_call", {"m": 1}, "w-kind", 2)


def test_a_redirect_is_followed_as_a_get_with_the_body(standin):
    """Req does so."""

    def answer(request):
        moved = request["line"].startswith("POST")
        return plain("", "302 Found", "location: /elsewhere\r\n") if moved else plain(line("there"))

    agent, _, seen = scene(standin, answer, "w-302")
    assert [request["line"] for request in agent.requests] == ["POST /webhook HTTP/1.1", "GET /elsewhere HTTP/1.1"]
    assert agent.requests[0]["body"] == agent.requests[1]["body"]
    assert texts_of(seen, "w-302") == ["there"]


def test_a_redirect_without_an_end_fails(standin):
    """It is given up after ten."""
    before = standin.counters()["webhooks_failed"]
    agent, _, _ = scene(standin, lambda _: plain("", "302 Found", "location: /again\r\n"), "w-loop", replies=0)
    assert len(agent.requests) == 10
    assert standin.counters()["webhooks_failed"] == before + 1


def test_a_stream_is_appended_line_by_line(standin):
    """A line is a message as soon as it is whole, also when it comes in two chunks; what came before a cut stays."""
    seen = asyncio.Event()

    async def stream():
        yield CHUNKED + chunk(line("first"))
        await seen.wait()  # the second line is not written before the first was received
        whole = line("split over two chunks")
        yield chunk(whole[:9])
        yield chunk(whole[9:])
        yield None

    async def run():
        async with ScriptedAgent(lambda _: stream()) as agent:
            await asyncio.to_thread(standin.agent, "w-stream", agent.url)
            session = await asyncio.to_thread(standin.session, "u1", "w-stream")
            socket = await RawSocket.open(standin)
            await socket.join(f"session:{session}")
            socket.say(f"session:{session}", "go")
            messages = await socket.take(2)
            seen.set()
            messages += await socket.take(1)
            await socket.close()
            return [message[4]["content"]["text"] for message in messages]

    assert asyncio.run(run()) == ["go", "first", "split over two chunks"]


def test_a_hanging_agent_holds_up_only_its_session(standin):
    """Sessions are answered concurrently, each in order; the agent's timeout_ms ends the wait."""
    release = asyncio.Event()

    async def wait_then(text):
        await release.wait()
        yield plain(line(text))

    def answer(request):
        said = request["body"]["messages"][-1]["content"]["text"]
        return wait_then(said) if said.startswith("slow") else plain(line(said))

    async def run():
        async with ScriptedAgent(answer) as agent:
            await asyncio.to_thread(standin.agent, "w-slow", agent.url)
            slow, quick = [await asyncio.to_thread(standin.session, "u1", "w-slow") for _ in range(2)]
            socket = await RawSocket.open(standin)
            for session in (slow, quick):
                await socket.join(f"session:{session}")
            socket.say(f"session:{slow}", "slow 1")
            socket.say(f"session:{slow}", "slow 2")
            socket.say(f"session:{quick}", "quick")
            first = [message[4]["content"]["text"] for message in await socket.take(4)]
            release.set()
            later = [message[4]["content"]["text"] for message in await socket.take(2)]
            await socket.close()
            return first, later, len(agent.requests)

    first, later, asked = asyncio.run(run())
    assert sorted(first) == ["quick", "quick", "slow 1", "slow 2"]
    assert (later, asked) == (["slow 1", "slow 2"], 3)


@pytest.mark.parametrize("origin_url", ["http://127.0.0.1:1", "http://nowhere.invalid", "zzz"])
def test_an_unreachable_agent_is_silent(standin, origin_url):
    """The user's own message still comes; the failure is counted."""

    async def run():
        name = f"w-{origin_url}"
        await asyncio.to_thread(standin.agent, name, origin_url)
        session = await asyncio.to_thread(standin.session, "u1", name)
        socket = await RawSocket.open(standin)
        await socket.join(f"session:{session}")
        socket.say(f"session:{session}", "hello?")
        await socket.take(1)
        await settled(standin)
        await socket.silence()
        await socket.close()

    before = standin.counters()["webhooks_failed"]
    asyncio.run(run())
    assert standin.counters()["webhooks_failed"] == before + 1


def test_only_the_users_messages_are_sent(standin):
    """The agent's own and a stranger's are not, nor is anything sent to an unknown or a disabled agent."""

    async def run():
        async with ScriptedAgent(lambda _: plain(line("ok"))) as agent:
            await asyncio.to_thread(standin.agent, "w-who", agent.url)
            session = await asyncio.to_thread(standin.session, "u1", "w-who")
            for sender in ("w-who", "stranger", "u1"):
                await asyncio.to_thread(standin.append, session, "x", sender)
            await settled(standin)
            await asyncio.to_thread(standin.call, "DELETE", "/api/agents/w-who")
            await asyncio.to_thread(standin.append, session, "to a disabled agent")
            await settled(standin)
            return [request["body"]["messages"][-1]["sender_id"] for request in agent.requests]

    assert asyncio.run(run()) == ["u1"]


def test_quirks(standin_with):
    """The oldest messages as history, no last line without its newline, one webhook at a time for the whole server."""
    standin = standin_with("--quirks")
    under_way, most = [], []

    async def slowly(request):
        under_way.append(request)
        most.append(len(under_way))
        yield plain(line("one") + line("dropped").rstrip())
        under_way.remove(request)

    async def run():
        async with ScriptedAgent(slowly) as agent:
            await asyncio.to_thread(standin.agent, "q", agent.url, message_history_limit=2)
            sessions = [await asyncio.to_thread(standin.session, "u1", "q") for _ in range(3)]
            for _ in range(3):
                for session in sessions:
                    await asyncio.to_thread(standin.append, session, "x")
            await settled(standin)
            return [len(request["body"]["messages"]) for request in agent.requests]

    assert max(asyncio.run(run())) <= 2
    assert max(most) == 1
    assert standin.counters()["messages_appended_agent"] == 9
