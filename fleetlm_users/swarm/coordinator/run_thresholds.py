"""The thresholds of a run: the behaviours' defaults, overridden by the preset's, overridden by the given ones.

A threshold that the run cannot keep, or cannot miss, is refused.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.audit import DEFAULT_THRESHOLDS
from fleetlm_users.measure.judging.over_time.server_figures import by_source, unknown_sources
from fleetlm_users.measure.judging.threshold_consistency import check_each, check_together
from fleetlm_users.measure.judging.thresholds import OFF, Threshold, not_bounded, override, parse_thresholds
from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.measure.server.series import ServerSeries
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.workload.benchmarks import OF_ALL_SCENARIOS
from fleetlm_users.workload.options.audit import is_audited
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.server_sources import check_distinct
from fleetlm_users.workload.skew.settings import PARTS, skew_in

GIVEN: Final = "--threshold (THRESHOLD)"


def rules_of(
    options: Options, benchmark: Benchmark, catalogue: Catalogue, say: Callable[[str], None]
) -> list[Threshold]:
    """Return the thresholds of a run: the preset's and the given ones, then any remaining defaults.

    `say` takes a line for each threshold of the preset that this run cannot judge, and for each that is switched off.

    Raises UsageError for an invalid threshold, one that every run or no run keeps, one for which this run has no
    samples, or one that contradicts another.
    """
    base = _checked(options.plan.thresholds, catalogue, tuple(benchmark.behaviours), f"preset {options.plan.preset}")
    base = [replace(threshold, origin="preset") for threshold in base]
    given = _checked(options.given_thresholds, catalogue, _running(options, benchmark), GIVEN)
    given = [replace(threshold, origin="given") for threshold in given]
    of_behaviours = dict.fromkeys(_defaults(options, benchmark, catalogue))
    defaults = [*of_behaviours, *_of_audit(options, benchmark, catalogue)]
    sources = check_distinct(options.server_metrics, options.server_pid)
    for threshold in unknown_sources(given, sources):
        raise UsageError(GIVEN, str(threshold), _sources(sources), "--server-pid 12345")
    for threshold in given:
        if not threshold.is_of_server and not _is_recorded(threshold, options, benchmark):
            raise UsageError(GIVEN, str(threshold), _recorded(options, benchmark), _example(options, benchmark))
    for threshold in given:
        if _is_of_no_stage(options, threshold):
            raise UsageError(GIVEN, str(threshold), _stages(options), "append_latency_ms{stage:peak}: p(95)<300")
    if benchmark.search is not None and (lasting := next(filter(_is_over_time, given), None)):
        accepted = "a threshold without a window and not on the server's figures, since a search judges step by step"
        raise UsageError(GIVEN, str(lasting), accepted, "append_latency_ms: p(95)<500")
    for threshold in given:
        if _is_too_short(options, threshold):
            raise UsageError(GIVEN, str(threshold), _longest_window(options), "append_latency_ms[10s]: p(95)<500")
    _check_switched_off(given, [*base, *defaults])
    written = override(list(_judged(base, options, benchmark, say)), given)
    rules = [*written, *not_bounded(defaults, [*base, *given])]
    for threshold in rules:
        if threshold.is_off:
            say(f"default threshold dropped, as requested: {threshold}")
    rules = [threshold for threshold in rules if not threshold.is_off]
    check_together(rules, "thresholds")
    return rules


def _checked(texts: Sequence[str], catalogue: Catalogue, scenarios: Sequence[str], what: str) -> list[Threshold]:
    """Parse thresholds. Raise UsageError, naming `what`, for one that no run could break, or none could keep."""
    thresholds = parse_thresholds(texts, catalogue, scenarios, what=what)
    check_each([threshold for threshold in thresholds if not threshold.is_off], what)
    return thresholds


def _defaults(options: Options, benchmark: Benchmark, catalogue: Catalogue) -> Iterator[Threshold]:
    """Yield the default thresholds of the behaviours that run, each for its scenario, or for all if it is recorded so.

    Defaults on metrics that this run does not record are left out, such as agent_reply_rate without an agent.
    """
    running = _running(options, benchmark)
    for scenario in running:
        what = f"thresholds of the behaviour {scenario}"
        for metric, conditions in benchmark.thresholds.get(scenario, {}).items():
            for checked in _checked([f"{metric}: {conditions}"], catalogue, (), what):
                threshold = replace(checked, origin="behaviour")
                if catalogue[threshold.metric].is_derived or threshold.metric in OF_ALL_SCENARIOS:
                    yield from [threshold] if benchmark.records(options, threshold.metric, None) else ()
                elif benchmark.records(options, threshold.metric, scenario):
                    yield replace(threshold, scenario=scenario)
                elif not any(benchmark.records(options, threshold.metric, other) for other in running):
                    yield from [threshold] if benchmark.records(options, threshold.metric, None) else ()


def _check_switched_off(given: Sequence[Threshold], defaults: Sequence[Threshold]) -> None:
    """Raise UsageError for a threshold that switches off a default that does not exist."""
    for threshold in given:
        if threshold.is_off and len(not_bounded(defaults, [threshold])) == len(defaults):
            there = ", ".join(dict.fromkeys(default.subject for default in defaults)) or "none"
            example = f"{defaults[0].subject}: {OFF}" if defaults else "append_latency_ms: p(95)<500"
            raise UsageError(GIVEN, str(threshold), f"a default threshold of this run: {there}", example)


def _running(options: Options, benchmark: Benchmark) -> Sequence[str]:
    """Return the scenarios of the run; a load shape may ask for any."""
    return [name for name in benchmark.behaviours if options.plan.users.get(name) or options.plan.shape]


def _judged(
    base: Sequence[Threshold], options: Options, benchmark: Benchmark, say: Callable[[str], None]
) -> Iterator[Threshold]:
    """Yield the preset's thresholds for which the run has samples: a preset also serves runs of single behaviours."""
    for threshold in base:
        reason = _why_not_judged(threshold, options, benchmark)
        if reason:
            say(f"not judged, as {reason}: {threshold} (preset {options.plan.preset})")
        else:
            yield threshold


