"""The comparison of two runs: whether they are comparable, whether B is a regression, and which cautions apply.
Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fleetlm_users.measure.comparing.definitions import Redefinition, redefined, without
from fleetlm_users.measure.comparing.figures import Figure, look_up
from fleetlm_users.measure.comparing.rows import FigureRow, Tolerances, rows_of
from fleetlm_users.measure.comparing.thresholds import ThresholdPair, pair_thresholds
from fleetlm_users.measure.report.summary.types import Summary

NO_REGRESSION, REGRESSION, INCOMPARABLE = 0, 3, 4  # exit codes, matching those of a run's verdict

UNSURE: Final = 0.5
"""A judged figure that is no regression, but by its interval may be worse by this share, is a caution."""

UNSURE_RATE: Final = 0.05
LATENESS: Final = Figure("generator_lateness_ms", None, "p(95)")

ANYWAY: Final = "; --any-load compares them anyway"

# the load: under a different one, latencies say nothing about the server
LOAD_PLAN: Final = ("users", "stages", "session_rate", "arrivals", "mix")
_OF_SHAPES: Final = ("stages", "session_rate", "arrivals", "mix")
LOAD_OPTIONS: Final = ("message_bytes", "agent_replies", "time_scale", "protocol", "traceparent", "trace_share")
# different in every run, or shown elsewhere
NOT_COMPARED: Final = (
    "benchmark",
    "run_id",
    "seed",
    "given_thresholds",
    "results_dir",
    "no_results",
    "baseline",
    "annotate",
    "metrics_port",
    "metrics_host",
    "web_allowed_hosts",
    "plan",
    "extra",
    "thresholds",
)
SERVER: Final = ("api_url", "ws_url", "agent_url")  # free ports: they differ in every --standin run


class RunFile(msgspec.Struct, frozen=True):
    """One run's summary and its path."""

    path: Path
    summary: Summary

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""
        return str(self.summary["options"].get("benchmark") or self.summary["plan"].get("benchmark") or "")

    @property
    def run_id(self) -> str:
        """The run's id, empty if it has none."""
        return str(self.summary["options"].get("run_id") or "")

    @property
    def verdict(self) -> str:
        """pass, fail or inconclusive."""
        return str(self.summary["verdict"]["kind"])


class Difference(NamedTuple):
    """One setting that differs; `is_load` when it changes what the server is asked to do."""

    name: str
    before: Any
    after: Any
    is_load: bool


def obstacles(before: RunFile, after: RunFile, *, any_load: bool) -> Iterator[str]:
    """Yield every reason why the two runs cannot be compared."""
    if before.benchmark != after.benchmark:
        yield f"different benchmarks: {before.benchmark or '?'} and {after.benchmark or '?'}"
    if before.path.resolve() == after.path.resolve():
        yield "A and B are the same run"
    for name, run in (("A", before), ("B", after)):
        if run.verdict == "inconclusive":
            yield f"run {name} is inconclusive: {'; '.join(run.summary['verdict']['doubts']) or 'it does not say why'}"
    if not any_load:
        for item in differing_options(before.summary, after.summary):
            if item.is_load:
                yield f"the load differs: {item.name} {_words(item.before)} and {_words(item.after)}{ANYWAY}"


def _words(setting: Any) -> str:
    """Return a setting for a sentence."""
    if isinstance(setting, Mapping):
        return " + ".join(f"{_words(value)} {name}" for name, value in setting.items() if value) or "none"
    if isinstance(setting, list | tuple):
        return ",".join(map(str, setting)) or "none"
    return "none" if setting is None else str(setting)


def differing_options(before: Summary, after: Summary) -> Iterator[Difference]:
    """Yield the settings, versions and machines that differ, load first."""
    differences = [
        *_plan(before, after),
        *_options(before, after),
        *_extra(before, after),
        *_surroundings(before, after),
    ]
    yield from sorted(differences, key=lambda item: not item.is_load)


def _plan(before: Summary, after: Summary) -> Iterator[Difference]:
    left, right = before["plan"], after["plan"]
    for name in ("preset", "users", "duration_s", "ramp_up_s", "warm_up_s"):
        if left.get(name) != right.get(name):
            yield Difference(name, left.get(name), right.get(name), name in LOAD_PLAN)
    for name in _OF_SHAPES:
        # a run of a version that did not record that it had none
        if name in left and name in right and left[name] != right[name]:
            yield Difference(name, left[name], right[name], name in LOAD_PLAN)


