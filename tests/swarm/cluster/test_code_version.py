"""Two processes may share a run only if their code is the same; the refusal says where it differs."""

from dataclasses import replace

import pytest

from fleetlm_users.swarm.cluster.code_version import CodeVersion

MINE = CodeVersion(
    package="1.2.0",
    locust="2.47.0",
    benchmark="mixed",
    scenarios=("burst", "churn"),
    options=("--api-url", "--vus"),
    metrics=("messages_sent (counter)",),
    source="aa",
    locustfile="bb",
)


def differences(**changed):
    return MINE.differences(replace(MINE, **changed).to_wire())


def test_the_same_code_has_no_differences():
    """It holds after the lists of the wire, too."""
    wire = {name: list(value) if isinstance(value, tuple) else value for name, value in MINE.to_wire().items()}
    assert MINE.differences(wire) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"package": "1.1.0"}, "the version of this package is 1.1.0 there and 1.2.0 here"),
        ({"locust": "2.46.1"}, "the version of Locust is 2.46.1 there and 2.47.0 here"),
        ({"benchmark": "capacity"}, "the benchmark is capacity there and mixed here"),
        ({"options": ("--api-url",)}, "it lacks the options --vus"),
        ({"scenarios": ("burst", "drip")}, "it lacks the behaviours churn and it adds the behaviours drip"),
        ({"metrics": (*MINE.metrics, "x (trend)")}, "it adds the metrics x (trend)"),
        ({"source": "ab"}, "the code of this package is different"),
        ({"locustfile": "ab"}, "the locustfile is different"),
    ],
)
def test_each_difference_is_reported(changed, told):
    """The text says what a person has to make the same."""
    assert differences(**changed) == [told]


@pytest.mark.parametrize("name", ["source", "locustfile"])
def test_a_text_that_one_of_them_could_not_read_is_not_compared(name):
    """A locustfile from a URL, for example."""
    assert differences(**{name: ""}) == []
    assert replace(MINE, **{name: ""}).differences(MINE.to_wire()) == []


def test_a_code_version_of_a_later_form_still_says_what_it_lacks():
    """A worker of a version that knows less."""
    told = MINE.differences({"package": "0.9"})
    assert "the version of this package is 0.9 there and 1.2.0 here" in told
    assert "the version of Locust is not known there and 2.47.0 here" in told
    assert "it lacks the behaviours burst, churn" in told
