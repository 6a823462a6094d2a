"""A user's own listeners receive every fact of a run."""

import json

import pytest

from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

LOCUSTFILE = """
import json, os
from collections import Counter
from locust import events
from fleetlm_users import BurstUser, ChurnUser, LongLivedUser, context_of, install

install("mixed", [LongLivedUser, BurstUser, ChurnUser])
heard = Counter()

@events.init.add_listener
def listen(environment, **_):
    hooks = context_of(environment).events
    for name in ("session_created", "joined", "message_sent", "message_appended", "agent_replied", "left"):
        getattr(hooks, name).add_listener(lambda name=name, **facts: heard.update([name]))

@events.quit.add_listener
def tell(**_):
    with open(os.environ["HEARD"], "w") as file:
        json.dump(heard, file)
"""


def test_own_listeners_hear_each_session_and_message(tmp_path, standin):
    """Registered in `init`, through the public names; counts as in the accounting."""
    (tmp_path / "own.py").write_text(LOCUSTFILE)
    env = {"HEARD": str(tmp_path / "heard.json")}
    arguments = [*targets(standin), "-u", "6", "-t", "4s", "--time-scale", "0.2", "--warm-up", "500ms"]
    with Locust(tmp_path, *arguments, locustfile=str(tmp_path / "own.py"), env=env) as locust:
        finished = locust.finish()
    heard = json.loads((tmp_path / "heard.json").read_text())
    accounting = finished.accounting()
    assert heard["message_sent"] == accounting["sent"] > 0
    assert heard["message_appended"] == accounting["appended"]
    assert heard["agent_replied"] == finished.count("agent_replies_matched")
    assert heard["session_created"] == heard["joined"] == heard["left"] == finished.count("sessions_started")
