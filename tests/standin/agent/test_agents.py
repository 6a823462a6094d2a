"""The fields of an agent that are accepted, beyond the recorded scenes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.agent.agents import AgentInvalid, Agents, cast_fields

GOOD = {"id": "a", "name": "n", "origin_url": "u"}


@pytest.mark.parametrize(
    ("given_fields", "errors"),
    [
        ({"id": "", "name": None, "origin_url": "  "}, {"id", "name", "origin_url"}),
        ({**GOOD, "timeout_ms": "10"}, set()),
        ({**GOOD, "timeout_ms": True}, {"timeout_ms"}),
        ({**GOOD, "timeout_ms": 1.5}, {"timeout_ms"}),
        ({**GOOD, "message_history_mode": {}}, {"message_history_mode"}),
        ({**GOOD, "headers": []}, {"headers"}),
        ({**GOOD, "status": None, "webhook_path": " ", "unknown": 1}, set()),
    ],
)
def test_create(given_fields, errors):
    """Errors name exactly the bad fields; empty values leave the defaults."""
    if errors:
        with pytest.raises(AgentInvalid) as caught:
            Agents().create(given_fields, "now")
        assert caught.value.errors.keys() == errors
    else:
        agent = Agents().create(given_fields, "now")
        assert (agent.status, agent.webhook_path, type(agent.timeout_ms)) == ("enabled", "/webhook", int)


def test_an_update_changes_the_id_to_one_that_is_free():
    """The late protocol does so; the old id is then gone."""
    agents = Agents()
    agents.create({**GOOD, "id": "taken"}, "then")
    agent = agents.create(GOOD, "then")
    with pytest.raises(AgentInvalid):
        agents.update(agent, {"id": "taken"}, "now")
    assert agents.update(agent, {"id": "other"}, "now") is agents.get("other")
    assert agents.get(agent.id) is None


def test_an_update_without_a_change_keeps_the_stamp():
    """Any other one moves it."""
    agents = Agents()
    agent = agents.create(GOOD, "then")
    assert agents.update(agent, {"name": "n"}, "now") == agent
    assert agents.update(agent, {"name": "m"}, "now").updated_at == "now"
    with pytest.raises(AgentInvalid):
        agents.update(agent, {"name": ""}, "now")


@given(
    st.dictionaries(st.sampled_from([*GOOD, "headers", "timeout_ms", "status"]), st.none() | st.text() | st.integers())
)
def test_cast_never_raises(given_fields):
    """Any JSON is either cast or an error."""
    cast, errors = cast_fields(given_fields)
    assert cast.keys() & errors.keys() == set()
