"""The channel scenes of the wire record (vsn 2.0.0 and 1.0.0), replayed frame by frame."""

import ast
import asyncio
import json
import re

import pytest

from tests.standin.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, RawSocket
from tests.standin.recorded import ULID, Names, scenes

LINE = re.compile(r"([<>]) ?(\w*) +\d+\.\d+ ?(.*)\Z")
OPCODES = {"PING": PING, "PONG": PONG, "BIN": BINARY, "CLOSE": CLOSE}
FRAGMENTS = re.compile(r"TEXT fin=0 ('.*')  \+ CONT fin=1 ('.*')\Z")
AGENT = "bench-echo-agent"


def transmit(socket, what):
    """Send what a `>` line shows."""
    fragments = FRAGMENTS.match(what)
    word, _, rest = what.partition(" ")
    if fragments:
        socket.frame(TEXT, ast.literal_eval(fragments[1]).encode(), first=0)
        socket.frame(0, ast.literal_eval(fragments[2]).encode())
    elif word in OPCODES:
        socket.frame(OPCODES[word], ast.literal_eval(re.match(r"b'.*?'", rest)[0]))
    else:
        socket.send(what)


async def compare(socket, what, names):
    """How the next frame differs from what a `<` line shows."""
    if what.startswith("[TCP closed"):
        frame = await socket.frame_in()
        return [] if frame is None else [f"{frame} instead of the connection's end"]
    frame = await socket.frame_in()
    if what.startswith("CLOSE code="):
        expected = (CLOSE, int(what[11:15]).to_bytes(2, "big"))
    elif what.startswith("PONG "):
        expected = (PONG, what[5:].encode())
    else:
        if frame is None or frame[0] != TEXT:
            return [f"{frame} instead of {what}"]
        return names.differences(json.loads(what), json.loads(frame[1]))
    return [] if frame == expected else [f"{frame} instead of {what}"]


async def replay(standin, names, lines, vsn):
    """What of one scene differs. A label is a socket's: a person's name, or A and B for two sockets of u1."""
    sockets, problems = {}, []
    for line in lines:
        direction, label, what = LINE.match(line).groups()
        for recorded in set(ULID.findall(what)) - names.live.keys():
            if direction == ">":
                names.live[recorded] = standin.session()
        if label not in sockets:
            person = {"": "u1", "A": "u1", "B": "u1", "agent": AGENT}.get(label, label)
            sockets[label] = await RawSocket.open(standin, person, vsn)
        if direction == ">":
            transmit(sockets[label], names.translate(what))
        else:
            problems += await compare(sockets[label], what, names)
    if not any("TCP closed" in line for line in lines) and vsn:
        for socket in sockets.values():
            await socket.silence()
    for socket in sockets.values():
        await socket.close()
    return problems


@pytest.mark.parametrize(("name", "vsn", "count"), [("session_channel.txt", "2.0.0", 21), ("vsn1.txt", None, 1)])
def test_every_channel_scene(standin, name, vsn, count):
    """The same frames in the same order, and nothing more; the scenes build on each other's sessions."""

    async def run():
        names = Names()
        return {title: await replay(standin, names, lines, vsn) for title, lines in scenes(name)}

    problems = asyncio.run(run())
    assert len(problems) == count
    assert {title: found for title, found in problems.items() if found} == {}
