"""A stage for users, emptied after each test."""

import gevent
import pytest

from tests.users.lives import Stage

DEADLINE_S = 30.0


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
