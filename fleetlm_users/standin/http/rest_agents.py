"""`/api/agents`. Source: FleetLM agent_controller.ex, as the wire record shows it."""

from typing import Any, Final

from fleetlm_users.standin.agent.agents import Agent, AgentInvalid
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.http.replies import Reply, error, json_reply, rendered

NOT_FOUND: Final = "Agent not found"
Params = dict[str, Any]


class AgentRoutes:
    """One method per route; each returns the whole reply."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._agents = hub.agents

    def index(self, params: Params) -> Reply:
        """GET /api/agents: all, or those of a known `status`."""
        return json_reply(200, {"agents": [agent.as_json() for agent in self._agents.index(params.get("status"))]})

    def create(self, params: Params) -> Reply:
        """POST /api/agents: 201, 400 without an agent, 422 with the fields' errors."""
        given = params.get("agent")
        if not isinstance(given, dict):
            return rendered(400)
        try:
            return _shown(201, self._agents.create(given, self._hub.stamp()))
        except AgentInvalid as invalid:
            return json_reply(422, {"errors": invalid.errors})

    def show(self, agent_id: str, params: Params) -> Reply:
        """GET /api/agents/:id."""
        del params
        agent = self._agents.get(agent_id)
        return error(404, NOT_FOUND) if agent is None else _shown(200, agent)

    def update(self, agent_id: str, params: Params) -> Reply:
        """PUT and PATCH /api/agents/:id: both change only what is given."""
        given = params.get("agent")
        if not isinstance(given, dict):
            return rendered(400)
        agent = self._agents.get(agent_id)
        if agent is None:
            return error(404, NOT_FOUND)
        try:
            return _shown(200, self._agents.update(agent, given, self._hub.stamp()))
        except AgentInvalid as invalid:
            return json_reply(422, {"errors": invalid.errors})

    def delete(self, agent_id: str, params: Params) -> Reply:
        """DELETE /api/agents/:id: soft, repeatable."""
        del params
        agent = self._agents.get(agent_id)
        if agent is None:
            return error(404, NOT_FOUND)
        agent = self._agents.disable(agent, self._hub.stamp())
        return json_reply(200, {"agent": agent.as_json(), "message": "Agent disabled"})


def _shown(status: int, agent: Agent) -> Reply:
    return json_reply(status, {"agent": agent.as_json()})
