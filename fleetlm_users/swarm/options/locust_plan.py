"""Apply a plan to Locust: exact counts per class, run time and spawn rate, so that Locust runs the preset.

The behaviours that run are those of the user classes named on the command line, or all of the benchmark's.
"""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final

from locust import LoadTestShape, User
from locust.env import Environment
from locust.runners import MasterRunner, Runner
from locust.util.timespan import parse_timespan

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.locust_internals import dispatch_order, dispatched_users, reread_fixed_counts
from fleetlm_users.workload.duration import MAX_S
from fleetlm_users.workload.plan import CLASSES, Plan, settle
from fleetlm_users.workload.user_numbers import ALONE

MAX_RUN_TIME: Final = "a duration of at most 10,000 hours"

SHOWN = ("num_users", "spawn_rate", "run_time")


def parse_run_time(text: str, what: str) -> int:
    """Return the seconds of a run time in Locust's notation; `what` names the setting in the error.

    Raises UsageError, also for times at which Locust's own parser or its timer overflows (util/timespan.py).
    """
    try:
        seconds = parse_timespan(text.strip())
    except (ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= MAX_S:
        raise UsageError(what, text, MAX_RUN_TIME, "2m")
    return seconds


def asked_of(parsed: Namespace) -> dict[str, Any]:
    """Return users, run time and spawn rate as a person set them; None for each that is not set."""
    return {
        "num_users": parsed.num_users,
        "run_time_s": float(parsed.run_time) if parsed.run_time is not None else None,
        "spawn_rate": parsed.spawn_rate,
    }


def dispatched_to(runner: Runner | None) -> list[int]:
    """Return the workers' indexes in the order in which Locust dispatches users to them; [0] without workers.

    The order is the dispatcher's own, which is made just before `test_start` fires (runners.py: MasterRunner.start).
    """
    if not isinstance(runner, MasterRunner):
        return [ALONE.worker_index]
    return dispatch_order(runner)


def impose(plan: Plan, environment: Environment, benchmark: Benchmark, shape: LoadTestShape | None = None) -> None:
    """Make Locust run this plan: `fixed_count` per class, and the options that its headless mode and its form read.

    Every class has its exact count, so Locust's weights decide nothing. The counts add up to the total, so a class
    without users is not spawned (dispatch.py: fixed users first). Classes that the locustfile merely imports are left
    out: a search has no counts, and Locust's weights would give them a share of its users.
    """
    ours = frozenset(benchmark.behaviours.values())
    environment.user_classes = [kind for kind in environment.user_classes if kind in ours]
    for scenario, user_class in benchmark.behaviours.items():
        # a search changes the number as it goes: there is only one class then, and Locust's weights give it every user
        user_class.fixed_count = 0 if benchmark.search is not None else plan.users.get(scenario, 0)
    parsed = environment.parsed_options
    if parsed is None:
        return
    parsed.num_users = plan.total_users
    parsed.spawn_rate = plan.spawn_rate
    # with a shape, Locust would set a timer at its end that hits the next run (main.py)
    parsed.run_time = plan.duration_s if shape is None or shape.use_common_options else None


def spread(
    plan: Plan, total: int, runner: Runner | None, benchmark: Benchmark, only: Sequence[type[User]] | None = None
) -> None:
    """Make Locust spread the number of users requested during a run over the classes in the plan's proportion.

    `only` are the classes that share the remaining users. On its own, Locust would give all users beyond the fixed
    counts to classes without one. Raises UsageError.
    """
    if benchmark.search is not None or not total:
        return
    wanted = {name: count for name, count in plan.users.items() if only is None or benchmark.behaviours[name] in only}
    if only is not None:
        others = [kind for name, kind in benchmark.behaviours.items() if name not in wanted]
        total = max(1, total - dispatched_users(runner, others))
    if not any(wanted.values()):  # a shape asks for classes that have no users in the plan
        wanted = dict.fromkeys(wanted, 1)
    for scenario, count in settle(wanted, total, {}).items():
        benchmark.behaviours[scenario].fixed_count = count
    reread_fixed_counts(runner)


def chosen_by(named: Sequence[str], loaded: Sequence[type[User]], benchmark: Benchmark) -> tuple[str, ...] | None:
    """Return the behaviours of the named classes, None if none was named; `loaded` are the classes that Locust would
    run.

    Raise UsageError for a class outside the plan: it would get no users.
    """
    ours = {user_class.__name__: name for name, user_class in benchmark.behaviours.items()}
    # a behaviour in a locustfile may only be a base class; a class of another kind was meant to run
    strangers = [name for name in named if name not in ours]
    strangers += [kind.__name__ for kind in loaded if kind.__name__ not in ours and not hasattr(kind, "scenario")]
    if strangers:
        accepted = f"classes of {benchmark.name}, whose plan has no users for others: {', '.join(ours)}"
        raise UsageError(CLASSES, strangers[0], accepted, next(iter(ours)))
    return tuple(ours[name] for name in ours if name in named) if named else None
