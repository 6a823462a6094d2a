"""Explanations of a run's figures: since when they were bad, under which trace, and how they were in an earlier run."""

from collections.abc import Callable, Sequence

from fleetlm_users.measure.report.content.onset import FirstOf, onset
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.swarm.results.baseline import Baseline
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.tracing import traces_of


def add_onsets(
    document: Summary,
    rows: Sequence[SeriesRow],
    rows_of: Callable[[str], Sequence[SeriesRow]],
    begins_s: float,
    first_of: FirstOf,
) -> None:
    """Add to a summary when each missed threshold began to be missed, or when its first failure was counted.

    Args:
        document: The summary of an ended run.
        rows: Its seconds, of all processes and scenarios.
        rows_of: Returns those of one scenario, which are made only where a threshold asks for them.
        begins_s: From which second on the run was judged.
        first_of: Returns when the first of a counter of trouble was counted, by scenario and phase.
    """
    by_scenario: dict[str | None, Sequence[SeriesRow]] = {None: rows}
    for entry in document["thresholds"]:
        if entry["ok"]:
            continue
        scenario = entry["scenario"] or None
        if scenario is not None and scenario not in by_scenario:
            by_scenario[scenario] = rows_of(scenario)
        moment = onset(document, entry, by_scenario[scenario], begins_s, first_of)
        if moment.began_s is not None:
            entry["began_s"] = moment.began_s
        if moment.first_s is not None:
            entry["first_s"] = moment.first_s
        if moment.worst_s is not None:
            entry["worst_s"] = moment.worst_s


def add_leads(document: Summary, options: Options, baseline: Baseline | None) -> None:
    """Add to a summary the ids of traces, and the differences from an earlier run.

    Args:
        document: The summary of an ended run.
        options: Its options.
        baseline: The earlier run, if one was asked for.
    """
    _add_traces(document, options)
    if baseline is not None:
        document["baseline"] = baseline.entry(document)


def _add_traces(document: Summary, options: Options) -> None:
    """Add the ids by which a tracing UI finds the slowest messages, in a run with trace contexts."""
    traces = traces_of(options)
    if traces is None:
        return
    for entry in document.get("slowest") or ():
        if entry["client_ref"].startswith(f"{options.run_id}-"):  # not a push of another application
            trace = traces.of_message(entry["client_ref"])
            entry["trace_id"], entry["trace_sampled"] = trace.trace_id, trace.is_sampled
