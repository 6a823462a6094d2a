"""The benchmark that a locustfile declares: its behaviours, and what it adds to options and metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

from locust import User

from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.options.durability import CrashPlan
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.options.storm import StormPlan
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.user_numbers import Numbering, WorkerSlot, spawn_order


class Preflight(Protocol):
    """The result of the checks before a run."""

    @property
    def fatal(self) -> bool:
        """True if the run cannot begin."""

    @property
    def protocol(self) -> str:
        """The name of the protocol that the server speaks."""

    def text(self) -> str:
        """Return two or three lines for a person; empty if there is nothing to say."""


class Page(Protocol):
    """A page of text."""

    def read(self) -> str:
        """Return its current text. Raises FleetlmError."""

    def close(self) -> None:
        """Free its connection."""


class AnnotationSink(Protocol):
    """A Grafana that takes annotations."""

    def post(self, annotation: Mapping[str, Any]) -> None:
        """Post one: `time` and optionally `timeEnd` in ms since 1970, `tags`, `text`. Raises FleetlmError."""

    def close(self) -> None:
        """Free its connection."""


def _no_annotations(_options: Options) -> AnnotationSink | None:
    return None


def _no_page(url: str, _options: Options) -> Page:
    raise LookupError(f"this benchmark does not say how {url} is read")


@dataclass(frozen=True)
class Benchmark:
    """One load and how it is judged.

    Attributes:
        name: The name of the benchmark in presets and reports.
        behaviours: The user class of each scenario, in the order of reports.
        check: Checks the targets before a run; its second argument takes a line about pending answers.
        options: Options of the benchmark's own, in addition to the common ones.
        metrics: Metrics of the benchmark's own.
        thresholds: The default thresholds of each scenario, as metrics with their conditions.
        over_rest: The scenarios whose messages are appended over REST.
        preset: A preset that is not in presets.yaml.
        validate: Raises UsageError for options that contradict each other.
        check_protocol: Raises UsageError for a server whose protocol cannot do what the behaviours need.
        remarks: Returns sentences on what differs with a server whose protocol lacks something the behaviours use.
        check_host: Raises UsageError for anything the machine cannot do. It is called where users live; its second
            argument
            says whether all of them live on this machine.
        metrics_page: Returns the page of a server's metrics, read by the load's own rules.
        annotations: Returns where the run's annotations go; None for nowhere. Raises UsageError.
        is_finite: Returns whether the users finish their work at some point, which then ends the run.
        most_users: Returns how many users may ever run at once.
        sockets_of_user: Returns how many sockets a user has open at once, at most.
        search: Makes the run a search for the most load that keeps the thresholds, in steps of users of the one
            behaviour, instead of a plan that is held.
        crash: Returns how the server is stopped during a run and started again; None if it is not.
        storm: Which connections are cut when, in a benchmark whose sessions come back.
        needs_fleetlm: Returns whether the server must be a FleetLM; else it is any Phoenix application.
        records: Returns whether a run records a metric, for a scenario if one is named.
    """

    name: str
    behaviours: Mapping[str, type[User]]
    check: Callable[[Options, Callable[[str], None]], Preflight]
    options: Sequence[OptionSpec] = field(default=())
    metrics: Sequence[Metric] = field(default=())
    thresholds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    over_rest: frozenset[str] = frozenset()
    preset: Preset | None = None
    validate: Callable[[Options], None] = lambda _: None
    check_protocol: Callable[[Options], None] = lambda _: None
    remarks: Callable[[Options], Sequence[str]] = lambda _: ()
    check_host: Callable[[Options, bool], None] = lambda _options, _is_only_one: None
    metrics_page: Callable[[str, Options], Page] = _no_page
    annotations: Callable[[Options], AnnotationSink | None] = _no_annotations
    is_finite: Callable[[Options], bool] = lambda _: False
    most_users: Callable[[Options], int] = lambda options: options.plan.total_users
    sockets_of_user: Callable[[Options], int] = lambda _: 1
    search: Callable[[Options], SearchSettings] | None = None
    crash: Callable[[Options], CrashPlan | None] | None = None
    storm: Callable[[Options], StormPlan] | None = None
    needs_fleetlm: Callable[[Options], bool] = lambda _: True
    records: Callable[[Options, str, str | None], bool] = lambda _options, _metric, _scenario: True

    def numbering(self, options: Options, slot: WorkerSlot) -> Numbering:
        """Return the numbers of a run's users in the process with that slot."""
        classes = [user_class.__name__ for user_class in self.behaviours.values()]
        return Numbering(classes, self.spawn_order(options), slot)

    def spawn_order(self, options: Options) -> Iterator[str]:
        """Yield the names of the user classes in the order in which Locust spawns them; for a search, without end."""
        if self.search is not None:
            return cycle(user_class.__name__ for user_class in self.behaviours.values())
        users = options.plan.users
        return spawn_order({kind.__name__: users.get(name, 0) for name, kind in self.behaviours.items()})
