"""TCP to the first of several addresses that answers: Happy Eyeballs (RFC 8305 §4 and §5).

Families take turns, beginning with the first address's own. An attempt gets 250 ms, or less when it fails, before the
next one joins it; the first that is connected wins, the others are closed. So an address that swallows packets costs
250 ms, not the whole deadline.
"""

import _socket
import errno
import os
import socket as constants
import time
from collections import deque
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, Final

import gevent
import msgspec
from gevent import socket

from fleetlm_users.client.net.resolver import Address
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.net.waits import Wait

ATTEMPT_DELAY_S: Final = 0.25
"""RFC 8305 §8, Connection Attempt Delay."""
WRITABLE: Final = 2
"""libev's EV_WRITE."""
STREAM: Final = constants.SOCK_STREAM | getattr(constants, "SOCK_NONBLOCK", 0)
"""If the kernel supports it, a socket is non-blocking from its creation, which saves a system call."""

CONNECTING: Final = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)
CONNECTED: Final = (0, errno.EISCONN)


class Won(msgspec.Struct, frozen=True):
    """A connected socket and when its attempt began (perf_counter); the `silent` addresses were tried before, in vain.

    The socket is non-blocking and has TCP_NODELAY; stream.py waits for its bytes.
    """

    sock: _socket.socket
    address: Address
    began_s: float
    silent: tuple[Address, ...] = ()


def connect_one(address: Address, port: int, sources: SourceAddresses | None = None) -> Won:
    """Return a connection to that address, from the next of the `sources`; the wait has no limit. Raise OSError."""
    began_s = time.perf_counter()
    sock, target = _socket.socket(address.family, STREAM), (address.host, port, *address.scope)
    try:
        if not _begin(sock, target, sources):
            socket.wait_write(sock.fileno())
            if not _is_connected(sock, target):
                raise OSError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
    except BaseException:  # a deadline or a kill must not leave the socket behind
        sock.close()
        raise
    return Won(sock, address, began_s)


def connect_first(
    addresses: Sequence[Address], port: int, sources: SourceAddresses | None = None, delay_s: float = ATTEMPT_DELAY_S
) -> Won:
    """Return a connection to the address that wins the race; the wait has no limit.

    With `sources`, only addresses of their families take part. Raise the OSError of the last address if all failed.
    """
    addresses = usable(addresses, sources)
    if sources is not None and not addresses:
        raise OSError(errno.EADDRNOTAVAIL, "no source address of this family")
    if len(addresses) == 1:
        return connect_one(addresses[0], port, sources)
    return _Race(interleaved(addresses), port, sources, delay_s).run()


def usable(addresses: Sequence[Address], sources: SourceAddresses | None) -> Sequence[Address]:
    """Return the addresses reachable from the source addresses: those of the same families."""
    return addresses if sources is None else [each for each in addresses if each.family in sources.families]


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with alternating families, beginning with the first one's; the order within a family
    stays.
    """
    if not addresses:
        return []
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]


def _begin(sock: _socket.socket, target: tuple[Any, ...], sources: SourceAddresses | None) -> bool:
    """Begin to connect; return whether it connected at once. Raise OSError."""
    if sock.gettimeout() != 0.0:
        sock.settimeout(0.0)
    # Without it, a second small frame waits for the first one's TCP acknowledgement, up to 40 ms.
    sock.setsockopt(constants.IPPROTO_TCP, constants.TCP_NODELAY, 1)
    if sources is not None:
        sources.bind(sock)
    problem = sock.connect_ex(target)
    if problem in CONNECTING:
        problem = sock.connect_ex(target)  # within one machine, the other end has answered already
    return _has_connected(problem)


def _is_connected(sock: _socket.socket, target: tuple[Any, ...]) -> bool:
    """Return whether it is connected by now. Raise OSError."""
    return _has_connected(sock.getsockopt(constants.SOL_SOCKET, constants.SO_ERROR) or sock.connect_ex(target))


def _has_connected(problem: int) -> bool:
    if problem in CONNECTED:
        return True
    if problem in CONNECTING:
        return False
    raise OSError(problem, os.strerror(problem))


class _Attempt:
    """One socket of a race."""

    __slots__ = ("_sources", "_target", "address", "began_s", "sock", "watcher")

    def __init__(self, address: Address, port: int, sources: SourceAddresses | None) -> None:
        self.began_s = time.perf_counter()
        self.address = address
        self._target = (address.host, port, *address.scope)
        self._sources = sources
        self.sock = _socket.socket(address.family, STREAM)
        self.watcher: Any = None

    def begin(self) -> bool:
        """Begin to connect; return whether it connected at once. Raise OSError."""
        return _begin(self.sock, self._target, self._sources)

    def is_connected(self) -> bool:
        """Return whether it is connected by now. Raise OSError."""
        return _is_connected(self.sock, self._target)

    def watch(self, turn: Wait) -> None:
        """Notify `turn` when the attempt ends."""
        if self.watcher is None:
            self.watcher = gevent.get_hub().loop.io(self.sock.fileno(), WRITABLE)
        self.watcher.start(turn.notify)

    def free_watcher(self) -> None:
        """Free the watcher: nobody is waiting for the attempt any more."""
        if self.watcher is not None:
            self.watcher.stop()
            self.watcher.close()
            self.watcher = None

    def close(self) -> None:
        """Give up the attempt."""
        self.free_watcher()
        self.sock.close()


class _Race:
    def __init__(
        self, addresses: Sequence[Address], port: int, sources: SourceAddresses | None, delay_s: float
    ) -> None:
        self._last = addresses[-1] if addresses else None
        self._left = deque(addresses)
        self._port = port
        self._sources = sources
        self._delay_s = delay_s
        self._under_way: list[_Attempt] = []
        self._problems: dict[Address | None, OSError] = {}

    def run(self) -> Won:
        try:
            while self._left or self._under_way:
                winner = self._begin_next() or self._await_one()
                if winner is not None:
                    winner.free_watcher()
                    silent = tuple(attempt.address for attempt in self._under_way if attempt.began_s < winner.began_s)
                    return Won(winner.sock, winner.address, winner.began_s, silent)
            raise self._problems.pop(self._last, OSError("the name has no address"))  # whose traceback holds the race
        finally:
            for attempt in self._under_way:
                attempt.close()

    def _begin_next(self) -> _Attempt | None:
        """Begin the next attempt, and more while they fail at once; return one that connected at once, if any."""
        while self._left:
            attempt = _Attempt(self._left.popleft(), self._port, self._sources)
            try:
                if attempt.begin():
                    return attempt
            except OSError as problem:
                self._fail(attempt, problem)
            else:
                self._under_way.append(attempt)
                return None
        return None

    def _await_one(self) -> _Attempt | None:
        """Wait until an attempt ends or the next one may begin; return one that is connected by then, if any."""
        if not self._under_way:
            return None  # all remaining ones failed at once
        turn = Wait()
        for attempt in self._under_way:
            attempt.watch(turn)
        turn.wait(self._delay_s if self._left else None)
        for attempt in tuple(self._under_way):
            try:
                is_connected = attempt.is_connected()
            except OSError as problem:
                self._under_way.remove(attempt)
                self._fail(attempt, problem)
            else:
                if is_connected:
                    self._under_way.remove(attempt)
                    return attempt
        return None

    def _fail(self, attempt: _Attempt, problem: OSError) -> None:
        attempt.close()
        self._problems[attempt.address] = problem.with_traceback(None)
