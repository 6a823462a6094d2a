"""The `context` of an agent in the late protocol: which messages a webhook sends it. Pure.

Source: the late wire record, section Agents; FleetLM agent_controller.ex at 0b7208e.
"""

from collections.abc import Mapping
from typing import Any, Final

from fleetlm_users.standin.agent.agents import INVALID, Errors

DEFAULT_LIMIT: Final = 50
MAX_TOKENS: Final = 1_000_000
STRATEGIES: Final = ("last_n", "strip_tool_results", "webhook")


class ContextCrash(Exception):
    """FleetLM answers 500: the context is not an object."""


def with_context(given: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """Return an agent's fields with its complete `context`, as each create and update sets it, and the errors in it.

    Raises ContextCrash.
    """
    fields = {name: value for name, value in given.items() if not name.startswith("message_history")}
    context = fields.get("context", {})
    if not isinstance(context, dict):
        raise ContextCrash
    strategy = context.get("strategy", fields.get("context_strategy", "last_n"))
    config = context.get("config", fields.get("context_strategy_config", {}))
    whole = {"context": {"config": config, "strategy": strategy}}
    return fields | whole, _problem(strategy, config) | _debounce_problem(fields.get("debounce_window_ms", 0))


def limit_of(context: Mapping[str, Any]) -> int:
    """Return how many messages an agent is sent."""
    limit = context["config"].get("limit", DEFAULT_LIMIT)
    return limit if isinstance(limit, int) else DEFAULT_LIMIT


def _debounce_problem(value: Any) -> Errors:
    """Return the error in a field that is checked, but then neither kept nor shown."""
    if not isinstance(value, int) or isinstance(value, bool):
        return {"debounce_window_ms": [INVALID]}
    return {} if value >= 0 else {"debounce_window_ms": ["must be greater than or equal to 0"]}


def _problem(strategy: Any, config: Any) -> Errors:
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
