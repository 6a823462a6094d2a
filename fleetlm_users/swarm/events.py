"""The facts of a run as Locust event hooks: our statistics listen to them, and so can anybody's locustfile.

All times are `time.perf_counter()` seconds of this process; `phase` is "warm_up" or "main" by the moment the thing was
due; `exception` is None when it went well. Listeners must accept `**kwargs`: arguments may be added.
"""

from locust.event import EventHook


class FleetEvents:
    """One EventHook per fact; reach them by `fleet_of(environment).events` in an `init` listener.

    ==================== =====================================================================================
    session_created      scenario, phase, session_id, started_s, done_s, exception: POST /api/sessions
    connected            scenario, phase, started_s, done_s, exception: TCP, TLS and WebSocket upgrade
    joined               scenario, phase, session_id, started_s, done_s, exception: phx_join and its reply
    session_ended        scenario, phase, session_id, exception, cut_short: a whole journey, from creation to close
    session_deleted      scenario, phase, session_id, started_s, done_s, exception: DELETE /api/sessions/:id
    message_sent         scenario, phase, session_id, message (due_s, sent_s, client_ref)
    message_appended     scenario, phase, session_id, message, done_s, awaits_agent: its own broadcast came back
    message_failed       scenario, phase, session_id, message, fate ("rejected", "lost", "in_flight"), reason
    message_unfailed     scenario, phase, session_id, message, reason: a presumed rejection taken back
    message_received     scenario, phase, session_id, payload, from_agent, done_s: any `message` broadcast
    agent_replied        scenario, phase, session_id, message, done_s
    agent_unanswered     scenario, phase, session_id, message, reason
    backpressure         scenario, phase, session_id, reason
    disconnected         scenario, phase, session_id, kind: a joined session lost its channel or socket
    left                 scenario, phase, session_id: a joined session left
    anomaly              scenario, phase, kind: something on the wire that should not be there
    finding              scenario, phase, session_id, kind, seq, client_ref, detail: a message found wrong, by name
    ==================== =====================================================================================
    """

    def __init__(self) -> None:
        self.session_created = EventHook()
        self.connected = EventHook()
        self.joined = EventHook()
        self.session_ended = EventHook()
        self.session_deleted = EventHook()
        self.message_sent = EventHook()
        self.message_appended = EventHook()
        self.message_failed = EventHook()
        self.message_unfailed = EventHook()
        self.message_received = EventHook()
        self.agent_replied = EventHook()
        self.agent_unanswered = EventHook()
        self.backpressure = EventHook()
        self.disconnected = EventHook()
        self.left = EventHook()
        self.anomaly = EventHook()
        self.finding = EventHook()
