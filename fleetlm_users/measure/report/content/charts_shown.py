"""The charts of a report, in order; a chart without data is left out."""

from typing import Final

from fleetlm_users.measure.report.charts import Line, LineChart


def _percentile_chart(title: str, prefix: str) -> LineChart:
    names = (("p50", 1), ("p95", 2), ("p99", 3))
    return LineChart(title, "ms", tuple(Line(f"{prefix}_{name}_ms", name, colour) for name, colour in names), True)


BACKLOG_CHART: Final = LineChart(
    "Backlog",
    "messages waiting at the end of a second",
    (Line("agent_backlog", "for the agent", 2), Line("append_backlog", "for their append", 1)),
)

PUSH_BACKLOG_CHART: Final = LineChart(
    "Backlog of pushes and events",
    "waiting at the end of a second",
    (Line("event_backlog", "due events", 2), Line("push_backlog", "pushes for their reply", 1)),
)
BACKLOG_CHARTS: Final = {
    "append": BACKLOG_CHART,
    "agent": BACKLOG_CHART,
    "push": PUSH_BACKLOG_CHART,
    "event": PUSH_BACKLOG_CHART,
}

ARRIVALS_CHART: Final = LineChart(
    "Sessions that arrive",
    "per second; a dropped one counts when a user is free again",
    (Line("visits_begun", "begun", 1), Line("visits_dropped", "dropped", 3)),
)
PRESENT_CHART: Final = LineChart("Sessions in the system", "at the end of a second", ())
"""Its line is computed from the sessions that have begun and ended."""

STREAM_CHARTS: Final = (
    LineChart("First chunk by scenario", "ms, p95", (), percentiles=True),
    LineChart("Gaps between chunks by scenario", "ms, p95", (), percentiles=True),
    LineChart("Time from first to last chunk by scenario", "ms, p95", (), percentiles=True),
    LineChart("Chunks by scenario", "per second", ()),
    LineChart("Streams that stalled or broke off, by scenario", "per second", ()),
)
"""The charts whose lines are scenarios, if several stream; in the order of STREAM_FIGURES."""

CHARTS: Final = (
    _percentile_chart("Append latency", "append"),
    _percentile_chart("Agent latency", "agent"),
    _percentile_chart("First chunk of the agent's answer", "first_chunk"),
    _percentile_chart("Gaps between its chunks", "chunk_gap"),
    _percentile_chart("Time from its first to its last chunk", "stream"),
    LineChart("Chunks of the agent's answers", "per second", (Line("chunks", "chunks", 1),)),
    LineChart(
        "Streams that stalled or broke off",
        "per second",
        (Line("streams_incomplete", "ended without a message", 3), Line("stream_stalls", "stalls", 2)),
    ),
    *STREAM_CHARTS,
    _percentile_chart("Push latency", "push"),
    _percentile_chart("Event latency", "event"),
    LineChart(
        "Messages",
        "per second",
        (Line("sent", "sent", 1), Line("appended", "appended", 4), Line("agent_replies", "agent replies", 2)),
    ),
    LineChart(
        "Pushes and events",
        "per second",
        (
            Line("pushes_sent", "pushed", 1),
            Line("pushes_replied", "replied", 4),
            Line("pushes_without_reply", "pushed, no reply awaited", 3),
            Line("events_received", "events", 2),
        ),
    ),
    BACKLOG_CHART,
    PUSH_BACKLOG_CHART,
    ARRIVALS_CHART,
    PRESENT_CHART,
    LineChart("Connections", "joined sockets", (Line("connections", "joined", 1),)),
    _percentile_chart("Join latency", "join"),
    LineChart(
        "Failures",
        "per second",
        (
            Line("failures", "failures", 3),
            Line("disconnects", "disconnects", 2),
            Line("backpressure", "backpressure", 1),
        ),
    ),
    LineChart(
        "Generator: lateness, loop lag",
        "ms",
        (Line("lateness_p99_ms", "lateness p99", 3), Line("loop_lag_p99_ms", "loop lag p99", 2)),
        percentiles=True,
    ),
    LineChart("Generator: CPU", "% of a core, busiest worker", (Line("cpu_percent", "CPU", 4),)),
)

SERVER_CHARTS: Final = (
    LineChart("Memory of the server", "MiB", (Line("memory_mib", "memory", 1),)),
    LineChart("Sessions at that time", "joined", (Line("sessions", "joined", 4),)),
)
