"""The scenes of the late wire record, replayed against a stand-in of that protocol under --quirks."""

import ast
import asyncio
import json
import re
from collections import Counter

from fleetlm_users.standin.http.edge import CORS
from tests.e2e.harness import eventually
from tests.standin.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, RawSocket
from tests.standin.recorded import ID, Names, scenes
from tests.standin.scripted_agent import ScriptedAgent, plain
from tests.standin.test_record_rest import ask, ordered

AGENT = "bench-echo-agent"
LINE = re.compile(r"([<>]) ?(\w*) +\d+\.\d+ ?(.*)\Z")
CUT = "chars)"
NEVER_MS = 3_600_000
"""What has just been appended is not flushed while a scene lasts."""
ACK = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"type": "text-start", "id": "part_1"},
        {"type": "text-delta", "id": "part_1", "delta": "ack"},
        {"type": "text-end", "id": "part_1"},
        {"type": "finish"},
    )
)
RACES = (
    "burst of 5 sends at once (pipelined): replies, pushes, agent answers",
    "malformed sends (lenient ones are accepted)",
)
"""Scenes in which several messages are on their way at once."""

NOT_REPLAYED = ("130 messages missed: join {} and last_seq, then REST paging",)
"""Its pages depend on what was flushed when; test_a_page_mixes_memory_and_database has the very same pages."""

OPCODES = {"PING": PING, "PONG": PONG, "BIN": BINARY, "CLOSE": CLOSE}


def rest_scene(lines):
    """Return (method, path, headers, body, status, headers and body of the answer) of one scene; None for cut parts."""
    asked = [line[2:] for line in lines if line.startswith("> ")]
    answered = [line[2:] for line in lines if line.startswith("< ")]
    method, path = asked[0].split(" ")[:2]
    headers = dict(line.split(": ", 1) for line in asked[1:] if re.match(r"[A-Z][\w-]*: ", line))
    body = next((line for line in asked[1:] if line[:1] in '{["'), None)
    status = int(answered[0].split(" ")[1])
    shown = dict(line.split(": ", 1) for line in answered[1:] if re.match(r"[a-z][a-z-]*: ", line))
    text = answered[-1] if answered[-1][:1] in "{[" else ""
    return method, path, headers, body, status, shown, None if CUT in text else text


HEADERS = ("vary", "content-type", "cache-control", "content-encoding", *sorted(CORS), "access-control-allow-headers")
"""Those that are compared where a scene shows all of them, which a `date` tells."""

TOO_LARGE = "body over 8 MB"
"""Of which the record shows no request."""

OWN_PAGE = "metrics (PromEx)"
"""The stand-in's metrics are its own, in the format's own content type."""


def rest_differences(standin, names, lines):
    """Return the differences of one scene's answer."""
    method, path, headers, body, status, shown, text = rest_scene([names.translate(line) for line in lines])
    *_, recorded = rest_scene(lines)
    given = {"Accept": "*/*", **({"Content-Type": "application/json"} if body else {}), **headers}
    answer = standin.call(method, path, body, given)
    if answer.status != status:
        return [f"{answer.status} instead of {status}: {answer.body!r}"]
    problems = []
    if "date" in shown:
        live = {name.lower(): value for name, value in answer.headers.items()}
        problems = [
            f"{name}: {live.get(name)!r} instead of {shown.get(name)!r}"
            for name in HEADERS
            if live.get(name) != shown.get(name)
        ]
        if ("x-request-id" in live) != ("x-request-id" in shown):
            problems.append("x-request-id")
    if not recorded or text is None:
        return problems
    try:
        return problems + names.differences(ordered(json.loads(recorded)), ordered(answer.json()))
    except ValueError:
        return [*problems, f"no JSON: {answer.body!r}"]


def test_every_rest_scene(standin_with):
    """Status and body agree with the record, scene by scene. The agent's answers take up the same seqs."""

    async def run():
        async with ScriptedAgent(lambda _: plain(ACK)) as agent:
            return await asyncio.to_thread(rest_problems, standin_with, agent.url)

    problems = asyncio.run(run())
    assert len(problems) == 99
    assert {title: found for title, found in problems.items() if found} == {}


