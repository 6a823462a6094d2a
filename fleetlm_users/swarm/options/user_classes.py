"""Which of the benchmark's behaviours are to run: those of the user classes that the command line names, or all."""

from collections.abc import Sequence

from locust import User

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.plan import CLASSES


def chosen_by(named: Sequence[str], loaded: Sequence[type[User]], benchmark: Benchmark) -> tuple[str, ...] | None:
    """Return the behaviours of the classes named, None if none was; `loaded` are the classes that Locust would run.

    Raise UsageError for a class that is not in the plan: it would get no users.
    """
    ours = {user_class.__name__: name for name, user_class in benchmark.behaviours.items()}
    # a locustfile may hold a behaviour that it only derives its own from; a class of another kind was meant to run
    strangers = [name for name in named if name not in ours]
    strangers += [kind.__name__ for kind in loaded if kind.__name__ not in ours and not hasattr(kind, "scenario")]
    if strangers:
        accepted = f"classes of {benchmark.name}, whose plan has no users for others: {', '.join(ours)}"
        raise UsageError(CLASSES, strangers[0], accepted, next(iter(ours)))
    return tuple(ours[name] for name in ours if name in named) if named else None