def _options(before: Summary, after: Summary) -> Iterator[Difference]:
    left, right = before["options"], after["options"]
    hidden = {*NOT_COMPARED, *(SERVER if left.get("standin") and right.get("standin") else ())}
    for name in dict.fromkeys((*left, *right)):
        if name not in hidden and left.get(name) != right.get(name):
            # an option that one version of this package does not know yet does not make the load different
            is_load = name in LOAD_OPTIONS and name in left and name in right
            yield Difference(name, left.get(name), right.get(name), is_load)


def _extra(before: Summary, after: Summary) -> Iterator[Difference]:
    """Yield the benchmark's own options: all of them shape the load, if both runs know them."""
    left, right = before["options"].get("extra") or {}, after["options"].get("extra") or {}
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield Difference(name, left.get(name), right.get(name), name in left and name in right)


def _surroundings(before: Summary, after: Summary) -> Iterator[Difference]:
    """Yield the differences in the surroundings: the machine, the versions, the number of workers."""
    parts = (
        ("host", before.get("host") or {}, after.get("host") or {}),
        ("versions", before.get("versions") or {}, after.get("versions") or {}),
    )
    for part, left, right in parts:
        for name in dict.fromkeys((*left, *right)):
            if left.get(name) != right.get(name):
                yield Difference(f"{part}.{name}", left.get(name), right.get(name), False)
    counts = [len(summary.get("workers") or []) for summary in (before, after)]
    if counts[0] != counts[1]:
        yield Difference("workers", counts[0], counts[1], False)


class Comparison(msgspec.Struct, frozen=True):
    """The result of `compare`; `obstacles` are the reasons why A and B cannot be compared.

    `redefined` are the metrics that one of them has by an older definition: their figures are not compared.
    """

    before: RunFile
    after: RunFile
    tolerances: Tolerances
    obstacles: tuple[str, ...]
    thresholds: tuple[ThresholdPair, ...]
    rows: tuple[FigureRow, ...]
    differences: tuple[Difference, ...]
    redefined: tuple[Redefinition, ...] = ()

    @property
    def regressions(self) -> tuple[str, ...]:
        """Each reason why B is worse, as text."""
        broken = [
            f"{pair.after['expression']} was kept and is missed"
            for pair in self.thresholds
            if pair.broken and pair.after
        ]
        capacity = [self.worse_capacity] if self.worse_capacity else []
        return (*capacity, *broken, *(f"{label(row.figure)} is worse" for row in self.worse))

    @property
    def worse(self) -> tuple[FigureRow, ...]:
        """The judged figures that are worse, and not only because B's generator was late."""
        late = self._late
        return tuple(row for row in self.rows if row.judged and row.change == "worse" and row.figure not in late)

    @property
    def worse_capacity(self) -> str:
        """States that B's server did not keep a load that A's did; empty if it did."""
        return next(_worse_capacity(self.before.summary, self.after.summary), "")

    @property
    def undecided(self) -> tuple[str, ...]:
        """Each judged figure that looks worse, but on too few samples to say so, or because B's generator was late."""
        return tuple(text for _, text in self.open_figures)

    @property
    def open_figures(self) -> tuple[tuple[FigureRow, str], ...]:
        """The same, with their rows."""
        judged = [row for row in self.rows if row.judged]
        late = [row for row in judged if row.change == "worse" and row.figure in self._late]
        few = [row for row in judged if row.change == "unclear" and row.looks_worse(self.tolerances)]
        lateness = "is worse, which the lateness of B's generator alone explains"
        chance = "looks worse, and too few samples were taken to tell that from chance"
        reasons = (*((row, lateness) for row in late), *((row, chance) for row in few))
        return tuple((row, f"{label(row.figure)} {reason}") for row, reason in reasons)

    @property
    def _late(self) -> frozenset[Figure]:
        """Figures with a threshold that B could not judge because its generator was late."""
        judged = (pair for pair in self.thresholds if pair.is_of_figure)
        return frozenset(pair.figure for pair in judged if pair.after and pair.after.get("late"))

    @property
    def cautions(self) -> tuple[str, ...]:
        """Caveats: what the answer does not take into account."""
        return tuple(_cautions(self))

    @property
    def exit_code(self) -> int:
        """0 no regression, 3 regression, 4 not comparable or inconclusive; a regression outweighs open questions."""
        if self.obstacles:
            return INCOMPARABLE
        if self.regressions:
            return REGRESSION
        return INCOMPARABLE if self.undecided else NO_REGRESSION


