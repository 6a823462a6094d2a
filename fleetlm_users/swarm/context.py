"""The benchmark, the event hooks and the current run, as attached to Locust's environment."""

import warnings

from locust.env import Environment

from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.locust_stats import LocustStats
from fleetlm_users.swarm.stats.locust_tables import bound_tables
from fleetlm_users.swarm.stats.recorder import Recorder

ATTRIBUTE = "fleetlm"


class BenchmarkContext:
    """Everything a process holds for its benchmark; one per environment.

    `run` is this process's current or latest run, None before the first.
    """

    def __init__(self, environment: Environment, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self.catalogue: Catalogue = DEFAULT.with_metrics(benchmark.metrics)
        self.events = RunEvents()
        self.recorder = Recorder()
        self.run: Run | None = None
        self.recorder.listen(self.events)
        self.locust_stats = LocustStats(environment, benchmark.over_rest)
        self.locust_stats.listen(self.events)
        bound_tables(environment)
        setattr(environment, ATTRIBUTE, self)


def context_of(environment: Environment) -> BenchmarkContext:
    """Return the benchmark's context.

    Args:
        environment: Locust's environment, as event listeners and users receive it.

    Raises:
        RuntimeError: No benchmark is installed, or its `init` listener has not run yet.

    """
    context = getattr(environment, ATTRIBUTE, None)
    if not isinstance(context, BenchmarkContext):
        raise RuntimeError("no FleetLM benchmark is installed in this environment: call install() in the locustfile")
    return context


def run_of(environment: Environment) -> Run:
    """Return the current run of this process.

    Args:
        environment: Locust's environment, as event listeners and users receive it.

    Raises:
        RuntimeError: No run has been started yet.

    """
    run = context_of(environment).run
    if run is None:
        raise RuntimeError("no run is on: users live between test_start and test_stop")
    return run


def fleet_of(environment: Environment) -> BenchmarkContext:
    """Return the benchmark's context. Deprecated: use `context_of`."""
    warnings.warn("fleet_of is deprecated: use context_of", DeprecationWarning, stacklevel=2)
    return context_of(environment)
