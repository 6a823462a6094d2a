"""The connections of a run: the resolver looks names up, addresses are raced until one is known to answer.

The address that won the first race is used for all later connections: a load goes to one place, and no other attempts
disturb the measurement of its connects. They are only raced again if that address fails.
"""

import _socket
import logging
from collections.abc import Callable
from typing import Any

from fleetlm_users.client.net.endpoint import Endpoint
from fleetlm_users.client.net.racing import ATTEMPT_DELAY_S, Won, connect_first, connect_one, usable
from fleetlm_users.client.net.resolver import Address, Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.net.tls import wrap_tls
from fleetlm_users.client.net.waits import Overdue

logger = logging.getLogger(__name__)


class Connector:
    """Connects to endpoints, from the next of `sources` if there are any; `insecure` accepts any certificate.

    Several connectors of a run share its `resolver`. `warn` is called once for addresses that do not answer.
    """

    def __init__(
        self,
        *,
        insecure: bool = False,
        sources: SourceAddresses | None = None,
        resolver: Resolver | None = None,
        warn: Callable[[str], None] = logger.warning,
    ) -> None:
        self._insecure = insecure
        self._sources = sources
        self._resolver = resolver or Resolver()
        self._winners: dict[tuple[str, int], Address] = {}
        self._warn = warn
        self._warned: set[object] = set()

    def addresses(self, endpoint: Endpoint) -> tuple[Address, ...]:
        """Return the addresses of the endpoint's host; this may wait for a look-up. Raise NotResolved.

        It is a separate step, so that its time counts neither as the server's nor against the deadline.
        """
        return self._resolver.addresses(endpoint.host)

    def connect(self, endpoint: Endpoint, addresses: tuple[Address, ...]) -> Won:
        """Return a TCP connection to one of the addresses; the wait has no limit. Raise OSError."""
        if len(addresses) == 1:
            return connect_one(addresses[0], endpoint.port, self._sources)
        place = (endpoint.host, endpoint.port)
        winner = self._winners.get(place)
        if winner in addresses and winner is not None:
            try:
                return connect_one(winner, endpoint.port, self._sources)
            except Overdue:
                self._winners.pop(place, None)
                raise
            except OSError:
                self._winners.pop(place, None)
                addresses = tuple(each for each in usable(addresses, self._sources) if each != winner)
                if not addresses:
                    raise
        return self._race(place, addresses)

    def secure(self, sock: _socket.socket, endpoint: Endpoint) -> Any:
        """Return the socket after the TLS handshake. Raise SSLError and OSError."""
        return wrap_tls(sock, endpoint, self._insecure)

    def _race(self, place: tuple[str, int], addresses: tuple[Address, ...]) -> Won:
        won = connect_first(addresses, place[1], self._sources)
        self._winners[place] = won.address
        silent = ", ".join(address.host for address in won.silent)
        if silent and (place, silent) not in self._warned:
            self._warned.add((place, silent))
            waited = f"{ATTEMPT_DELAY_S * 1000:.0f} ms"
            self._warn(f"{place[0]}: {silent} did not answer within {waited}; connections go to {won.address.host}")
        return won

    def __repr__(self) -> str:
        return f"<Connector {self._resolver!r}>"
