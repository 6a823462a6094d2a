"""The context of an agent in the late protocol, as the record shows it."""

import pytest

from fleetlm_users.standin.agent.agent_context import ContextCrash, limit_of, with_context

DEFAULT = {"config": {}, "strategy": "last_n"}


@pytest.mark.parametrize(
    ("given", "context"),
    [
        ({}, DEFAULT),
        ({"message_history_mode": "tail", "message_history_limit": 10}, DEFAULT),
        ({"context": {"strategy": "last_n", "config": {"limit": 2}}}, {"config": {"limit": 2}, "strategy": "last_n"}),
        (
            {"context_strategy": "strip_tool_results", "context_strategy_config": {"limit": 5}},
            {"config": {"limit": 5}, "strategy": "strip_tool_results"},
        ),
        (
            {"context": {"strategy": "webhook", "config": {"url": "http://x"}}},
            {"config": {"url": "http://x"}, "strategy": "webhook"},
        ),
    ],
)
def test_each_create_and_update_sets_it_whole(given, context):
    """Parts left out go back to the default."""
    fields, errors = with_context(given)
    assert errors == {}
    assert fields["context"] == context
    assert not any(name.startswith("message_history") for name in fields)


@pytest.mark.parametrize(
    ("context", "errors"),
    [
        ({"strategy": "bogus"}, {"context_strategy": ["is not registered"]}),
        ({"config": {"limit": 0}}, {"context_strategy_config": [":invalid_limit"]}),
        ({"config": {"max_tokens": 2_000_000}}, {"context_strategy_config": [":token_budget_exceeds_system_limit"]}),
        ({"strategy": "webhook", "config": {}}, {"context_strategy_config": [":missing_url"]}),
        ({"config": "x"}, {"context_strategy_config": ["is invalid"]}),
    ],
)
def test_what_is_refused(context, errors):
    """The words are FleetLM's."""
    assert with_context({"context": context})[1] == errors
    assert with_context({"context": context, "debounce_window_ms": -1})[1].keys() == {*errors, "debounce_window_ms"}


def test_a_context_that_is_no_object_crashes():
    """FleetLM answers 500."""
    with pytest.raises(ContextCrash):
        with_context({"context": "last_n"})


@pytest.mark.parametrize(("config", "limit"), [({}, 50), ({"limit": 2}, 2), ({"limit": "x"}, 50)])
def test_the_limit_of_what_an_agent_is_sent(config, limit):
    """Fifty unless it says otherwise."""
    assert limit_of({"config": config}) == limit
