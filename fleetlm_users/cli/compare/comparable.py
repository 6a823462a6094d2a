"""Whether two runs can be compared at all, and in what they were set up differently. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from fleetlm_users.cli.result_folders import RunFile

# what a run is asked to do: with another load, other latencies say nothing about the server
LOAD_PLAN: Final = ("users",)
LOAD_OPTIONS: Final = ("message_bytes", "agent_replies", "time_scale")
# different in every run, or said elsewhere
UNTOLD: Final = (
    "benchmark",
    "run_id",
    "seed",
    "given_thresholds",
    "results_dir",
    "no_results",
    "plan",
    "extra",
    "thresholds",
)
SERVER: Final = ("api_url", "ws_url", "agent_url")  # free ports: other in every --standin run

Json = Mapping[str, Any]


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
                yield f"the load differs: {item.name} {item.before} and {item.after}; --any-load compares all the same"


def differing_options(before: Json, after: Json) -> Iterator[Difference]:
    """Yield the settings, versions and machines that differ, load first."""
    found = [*_plan(before, after), *_options(before, after), *_extra(before, after), *_surroundings(before, after)]
    yield from sorted(found, key=lambda item: not item.is_load)


def _plan(before: Json, after: Json) -> Iterator[Difference]:
    left, right = before["plan"], after["plan"]
    for name in ("preset", "users", "duration_s", "ramp_up_s", "warm_up_s"):
        if left.get(name) != right.get(name):
            yield Difference(name, left.get(name), right.get(name), name in LOAD_PLAN)


def _options(before: Json, after: Json) -> Iterator[Difference]:
    left, right = before["options"], after["options"]
    hidden = {*UNTOLD, *(SERVER if left.get("standin") and right.get("standin") else ())}
    for name in dict.fromkeys((*left, *right)):
        if name not in hidden and left.get(name) != right.get(name):
            # an option that one version of this package does not know yet is no other load
            is_load = name in LOAD_OPTIONS and name in left and name in right
            yield Difference(name, left.get(name), right.get(name), is_load)


def _extra(before: Json, after: Json) -> Iterator[Difference]:
    """Yield the benchmark's own options: all of them shape the load, where both runs know them."""
    left, right = before["options"].get("extra") or {}, after["options"].get("extra") or {}
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield Difference(name, left.get(name), right.get(name), name in left and name in right)


def _surroundings(before: Json, after: Json) -> Iterator[Difference]:
    """Yield what ran where, as far as it differs: the machine, the versions, the number of workers."""
    for part in ("host", "versions"):
        left, right = before.get(part) or {}, after.get(part) or {}
        for name in dict.fromkeys((*left, *right)):
            if left.get(name) != right.get(name):
                yield Difference(f"{part}.{name}", left.get(name), right.get(name), False)
    counts = [len(summary.get("workers") or []) for summary in (before, after)]
    if counts[0] != counts[1]:
        yield Difference("workers", counts[0], counts[1], False)
