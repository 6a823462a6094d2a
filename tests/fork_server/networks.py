"""The network that a thread is in (network_namespaces(7))."""

import ctypes
import os

OWN_NETWORK = "/proc/thread-self/ns/net"
CLONE_NEWNET = 0x40000000  # linux/sched.h


def network():
    """Return the network of this thread, which tests move to other hosts; None without namespaces."""
    return os.readlink(OWN_NETWORK) if os.path.exists(OWN_NETWORK) else None


def move_to(network_fd):
    """Moves this thread (os.setns is younger than Python 3.11)."""
    if ctypes.CDLL(None, use_errno=True).setns(network_fd, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
