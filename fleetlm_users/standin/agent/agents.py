"""Agents: the fields that FleetLM's changeset accepts, refuses and fills in. Pure.

Source: the wire record, section Agents; Ecto's cast (empty strings count as not given).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

DEFAULT_WEBHOOK_PATH: Final = "/webhook"
HISTORY_MODES: Final = ("tail", "last", "entire")
STATUSES: Final = ("enabled", "disabled")
MAX_AGENTS: Final = 10_000

BLANK: Final = "can't be blank"
INVALID: Final = "is invalid"
NOT_POSITIVE: Final = "must be greater than 0"
TAKEN: Final = "has already been taken"

HIDDEN: Final[Mapping[str, tuple[str, ...]]] = {
    "early": ("context",),
    "late": ("message_history_limit", "message_history_mode"),
    "both": (),
}
"""By protocol: the fields that it does not show."""

Errors = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent; `inserted_at` and `updated_at` as printed."""

    id: str
    name: str
    origin_url: str
    webhook_path: str = DEFAULT_WEBHOOK_PATH
    message_history_mode: str = "tail"
    message_history_limit: int = 50
    timeout_ms: int = 30_000
    headers: Mapping[str, Any] = field(default_factory=dict)
    status: str = "enabled"
    context: Mapping[str, Any] = field(default_factory=lambda: {"config": {}, "strategy": "last_n"})
    inserted_at: str = ""
    updated_at: str = ""

    def as_json(self, protocol: str) -> dict[str, Any]:
        """Return the resource as REST shows it in a protocol (`both`: in both), keys sorted."""
        hidden = HIDDEN[protocol]
        return {name: getattr(self, name) for name in sorted(self.__slots__) if name not in hidden}


class AgentInvalid(Exception):
    """The changeset is invalid; `errors` by field, as the 422 body shows them."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


class Agents:
    """All agents by id; at most MAX_AGENTS. `on_change` gets each new or changed one."""

    def __init__(self) -> None:
        self._by_id: dict[str, Agent] = {}
        self.on_change: Callable[[Agent], None] = lambda _: None

    def get(self, agent_id: str) -> Agent | None:
        """Return the agent, or None."""
        return self._by_id.get(agent_id)

    def index(self, status: str | None, order: str = "id") -> list[Agent]:
        """Return all agents, in the order of a field; a known `status` filters, an unknown one is ignored."""
        agents = sorted(self._by_id.values(), key=lambda agent: str(getattr(agent, order)))
        return [agent for agent in agents if status not in STATUSES or agent.status == status]

    def create(self, given: Mapping[str, Any], now: str, more_errors: "Errors | None" = None) -> Agent:
        """Create an agent; `more_errors` are those of fields unknown here. Raises AgentInvalid."""
        cast, errors = cast_fields(given)
        errors |= more_errors or {}
        for name in ("id", "name", "origin_url"):
            if not cast.get(name) and name not in errors:
                errors[name] = [BLANK]
        if errors:
            raise AgentInvalid(errors)
        if cast["id"] in self._by_id or len(self._by_id) >= MAX_AGENTS:
            raise AgentInvalid({"id": [TAKEN]})
        return self._put(Agent(**cast, inserted_at=now, updated_at=now))

    def update(self, agent: Agent, given: Mapping[str, Any], now: str, more_errors: "Errors | None" = None) -> Agent:
        """Update the given fields of `agent`; `more_errors` as for `create`. Raises AgentInvalid."""
        cast, errors = cast_fields(given)
        errors |= more_errors or {}
        for name in ("id", "name", "origin_url"):
            if name in cast and not cast[name]:
                errors[name] = [BLANK]
        if cast.get("id", agent.id) != agent.id and cast["id"] in self._by_id:
            errors["id"] = [TAKEN]
        if errors:
            raise AgentInvalid(errors)
        new = replace(agent, **cast)
        if new == agent:
            return agent
        if new.id != agent.id:
            del self._by_id[agent.id]
        return self._put(replace(new, updated_at=now))

    def disable(self, agent: Agent, now: str) -> Agent:
        """Disable the agent: DELETE is soft."""
        return self.update(agent, {"status": "disabled"}, now)

    def restore(self, agent: Agent) -> None:
        """Restore an agent of an earlier process."""
        self._by_id[agent.id] = agent

    def _put(self, agent: Agent) -> Agent:
        self._by_id[agent.id] = agent
        self.on_change(agent)
        return agent


def cast_fields(given: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """Return the valid fields of `given` and the errors of the others; unknown fields are ignored."""
    cast: dict[str, Any] = {}
    errors: Errors = {}
    for name, rule in RULES.items():
        if name not in given:
            continue
        value = given[name]
        if value is None or (isinstance(value, str) and not value.strip()):
            if name in ("id", "name", "origin_url"):
                cast[name] = None
            continue  # an empty value leaves the default
        problem = rule(value)
        if problem is None:
            cast[name] = int(value) if rule is _positive else value
        else:
            errors[name] = [problem]
    return cast, errors


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else INVALID


def _map(value: object) -> str | None:
    return None if isinstance(value, dict) else INVALID


def _positive(value: object) -> str | None:
    if isinstance(value, str):  # Ecto casts "10" to 10
        try:
            value = int(value)
        except ValueError:
            return INVALID
    if not isinstance(value, int) or isinstance(value, bool):
        return INVALID
    return None if value > 0 else NOT_POSITIVE


def _mode(value: object) -> str | None:
    return None if value in HISTORY_MODES else INVALID


def _status(value: object) -> str | None:
    return None if value in STATUSES else INVALID


RULES: Final = {
    "context": _map,
    "headers": _map,
    "id": _text,
    "message_history_limit": _positive,
    "message_history_mode": _mode,
    "name": _text,
    "origin_url": _text,
    "status": _status,
    "timeout_ms": _positive,
    "webhook_path": _text,
}
