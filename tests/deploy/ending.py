"""How long the end of a run may take, by the code's own bounds."""

from fleetlm_users.swarm.cluster.worker_registry import LOOK_S, TRAVEL_S
from fleetlm_users.swarm.run import CLEANUP_S, FORCE_S, LEAVING_S
from fleetlm_users.workload.options.model import COMMON


def longest_end_s():
    """Drain, clean-up, leaving and the last reports, with options at their defaults."""
    drain_s = float(next(spec.default for spec in COMMON if spec.name == "drain_timeout").removesuffix("s"))
    return drain_s + CLEANUP_S + LEAVING_S + FORCE_S + TRAVEL_S + LOOK_S
