"""A run in stages as a LoadTestShape of Locust: it asks for a different number of users at the second it is due."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import gevent
from locust import LoadTestShape

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import STAGES_FLAG
from fleetlm_users.workload.stages.timetable import Timetable

REPORTS_WAIT_S: Final = 0.2
"""How long a master waits for its workers' reports between two seconds of a ramp."""


class StagedLoad(LoadTestShape):
    """Asks for the users of a timetable, in each second in which their number changes.

    Locust asks for a tick about once a second, at no fixed moment. So a tick waits until the next change is due, and
    returns at that moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.timetable: Timetable | None = None
        self._second = -1

    def follow(self, timetable: Timetable) -> None:
        """Follow this timetable in the next run."""
        self.timetable, self._second = timetable, -1

    def tick(self) -> tuple[int, float] | None:
        """Return the users now due and a rate that starts or stops all at once; None at the end."""
        timetable = self.timetable
        if timetable is None:
            return None
        before = 0
        if self._second < 0:
            self._second = 0  # the run's clock begins with the first tick
        else:
            before = timetable.users_at(self._second)
            change = timetable.next_change(self._second)
            gevent.sleep(max(0.0, change - self.get_run_time()))
            self._second = max(change, int(self.get_run_time()))
        if self._second >= timetable.total_s:
            return None
        users = timetable.users_at(self._second)
        return users, float(max(1, abs(users - before)))


def order_after(benchmark: Benchmark, options: Options, running: int) -> Iterator[str]:
    """Yield the classes of the users that a run in stages spawns next when `running` of the peak's are there."""
    return islice(benchmark.spawn_order(options), running, None)


def check_staged(options: Options, benchmark: Benchmark, shape: LoadTestShape | None, *, class_picker: bool) -> None:
    """Raise UsageError for a run in stages whose users or end are set by something else."""
    stages = ",".join(options.plan.stages)
    if benchmark.search is not None or benchmark.is_finite(options):
        end = "sets its users itself" if benchmark.search is not None else "ends when all users have done their work"
        raise UsageError(STAGES_FLAG, stages, f"no stages with {benchmark.name}, which {end}", "-t 5m, without stages")
    if shape is not None:
        accepted = f"one of the stages and the LoadTestShape {type(shape).__name__}, which both set the users"
        raise UsageError(STAGES_FLAG, stages, accepted, "-f without the shape's file")
    if class_picker:
        raise UsageError(STAGES_FLAG, stages, "no stages with --class-picker, which picks a shape", "the flag left out")
