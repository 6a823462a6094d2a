"""permessage-deflate."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.websocket.deflate import DeflateProblem, negotiate


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (None, None),
        ("", None),
        ("x-webkit-deflate-frame", None),
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate;client_max_window_bits=15"),
        ("permessage-deflate; client_max_window_bits=10", "permessage-deflate;client_max_window_bits=10"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate;server_no_context_takeover"),
        ('permessage-deflate; server_max_window_bits="9"', "permessage-deflate;server_max_window_bits=9"),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; unknown=1", None),
    ],
)
def test_negotiate(offer, answer):
    """The first acceptable offer is taken."""
    found = negotiate(offer)
    assert (found.answer if found else None) == answer


@pytest.mark.parametrize("offer", ["permessage-deflate", "permessage-deflate; server_no_context_takeover"])
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_what_is_compressed_a_client_can_read(offer, messages):
    """Including by a client that resets its window for each message, when that was agreed."""
    server, client = negotiate(offer), zlib.decompressobj(wbits=-15)
    for message in messages:
        assert client.decompress(server.compress(message) + b"\0\0\xff\xff") == message


@pytest.mark.parametrize("offer", ["permessage-deflate", "permessage-deflate; client_no_context_takeover"])
def test_what_a_client_compresses_is_read(offer):
    """The window may be kept or reset."""
    server, packer = negotiate(offer), zlib.compressobj(wbits=-15)
    for message in (b"hello hello hello", b"hello again"):
        if "takeover" in offer:
            packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert server.decompress(packed[:-4], 1000) == message


def test_bombs_and_garbage():
    """Too long or broken is a DeflateProblem."""
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"\0" * 1_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    for data in (bomb[:-4], b"\xff\xff\xff"):
        with pytest.raises(DeflateProblem):
            negotiate("permessage-deflate").decompress(data, 1000)
