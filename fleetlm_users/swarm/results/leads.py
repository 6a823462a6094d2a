"""What explains a run's figures: since when they were bad, under which trace, and how they were in an earlier run."""

from collections.abc import Sequence

from fleetlm_users.measure.report.content.onset import onset_s
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.swarm.results.baseline import Baseline
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.tracing import traces_of


def add_leads(document: Summary, options: Options, rows: Sequence[SeriesRow], baseline: Baseline | None) -> None:
    """Add to a summary when missed latencies began, the ids of traces, and what differs from an earlier run.

    Args:
        document: The summary of a run that is over.
        options: Its options.
        rows: Its seconds, of all processes.
        baseline: The earlier run, if one was asked for.
    """
    begins_s = max([options.plan.warm_up_s, *document["plan"].get("resets", ())])
    for entry in document["thresholds"]:
        began_s = None if entry["ok"] else onset_s(entry, rows, begins_s)
        if began_s is not None:
            entry["began_s"] = began_s
    _add_traces(document, options)
    if baseline is not None:
        document["baseline"] = baseline.entry(document)


def _add_traces(document: Summary, options: Options) -> None:
    """Add the ids by which a tracing UI finds the slowest messages, in a run with trace contexts."""
    traces = traces_of(options)
    if traces is None:
        return
    for entry in document.get("slowest") or ():
        if entry["client_ref"].startswith(f"{options.run_id}-"):  # no push of another application
            trace = traces.of_message(entry["client_ref"])
            entry["trace_id"], entry["trace_sampled"] = trace.trace_id, trace.is_sampled
