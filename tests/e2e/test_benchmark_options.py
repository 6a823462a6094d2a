"""A bad value for any option of a benchmark is refused with the accepted form, and nothing runs."""

import pytest

from tests.e2e.harness import Locust

pytestmark = pytest.mark.e2e

BAD = [
    ("concurrent_sessions", "KEEP_ALIVE_MS", "-1", "a whole number, 0 or more", "60000"),
    ("message_throughput", "SEND_INTERVAL", "0", "a number above 0", "1000"),
    ("message_throughput", "RUNTIME_MS", "1.5", "a whole number, 0 or more", "60000"),
    ("message_throughput", "PIPELINE_DEPTH", "0", "a whole number, 1 or more", "5"),
    ("message_throughput", "ARRIVAL_RATE", "-2", "a number above 0", "200"),
    ("message_throughput", "MESSAGE_BYTES", "none", "a whole number, 1 or more", "64"),
    ("session_lifecycle", "ITERATIONS", "0", "a whole number, 1 or more", "50"),
    ("session_lifecycle", "MESSAGES_PER_SESSION", "many", "a whole number, 1 or more", "3"),
    ("message_correctness", "MESSAGES", "0", "a whole number, 1 or more", "10"),
    ("message_correctness", "PIPELINE_DEPTH", "x", "a whole number, 1 or more", "5"),
    ("ws_hot_path", "SEND_INTERVAL", "abc", "a number above 0", "5000"),
]


@pytest.mark.parametrize("case", BAD, ids=str)
def test_a_bad_value_is_refused_with_an_example(tmp_path, case):
    """The exit code is 2; the message names flag and variable, the value, the accepted form and an example."""
    check_refusal(tmp_path, case, by_flag=True)


@pytest.mark.parametrize("case", BAD[::4], ids=str)
def test_the_environment_is_checked_like_a_flag(tmp_path, case):
    """The same message, whichever way the value came."""
    check_refusal(tmp_path, case, by_flag=False)


def check_refusal(tmp_path, case, *, by_flag):
    benchmark, name, value, accepted, example = case
    flag = f"--{name.lower().replace('_', '-')}"
    given, env = ([f"{flag}={value}"], None) if by_flag else ([], {name: value})
    with Locust(tmp_path, *given, locustfile=f"locustfiles/{benchmark}.py", env=env) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    source = f"{flag} ({name})" if by_flag else f"{name} (environment)"
    message = f"invalid value '{value}' for {source}: expected {accepted}, for example {example}"
    assert message in finished.said
    assert finished.summary == {}


CONTRADICTIONS = [
    ("message_throughput", ["--arrival-rate", "5", "--pipeline-depth", "2"], "an open or a closed load"),
    ("message_throughput", ["--runtime-ms", "5000"], "more than the warm-up of 5s"),
    ("ws_hot_path", ["--runtime-ms", "100"], "more than the warm-up of 5s"),
]


@pytest.mark.parametrize(("benchmark", "flags", "reason"), CONTRADICTIONS, ids=str)
def test_options_that_contradict_each_other_are_refused(tmp_path, benchmark, flags, reason):
    """Before anything is asked of a server."""
    with Locust(tmp_path, *flags, locustfile=f"locustfiles/{benchmark}.py") as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert reason in finished.said
    assert "for example" in finished.said