def rest_problems(standin_with, agent_url):
    standin, names = standin_with("--protocol", "late", "--quirks", "--flush-ms", NEVER_MS), Names()
    problems = {}
    for title, lines in scenes("late_rest.txt"):
        if title == TOO_LARGE:
            response, data = ask(standin, "POST /api/sessions", {"Content-Type": "application/json"}, "(9000057 bytes)")
            recorded = (413, lines[-1][2:].encode(), None)
            live = (response.status, data, response.getheader("access-control-allow-origin"))
            problems[title] = [] if live == recorded else [live]
            continue
        if title == "append as user":  # from here on the agent answers
            body = {"agent": {"origin_url": agent_url, "context": {"strategy": "last_n", "config": {"limit": 10}}}}
            assert standin.call("PATCH", f"/api/agents/{AGENT}", body).status == 200
        if title == OWN_PAGE:
            lines = [line for line in lines if not line.startswith("< date")]  # noqa: PLW2901  # a shorter scene
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


def append(standin, session, sender, content):
    answer = standin.call("POST", f"/api/sessions/{session}/messages", {**sender, "content": content})
    assert answer.status == 200, answer


def numbered(first, count):
    """A step that appends messages of the agent, which nobody answers."""

    def step(standin, session):
        for n in range(first, first + count):
            append(standin, session, {"agent_id": AGENT}, {"n": n})

    return step


def of_user(text):
    return lambda standin, session: append(standin, session, {"user_id": "u1"}, {"text": text})


def while_away(standin, session):
    of_user("while away")(standin, session)
    wait_for_answers(standin, session)


def archive(standin, session):
    assert standin.call("DELETE", f"/api/sessions/{session}").status == 204


BETWEEN = {
    "REST append while joined (ONE push), as user and as agent": {
        2: of_user("rest"),
        8: lambda standin, session: append(standin, session, {"agent_id": AGENT}, {"text": "rest agent"}),
    },
    "join variants: last_seq": {0: numbered(0, 4)},
    "join and send on an archived session (accepted)": {0: archive},
    "large message (200 kB text)": {0: numbered(0, 10)},
    "reconnect and resume with last_seq": {14: while_away},
}
"""REST calls of a scene, by the number of the line that they come before."""

LARGE = re.compile(r"x+\.\.\.\(200113 char.*")
PERSONS = {"join and send on an archived session (accepted)": "u9"}


async def replay(standin, names, lines, title=""):
    """What of one scene differs. A label is a socket's: a person's name, or a, b, c0 and so on for sockets of u1."""
    sockets, problems = {}, []
    user, between = PERSONS.get(title, "u1"), BETWEEN.get(title, {})
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if match is None:
            continue
        direction, label, what = match.groups()
        for recorded in set(ID.findall(what)) - names.live.keys():
            if direction == ">":
                names.live[recorded] = await asyncio.to_thread(late_session, standin, user)
        if number in between:
            session = names.live[ID.search(lines[0])[0]]
            await asyncio.to_thread(between[number], standin, session)
        if label not in sockets:
            person = {"ag": AGENT, "intruder": "intruder"}.get(label, user)
            sockets[label] = await RawSocket.open(standin, person, "2.0.0", parameter="user_id")
        if direction == ">":
            transmit(sockets[label], LARGE.sub(f'{"x" * 200_000}"}},"metadata":{{}}}}}}]', names.translate(what)))
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
    return json.dumps(json.loads(CHANCE.sub("0", ID.sub("ID", text))), sort_keys=True)


async def replay_in_any_order(standin, lines):
    """What of a scene with several messages on their way differs: which frame comes first is chance there."""
    session, socket = (
        await asyncio.to_thread(late_session, standin),
        await RawSocket.open(standin, "u1", "2.0.0", parameter="user_id"),
    )
    parsed = [match.groups() for line in lines if (match := LINE.match(line))]
    for direction, _, what in parsed:
        if direction == ">":
            transmit(socket, ID.sub(session, what))
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
            standin = await asyncio.to_thread(standin_with, "--protocol", "late", "--quirks", "--flush-ms", NEVER_MS)
            await asyncio.to_thread(standin.agent, AGENT, agent.url)
            names = Names()
            return {
                title: await (
                    replay_in_any_order(standin, lines) if title in RACES else replay(standin, names, lines, title)
                )
                for title, lines in scenes("late_session_channel.txt")
                if title not in NOT_REPLAYED
            }

    problems = asyncio.run(run())
    assert {title: found for title, found in problems.items() if found} == {}
