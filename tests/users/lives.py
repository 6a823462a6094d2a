"""Users that live in this process on a server played by the test: the real FleetUser, Run and channel, no network."""

import time
from itertools import count
from types import SimpleNamespace

import gevent
import orjson
from locust.env import Environment

from fleetlm_users.client import InboxChannel, Joined, RestCallFailed, Sent, SessionChannel, WriterDevice
from fleetlm_users.client.phoenix.devices import Device
from fleetlm_users.errors import ConnectFailed, Disconnected, JoinRefused, PushRefused
from fleetlm_users.protocol.message import INBOX_DELTA
from fleetlm_users.protocol.profile import EARLY, LATE
from fleetlm_users.protocol.stored_messages import stored_messages
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.local_run import LocalRun
from fleetlm_users.users.shared_client import SharedClient
from fleetlm_users.workload.options.resolution import resolve
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import Presets
from fleetlm_users.workload.user_numbers import ALONE

AGENT = "bench-echo-agent"
BENCHMARK = "played"
ENDS_S = 60.0
LOOK_S = 0.02


class Server:
    """Plays FleetLM: stores, pushes to the joined socket, echoes. A test replaces the parts it wants to change."""

    def __init__(self):
        self.sessions = {}
        self.deleted = []
        self.sent_at = []
        self.activity = gevent.event.Event()  # set whenever something happens here
        self.ids = count(1)
        self.refuse_sessions = self.refuse_deletes = self.refuse_reads = 0
        self.refuse_connects = self.refuse_joins = self.refuse_devices = self.refuse_leaves = self.refuse_agent = 0
        self.refused_refs = []  # of the next sends: the reason, or None for one that is taken
        self.on_cut = self.on_appended = lambda session: None
        self.answers = True
        self.conversation = EARLY  # whose state of a session the channels keep
        self.inboxes = {}
        self.sockets = []
        self.rest_failures = []  # of the next POSTs: None for one that works
        self.listed = lambda messages: messages
        self.tell = lambda messages: messages
        self.replayed = lambda messages: messages
        self.delivered = lambda place, message: [message]  # to the listener of that place

    def create_session(self, participant_id, agent_id, metadata):
        if self.refuse_sessions:
            self.refuse_sessions -= 1
            raise RestCallFailed("POST", "/sessions", "http_503", 503, "", sent_s=None, done_s=0.0)
        session_id = f"s{next(self.ids)}"
        self.sessions[session_id] = Session(session_id, participant_id)
        self.activity.set()
        return SimpleNamespace(session_id=session_id, sent_s=time.perf_counter(), done_s=time.perf_counter())

    def delete_session(self, session_id):
        if self.refuse_deletes:
            self.refuse_deletes -= 1
            raise RestCallFailed("DELETE", "/sessions/:id", "http_500", 500, "", sent_s=None, done_s=0.0)
        self.deleted.append(session_id)
        return SimpleNamespace(sent_s=time.perf_counter(), done_s=time.perf_counter())

    def append_message(self, session_id, participant_id, content):
        failure = self.rest_failures.pop(0) if self.rest_failures else None
        if failure is not None:
            status = int(failure.removeprefix("http_")) if failure.startswith("http_") else None
            raise RestCallFailed("POST", "/", failure, status, "", sent_s=None, done_s=time.perf_counter())
        message = self.append(self.sessions[session_id], participant_id, content)
        self.activity.set()
        now_s = time.perf_counter()
        return SimpleNamespace(seq=message["seq"], sent_s=now_s, done_s=now_s)

    def append_agent_message(self, session_id, content):
        if self.refuses("agent"):
            raise RestCallFailed("POST", "/", "http_500", 500, "", sent_s=None, done_s=time.perf_counter())
        return self.append_message(session_id, AGENT, content)

    def read_messages(self, session_id, after_seq, limit):
        gevent.sleep(0)  # as a call does
        if self.refuse_reads:
            self.refuse_reads -= 1
            raise RestCallFailed("GET", "/", "http_500", 500, "", sent_s=None, done_s=time.perf_counter())
        self.activity.set()
        messages = self.listed([each for each in self.sessions[session_id].messages if each["seq"] > after_seq])[:limit]
        page = stored_messages(orjson.dumps({"messages": messages}))
        now_s = time.perf_counter()
        return SimpleNamespace(messages=messages if page is None else page, sent_s=now_s, done_s=now_s)

    def append(self, session, sender_id, content):
        seq = len(session.messages) + 1
        session.messages.append(
            {"seq": seq, "sender_id": sender_id, "kind": "text", "content": content, "metadata": {}, "id": f"live{seq}"}
            | {"inserted_at": f"2025-10-24T00:00:{seq:06}"}
        )
        return session.messages[-1]

    def send(self, session_id, content):
        """A user's message: its broadcast and the answer come a little later, as from another process."""
        self.sent_at.append(time.perf_counter())
        session = self.sessions[session_id]
        messages = [self.append(session, session.user, content)]
        if self.answers:
            messages.append(self.append(session, AGENT, {**content, "text": f"Echo: {content['text']}"}))
        for message in self.tell(messages):
            gevent.spawn(self.push, session, message)

    def push(self, session, message):
        if session.handler is not None:
            session.handler.on_broadcast("message", message, time.perf_counter())
        for device in list(session.devices):
            copies = [message] if isinstance(device, WriterDevice) else self.delivered(device.place, message)
            for each in copies:
                device.on_broadcast("message", each, time.perf_counter())
        self.on_appended(session)
        self.activity.set()

    def show(self, user):
        """A delta of the user's inbox, with all of its sessions."""
        entries = [
            {"session_id": session.session_id, "last_activity_at": session.messages[-1]["inserted_at"]}
            for session in self.sessions.values()
            if session.user == user and session.messages
        ]
        if user in self.inboxes:
            self.inboxes[user].on_broadcast(INBOX_DELTA, {"inbox": entries}, time.perf_counter())

    def refuses(self, what):
        """Whether the next one of these is refused."""
        left = getattr(self, f"refuse_{what}")
        setattr(self, f"refuse_{what}", max(0, left - 1))
        return left > 0


