"""The scenes of the late wire record, replayed against a stand-in of that protocol under --quirks."""

import ast
import asyncio
import json
import re
from collections import Counter

from tests.e2e.harness import eventually
from tests.standin.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, RawSocket
from tests.standin.recorded import RECORDED_ID, ULID, Names, scenes
from tests.standin.scripted_agent import ScriptedAgent, plain
from tests.standin.test_record_rest import ordered

AGENT = "bench-echo-agent"
LINE = re.compile(r"([<>]) ?(\w*) +\d+\.\d+ ?(.*)\Z")
CUT = "chars)"
ACK = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"type": "text-start", "id": "part_1"},
        {"type": "text-delta", "id": "part_1", "delta": "ack"},
        {"type": "text-end", "id": "part_1"},
        {"type": "finish"},
    )
)
ANY_ID = re.compile(rf"{RECORDED_ID.pattern}|{ULID.pattern}")
RACES = (
    "burst of 5 sends at once (pipelined): replies, pushes, agent answers",
    "malformed sends (lenient ones are accepted)",
)
"""Scenes in which several messages are on their way at once."""

NOT_BY_FRAMES = (
    "REST append while joined (ONE push), as user and as agent",
    "join variants: last_seq",
    "join payloads that are no object",
    "join and send on an archived session (accepted)",
    "large message (200 kB text)",
    "130 messages missed: join {} and last_seq, then REST paging",
    "reconnect and resume with last_seq",
)
"""Scenes that need more than the frames of the record: REST calls between them, or what the record cut."""

OPCODES = {"PING": PING, "PONG": PONG, "BIN": BINARY, "CLOSE": CLOSE}

DIFFERENT = {
    "agents create, bad values": "all fields with errors, of which the stand-in names the context first",
    "agents update, other id in the body": "changes the id",
    "invalid JSON": "sent with headers that the record does not show, as the next four",
    "invalid JSON, Accept application/json": "",
    "empty body with JSON content type": "",
    "text/plain body (not parsed)": "",
    "Accept: text/html on /api": "",
}
"""Scenes that the stand-in does not imitate, or that cannot be replayed from what the record shows."""


def rest_scene(lines):
    """(method, path, body, status, body of the answer) of one scene; None for what was cut."""
    asked = [line[2:] for line in lines if line.startswith("> ")]
    answered = [line[2:] for line in lines if line.startswith("< ")]
    method, path = asked[0].split(" ")[:2]
    body = next((line for line in asked[1:] if line[:1] in '{["'), None)
    status = int(answered[0].split(" ")[1])
    text = answered[-1] if answered[-1][:1] in "{[" else ""
    return method, path, body, status, None if CUT in text else text


def rest_differences(standin, names, lines):
    """What of one scene's answer differs."""
    method, path, body, status, text = rest_scene([names.translate(line) for line in lines])
    *_, recorded = rest_scene(lines)
    headers = {"Accept": "*/*"} | ({"Content-Type": "application/json"} if body else {})
    answer = standin.call(method, path, body, headers)
    if answer.status != status:
        return [f"{answer.status} instead of {status}: {answer.body!r}"]
    if not recorded or text is None:
        return []
    try:
        return names.differences(ordered(json.loads(recorded)), ordered(answer.json()))
    except ValueError:
        return [f"no JSON: {answer.body!r}"]


def test_every_rest_scene(standin_with):
    """Status and body agree with the record, scene by scene. The agent's answers take up the same seqs."""

    async def run():
        async with ScriptedAgent(lambda _: plain(ACK)) as agent:
            return await asyncio.to_thread(rest_problems, standin_with, agent.url)

    problems = asyncio.run(run())
    assert len(problems) > 80
    assert {title: found for title, found in problems.items() if found} == {}


def rest_problems(standin_with, agent_url):
    standin, names = standin_with("--protocol", "late", "--quirks", "--flush-ms", "5000"), Names()
    problems = {}
    for title, lines in scenes("late_rest.txt"):
        if title in DIFFERENT or not any(line.startswith("> ") for line in lines):
            continue
        if title == "append as user":  # from here on the agent answers
            body = {"agent": {"origin_url": agent_url, "context": {"strategy": "last_n", "config": {"limit": 10}}}}
            assert standin.call("PATCH", f"/api/agents/{AGENT}", body).status == 200
        problems[title] = rest_differences(standin, names, lines)
        if title.startswith("append as user"):
            session_id = names.translate(lines[0]).split("/")[3]
            wait_for_answers(standin, session_id)
    return problems


