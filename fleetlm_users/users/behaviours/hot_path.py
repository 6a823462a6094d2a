"""The legacy benchmark: the way of a message from its sender to the session and back, and nothing else."""

from dataclasses import replace

from fleetlm_users.users.behaviours.throughput import SteadyUser
from fleetlm_users.workload.options.benchmark_specs import RUNTIME_MS, SEND_INTERVAL


class HotPathUser(SteadyUser):
    """A session of its own, a message every SEND_INTERVAL for RUNTIME_MS; the agent's answers are left alone."""

    scenario = "hot_path"
    options = (replace(SEND_INTERVAL, default="5000", example="5000"), RUNTIME_MS)
    follows_agent = False
