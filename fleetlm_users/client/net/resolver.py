"""Host names to addresses: looked up once per run and name, in the system's order (RFC 6724).

A look-up is work of this machine and its resolver, not of the server under test. gevent does it in ten threads, each
blocked for as long as it takes: with a look-up per connect, a resolver 300 ms away would allow 33 connects a second. So
answers are kept, concurrent requests for a name share one look-up, and `on_wait` reports how long a connection was held
up.

An answer is used for five minutes (as with k6's `dns.ttl`) and then renewed in the background: no connection waits for
that. If a renewal fails, the old addresses stay.
"""

import logging
import socket as constants
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import gevent
import msgspec
from gevent import socket

from fleetlm_users.client.net.socket_errors import NotResolved, words_of
from fleetlm_users.client.net.waits import Deadline, Overdue

logger = logging.getLogger(__name__)

FRESH_S: Final = 300.0
RENEW_AGAIN_S: Final = 30.0
"""Seconds until the next attempt after a failed renewal."""
FAILED_S: Final = 1.0
"""A failed look-up is kept this long, so that users waiting for a broken resolver do not queue up behind it."""
LOOK_UP_S: Final = 30.0
"""glibc asks each of at most three name servers twice, 5 s each (resolv.conf(5)): by then it has given up itself."""


class Address(NamedTuple):
    """An address without a port; `scope` are flow label and scope id of an IPv6 address."""

    family: int
    host: str
    scope: tuple[int, ...] = ()


class _Known(msgspec.Struct):
    addresses: tuple[Address, ...]
    renew_s: float
    is_old: bool = False


class Resolver:
    """The addresses of host names, for one run on one process.

    `look_up(host)` asks the system and raises OSError or UnicodeError; a wait for it ends after `timeout_s`.
    `on_wait(began_s, done_s)` is called for each wait, in the clock's seconds.
    """

    def __init__(
        self,
        look_up: Callable[[str], Iterable[Address]] | None = None,
        *,
        timeout_s: float = LOOK_UP_S,
        on_wait: Callable[[float, float], None] = lambda _began_s, _done_s: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._look_up = look_up or system_addresses
        self._timeout_s = timeout_s
        self._on_wait = on_wait
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._failed: dict[str, tuple[str, float]] = {}
        self._under_way: dict[str, gevent.Greenlet] = {}

    def addresses(self, host: str) -> tuple[Address, ...]:
        """Return all addresses of a host, at least one; an address is returned as it is. Raise NotResolved."""
        known = self._known.get(host)
        if known is None:
            return self._first(host)
        if known.renew_s <= self._clock():
            self._renew(host, known)
        return known.addresses

    def _first(self, host: str) -> tuple[Address, ...]:
        literal = literal_address(host)
        if literal is not None:
            self._known[host] = _Known((literal,), float("inf"))
            return (literal,)
        began_s = self._clock()
        why, until_s = self._failed.get(host, ("", began_s))
        if began_s < until_s:
            raise NotResolved(why)
        try:
            with Deadline(self._timeout_s):
                self._start(host).join()
        except Overdue as error:
            raise NotResolved(f"the name {host} was not looked up within {self._timeout_s:g} s") from error
        finally:
            self._on_wait(began_s, self._clock())
        known = self._known.get(host)
        if known is None:
            raise NotResolved(self._failed[host][0])
        return known.addresses

    def _renew(self, host: str, known: _Known) -> None:
        known.renew_s = self._clock() + RENEW_AGAIN_S
        self._start(host)

    def _start(self, host: str) -> gevent.Greenlet:
        """Return the look-up of that name: a greenlet of its own, so that a killed user does not end it for the
        others.
        """
        look_up = self._under_way.get(host)
        if look_up is None:
            look_up = self._under_way[host] = gevent.spawn(self._ask, host)
        return look_up

    def _ask(self, host: str) -> None:
        try:
            addresses = tuple(dict.fromkeys(self._look_up(host)))
            why = "" if addresses else "it has no address"
        except (OSError, UnicodeError) as error:
            addresses, why = (), words_of(error)
        finally:
            del self._under_way[host]
        if addresses:
            self._known[host] = _Known(addresses, self._clock() + FRESH_S)
            return
        known = self._known.get(host)
        if known is None:
            self._failed[host] = (f"the name {host} cannot be resolved: {why}", self._clock() + FAILED_S)
        elif not known.is_old:
            known.is_old = True
            logger.warning("the name %s cannot be looked up again (%s): its known addresses are kept", host, why)

    def __repr__(self) -> str:
        return f"<Resolver {sorted(self._known)}>"


def literal_address(host: str) -> Address | None:
    """Return the address in a text; None for a name."""
    for family in (constants.AF_INET, constants.AF_INET6):
        try:
            constants.inet_pton(family, host)
        except (OSError, ValueError):  # ValueError: characters that no address contains
            continue
        return Address(family, host)
    return None


def system_addresses(host: str) -> list[Address]:
    """Return the system's answer (getaddrinfo), in its order. Raise OSError or UnicodeError."""
    results = socket.getaddrinfo(host, None, 0, constants.SOCK_STREAM)
    return [
        Address(family, address[0], tuple(address[2:]))
        for family, _, _, _, address in results
        if family in (constants.AF_INET, constants.AF_INET6)
    ]
