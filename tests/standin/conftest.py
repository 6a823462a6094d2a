"""Stand-ins for the tests, ended with them."""

import pytest

from tests.standin.running import Standin


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


@pytest.fixture(scope="module")
def standin():
    """A stand-in that echoes in process, shared by the tests of a file: each uses users and sessions of its own."""
    shared = Standin("--builtin-agent")
    yield shared
    shared.stop()
