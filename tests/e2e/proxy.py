"""A link between workers and their master that a test can cut: nothing passes, and neither side is notified."""

import contextlib
import selectors
import socket
import threading

CHUNK_BYTES = 1 << 16
TURN_S = 0.1


class Link:
    """Forwards connections at `port` to the master; while it is cut, sent data waits at its ends."""

    def __init__(self, master_port):
        self._target = ("127.0.0.1", int(master_port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = str(self._listener.getsockname()[1])
        self._pairs = []
        self._torn = []
        self._whole = threading.Event()
        self._whole.set()
        self._tears = threading.Event()
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
        self._thread.join(60)
        for end in (*(end for pair in self._pairs for end in pair), *self._torn, self._listener):
            end.close()
        self._selector.close()

    def cut(self):
        """Let nothing pass from now on."""
        self._whole.clear()

    def tear(self):
        """As it is restored, the workers' connections break; the master takes its ends for open, as after a cut."""
        self._tears.set()

    def restore(self):
        """It carries again, what has waited first."""
        self._whole.set()

    def _carry(self):
        while not self._closed:
            ready = self._selector.select(TURN_S)
            self._whole.wait()
            if self._tears.is_set():
                self._tears.clear()
                for pair in list(self._pairs):
                    self._end(pair, torn=True)
                continue
            for key, _ in ready:
                if key.data is None:
                    self._accept()
                elif key.data in self._pairs:
                    self._pass_on(key.fileobj, key.data)

    def _accept(self):
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(self._target)
        except OSError:  # no master yet: the worker tries again
            near.close()
            return
        pair = (near, far)
        self._pairs.append(pair)
        for end in pair:
            self._selector.register(end, selectors.EVENT_READ, pair)

    def _pass_on(self, end, pair):
        data = b""
        with contextlib.suppress(OSError):
            data = end.recv(CHUNK_BYTES)
            (pair[1] if end is pair[0] else pair[0]).sendall(data)
        if not data:
            self._end(pair)

    def _end(self, pair, torn=False):
        self._pairs.remove(pair)
        for end in pair:
            self._selector.unregister(end)
        near, far = pair
        near.close()
        if torn:
            self._torn.append(far)
        else:
            far.close()
