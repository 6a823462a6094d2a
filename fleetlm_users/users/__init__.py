"""The behaviours: Locust User classes, and `install`, the one call of a locustfile.

Everything that a behaviour of your own needs is exported here; see docs/writing-a-behaviour.md.
"""

from fleetlm_users.measure.metric import Metric, counter, gauge, rate, trend
from fleetlm_users.swarm.fleet import fleet_of
from fleetlm_users.users.base import FleetUser
from fleetlm_users.users.burst import BurstUser
from fleetlm_users.users.churn import ChurnUser
from fleetlm_users.users.concurrent import ConcurrentUser
from fleetlm_users.users.correctness import CorrectnessUser
from fleetlm_users.users.hot_path import HotPathUser
from fleetlm_users.users.inbox_watcher import InboxWatcher
from fleetlm_users.users.install import install
from fleetlm_users.users.lifecycle import LifecycleUser
from fleetlm_users.users.long_lived import LongLivedUser
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.steady import SteadyUser
from fleetlm_users.users.throughput import ThroughputUser
from fleetlm_users.workload.option_spec import OptionSpec

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
    "counter",
    "fleet_of",
    "gauge",
    "install",
    "rate",
    "trend",
]
