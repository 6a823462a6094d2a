"""Local addresses as people write them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.source_ips import MAX_ADDRESSES, parse_source_ips

EXAMPLE = "127.0.0.2-127.0.0.9"


def parsed(text):
    return parse_source_ips(text, "--source-ips (SOURCE_IPS)", EXAMPLE)


def loopback(*lasts):
    return tuple(f"127.0.0.{last}" for last in lasts)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("127.0.0.2", loopback(2)),
        ("127.0.0.2,127.0.0.3", loopback(2, 3)),
        (" 127.0.0.3 , 127.0.0.2, ", loopback(3, 2)),
        ("127.0.0.2-127.0.0.9", loopback(*range(2, 10))),
        ("127.0.0.2 - 127.0.0.2", loopback(2)),
        ("127.0.0.0/29", loopback(*range(1, 7))),
        ("127.0.0.8/31", loopback(8, 9)),
        ("127.0.0.8/32", loopback(8)),
        ("127.0.0.2-127.0.0.4,127.0.0.3,127.0.0.0/30", loopback(2, 3, 4, 1)),
        ("::1", ("::1",)),
        ("fd00::a-fd00::c", ("fd00::a", "fd00::b", "fd00::c")),
    ],
)
def test_what_people_write(text, addresses):
    """Addresses keep their order, each once."""
    assert parsed(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "eth0",
        "127.0.0.256",
        "127.0.0.2:80",
        "127.0.0.9-127.0.0.2",
        "127.0.0.2-9",
        "127.0.0.2-127.0.0.4-127.0.0.6",
        "127.0.0.2-::1",
        "127.0.0.5/24",
        "10.0.0.0/8",
        "10.0.0.0-10.255.255.255",
        "fd00::/64",
    ],
)
def test_what_is_none_of_these_is_reported_with_an_example(text):
    """It includes more addresses than a machine can have, without counting them all."""
    with pytest.raises(UsageError, match=r"SOURCE_IPS.*for example 127\.0\.0\.2-127\.0\.0\.9"):
        parsed(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, MAX_ADDRESSES - 1))
def test_a_range_holds_both_ends_and_all_between(first, more):
    """The number of addresses is right."""
    low = min(first, 2**32 - 1 - more)
    text = f"{ipaddress.IPv4Address(low)}-{ipaddress.IPv4Address(low + more)}"
    found = [int(ipaddress.IPv4Address(address)) for address in parsed(text)]
    assert found == list(range(low, low + more + 1))


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text):
    """Nothing but addresses, or nothing but a UsageError."""
    try:
        addresses = parsed(text)
    except UsageError:
        return
    assert addresses
    assert len(set(addresses)) == len(addresses) <= MAX_ADDRESSES
    assert all(ipaddress.ip_address(address) for address in addresses)
