"""Further devices of a session: a frame that one listener has decoded is known at the others by its bytes."""

from types import SimpleNamespace

import orjson

from fleetlm_users.client.phoenix.devices import KNOWN_BYTES, KnownFrames, ListenerDevice, WriterDevice
from fleetlm_users.client.phoenix.dispatch import Dispatch
from fleetlm_users.client.websocket.transport import TEXT
from fleetlm_users.errors import Disconnected
from fleetlm_users.protocol.connection import ConnectionState
from fleetlm_users.protocol.fan_out import FanOut
from fleetlm_users.protocol.observer import SentMessage

TOPIC = "session:s1"


class Notes:
    """Observes devices and deliveries alike."""

    def __init__(self):
        self.told = []

    def phase_at(self, moment_s):
        return "main"

    def __getattr__(self, name):
        return lambda *arguments, **named: self.told.append((name, *arguments, *named.values()))

    def named(self, name):
        return [told for told in self.told if told[0] == name]


class Socket:
    """A socket whose server answers each join at once; frames go through the real dispatch."""

    def __init__(self, notes, refs_before=0):
        self.state = ConnectionState()
        self.dispatch = Dispatch(self.state, notes.anomaly)
        self.decoded = 0
        for _ in range(refs_before):
            self.state.push("phoenix", "heartbeat", {})

    def join(self, topic, payload, handler, timeout_s):
        waiter = SimpleNamespace(set=lambda _answer: None)
        join_ref, _ = self.state.join(topic, payload, handler, waiter)
        self.frame([join_ref, join_ref, topic, "phx_reply", {"status": "ok", "response": {}}])
        return SimpleNamespace(join_ref=join_ref)

    def leave(self, topic, timeout_s):
        """Nothing to leave."""

    def shorten(self, take):
        self.dispatch.shortcut = take

    def frame(self, parts, arrived_s=1.0):
        self.dispatch.frame(TEXT, orjson.dumps(parts), arrived_s)


def crowd(listeners, refs_before=()):
    notes = Notes()
    fan_out = FanOut("user", "agent", listeners, notes, timeout_s=5.0)
    known = KnownFrames()
    devices = []
    for place in range(listeners):
        socket = Socket(notes, refs_before[place] if refs_before else 0)
        device = ListenerDevice(socket, "s1", place, notes, fan_out, known)
        device.join(1.0)
        devices.append(device)
    fan_out.sent(SentMessage("a", 1.0, 1.0, "main"))
    return notes, known, devices


def message(join_ref="1", seq=1, client_ref="a", sender="user"):
    return [join_ref, None, TOPIC, "message", {"seq": seq, "sender_id": sender, "content": {"client_ref": client_ref}}]


def test_a_frame_is_decoded_once_for_all_listeners(monkeypatch):
    """The others know it by its bytes, and each arrival keeps its own stamp."""
    notes, _, devices = crowd(3)
    devices[0].socket.frame(message(), 1.1)
    monkeypatch.setattr(ListenerDevice, "on_broadcast", None)  # it would raise
    devices[1].socket.frame(message(), 1.3)
    devices[2].socket.frame(message(), 1.2)
    (_, spread, missed, left_open) = notes.named("ended")[0]
    assert spread.arrivals == [1.1, 1.3, 1.2]
    assert not missed
    assert not left_open


def test_a_listener_whose_join_has_another_ref_decodes_for_itself():
    """A frame with the first one's ref is stale there, and not taken for its own."""
    notes, _, devices = crowd(2, refs_before=(0, 3))
    devices[0].socket.frame(message())
    devices[1].socket.frame(message())
    assert notes.named("anomaly") == [("anomaly", "stale_join_ref")]
    devices[1].socket.frame(message(join_ref="4"))
    assert len(notes.named("ended")) == 1


def test_another_frame_in_between_is_not_taken_for_the_message():
    """A reply, or an unknown piece of an answer, is not a message's frame."""
    notes, known, devices = crowd(2)
    strange = ["1", "9", TOPIC, "phx_reply", {"status": "ok", "response": {}}]
    devices[0].socket.frame(strange)
    devices[1].socket.frame(message())
    devices[0].socket.frame(strange)
    assert notes.named("anomaly") == [("anomaly", "unexpected_reply")] * 2
    devices[0].socket.frame(["1", None, TOPIC, "stream_chunk", {"chunk": {}}])
    devices[1].socket.frame(["1", None, TOPIC, "stream_chunk", {"chunk": {}}])
    assert len(notes.named("chunk")) == 2
    assert known.meaning(orjson.dumps(strange)) is None


def test_known_frames_take_bounded_memory():
    """The oldest ones go first; the newest stays, however long it is."""
    known = KnownFrames()
    known.add(b"a" * (KNOWN_BYTES // 2), "first")
    known.add(b"b" * (KNOWN_BYTES // 2), "second")
    known.add(b"c" * (KNOWN_BYTES * 2), "third")
    assert known.meaning(b"a" * (KNOWN_BYTES // 2)) is None
    assert known.meaning(b"c" * (KNOWN_BYTES * 2)) == "third"


def test_a_listener_that_is_gone_says_so_and_knows_nothing_any_more():
    """Once."""
    notes, _, devices = crowd(1)
    devices[0].on_down(Disconnected("eof"), 2.0)
    assert devices[0].socket.dispatch.shortcut is None
    assert not devices[0].is_joined
    assert [told[1:] for told in notes.named("device_lost")] == [(devices[0], notes.named("device_lost")[0][2])]


def test_a_further_writer_passes_replies_on_under_its_mark():
    """Each socket counts its own refs; pushes to it are counted, and refusals reported."""
    notes = Notes()
    writer = WriterDevice(Socket(notes), "s1", 1, notes)
    writer.join(1.0)
    writer.on_reply("7", "ok", {"seq": 3}, 2.0)
    writer.on_broadcast("message", {}, 2.1)
    writer.on_broadcast("backpressure", {"reason": "draining"}, 2.2)
    writer.on_broadcast("stream_chunk", {}, 2.3)
    assert notes.told == [
        ("replied", "2:7", "ok", {"seq": 3}, 2.0),
        ("heard", 2.1),
        ("refused", {"reason": "draining"}, 2.2),
    ]
