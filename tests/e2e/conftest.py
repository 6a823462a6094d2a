"""Servers for the end-to-end tests, ended with the test; and how long such a test may take."""

from pathlib import Path

import pytest

from tests.e2e.harness import END_S, Agent, Standin

LIMIT_S = 2 * END_S
"""Of one test, with its servers and a few runs: waits of its own end sooner, and say what they waited for."""


def pytest_collection_modifyitems(items):
    """The limit of other tests is too short for processes of a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


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
