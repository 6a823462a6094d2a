"""Parts of libraries that we rely on without a promise, one test each: an update that changes one fails by its name.

The upper bounds in pyproject.toml keep untested releases out. Whoever raises a bound runs these tests.
"""

import ctypes
import inspect

import pytest
import requests
from geventhttpclient.response import HTTPResponse
from hdrh.histogram import HdrHistogram
from requests.adapters import HTTPAdapter
from websocket import ABNF, WebSocket, continuous_frame, frame_buffer

PING = b"\x89\x01x"
CLOSE = b"\x88\x02\x03\xe8"
FRAGMENTS = b"\x01\x01a\x80\x01b"


def pulling(data):
    source = bytearray(data)

    def pull(count):
        piece = bytes(source[:count])
        del source[:count]
        return piece

    return pull


def overridden(owner, name, calls, result=None):
    """Return a subclass whose method records its call and does nothing else."""

    def method(_self, *arguments):
        calls.append((name, *arguments))
        return result

    return type("Overridden", (owner,), {name: method})


def socket_reading(data, owner=WebSocket):
    made = owner(enable_multithread=False, skip_utf8_validation=True)
    made.frame_buffer = frame_buffer(pulling(data), skip_utf8_validation=True)
    made.cont_frame = continuous_frame(False, skip_utf8_validation=True)
    return made


@pytest.mark.parametrize(
    ("name", "data", "expected"), [("pong", PING + CLOSE, ("pong", b"x")), ("send_close", CLOSE, ("send_close",))]
)
def test_websocket_client_answers_through_methods_that_can_be_overridden(name, data, expected):
    """websocket.WebSocket.pong and .send_close, called by .recv_data_frame (client/websocket/frames.py)."""
    calls = []
    owner = overridden(WebSocket, name, calls)
    owner.send_close = owner.__dict__.get("send_close", lambda *_: None)
    opcode, _ = socket_reading(data, owner).recv_data_frame()
    assert opcode == ABNF.OPCODE_CLOSE
    assert calls == [expected]


def test_websocket_client_reads_through_frame_buffer_and_cont_frame():
    """websocket.WebSocket.frame_buffer and .cont_frame are looked up for each frame, so ours take their place."""
    opcode, frame = socket_reading(FRAGMENTS).recv_data_frame()
    assert (opcode, bytes(frame.data)) == (ABNF.OPCODE_TEXT, b"ab")


def test_websocket_client_knows_header_and_length_before_it_reads_a_payload():
    """websocket.frame_buffer.recv_length sets .length after .header; both are as long as we unpack them."""
    seen = []

    class Buffer(frame_buffer):
        def recv_length(self):
            super().recv_length()
            seen.append((self.header, self.length, bytes(rest)))

    rest = bytearray(b"\x81\x03abc")

    def pull(count):
        piece = bytes(rest[:count])
        del rest[:count]
        return piece

    Buffer(pull, skip_utf8_validation=True).recv_frame()
    assert seen == [((1, 0, 0, 0, ABNF.OPCODE_TEXT, 0, 3), 3, b"abc")]


def test_websocket_client_gathers_fragments_in_cont_data():
    """websocket.continuous_frame.add appends to .cont_data[1], a bytearray of ours; .recving_frames says in between."""
    fragments = continuous_frame(False, skip_utf8_validation=True)
    assert fragments.cont_data is None
    assert not fragments.recving_frames
    fragments.add(ABNF(0, 0, 0, 0, ABNF.OPCODE_TEXT, 0, bytearray(b"a")))
    gathered = fragments.cont_data[1]
    assert fragments.recving_frames
    fragments.add(ABNF(1, 0, 0, 0, ABNF.OPCODE_CONT, 0, b"b"))
    assert fragments.cont_data[1] is gathered
    assert gathered == b"ab"
    assert not fragments.recving_frames


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("_on_message_begin", None),
        ("_on_header_field", "x-a"),
        ("_on_header_value", "1"),
        ("_on_body", b"ok"),
        ("_on_message_complete", None),
    ],
)
def test_geventhttpclient_calls_back(name, first):
    """geventhttpclient.response.HTTPResponse._on_…, by feed() (client/http/response.py)."""
    calls = []
    response = overridden(HTTPResponse, name, calls)("GET")
    response.feed(b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nok")
    assert calls[0][0] == name
    assert list(map(type, calls[0][1:])) == ([] if first is None else [type(calls[0][1])])
    if first is not None:
        assert bytes(calls[0][1]) == first if isinstance(first, bytes) else calls[0][1] == first
    assert response.get_code() == 200


def test_geventhttpclient_has_no_attribute_of_ours():
    """client.http.response.Response adds these names to geventhttpclient's HTTPResponse, which must not have them."""
    ours = {"fields", "is_complete", "has_surplus", "status", "_body", "_head", "_is_in_head"}
    assert not ours & set(dir(HTTPResponse("GET")))


def test_requests_leaves_certificates_to_the_adapter():
    """requests.adapters.HTTPAdapter.cert_verify(conn, url, verify, cert) is where certifi's CAs would be added."""
    assert list(inspect.signature(HTTPAdapter.cert_verify).parameters) == ["self", "conn", "url", "verify", "cert"]
    calls = []
    adapter = overridden(HTTPAdapter, "cert_verify", calls)()
    request = requests.Request("GET", "https://127.0.0.1:9/").prepare()
    with pytest.raises(OSError, match="refused"):
        adapter.send(request, verify=True, timeout=1)
    assert len(calls) == 1


def test_hdrhistogram_keeps_its_counts_in_an_array_of_eight_bytes_each():
    """hdrh.histogram.HdrHistogram.counts (measure/histogram.py) is read as a memoryview."""
    histogram = HdrHistogram(1, 1000, 3)
    histogram.record_value(7)
    assert isinstance(histogram.counts, ctypes.Array)
    assert ctypes.sizeof(histogram.counts) == 8 * len(histogram.counts)
    assert sum(memoryview(histogram.counts).cast("B").cast("Q")) == 1


def test_hdrhistogram_forgets_b64_wrap_when_it_decodes():
    """hdrh.histogram.HdrHistogram.encoder.b64_wrap (measure/histogram.py) switches base64 off for encode()."""
    encoded = HdrHistogram(1, 1000, 3, b64_wrap=False).encode()
    decoded = HdrHistogram.decode(encoded, b64_wrap=False)
    decoded.encoder.b64_wrap = False
    assert decoded.encode() == encoded
