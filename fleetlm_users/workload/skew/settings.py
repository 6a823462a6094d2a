"""The skew of a run: read from its options, refused where it does not work."""

from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.process import POISSON
from fleetlm_users.workload.options.benchmark_specs import SKEW
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.skew.shares import SessionShare, parts_of

BUSIEST: Final = "busiest"
REST: Final = "rest"
PARTS: Final = (BUSIEST, REST)
"""The two groups of sessions reported separately: the busiest tenth, and all others (measure/metrics/metric.py)."""


def skew_in(options: Options) -> str:
    """Return the skew of a run as it was parsed; empty if its load is even."""
    return options.extra.get(SKEW.name) or ""


def parts_in(options: Options, scenario: str) -> tuple[SessionShare, ...]:
    """Return the parts of a scenario's sessions in a run with a skew, by their number from 0."""
    return parts_of(skew_in(options), options.seed, scenario, options.plan.users[scenario])


def check_skew(options: Options) -> None:
    """Check that a run with a skew has a fixed number of sessions. Raise UsageError."""
    plan, skew = options.plan, skew_in(options)
    beside = {
        "stages": plan.stages,
        "a session rate": plan.session_rate,
        f"{plan.shape}, a LoadTestShape": plan.shape,
        "Poisson arrivals": plan.arrivals == POISSON,
    }
    for what, is_given in beside.items():
        if skew and is_given:
            accepted = f"no skew with {what}: it divides an even rate among a fixed number of sessions"
            raise UsageError(SKEW.label, skew, accepted, f"{SKEW.flag} {SKEW.example} -u 100 -t 5m alone")