def _why_not_judged(threshold: Threshold, options: Options, benchmark: Benchmark) -> str:
    """Return why a run has nothing to judge a threshold by; empty if it has."""
    if benchmark.search is not None and _is_over_time(threshold):
        return "a search judges step by step"
    if _is_of_no_stage(options, threshold):
        return "this run has no such stage"
    if _is_too_short(options, threshold):
        return "this run is too short for one full window"
    if threshold.is_of_server:
        sources = check_distinct(options.server_metrics, options.server_pid)
        return "this run does not measure it" if any(unknown_sources([threshold], sources)) else ""
    is_there = threshold.scenario is None or threshold.scenario in _running(options, benchmark)
    return "" if is_there and _is_recorded(threshold, options, benchmark) else "this run does not measure it"


def _of_audit(options: Options, benchmark: Benchmark, catalogue: Catalogue) -> Iterator[Threshold]:
    """Yield the default thresholds of an audited run, which cover all scenarios together.

    A search has none: it judges its steps, and the audit's result is only known at its end.
    """
    if is_audited(options) and benchmark.search is None:
        for threshold in parse_thresholds(DEFAULT_THRESHOLDS, catalogue):
            if benchmark.records(options, threshold.metric, None):
                yield replace(threshold, origin="audit")


def _recorded(options: Options, benchmark: Benchmark) -> str:
    running = ", ".join(_running(options, benchmark))
    return f"a metric that this run ({running}) measures; docs/metrics.md lists the metrics of each benchmark"


def _is_too_short(options: Options, threshold: Threshold) -> bool:
    """Return whether the run is known to end before one of the threshold's windows is full."""
    duration_s, window_s = options.plan.duration_s, threshold.window_s
    return duration_s is not None and window_s is not None and duration_s - options.plan.warm_up_s < window_s


def _longest_window(options: Options) -> str:
    judged_s = (options.plan.duration_s or 0.0) - options.plan.warm_up_s
    return f"a window that fits into the judged part of the run, which is {judged_s:g} s after the warm-up"


def _is_of_no_stage(options: Options, threshold: Threshold) -> bool:
    """Return whether the threshold is on a stage that the run does not have; a shape names its own stages as it
    goes.
    """
    return not options.plan.shape and threshold.stage is not None and threshold.stage not in _parts(options)


def _parts(options: Options) -> Sequence[str]:
    """Return the names of the stages of a run, or of the parts of its sessions with a skew."""
    return PARTS if skew_in(options) else options.plan.stage_names


def _stages(options: Options) -> str:
    if skew_in(options):
        return "no stage in a run with a skew; {busiest} and {rest} are its sessions"
    names = ", ".join(options.plan.stage_names)
    none = "neither a stage nor busiest sessions, as this run has none (--stages, --skew)"
    return f"a stage of this run that lasts: {names}" if names else none


def _is_over_time(threshold: Threshold) -> bool:
    return not threshold.is_off and (threshold.is_of_server or threshold.window_s is not None)


def _is_recorded(threshold: Threshold, options: Options, benchmark: Benchmark) -> bool:
    return not threshold.is_of_server and benchmark.records(options, threshold.metric, threshold.scenario)


def _example(options: Options, benchmark: Benchmark) -> str:
    """Return a threshold on a metric that the run measures."""
    latencies = ("append_latency_ms", "push_latency_ms", "ws_connect_ms")
    return f"{next((name for name in latencies if benchmark.records(options, name, None)), latencies[-1])}: p(95)<500"


def _sources(sources: Sequence[str]) -> str:
    if not sources:
        return "a source of the server's figures: --server-metrics or --server-pid"
    return f"a source of this run ({', '.join(sources)}), or no source name, for all of them"


def of_sources(
    thresholds: Sequence[Threshold],
    offered: Mapping[str, Callable[[ServerSeries], bool] | None],
    given: Collection[str],
    say: Callable[[str], None],
) -> list[Threshold]:
    """Return the thresholds with those on the server's figures once for each source that has them.

    Args:
        thresholds: The thresholds that `rules_of` returned.
        offered: By source, a function that tells whether it has a series; None for a source that could not be read.
        given: The conditions that a person gave, as text; the others are the preset's.
        say: Takes a line for each threshold of the preset whose figure no source has.

    Raises:
        UsageError: No source has the figure of a given threshold.
    """
    judged = []
    for threshold, each in by_source(thresholds, offered):
        if not each and str(threshold) in given:
            accepted = f"a figure that a source of this run reports, unlike {', '.join(offered)}"
            raise UsageError(GIVEN, str(threshold), accepted, "server.memory_bytes: growth<20MiB/h")
        if not each:
            say(f"not judged, since no source of the server's figures reports it: {threshold}")
        judged += each
    return judged