class Session:
    """A session there: its messages, its joined channel, further devices, and the requests of joins."""

    def __init__(self, session_id, user):
        self.session_id, self.user = session_id, user
        self.messages, self.devices, self.last_seqs, self.writers = [], [], [], []
        self.handler = self.socket = None
        self.joins = self.devices_left = 0


class Socket:
    """A socket of that server."""

    def __init__(self, server, participant_id):
        self.server, self.participant_id = server, participant_id
        self.connect_started_s = self.connected_s = 0.0
        self.down = self.handler = self.session = None
        self.refs = count(2)

    def connect(self):
        if self.server.refuses("connects"):
            raise ConnectFailed("ws://played", "refused", "nobody there")
        self.connect_started_s = self.connected_s = time.perf_counter()
        self.server.sockets.append(self)

    def join(self, topic, payload, handler, timeout_s):
        if isinstance(handler, InboxChannel):
            self.server.inboxes[self.participant_id] = handler
            return Joined({}, "1", time.perf_counter(), time.perf_counter())
        if self.server.refuses("devices" if isinstance(handler, Device) else "joins"):
            raise JoinRefused(topic, "not yet")
        session = self.session = self.server.sessions[topic.removeprefix("session:")]
        self.handler = handler
        if isinstance(handler, Device):
            session.devices.append(handler)
        else:
            session.handler, session.socket, session.joins = handler, self, session.joins + 1
            session.last_seqs.append(payload.get("last_seq", 0))
        self.server.activity.set()
        unseen = [message for message in session.messages if message["seq"] > payload.get("last_seq", 0)]
        replay = [{**message, "id": "stored"} for message in self.server.replayed(unseen)]
        now_s = time.perf_counter()
        return Joined({"messages": replay}, "1", now_s, now_s)

    def push(self, topic, event, payload):
        if self.down is not None:
            raise Disconnected(self.down.kind)
        sent_s, ref = time.perf_counter(), str(next(self.refs))
        reason = self.server.refused_refs.pop(0) if self.server.refused_refs else None
        if reason is not None:
            gevent.spawn(self.handler.on_reply, ref, "error", {"error": reason}, sent_s)
        else:
            self.session.writers.append(self)
            self.server.send(topic.removeprefix("session:"), payload["content"]["content"])
        return Sent(ref, sent_s)

    def leave(self, topic, timeout_s):
        if topic.startswith("inbox:"):
            self.server.inboxes.pop(self.participant_id)
        elif isinstance(self.handler, Device):
            self.session.devices.remove(self.handler)
            self.session.devices_left += 1
        else:
            self.session.handler = None
        if self.server.refuses("leaves"):
            raise PushRefused(topic, "phx_leave", "busy")

    def shorten(self, take):
        """Each frame is decoded here."""

    def go_deaf(self):
        self.session.handler = None

    def cut(self):
        self.server.on_cut(self.session)
        self.lose("cut")

    def lose(self, kind):
        """The connection breaks, which its handler hears of in a later turn of the event loop."""
        self.down = Disconnected(kind)
        if self.handler is None:
            return
        if isinstance(self.handler, Device):
            self.session.devices.remove(self.handler)
        else:
            self.session.handler = None
        gevent.spawn(self.handler.on_down, self.down, time.perf_counter())

    def close(self, timeout_s=None):
        """Nothing to free."""


