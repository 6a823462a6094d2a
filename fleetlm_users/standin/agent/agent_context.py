"""The `context` of an agent in the late protocol: which messages it is sent. Pure.

Source: the late wire record, section Agents; FleetLM agent_controller.ex at 0b7208e.
"""

from collections.abc import Mapping
from typing import Any, Final

from fleetlm_users.standin.agent.agents import AgentInvalid

DEFAULT_LIMIT: Final = 50
MAX_TOKENS: Final = 1_000_000
STRATEGIES: Final = ("last_n", "strip_tool_results", "webhook")


class ContextCrash(Exception):
    """FleetLM answers 500: the context is no object."""


def with_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an agent's fields with its `context` whole, as each create and each update sets it.

    Raises AgentInvalid and ContextCrash.
    """
    fields = {name: value for name, value in given.items() if not name.startswith("message_history")}
    context = fields.get("context", {})
    if not isinstance(context, dict):
        raise ContextCrash
    strategy = context.get("strategy", fields.get("context_strategy", "last_n"))
    config = context.get("config", fields.get("context_strategy_config", {}))
    problem = _problem(strategy, config)
    if problem:
        raise AgentInvalid(problem)
    return fields | {"context": {"config": config, "strategy": strategy}}


def limit_of(context: Mapping[str, Any]) -> int:
    """Return how many messages an agent is sent."""
    limit = context["config"].get("limit", DEFAULT_LIMIT)
    return limit if isinstance(limit, int) else DEFAULT_LIMIT


def _problem(strategy: Any, config: Any) -> dict[str, list[str]]:
    if strategy not in STRATEGIES:
        return {"context_strategy": ["is not registered"]}
    if not isinstance(config, dict):
        return {"context_strategy_config": ["is invalid"]}
    limit, tokens = config.get("limit", DEFAULT_LIMIT), config.get("max_tokens", 0)
    if not isinstance(limit, int) or limit <= 0:
        return {"context_strategy_config": [":invalid_limit"]}
    if isinstance(tokens, int) and tokens > MAX_TOKENS:
        return {"context_strategy_config": [":token_budget_exceeds_system_limit"]}
    if strategy == "webhook" and not ("url" in config or "build_url" in config):
        return {"context_strategy_config": [":missing_url"]}
    return {}
