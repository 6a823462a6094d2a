"""Ports for servers that must be given one, such as Locust's master: free, and unlikely to be taken meanwhile."""

import atexit
import contextlib
import itertools
import os
import socket

FIRST, LAST = 10_240, 32_000
"""Below the ports that the kernel gives to outgoing connections and to port 0 (ip_local_port_range, 32768 and up on
Linux): there, what is free now may be taken by any connection the moment after."""

_numbers = itertools.count(os.getpid() * 61)  # processes that test side by side begin apart
_held = contextlib.ExitStack()
"""UDP sockets on the ports that were named: nobody else's tests are given one of them while this process lasts."""
atexit.register(_held.close)


def free_port():
    """A port that nobody listens on, and that no process that tests has named."""
    for number in itertools.islice(_numbers, LAST - FIRST):
        port = FIRST + number % (LAST - FIRST)
        holder = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                holder.bind(("127.0.0.1", port))
                probe.bind(("", port))
            except OSError:
                holder.close()
                continue
        _held.enter_context(holder)
        return port
    raise AssertionError(f"no port is free from {FIRST} to {LAST}")
