"""A stage for users, emptied after each test."""

import gevent
import pytest

from fleetlm_users.users import rest_user, virtual_user
from tests.users.lives import Stage

DEADLINE_S = 90.0
PAUSE_S = 0.05


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Shorten the second's pause after each failure."""
    for module in (virtual_user, rest_user):
        monkeypatch.setattr(module, "RETRY_PAUSE_S", PAUSE_S)


@pytest.fixture
def stage():
    """Makes runs of a behaviour; those that a test did not end are ended after it."""
    stages = []

    def make(behaviour, **raw):
        stages.append(Stage(behaviour, **raw))
        return stages[-1]

    with gevent.Timeout(DEADLINE_S):
        yield make
    for made in stages:
        made.end()
