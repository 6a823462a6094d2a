"""Each name is looked up once, whoever asks, and delays by a look-up are reported; the resolver belongs to the test."""

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from fleetlm_users.client.net.resolver import (
    FAILED_S,
    FRESH_S,
    RENEW_AGAIN_S,
    Address,
    Resolver,
    literal_address,
    system_addresses,
)
from fleetlm_users.client.net.socket_errors import NotResolved
from fleetlm_users.client.net.waits import Deadline, Overdue

ONE = Address(socket.AF_INET6, "::1", (0, 0))
TWO = Address(socket.AF_INET, "127.0.0.9")
UNKNOWN = socket.gaierror(-2, "Name or service not known")


class System:
    """The system's resolver: gives the next of `answers`, the last one forever; slow until `go` is set."""

    def __init__(self, *answers, is_slow=False):
        self.answers, self.asked, self.now_s, self.waits = list(answers), [], 0.0, []
        self.go = Event()
        if not is_slow:
            self.go.set()

    def look_up(self, host):
        self.asked.append(host)
        self.go.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def resolver(self, **options):
        return Resolver(
            self.look_up, clock=lambda: self.now_s, on_wait=lambda *wait: self.waits.append(wait), **options
        )


def test_a_name_is_looked_up_once_and_keeps_the_systems_order():
    """All addresses, in the system's order; duplicates count once."""
    system = System([ONE, TWO, ONE])
    resolver = system.resolver()
    for _ in range(3):
        assert resolver.addresses("fleet.test") == (ONE, TWO)
    assert system.asked == ["fleet.test"]
    assert len(system.waits) == 1
    assert "fleet.test" in repr(resolver)


def test_a_thousand_users_at_once_wait_for_one_look_up():
    """gevent has ten threads for look-ups: a thousand look-ups would hold up the ramp for minutes."""
    system = System([TWO], is_slow=True)
    resolver = system.resolver()
    users = [gevent.spawn(resolver.addresses, "fleet.test") for _ in range(1000)]
    gevent.idle()
    system.now_s = 0.3
    system.go.set()
    gevent.joinall(users, raise_error=True)
    assert {user.value for user in users} == {(TWO,)}
    assert system.asked == ["fleet.test"]
    assert system.waits == [(0.0, 0.3)] * 1000  # each was held up by the generator's own work, and says so


def test_a_user_that_is_killed_does_not_take_the_look_up_from_the_others():
    """The first one to ask is gone before the answer."""
    system = System([TWO], is_slow=True)
    resolver = system.resolver()
    first, second = (gevent.spawn(resolver.addresses, "fleet.test") for _ in range(2))
    gevent.idle()
    first.kill()
    system.go.set()
    assert second.get() == (TWO,)
    assert system.asked == ["fleet.test"]
    assert len(system.waits) == 2


def test_an_old_answer_is_renewed_in_the_background():
    """Nobody waits for the new answer: the known addresses serve until it arrives."""
    system = System([ONE], [TWO])
    resolver = system.resolver()
    assert resolver.addresses("fleet.test") == (ONE,)
    system.now_s = FRESH_S - 1
    resolver.addresses("fleet.test")
    gevent.idle()
    assert len(system.asked) == 1
    system.now_s = FRESH_S
    assert resolver.addresses("fleet.test") == (ONE,)
    gevent.idle()
    assert resolver.addresses("fleet.test") == (TWO,)
    assert len(system.asked) == 2
    assert len(system.waits) == 1


def test_a_renewal_that_fails_keeps_the_old_answer_and_says_so_once(caplog):
    """A name server that goes down during a run must not end it: the addresses are known."""
    system = System([ONE], UNKNOWN)
    resolver = system.resolver()
    resolver.addresses("fleet.test")
    for number in range(3):
        system.now_s = FRESH_S + number * RENEW_AGAIN_S
        assert resolver.addresses("fleet.test") == (ONE,)
        gevent.idle()
    assert len(system.asked) == 4
    assert len(caplog.records) == 1
    assert "fleet.test" in caplog.text
    assert "Name or service not known" in caplog.text


@pytest.mark.parametrize("problem", [UNKNOWN, UnicodeError("label empty or too long"), []])
def test_a_name_without_an_address_says_which_and_why(problem):
    """It is a kind of its own, and users who come right after do not ask again."""
    system = System(problem, [TWO])
    resolver = system.resolver()
    for _ in range(3):
        with pytest.raises(NotResolved, match=r"the name fleet\.test cannot be resolved"):
            resolver.addresses("fleet.test")
    assert len(system.asked) == 1
    system.now_s += FAILED_S
    assert resolver.addresses("fleet.test") == (TWO,)


def test_a_look_up_that_never_ends_has_a_limit_and_is_not_begun_twice():
    """The system would wait longer than anybody wants to; its answer still counts when it comes."""
    system = System([TWO], is_slow=True)
    resolver = system.resolver(timeout_s=0.01)
    for _ in range(2):
        with pytest.raises(NotResolved, match="not looked up within"):
            resolver.addresses("fleet.test")
    assert len(system.asked) == 1
    system.go.set()
    gevent.idle()
    assert resolver.addresses("fleet.test") == (TWO,)


def test_the_callers_own_deadline_ends_the_wait_only():
    """The look-up's own time limit behaves alike."""
    system = System([TWO], is_slow=True)
    resolver = system.resolver()
    with pytest.raises((NotResolved, Overdue)), Deadline(0.01):
        resolver.addresses("fleet.test")
    system.go.set()
    assert resolver.addresses("fleet.test") == (TWO,)
    assert len(system.asked) == 1


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("2001:db8::7", socket.AF_INET6)]
)
def test_an_address_is_not_looked_up_and_nobody_waits(host, family):
    """It needs no look-up, ever."""
    system = System(UNKNOWN)
    resolver = system.resolver()
    system.now_s = 10 * FRESH_S
    assert resolver.addresses(host) == resolver.addresses(host) == (Address(family, host),)
    assert system.asked == system.waits == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0", "::1::", "fe80::1%lo", "a\0b", ""])
def test_what_is_no_address_is_a_name(host):
    """Even if it looks like one."""
    assert literal_address(host) is None


def test_the_system_knows_localhost():
    """/etc/hosts has it."""
    found = system_addresses("localhost")
    assert {address.host for address in found} <= {"127.0.0.1", "::1"}
    assert found
    with pytest.raises((OSError, UnicodeError)):
        system_addresses("x" * 70)
