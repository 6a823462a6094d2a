"""The hook of a session's steps: our own counters by position, listeners by keyword."""

import pytest

from fleetlm_users.errors import JoinRefused
from fleetlm_users.swarm.stats.events import StepHook

REFUSED = JoinRefused("session:s", "unauthorized")


@pytest.mark.parametrize("exception", [None, REFUSED])
def test_a_step_is_told_to_counters_and_then_to_listeners(exception):
    """Each is called once, whether the step is reported or fired."""
    told = []
    hook = StepHook()
    hook.add_listener(lambda **facts: told.append(facts))
    hook.add_counter(lambda *facts: told.append(facts))
    facts = {"scenario": "s", "phase": "main", "started_s": 1.0, "done_s": 2.0, "exception": exception}
    hook.report(*facts.values(), "id")
    hook.fire(**facts, session_id="id")
    assert told == [tuple(facts.values()), facts | {"session_id": "id"}] * 2


def test_a_listener_that_was_removed_hears_nothing():
    """Counters go on counting."""
    told, counted = [], []
    hook = StepHook()
    hook.add_counter(lambda *facts: counted.append(facts))
    listener = hook.add_listener(lambda **facts: told.append(facts))
    hook.remove_listener(listener)
    hook.report("s", "main", 1.0, 2.0, None)
    assert (told, counted) == ([], [("s", "main", 1.0, 2.0, None)])
