"""The calculator: its answer, its arithmetic, its mistakes."""

import json
import re

import pytest

LOAD = ("plan", "--sessions", 1_000_000, "--rate", 0.033)


def test_text_has_answer_arithmetic_and_settings(bench):
    """Within 80 columns, so that it can be pasted."""
    found = bench(*LOAD, "--cpu-per-append-us", 100, "--sessions-per-worker", 10_000)
    assert found.exit_code == 0
    assert max(map(len, found.output.splitlines())) <= 80
    for words in (
        "100 workers on 15",
        "33,000/s × 100 µs = 3.3 cores",
        "66,667 ÷ 28,232 ports = 3",
        "net.ipv4.ip_local_port_range = 1024 65535",
        "net.core.somaxconn = 4096",
    ):
        assert words in found.output


def test_one_of_each(bench):
    """A small load needs one, and says so in the singular."""
    text = bench("plan", "--sessions", 1, "--rate", 1).output
    assert "1 worker on 1 machine, 1 source address on each" in " ".join(text.split())


def test_sessions_that_arrive_are_as_many_at_once_as_littles_law_says(bench):
    """Each visit opens one session; the ramp of sessions that stay does not matter."""
    text = bench("plan", "--session-rate", 20.5, "--stay", "30s", "--rate", 0.2).output
    assert "615 sessions at once at 0.2 messages per second each" in " ".join(text.split())
    assert "20.5 sessions/s × 30 s = 615" in text
    assert re.search(r"sessions that arrive +20\.5 sessions/s = 20\.5 /s", text)
    assert "joins in the ramp" not in text


def test_json_is_the_same(bench):
    """Programs get the same figures, steps and settings."""
    told = json.loads(bench(*LOAD, "--sessions-per-worker", 10_000, "--json").output)
    assert (told["workers"], told["machines"], told["source_addresses"]) == (100, 15, 3)
    assert {"section", "name", "shown", "value", "unit"} == set(told["steps"][0])
    assert told["demand"]["ramp_s"] == 600.0
    assert set(told["sysctl"]) == {"generator", "server"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan",), "invalid value '' for --sessions"),
        (("plan", "--sessions", 5), "invalid value '' for --rate"),
        (("plan", "--session-rate", 5, "--rate", 1), "invalid value '' for --stay"),
        (("plan", "--stay", "5s", "--rate", 1), "invalid value '' for --session-rate"),
        ((*LOAD, "--session-rate", 5, "--stay", "5s"), "either --sessions, or --session-rate with --stay"),
        (("plan", "--session-rate", "1e9", "--stay", "9h", "--rate", 1), "1 to 1,000,000,000"),
        (
            ("plan", "--sessions", 0, "--rate", 1),
            "invalid value '0' for --sessions: expected a whole number, 1 or more",
        ),
        ((*LOAD, "--sessions", "many"), "invalid value 'many' for --sessions"),
        ((*LOAD, "--sessions", "1" * 15), "a whole number from 1 to 1,000,000,000"),
        ((*LOAD, "--rate", "-1"), "invalid value '-1' for --rate"),
        ((*LOAD, "--headroom", "1"), "a share from 0 to below 1"),
        ((*LOAD, "--ramp-up", "soon"), "invalid value 'soon' for --ramp-up"),
        ((*LOAD, "--cores-per-machine", 1), "invalid value 1 for --cores-per-machine"),
        ((*LOAD, "--cpu-per-append-us", 0), "invalid value '0' for --cpu-per-append-us"),
    ],
)
def test_a_mistake_is_reported_and_nothing_else(bench, arguments, words):
    """Exit code 2, the setting, the value and an example."""
    found = bench(*arguments)
    assert found.exit_code == 2
    assert words in found.output
    assert re.search(", for example | such as ", found.output)
