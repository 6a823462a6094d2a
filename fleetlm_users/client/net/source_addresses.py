"""The local addresses that a process's connections leave from, in turn: each can have 28,000 to one target.

A port can serve several targets only if it is chosen on connect and not on bind: IP_BIND_ADDRESS_NO_PORT does that
(ip(7), Linux 4.2).
"""

import contextlib
import errno
import socket as constants
from collections.abc import Collection, Iterable, Sequence
from itertools import cycle, islice
from typing import Any

from gevent import socket

IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h; Python's socket module only has it since 3.12."""


class SourceAddresses:
    """Addresses taken in turn from `start` on, which differs between the processes of one machine.

    Raise ValueError when there is none.
    """

    def __init__(self, addresses: Sequence[str], start: int = 0) -> None:
        if not addresses:
            raise ValueError("no source address")
        self._count = len(addresses)
        turned = list(islice(cycle(addresses), start % self._count, start % self._count + self._count))
        by_family = {family: [address for address in turned if family_of(address) == family] for family in FAMILIES}
        self._turns = {family: cycle(own) for family, own in by_family.items() if own}

    def __repr__(self) -> str:
        return f"<SourceAddresses {self._count}>"

    @property
    def families(self) -> Collection[int]:
        """The address families of the addresses."""
        return self._turns.keys()

    def bind(self, sock: Any) -> None:
        """Bind a socket, before it connects, to the next address of its family. Raise OSError."""
        turns = self._turns.get(sock.family)
        if turns is None:
            raise OSError(errno.EADDRNOTAVAIL, "no source address of this family")
        with contextlib.suppress(OSError):  # a system without it has fewer connections, which is no reason to have none
            sock.setsockopt(constants.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((next(turns), 0))


FAMILIES = (constants.AF_INET, constants.AF_INET6)


def family_of(address: str) -> int:
    """Return AF_INET or AF_INET6."""
    return constants.AF_INET6 if ":" in address else constants.AF_INET


def sources_here(addresses: Sequence[str], start: int = 0) -> SourceAddresses | None:
    """Return those of the addresses that this machine has; None if it has none of them."""
    foreign = set(not_local(addresses))
    own = [address for address in addresses if address not in foreign]
    return SourceAddresses(own, start) if own else None


def not_local(addresses: Iterable[str]) -> list[str]:
    """Return the addresses that this machine lacks, by trying to bind to each."""
    return [address for address in addresses if not _is_local(address)]


def _is_local(address: str) -> bool:
    try:
        with contextlib.closing(socket.socket(family_of(address), constants.SOCK_STREAM)) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
