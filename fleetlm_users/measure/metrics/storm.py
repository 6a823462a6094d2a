"""The metrics of a reconnect storm: which sessions lost a connection, when they came back, and what they missed."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, gauge, rate, trend

STORM: Final = (
    trend("reconnect_ms", "the moment of the cut → the session is joined again"),
    trend(
        "reconnect_own_ms", "of that, what the generator itself took: the last attempt begun late, the join sent late"
    ),
    trend("cut_lateness_ms", "the moment at which a connection was to be cut → it was"),
    trend("calm_append_ms", "append latency of all sessions before the first cut"),
    trend("stayed_append_ms", "append latency of sessions that were not cut, while others were away"),
    counter("sessions_cut", "joined sessions that lost their connection in a cut"),
    counter("reconnects", "connections opened again by sessions that had lost theirs", evidence="disconnects"),
    counter("reconnect_attempts", "attempts of lost sessions to connect, and to join again on an open socket"),
    counter("missed_messages", "messages appended to a session while it was away", evidence="sessions_cut"),
    counter("missed_replayed", "missed messages that the replay of the join brought", evidence="missed_messages"),
    counter("missed_pushed", "missed messages that were pushed after the join", evidence="missed_messages"),
    counter(
        "missed_not_brought",
        "missed messages that neither replay nor push brought",
        evidence="sessions_cut",
        is_trouble=True,
    ),
    rate(
        "missed_brought_rate",
        passes=("missed_replayed", "missed_pushed"),
        total=("missed_replayed", "missed_pushed", "missed_not_brought"),
        help="missed messages that replay or push brought / all of them",
    ),
    counter("away_messages", "messages that the agent appended over REST to sessions that were away"),
    counter("away_messages_failed", "of those, the ones that the server did not accept, by kind"),
    counter("storm_cpu_ms", "CPU time of the generator until 95 % of its sessions were back, in ms"),
    counter("storm_attempts", "attempts to connect or join in that time"),
    gauge(
        "storm_cpu_percent",
        "CPU of the generator until 95 % of its sessions were back, the highest of all processes",
        unit="%",
        per_worker=True,
    ),
    gauge("latency_recovery_s", "the cut → append latency is what it was before", unit="s", is_derived=True),
)
