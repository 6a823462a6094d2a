"""Servers for the end-to-end tests, ended with the test."""

import pytest

from tests.e2e.harness import Agent, Standin


@pytest.fixture
def standin_with():
    """Makes stand-ins with the given flags."""
    made = []

    def make(*flags):
        made.append(Standin(*flags))
        return made[-1]

    yield make
    for standin in made:
        standin.stop()


@pytest.fixture
def standin(standin_with):
    """A stand-in that echoes in process."""
    return standin_with("--builtin-agent")


@pytest.fixture
def agent_with():
    """Makes echo agents with the given flags."""
    made = []

    def make(*flags):
        made.append(Agent(*flags))
        return made[-1]

    yield make
    for agent in made:
        agent.stop()
