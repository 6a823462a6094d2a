"""The loads of the peers: the same sessions, messages and heartbeats as the others."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.contenders import ARTILLERY, TOOLS, TSUNG
from benchmarks.load import Load
from benchmarks.tools import artillery, tsung

SENDING = Load(100, 60.0, interval_ms=20, ramp_s=2.0)
IDLE = Load(100, 100.0, ramp_s=25.0)


def loops(load: Load) -> list[tuple[int, float, str]]:
    """Return for both tools how often, how many seconds apart, and which frame they send."""
    root = ElementTree.fromstring(tsung.document(load, "127.0.0.1:4000", Path("/x")))
    found = [
        (int(one.get("to")), float(one[0].get("value")), "".join(one.itertext()).strip()) for one in root.iter("for")
    ]
    flow = artillery.document(load, "127.0.0.1:4000", Path("/x"))["scenarios"][0]["flow"]
    for step in flow:
        if "loop" in step:
            think, send = step["loop"]
            found.append((step["count"], think["think"], send["send"]))
    return found


def test_messages_on_the_same_timetable():
    """50 a second for a minute, each a frame that the server can read."""
    for times, pause_s, text in loops(SENDING):
        assert (times, pause_s) == (3000, 0.02)
        frame = json.loads(text)
        assert (frame[3], len(frame[4]["content"]["content"]["text"])) == ("send", 64)


def test_an_idle_session_beats_every_30_seconds_and_stays_to_its_end():
    assert [(times, pause_s) for times, pause_s, _ in loops(IDLE)] == [(3, 30.0), (3, 30.0)]
    assert artillery.document(IDLE, "x:1", Path("/x"))["scenarios"][0]["flow"][-1] == {"think": 10.0}


@pytest.mark.parametrize("name", [TSUNG, ARTILLERY])
@pytest.mark.parametrize("load", [Load(1, 1.0, depth=5), Load(1, journeys=3), Load(1, 1.0, rest=True)])
def test_what_a_peer_cannot_do_is_refused_before_a_session_is_made(name, load, tmp_path):
    with pytest.raises(ValueError, match="waits for"):
        TOOLS[name].command(load, "127.0.0.1:1", "run", tmp_path)
    assert not list(tmp_path.iterdir())
