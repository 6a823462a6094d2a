"""Counts of messages and of agents' answers, and the backlogs of both."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, gauge

MESSAGES: Final = (
    counter("messages_sent", "`send` pushes written to a joined socket, and POSTs of messages"),
    counter("messages_received", "`message` broadcasts read, own and agent's"),
    counter(
        "messages_appended",
        "sent messages whose own broadcast came back, or whose POST was answered with success",
        evidence="messages_sent",
    ),
    counter(
        "messages_acknowledged",
        "sent messages whose send was replied to with ok, where the protocol does so",
        evidence="messages_sent",
    ),
    counter(
        "messages_unacknowledged",
        "appended messages whose send was never replied to with ok, where the protocol does so",
        evidence="messages_appended",
        is_trouble=True,
    ),
    counter(
        "messages_rejected",
        "sent messages that the server refused, by reason",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_lost",
        "sent messages that were neither appended nor rejected in time, by cause",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_unconfirmed",
        "sent messages that the server could neither confirm nor reject, by its reply",
        evidence="messages_sent",
        is_trouble=True,
    ),
    counter(
        "messages_in_flight",
        "sent messages whose fate was open when their session ended with the run",
        evidence="messages_sent",
    ),
    counter(
        "message_failures",
        "rejected, lost and unconfirmed messages together",
        evidence="messages_sent",
        is_trouble=True,
        parts=("messages_rejected", "messages_lost", "messages_unconfirmed"),
    ),
    counter(
        "messages_duplicated",
        "broadcasts of a `seq` already seen in that session, and of messages that were appended again, under another "
        "`seq`",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter(
        "messages_out_of_order",
        "broadcasts with a `seq` below one already seen in that session",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter(
        "messages_altered",
        "messages that came back otherwise than they were sent or acknowledged, by what differs: content, seq, session",
        evidence="messages_appended",
        is_trouble=True,
    ),
    counter(
        "messages_not_pushed",
        "acknowledged messages whose own `message` push never came, answered or not",
        evidence="messages_acknowledged",
        is_trouble=True,
    ),
    counter(
        "seq_gaps",
        "`seq` numbers of a session that were skipped and never seen",
        evidence="messages_received",
        is_trouble=True,
    ),
    counter("agent_replies", "broadcasts whose sender is the agent", evidence="messages_appended"),
    counter(
        "agent_replies_due",
        "appended messages whose agent reply is awaited: all, unless a benchmark or --agent-replies 0 says otherwise",
        evidence="messages_appended",
    ),
    counter(
        "agent_replies_matched",
        "appended messages that the agent answered within the reply timeout",
        evidence="agent_replies_due",
    ),
    counter(
        "agent_latencies_left_out",
        "answered messages without an `agent_latency_ms`: when their own broadcast was read, more had arrived behind "
        "it, so the moment of its arrival is not known",
        evidence="agent_replies_matched",
    ),
    counter(
        "agent_replies_unmatched",
        "agent broadcasts that answer no open message, or came after the timeout",
        evidence="agent_replies",
        is_trouble=True,
    ),
    counter(
        "messages_unanswered",
        "appended messages without an agent reply within the reply timeout",
        evidence="agent_replies_due",
        is_trouble=True,
    ),
    counter("agent_chunks", "`stream_chunk` pushes read"),
    counter("agent_streams", "answers that began to stream in, piece by piece"),
    counter(
        "agent_streams_incomplete",
        "answers whose pieces came, but never the whole `message`",
        evidence="agent_streams",
        is_trouble=True,
    ),
    counter("agent_stream_stalls", "pauses within an answer beyond --stall-limit", evidence="agent_chunks"),
    counter("backpressure_events", "`backpressure` pushes, by reason", evidence="messages_sent", is_trouble=True),
    counter(
        "messages_not_sent",
        "messages that were due while their user had no session, by cause",
        evidence="messages_sent",
        is_trouble=True,
    ),
)

BACKLOGS: Final = (
    gauge("append_backlog", "messages sent whose fate is open, at the end of a second"),
    gauge("agent_backlog", "appended messages whose agent reply is awaited, at the end of a second"),
    gauge(
        "append_backlog_growth",
        "growth of append_backlog while messages were sent / messages sent; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge(
        "agent_backlog_growth",
        "growth of agent_backlog while messages were sent / replies due; 0 unless it is beyond chance",
        unit="fraction",
        is_derived=True,
    ),
    gauge("append_backlog_end_s", "how far appends were behind when sending stopped", unit="s", is_derived=True),
    gauge("agent_backlog_end_s", "how far agent replies were behind when sending stopped", unit="s", is_derived=True),
)
