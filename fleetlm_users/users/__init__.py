"""Behaviours: Locust User classes, what they share, and `install`, the one call of a locustfile.

The public address is `fleetlm_users` itself; the names below keep older locustfiles working.
"""

from fleetlm_users.measure.metrics.metric import Metric, counter, gauge, rate, trend
from fleetlm_users.swarm.context import context_of, fleet_of, run_of
from fleetlm_users.users.behaviours.concurrent import ConcurrentUser
from fleetlm_users.users.behaviours.correctness import CorrectnessUser
from fleetlm_users.users.behaviours.inbox_watcher import InboxWatcher
from fleetlm_users.users.behaviours.lifecycle import LifecycleUser
from fleetlm_users.users.behaviours.mixed import BurstUser, ChurnUser, LongLivedUser
from fleetlm_users.users.behaviours.throughput import HotPathUser, SteadyUser, ThroughputUser
from fleetlm_users.users.install import install
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.options.specs import OptionSpec, option

__all__ = [
    "BurstUser",
    "ChurnUser",
    "ConcurrentUser",
    "CorrectnessUser",
    "FleetUser",
    "HotPathUser",
    "InboxWatcher",
    "LifecycleUser",
    "LongLivedUser",
    "Metric",
    "OptionSpec",
    "SteadyUser",
    "ThroughputUser",
    "UserSession",
    "context_of",
    "counter",
    "fleet_of",
    "gauge",
    "install",
    "option",
    "rate",
    "run_of",
    "trend",
]
