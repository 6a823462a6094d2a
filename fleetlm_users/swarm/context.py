"""What is attached to Locust's environment: the benchmark, the event hooks, and the run that is on."""

from locust.env import Environment

from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.locust_errors import bound_tables
from fleetlm_users.swarm.stats.locust_stats import LocustStats
from fleetlm_users.swarm.stats.recorder import Recorder

ATTRIBUTE = "fleetlm"


class Fleet:
    """One per environment. `run` is the test that is on or was on last, on this process; None before the first."""

    def __init__(self, environment: Environment, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self.catalogue: Catalogue = DEFAULT.with_metrics(benchmark.metrics)
        self.events = RunEvents()
        self.recorder = Recorder()
        self.run: Run | None = None
        self.recorder.listen(self.events)
        self.locust_stats = LocustStats(environment)
        self.locust_stats.listen(self.events)
        bound_tables(environment)
        setattr(environment, ATTRIBUTE, self)


def fleet_of(environment: Environment) -> Fleet:
    """The environment's Fleet. Raises RuntimeError before Locust's `init` event has reached our listener."""
    found = getattr(environment, ATTRIBUTE, None)
    if not isinstance(found, Fleet):
        raise RuntimeError("no FleetLM benchmark is installed in this environment: call install() in the locustfile")
    return found


def run_of(environment: Environment) -> Run:
    """The run that is on. Raises RuntimeError when none was ever started."""
    run = fleet_of(environment).run
    if run is None:
        raise RuntimeError("no run is on: users live between test_start and test_stop")
    return run
