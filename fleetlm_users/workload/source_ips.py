"""The local addresses that connections leave from: addresses, ranges and networks, as people write them."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from itertools import chain, islice
from typing import Final

from fleetlm_users.errors import UsageError

ACCEPTED: Final = "local addresses separated by commas, each alone, as a range, or as a network in CIDR form"
MAX_ADDRESSES: Final = 4096  # more than a machine has; with 28,000 connections each it would be 115 million


def parse_source_ips(text: str, what: str, example: str) -> tuple[str, ...]:
    """Return the single addresses of a text such as `127.0.0.2,127.0.0.4-127.0.0.9,127.0.0.16/29`, each once.

    The first and the last address of a network are left out, as no host has them. Raises UsageError for more than
    MAX_ADDRESSES in all, and for any other part, naming it.
    """
    addresses: dict[str, None] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            addresses |= dict.fromkeys(map(str, islice(_addresses(part), MAX_ADDRESSES + 1)))
        except (ValueError, TypeError) as error:  # TypeError: a range from IPv4 to IPv6
            raise UsageError(what, part, f"{ACCEPTED} ({error})", example) from error
        if len(addresses) > MAX_ADDRESSES:
            raise UsageError(what, text, f"at most {MAX_ADDRESSES} addresses", example)
    if not addresses:
        raise UsageError(what, text, ACCEPTED, example)
    return tuple(addresses)


def _addresses(part: str) -> Iterator[IPv4Address | IPv6Address]:
    if "/" in part:
        return iter(ip_network(part).hosts())
    first, dash, last = part.partition("-")
    low = ip_address(first.strip())
    if not dash:
        return iter((low,))
    return chain.from_iterable(summarize_address_range(low, ip_address(last.strip())))
