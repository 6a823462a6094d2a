"""A LoadTestShape of Locust as the source of a run's users and of its end."""

import math
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from locust import LoadTestShape, User

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.model import COMMON, Options
from fleetlm_users.workload.options.parsing import is_blank
from fleetlm_users.workload.plan import shaped
from fleetlm_users.workload.stages.begun import check_stage_name

WITHOUT: Final = "the shape without it, or the run without the shape"
_ASKED: Final = {
    "num_users": "-u (LOCUST_USERS)",
    "run_time_s": "-t (LOCUST_RUN_TIME)",
    "spawn_rate": "-r (LOCUST_SPAWN_RATE)",
}
_DECIDED: Final = {spec.name: spec.label for spec in COMMON if spec.name in ("vus", "duration", "ramp_up")}

Tick = tuple[int, float] | tuple[int, float, list[type[User]] | None]


def under_shape(
    options: Options, shape: LoadTestShape, benchmark: Benchmark, parsed: Namespace, asked: Mapping[str, Any]
) -> Options:
    """Return the options with the shape's plan. Raise UsageError for options that contradict the shape."""
    name = type(shape).__name__
    if benchmark.search is not None or benchmark.is_finite(options):
        end = "sets its users itself" if benchmark.search is not None else "ends when all users have done their work"
        raise UsageError("LoadTestShape", name, f"no shape with {benchmark.name}, which {end}", "-f without its file")
    if not shape.use_common_options:
        given = {label: asked[key] for key, label in _ASKED.items()}
        given |= {label: getattr(parsed, key, None) for key, label in _DECIDED.items()}
        for label, value in given.items():
            if not is_blank(value):
                accepted = f"no value with the LoadTestShape {name}, which says how many users run and until when"
                raise UsageError(label, value, accepted, WITHOUT)
    has_warm_up = not is_blank(getattr(parsed, "warm_up", None))
    return replace(options, plan=shaped(options.plan, name, keeps_warm_up=has_warm_up))


def check_one(shapes: Collection[LoadTestShape]) -> None:
    """Raise UsageError for several shapes: Locust would take the first and silently ignore the others."""
    names = ", ".join(type(shape).__name__ for shape in shapes)
    if len(shapes) > 1:
        accepted = "one shape; mark the others with `abstract = True`, or choose one in the web UI with --class-picker"
        raise UsageError("LoadTestShape", names, accepted, "-f with the file of one of them")


class ShapeWatch:
    """Observer of a shape's ticks. `is_done`: the shape reached its end; `problem`: why it could not go on; `asked`:
    its latest request for users; `stage`: the name, if any, that the shape gave its part at that point. `classes` are
    those that it may name.
    """

    def __init__(
        self,
        shape: LoadTestShape,
        say: Callable[[str], None],
        on_tick: Callable[[int, str], None] = lambda _users, _stage: None,
        classes: Collection[type[User]] = (),
    ) -> None:
        self._shape = shape
        self._classes = classes
        self._has_begun = False
        self._on_tick = on_tick
        self.asked: tuple[int, str] = (0, "")
        self._name = type(shape).__name__
        self._original: Callable[[], Any] = shape.tick
        self._say = say
        self.is_done = False
        self.problem = ""
        setattr(shape, "tick", self._tick)  # noqa: B010  # mypy: not to be assigned

    def _tick(self) -> Tick | None:
        """Return the shape's current request; None, which ends the run, at its end and when it fails."""
        try:
            tick: Tick | None = self._original()
            _check(tick, self._classes)
            if tick is not None:
                stage = str(getattr(self._shape, "stage", "") or "")
                check_stage_name(stage)
                self._has_begun = True
                self.asked = tick[0], stage
                self._on_tick(*self.asked)
        except Exception as failed:  # from the user's own code
            self.problem = f"the shape {self._name} failed: {type(failed).__name__}: {failed}"[:300]
            self._end(self.problem)
            return None
        self.is_done = tick is None
        if tick is None:
            self._end()
        return tick

    def _end(self, problem: str = "") -> None:
        """Report why the shape ends, unless already reported; one that ends at once leaves no run to judge and no
        report.
        """
        if not self._has_begun:
            why = problem or f"the shape {self._name} ended at its first tick"
            self._say(f"{why}: no run began, nothing was measured")
        elif problem:
            self._say(problem)
        self._has_begun = False


def _check(tick: Any, classes: Collection[type[User]]) -> None:
    """Raise ValueError for a request that Locust could not spawn."""
    if tick is None:
        return
    if not isinstance(tick, tuple | list) or len(tick) not in (2, 3):
        raise ValueError(f"its tick returned {tick!r}; users and spawn rate are needed, such as (20, 5), or None")
    users, rate = tick[0], tick[1]
    if isinstance(users, bool) or not isinstance(users, int) or not 0 <= users <= VUS_PER_BLOCK:
        raise ValueError(f"{users!r} users; a whole number up to {VUS_PER_BLOCK:,} is needed")
    if not (isinstance(rate, int | float) and math.isfinite(rate) and rate > 0):
        raise ValueError(f"a spawn rate of {rate!r}; a number above 0 is needed")
    for asked in (tick[2] or ()) if len(tick) > 2 else ():
        if classes and asked not in classes:
            name = getattr(asked, "__name__", repr(asked))
            ours = ", ".join(kind.__name__ for kind in classes)
            raise ValueError(f"users of {name}, a class that this run does not have; its classes are {ours}")
