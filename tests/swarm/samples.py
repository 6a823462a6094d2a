"""Options and benchmarks for tests of this room."""

from locust import User

from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.options.resolution import resolve
from fleetlm_users.workload.presets.presets import load_presets
from fleetlm_users.workload.user_numbers import ALONE

BEHAVIOURS = ("long_lived", "burst", "churn")


def numbering(slot=ALONE):
    """Numbers for the users of a process in that slot."""
    return benchmark().numbering(options(), slot)


class NothingFound:
    """A preflight with nothing to say."""

    fatal = False
    protocol = "early"

    def text(self):
        return ""


def options(**raw):
    """The light preset's options with some raw values changed."""
    return resolve(
        raw,
        load_presets(None),
        "mixed",
        BEHAVIOURS,
        host=None,
        num_users=None,
        run_time_s=None,
        spawn_rate=None,
        new_run_id=lambda: "r1",
        new_seed=lambda: 7,
    )


def benchmark(check=NothingFound):
    """The mixed benchmark with users that do nothing."""
    users = {name: type(name.title(), (User,), {"abstract": False, "scenario": name}) for name in BEHAVIOURS}
    return Benchmark("mixed", users, lambda _options, _tell: check())
