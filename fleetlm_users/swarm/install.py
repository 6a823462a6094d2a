"""The one call of a locustfile: from here on the benchmark takes part in Locust's events."""

from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.lifecycle import Lifecycle


def install(benchmark: Benchmark) -> None:
    """Registers the benchmark with Locust.

    At import of the locustfile and not in `init`: options must be known before the command line is parsed, and
    Locust's events are the only place that outlives that moment.
    """
    Lifecycle(benchmark).listen()
