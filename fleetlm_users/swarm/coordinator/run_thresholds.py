"""The thresholds of a run: the preset's, overridden by the given ones; the run can keep or break each of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.threshold_consistency import check_each, check_together
from fleetlm_users.measure.judging.thresholds import Threshold, override, parse_thresholds
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.options.model import Options

GIVEN: Final = "--threshold (THRESHOLD)"


def rules_of(
    options: Options, benchmark: Benchmark, catalogue: Catalogue, say: Callable[[str], None]
) -> list[Threshold]:
    """Return the thresholds of a run. `say` takes a line for each of the preset's that this run cannot judge.

    Raises UsageError for a threshold that is none, that every run or no run keeps, that this run has no samples for,
    or that contradicts another.
    """
    preset = f"preset {options.plan.preset}"
    base = parse_thresholds(options.plan.thresholds, catalogue, tuple(benchmark.behaviours), what=preset)
    given = parse_thresholds(options.given_thresholds, catalogue, _running(options, benchmark), what=GIVEN)
    check_each(base, preset)
    check_each(given, GIVEN)
    for threshold in given:
        if not benchmark.records(options, threshold.metric, threshold.scenario):
            raise UsageError(GIVEN, str(threshold), _recorded(options, benchmark), "append_latency_ms: p(95)<500")
    rules = override(list(_judged(base, options, benchmark, say)), given)
    check_together(rules, "thresholds")
    return rules


def _running(options: Options, benchmark: Benchmark) -> Sequence[str]:
    """Return the scenarios of the run; a load shape may ask for any."""
    return [name for name in benchmark.behaviours if options.plan.users.get(name) or options.plan.shape]


def _judged(
    base: Sequence[Threshold], options: Options, benchmark: Benchmark, say: Callable[[str], None]
) -> Iterator[Threshold]:
    """Yield the preset's thresholds that the run has samples for: a preset also serves runs of single behaviours."""
    running = _running(options, benchmark)
    for threshold in base:
        is_there = threshold.scenario is None or threshold.scenario in running
        if is_there and benchmark.records(options, threshold.metric, threshold.scenario):
            yield threshold
        else:
            say(f"not judged, as this run does not measure it: {threshold} (preset {options.plan.preset})")


def _recorded(options: Options, benchmark: Benchmark) -> str:
    running = ", ".join(_running(options, benchmark))
    return f"a metric that this run measures, of {running}; docs/metrics.md says which benchmark has which"
