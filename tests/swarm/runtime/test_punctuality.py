"""The timer on a clock of the test's own: in time, in order, nothing early, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.swarm.runtime.precise_timer import PreciseTimer
from tests.swarm.runtime.played_kernel import PlayedKernel

GAP_S = 150e-6
NEAR_S = 5e-6
WAKE_UPS_S = st.lists(st.floats(0, 400e-6), min_size=1, max_size=5)


def play(kernel, timer, moments_s):
    """Set all moments, turn the event loop until none is left; return the callbacks as (due, called)."""
    called = []

    def ring(moment_s):
        called.append((moment_s, kernel.clock_s))

    for moment_s in moments_s:
        timer.at(moment_s, lambda moment_s=moment_s: ring(moment_s))
    while kernel.turn():
        assert len(called) <= len(moments_s)
    return called


def evenly(kernel, count, gap_s=GAP_S):
    """Return moments at equal distances from now on."""
    return [kernel.clock_s + gap_s * (n + 1) for n in range(count)]


def test_a_machine_that_wakes_up_slowly_is_woken_earlier():
    """The estimate follows what is seen, to within a step."""
    kernel = PlayedKernel(wake_ups_s=[45e-6])
    called = play(kernel, PreciseTimer(kernel=kernel), evenly(kernel, 300))
    assert called[0][1] - called[0][0] > 20e-6
    assert max(at_s - due_s for due_s, at_s in called[-20:]) < NEAR_S


def test_a_timer_that_rings_much_too_early_is_set_again():
    """Its moment is not forgotten, and not waited for on the clock."""
    kernel = PlayedKernel()
    timer = PreciseTimer(kernel=kernel)
    moment_s = kernel.clock_s + 1.0
    timer.at(moment_s, lambda: None)
    ringing = next(one for one in kernel.timers_made if one.moment_s == moment_s)
    ringing.rings_s = kernel.clock_s
    called = play(kernel, timer, [moment_s + 1.0])
    assert called[0][1] >= moment_s + 1.0
    assert "waiting=0" in repr(timer)


@given(
    st.lists(st.integers(0, 1500), min_size=1, max_size=40),
    st.integers(1, 9),
    WAKE_UPS_S,
)
def test_all_are_called_in_order_and_never_early(delays_us, timers, wake_ups_s):
    """Whatever waking up takes, and however many timers there are."""
    kernel = PlayedKernel(wake_ups_s, look_s=1e-6)
    timer = PreciseTimer(timers, kernel)
    begin_s = kernel.clock_s
    called = play(kernel, timer, [begin_s + delay_us / 1e6 for delay_us in delays_us])
    assert [due_s for due_s, _ in called] == sorted(begin_s + delay_us / 1e6 for delay_us in delays_us)
    assert all(at_s >= due_s for due_s, at_s in called)


@given(st.lists(st.integers(1, 1500), min_size=1, max_size=12), st.integers(1, 4), WAKE_UPS_S)
def test_users_that_set_their_next_moment_as_they_are_called_lose_none(intervals_us, timers, wake_ups_s):
    """As senders do: each sets its next moment when it has sent."""
    kernel = PlayedKernel(wake_ups_s, look_s=1e-6)
    timer = PreciseTimer(timers, kernel)
    rounds = 5
    left = dict.fromkeys(range(len(intervals_us)), rounds)
    early = []

    def sleep(user, moment_s):
        timer.at(moment_s, lambda: ring(user, moment_s))

    def ring(user, moment_s):
        early.append(kernel.clock_s < moment_s)
        left[user] -= 1
        if left[user]:
            sleep(user, moment_s + intervals_us[user] / 1e6)

    for user in left:
        sleep(user, kernel.clock_s + intervals_us[user] / 1e6)
    while kernel.turn():
        pass
    assert early == [False] * rounds * len(intervals_us)
