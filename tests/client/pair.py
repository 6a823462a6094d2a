"""A transport and the server's end of its connection, over a real socket."""

from gevent import socket

from fleetlm_users.client.net.racing import connect_one
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.stream import Stream
from fleetlm_users.client.websocket.handshake import Upgraded
from fleetlm_users.client.websocket.transport import Transport
from tests.client.fakes import Peer

WAIT_S = 60.0
MAX_BYTES = 200_000


class Pair:
    """A transport and the server's end of its connection."""

    def __init__(self, *, rest: bytes = b"", send_timeout_s: float = WAIT_S) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            ours = connect_one(Address(socket.AF_INET, "127.0.0.1"), listener.getsockname()[1]).sock
            theirs, _ = listener.accept()
        theirs.settimeout(WAIT_S)
        self.peer = Peer(theirs)
        self.transport = Transport(Upgraded(Stream(ours), rest, 0.0, 1.0), MAX_BYTES, send_timeout_s)

    def fill(self) -> None:
        """Sends until the peer, which does not read, leaves no room."""
        while not self.transport._writers:
            self.transport.send_soon(b"x" * 50_000)