def label(figure: Figure) -> str:
    """Return a figure as thresholds write it: `append_latency_ms{scenario:burst} p(95)`."""
    scenario = f"{{scenario:{figure.scenario}}}" if figure.scenario else ""
    return f"{figure.metric}{scenario} {figure.aggregation}"


def compare(  # noqa: PLR0913  # A, B and the options of the command
    before: RunFile,
    after: RunFile,
    tolerances: Tolerances,
    *,
    noise: Sequence[RunFile] = (),
    by_scenario: bool = False,
    any_load: bool = False,
) -> Comparison:
    """Return the comparison of A and B. `noise` are further runs of the same setup as A; differences between them and A
    are no regression. `any_load` compares runs even if their loads differ.
    """
    changed = redefined(before.summary, after.summary)
    old, new = without(before.summary, changed), after.summary
    pairs = pair_thresholds(
        old["thresholds"], new["thresholds"], lambda figure: look_up(old, figure, tolerances.confidence).value
    )
    judged = {pair.figure: pair.direction for pair in pairs if pair.is_of_figure}
    if old.get("capacity") or new.get("capacity"):
        judged = {}  # a search's figures cover all its steps, including the overloaded ones
    others = [without(run.summary, redefined(run.summary, new)) for run in noise]
    reasons = [*obstacles(before, after, any_load=any_load)]
    for run in noise:
        reasons += [f"noise run {run.run_id}: {text}" for text in obstacles(before, run, any_load=any_load)]
    return Comparison(
        before,
        after,
        tolerances,
        tuple(reasons),
        tuple(pairs),
        tuple(rows_of(old, new, others, judged, tolerances, by_scenario=by_scenario)),
        tuple(differing_options(old, new)),
        changed,
    )


def _worse_capacity(before: Summary, after: Summary) -> Iterator[str]:
    """Return that B's server did not keep a load that A's did: nothing is known between the kept and the missed
    load.
    """
    old, new = before.get("capacity"), after.get("capacity")
    if not old or not new or old["unit"] != new["unit"] or new["missed"] is None:
        return
    kept, missed = old["kept"] * old["per_user"], new["missed"] * new["per_user"]
    if missed <= kept:
        yield f"capacity is worse: {kept:,.6g} {old['unit']} were kept in A, and {missed:,.6g} were not in B"


def _cautions(comparison: Comparison) -> Iterator[str]:
    for name, run in (("A", comparison.before), ("B", comparison.after)):
        if run.verdict == "fail":
            yield f"run {name} failed its own thresholds"
            yield from (f"run {name}: {doubt}" for doubt in run.summary["verdict"]["doubts"])
    machines = [
        item.name for item in comparison.differences if item.name in ("host.hostname", "host.cpu", "host.cores")
    ]
    if machines:
        yield f"the runs were generated on different machines ({', '.join(machines)})"
    yield from map(str, comparison.redefined)
    for row in comparison.rows:
        if row.figure == LATENESS and row.change == "worse":
            yield "the generator itself sent later in B: part of what is worse may be its fault, or the machine's"
        if row.judged and row.change in ("same", "unclear", "small"):
            yield from _unsure(row, comparison.tolerances)


def _unsure(row: FigureRow, tolerances: Tolerances) -> Iterator[str]:
    """Yield what too few samples leave open, unless `undecided` contains it."""
    if row.change == "unclear" and row.looks_worse(tolerances):
        return
    is_open = row.kind != "gauge" and (row.gap_in.high if row.direction == "lower" else row.gap_in.low) is None
    if row.change == "unclear" or is_open:
        yield f"{label(row.figure)}: too few samples to tell a change from chance"
    elif row.kind == "rate" and row.worst is not None and row.worst > UNSURE_RATE:
        yield f"{label(row.figure)}: {row.worst * 100:.0f} percentage points worse cannot be ruled out"
    elif row.kind != "rate" and row.worst is not None and row.worst > UNSURE:
        yield f"{label(row.figure)}: {row.worst * 100:.0f} % worse cannot be ruled out"
