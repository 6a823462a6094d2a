"""What a locustfile sets up at its import."""

from dataclasses import replace

import pytest
from locust.event import Events

from fleetlm_users.swarm import lifecycle
from fleetlm_users.swarm.lifecycle import Lifecycle
from tests.swarm.samples import benchmark


@pytest.mark.parametrize("other", ["mixed", "session_lifecycle"])
def test_two_benchmarks_in_a_process_are_refused_in_a_sentence(monkeypatch, capsys, other):
    """Two locustfiles of ours, a folder of them, or the same one twice: options, plan and verdict are those of one."""
    monkeypatch.setattr(lifecycle, "events", Events())
    Lifecycle(benchmark()).listen()
    with pytest.raises(SystemExit) as ended:
        Lifecycle(replace(benchmark(), name=other)).listen()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"-f (LOCUST_LOCUSTFILE) names two benchmarks, mixed and {other}: give one of them")
    assert said.count("\n") == 1
