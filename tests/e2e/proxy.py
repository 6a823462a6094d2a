"""A link between a worker and its master that a test can cut: nothing comes or goes, and nobody is told."""

import contextlib
import selectors
import socket
import threading

CHUNK_BYTES = 1 << 16
TURN_S = 0.1


class Link:
    """Forwards connections at `port` to the master's; while it is cut, what was sent waits at its ends."""

    def __init__(self, master_port):
        self._target = ("127.0.0.1", int(master_port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = str(self._listener.getsockname()[1])
        self._peers = {}
        self._whole = threading.Event()
        self._whole.set()
        self._closed = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._closed = True
        self.restore()
        self._thread.join(10)
        for end in (*self._peers, self._listener):
            end.close()
        self._selector.close()

    def cut(self):
        """From now on nothing passes."""
        self._whole.clear()

    def restore(self):
        """It carries again, what has waited first."""
        self._whole.set()

    def _carry(self):
        while not self._closed:
            ready = self._selector.select(TURN_S)
            self._whole.wait()
            for key, _ in ready:
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._peers:
                    self._pass_on(key.fileobj)

    def _accept(self):
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(self._target)
        except OSError:  # no master yet: the worker tries again
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, end):
        data = b""
        with contextlib.suppress(OSError):
            data = end.recv(CHUNK_BYTES)
            self._peers[end].sendall(data)
        if not data:
            for closed in (end, self._peers[end]):
                self._selector.unregister(closed)
                del self._peers[closed]
                closed.close()