class PlayedClient:
    """A shared client whose sockets and REST calls reach the played server."""

    audit = None

    def __init__(self, server, options):
        self.rest, self._server, self._options = server, server, options

    pushes_in_order = True

    def await_names(self):
        """They are known."""

    def warn_once(self, problem):
        """Nobody reads it."""

    def create_session(self, participant_id, metadata):
        return self.rest.create_session(participant_id, AGENT, metadata)

    def append_message(self, session_id, participant_id, content):
        return self.rest.append_message(session_id, participant_id, content)

    def append_agent_message(self, session_id, content):
        return self.rest.append_agent_message(session_id, content)

    profile = LATE

    def metadata_of(self, client_ref):
        return {}

    def replay(self, socket, session_id, last_seq):
        messages = self._server.listed(list(self._server.sessions[session_id].messages))
        return [each for each in messages if each["seq"] > last_seq][:100]

    def socket(self, participant_id, on_anomaly):
        return Socket(self._server, participant_id)

    def channel(self, socket, session_id, observer, *, follows_agent=True):
        replies = self._options.agent_replies if follows_agent else None
        timeout_s = self._options.reply_timeout_s
        return SessionChannel(
            socket,
            session_id,
            AGENT,
            observer,
            reply_timeout_s=timeout_s,
            agent_replies=replies,
            profile=self._server.conversation,
        )

    def close(self):
        """Nothing to free."""


class Stage:
    """One run of one behaviour in this process."""

    def __init__(self, behaviour, users=1, **raw):
        preset = Preset(BENCHMARK, "default", {behaviour.scenario: users}, None)
        self.server = Server()
        self.options = resolve(
            {"reply_timeout": "300ms", "drain_timeout": "2s", **raw},
            Presets({BENCHMARK: {"default": preset}}),
            BENCHMARK,
            (behaviour.scenario,),
            host=None,
            num_users=None,
            run_time_s=None,
            spawn_rate=None,
            new_run_id=lambda: "r1",
            new_seed=lambda: 7,
            extra_specs=behaviour.options,
        )
        self.environment = Environment()
        self.found = []
        context = BenchmarkContext(
            self.environment,
            Benchmark(
                BENCHMARK,
                {behaviour.scenario: behaviour},
                lambda _options, _tell: None,
                over_rest=frozenset((behaviour.scenario,)) if behaviour.sends_over_rest else frozenset(),
                metrics=(*behaviour.common_metrics, *behaviour.metrics),
            ),
        )
        context.events.finding.add_listener(lambda **facts: self.found.append(facts))
        context.events.session_ended.add_listener(lambda **_: self.server.activity.set())
        self.idle = gevent.event.Event()
        self.local_run = LocalRun(context, "local", self.idle.set)
        self.local_run.begin(self.options, "epoch", ALONE)
        self.run = context.run
        self.run.resource(SharedClient, lambda: PlayedClient(self.server, self.options))
        self.users = [behaviour(self.environment) for _ in range(users)]
        self._lives = [gevent.spawn(_live, user) for user in self.users]

    def until_idle(self):
        """Waits until no user has work left, then ends the run."""
        assert self.idle.wait(ENDS_S), "users did not finish"
        return self.end()

    def until(self, condition):
        """Waits for a condition, checked whenever the server did something, and now and then; returns its value."""
        until_s = time.perf_counter() + ENDS_S
        while not (value := condition()):
            assert time.perf_counter() < until_s, "it never came"
            self.server.activity.clear()
            self.server.activity.wait(LOOK_S)
        return value

    def count_of(self, metric, label=""):
        """Return the present value of a counter."""
        return self.run.ledger.counter(metric, self.users[0].scenario, "main", label).n

    def end(self):
        """Ends the run; returns its counts by metric."""
        self.local_run.drain()
        gevent.joinall(self._lives, timeout=ENDS_S)
        assert all(life.dead for life in self._lives)
        counts = {}
        for entry in self.local_run.snapshot().counts:
            counts[entry.metric] = counts.get(entry.metric, 0) + entry.n
            if entry.label:
                counts[f"{entry.metric}:{entry.label}"] = entry.n
        return counts

    def trend(self, metric):
        """Return the number of durations in a trend."""
        scenario = self.users[0].scenario
        return self.run.ledger.trend(metric, scenario, "main").summary().count


def _live(user):
    try:
        user.live()
    except BaseException as end:  # StopUser is how a life ends
        user.last = end
