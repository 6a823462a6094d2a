"""The limits of a generator, one of which can be set."""

from fleetlm_users.measure.generator_limits import Limits


def test_the_limits_of_the_generator_follow_the_one_that_is_set():
    """All in the same proportion; the default is the default."""
    default = Limits()
    doubled = Limits.in_proportion_to(2 * default.lateness_p99_ms)
    assert Limits.in_proportion_to(default.lateness_p99_ms) == default
    assert doubled.lateness_p95_ms == 2 * default.lateness_p95_ms
    assert doubled.loop_lag_p99_ms == 2 * default.loop_lag_p99_ms
    assert doubled.name_lookup_ms == 2 * default.name_lookup_ms
