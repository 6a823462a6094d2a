"""Load-test framework for FleetLM on top of Locust; its public API is what this module exports.

Importing this package imports nothing else: each name is imported when it is first used (PEP 562). So `import
fleetlm_users` loads neither gevent nor Locust, and `fleetlm_users.protocol`, `.workload` and `.measure` stay usable
without them. docs/writing-a-behaviour.md shows the names in use.
"""

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # seen by type checkers and editors; a test holds it equal to _MODULES
    from fleetlm_users.errors import (
        ClientError,
        ConnectFailed,
        Disconnected,
        JoinRefused,
        PushRefused,
        ReplyTimeout,
        RestFailed,
        UsageError,
    )
    from fleetlm_users.measure.metrics.metric import Metric, counter, gauge, rate, trend
    from fleetlm_users.swarm.context import BenchmarkContext, context_of, run_of
    from fleetlm_users.swarm.run import Run
    from fleetlm_users.users.behaviours.capacity import CapacityUser
    from fleetlm_users.users.behaviours.cold_start import ColdStartUser
    from fleetlm_users.users.behaviours.concurrent import ConcurrentUser
    from fleetlm_users.users.behaviours.correctness import CorrectnessUser
    from fleetlm_users.users.behaviours.durability import DurabilityUser
    from fleetlm_users.users.behaviours.fan_out import FanOutUser
    from fleetlm_users.users.behaviours.inbox_watcher import InboxWatcher
    from fleetlm_users.users.behaviours.lifecycle import LifecycleUser
    from fleetlm_users.users.behaviours.mixed import BurstUser, ChurnUser, LongLivedUser
    from fleetlm_users.users.behaviours.pipeline import PipelineUser
    from fleetlm_users.users.behaviours.reconnect_storm import ReconnectStormUser
    from fleetlm_users.users.behaviours.rest_mix import RestMixUser
    from fleetlm_users.users.behaviours.throughput import HotPathUser, SteadyUser, ThroughputUser
    from fleetlm_users.users.install import install
    from fleetlm_users.users.session import UserSession
    from fleetlm_users.users.user import FleetUser
    from fleetlm_users.workload.options.capacity import SearchSettings, search_settings
    from fleetlm_users.workload.options.durability import CrashPlan, crash_plan
    from fleetlm_users.workload.options.model import Options
    from fleetlm_users.workload.options.specs import OptionSpec, option
    from fleetlm_users.workload.options.storm import StormPlan, storm_crash, storm_plan
    from fleetlm_users.workload.pacing import fixed, poisson, uniform, until

__all__ = [
    "BenchmarkContext",
    "BurstUser",
    "CapacityUser",
    "ChurnUser",
    "ClientError",
    "ColdStartUser",
    "ConcurrentUser",
    "ConnectFailed",
    "CorrectnessUser",
    "CrashPlan",
    "Disconnected",
    "DurabilityUser",
    "FanOutUser",
    "FleetUser",
    "HotPathUser",
    "InboxWatcher",
    "JoinRefused",
    "LifecycleUser",
    "LongLivedUser",
    "Metric",
    "OptionSpec",
    "Options",
    "PipelineUser",
    "PushRefused",
    "ReconnectStormUser",
    "ReplyTimeout",
    "RestFailed",
    "RestMixUser",
    "Run",
    "SearchSettings",
    "SteadyUser",
    "StormPlan",
    "ThroughputUser",
    "UsageError",
    "UserSession",
    "__version__",
    "context_of",
    "counter",
    "crash_plan",
    "fixed",
    "gauge",
    "install",
    "option",
    "poisson",
    "rate",
    "run_of",
    "search_settings",
    "storm_crash",
    "storm_plan",
    "trend",
    "uniform",
    "until",
]

_MODULES = {
    **dict.fromkeys(("BenchmarkContext", "context_of", "run_of"), "swarm.context"),
    **dict.fromkeys(("BurstUser", "ChurnUser", "LongLivedUser"), "users.behaviours.mixed"),
    **dict.fromkeys(("HotPathUser", "SteadyUser", "ThroughputUser"), "users.behaviours.throughput"),
    **dict.fromkeys(("Metric", "counter", "gauge", "rate", "trend"), "measure.metrics.metric"),
    **dict.fromkeys(("OptionSpec", "option"), "workload.options.specs"),
    **dict.fromkeys(("SearchSettings", "search_settings"), "workload.options.capacity"),
    **dict.fromkeys(("CrashPlan", "crash_plan"), "workload.options.durability"),
    **dict.fromkeys(("StormPlan", "storm_crash", "storm_plan"), "workload.options.storm"),
    **dict.fromkeys(("fixed", "poisson", "uniform", "until"), "workload.pacing"),
    **dict.fromkeys(("ClientError", "ConnectFailed", "Disconnected", "JoinRefused"), "errors"),
    **dict.fromkeys(("PushRefused", "ReplyTimeout", "RestFailed", "UsageError"), "errors"),
    "CapacityUser": "users.behaviours.capacity",
    "ConcurrentUser": "users.behaviours.concurrent",
    "ColdStartUser": "users.behaviours.cold_start",
    "CorrectnessUser": "users.behaviours.correctness",
    "DurabilityUser": "users.behaviours.durability",
    "FanOutUser": "users.behaviours.fan_out",
    "FleetUser": "users.user",
    "InboxWatcher": "users.behaviours.inbox_watcher",
    "LifecycleUser": "users.behaviours.lifecycle",
    "Options": "workload.options.model",
    "PipelineUser": "users.behaviours.pipeline",
    "ReconnectStormUser": "users.behaviours.reconnect_storm",
    "RestMixUser": "users.behaviours.rest_mix",
    "Run": "swarm.run",
    "UserSession": "users.session",
    "install": "users.install",
}
"""The module of each exported name, below this package."""

if not TYPE_CHECKING:  # a type checker that saw it would accept any misspelt name

    def __getattr__(name: str) -> object:
        """Import an exported name on first use. Raises AttributeError for any other name."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            module = _imported(f"{__name__}.{_MODULES[name]}")
        except KeyboardInterrupt:
            if "locust.main" not in sys.modules:
                raise
            sys.stderr.write("interrupted before the run began: nothing was measured\n")
            raise SystemExit(4) from None  # as swarm/signals.py ends a start, which is not imported yet
        value = globals()[name] = getattr(module, name)
        return value

    def _imported(name: str) -> object:
        """Import a module; in a Locust process, without garbage collections.

        Imported objects stay, and scanning them for garbage over and over takes a fifth of the time (0.04 s of CPU). So
        they are frozen, as swarm/runtime/gc_freeze.py does with the objects that a ramp creates.
        """
        is_quiet = "locust.main" in sys.modules and gc.isenabled()
        if is_quiet:
            gc.disable()
        try:
            return import_module(name)
        finally:
            if is_quiet:
                gc.freeze()
                gc.enable()


def __dir__() -> list[str]:
    """Return the exported names, imported or not."""
    return sorted({*globals(), *__all__})