def wait_for_answers(standin, session_id):
    """Until each message of the user has its answer: there is no event for it over REST."""
    eventually(lambda: len(standin.messages(session_id)) % 2 == 0, "an answer to each message")


def transmit(socket, what):
    """Send what a `>` line shows."""
    word, _, rest = what.partition(" ")
    if word in OPCODES:
        socket.frame(OPCODES[word], payload_of(word, rest))
    else:
        socket.send(what)


def payload_of(word, rest):
    if word == "CLOSE":
        return int(rest.split()[0]).to_bytes(2, "big")
    if word == "BIN":
        return bytes.fromhex(rest)
    return ast.literal_eval(rest) if rest.startswith("b'") else rest.encode()


async def compare(socket, what, names):
    """How the next frame differs from what a `<` line shows."""
    try:
        frame = await socket.frame_in()
    except TimeoutError:
        return [f"nothing instead of {what}"]
    if what.startswith("(TCP closed"):
        return [] if frame is None else [f"{frame} instead of the connection's end"]
    if what.startswith("CLOSE "):
        expected = (CLOSE, int(what.split()[1]).to_bytes(2, "big"))
        return [] if frame == expected else [f"{frame} instead of {what}"]
    if what.startswith("PONG"):
        return [] if frame is not None and frame[0] == PONG else [f"{frame} instead of {what}"]
    if frame is None or frame[0] != TEXT:
        return [f"{frame} instead of {what}"]
    return [] if CUT in what else names.differences(json.loads(what), json.loads(frame[1]))


async def replay(standin, names, lines):
    """What of one scene differs. A label is a socket's: a person's name, or a, b, c0 and so on for sockets of u1."""
    sockets, problems = {}, []
    for line in lines:
        match = LINE.match(line)
        if match is None:
            continue
        direction, label, what = match.groups()
        for recorded in set(RECORDED_ID.findall(what)) - names.live.keys():
            if direction == ">":
                names.live[recorded] = await asyncio.to_thread(late_session, standin)
        if label not in sockets:
            person = {"ag": AGENT, "intruder": "intruder"}.get(label, "u1")
            sockets[label] = await RawSocket.open(standin, person, "2.0.0", parameter="user_id")
        if direction == ">":
            transmit(sockets[label], names.translate(what))
        else:
            problems += await compare(sockets[label], what, names)
            if problems and problems[-1].startswith("nothing"):
                break
    for socket in sockets.values():
        await socket.close()
    return problems


CHANCE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*|(?<=\"seq\":)\d+")


def masked(text):
    """A frame without what differs in every run: ids, times, and which number each message got."""
    return json.dumps(json.loads(CHANCE.sub("0", ANY_ID.sub("ID", text))), sort_keys=True)


async def replay_in_any_order(standin, lines):
    """What of a scene with several messages on their way differs: which frame comes first is chance there."""
    session, socket = (
        await asyncio.to_thread(late_session, standin),
        await RawSocket.open(standin, "u1", "2.0.0", parameter="user_id"),
    )
    parsed = [match.groups() for line in lines if (match := LINE.match(line))]
    for direction, _, what in parsed:
        if direction == ">":
            transmit(socket, RECORDED_ID.sub(session, what))
    recorded = Counter(masked(what) for direction, _, what in parsed if direction == "<" and CUT not in what)
    live = Counter()
    for direction, _, what in parsed:
        if direction == "<":
            _, payload = await socket.frame_in()
            live[masked(payload.decode())] += 1
            del what
    await socket.close()
    return [*(f"missing: {frame}" for frame in recorded - live), *(f"further: {frame}" for frame in live - recorded)]


def late_session(standin, user="u1"):
    answer = standin.call("POST", "/api/sessions", {"user_id": user, "agent_id": AGENT})
    assert answer.status == 201, answer
    return answer.json()["session"]["id"]


def test_every_channel_scene(standin_with):
    """The same frames in the same order."""

    async def run():
        async with ScriptedAgent(lambda _: plain(ACK)) as agent:
            standin = await asyncio.to_thread(standin_with, "--protocol", "late", "--quirks", "--flush-ms", "5000")
            await asyncio.to_thread(standin.agent, AGENT, agent.url)
            names = Names()
            return {
                title: await (replay_in_any_order(standin, lines) if title in RACES else replay(standin, names, lines))
                for title, lines in scenes("late_session_channel.txt")
                if title not in NOT_BY_FRAMES
            }

    problems = asyncio.run(run())
    assert {title: found for title, found in problems.items() if found} == {}
