"""Silence is counted in ticks, so that a process that stood still does not take its own absence for others'."""

from fleetlm_users.swarm.cluster.silence import TICK_S, Silence


def test_silence_grows_by_ticks_and_ends_when_something_is_heard():
    """Each one by itself; who was never heard is not silent."""
    silence = Silence()
    silence.heard("a")
    silence.tick()
    silence.heard("b")
    silence.tick()
    assert (silence.of("a"), silence.of("b"), silence.of("c")) == (2 * TICK_S, TICK_S, 0.0)
    assert silence.heard("a") == 2 * TICK_S
    assert silence.of("a") == 0.0
