"""A run in which sessions arrive at a rate: settings that contradict it, and its announcement."""

from typing import Final

from locust import LoadTestShape

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.arrivals.process import POISSON
from fleetlm_users.workload.arrivals.visit_plan import RATE_FLAG
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan

NO_EDIT: Final = "Sessions arrive at a rate, and users with them: stop the run to change it"
"""The answer to a change of the number of users during a run."""


def check_session_rate(
    options: Options, benchmark: Benchmark, shape: LoadTestShape | None, *, class_picker: bool
) -> None:
    """Raise UsageError for a session rate in a run whose users are set by something else.

    Args:
        options: The options of the run.
        benchmark: Its benchmark.
        shape: The LoadTestShape of the locustfile, if it has one.
        class_picker: Whether Locust's web UI lets people pick classes and a shape.
    """
    rate = ",".join(options.plan.session_rate)
    if benchmark.search is not None:
        accepted = f"no session rate with {benchmark.name}, which sets its users itself"
        raise UsageError(RATE_FLAG, rate, accepted, "session_lifecycle.py --session-rate 20")
    if shape is not None:
        accepted = f"one of the session rate and the LoadTestShape {type(shape).__name__}, which both set the users"
        raise UsageError(RATE_FLAG, rate, accepted, "-f without the shape's file")
    if class_picker:
        raise UsageError(
            RATE_FLAG, rate, "no session rate with --class-picker, which picks a shape", "the flag left out"
        )


def arriving_in(plan: Plan) -> str:
    """Return in a few words the load of a plan with a session rate."""
    kinds = [f"{n} {name}" for name, n in plan.mix.items() if n]
    rate = f"{plan.session_rate[0]} sessions/s"
    if plan.rates is not None and plan.rates.stages:
        rate = f"up to {plan.rates.peak:g} sessions/s"
    mixed = f"in the proportion {' : '.join(kinds)}" if len(kinds) > 1 else f"of {kinds[0].partition(' ')[2]}"
    how = "as a Poisson process" if plan.arrivals == POISSON else "evenly"
    return f"{rate} {mixed}, arriving {how}, at most {plan.total_users} users"
