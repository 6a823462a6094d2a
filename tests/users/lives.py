"""Users that live in this process on a server played by the test: the real FleetUser, Run and channel, no network."""

import time
from itertools import count
from types import SimpleNamespace

import gevent
from locust.env import Environment

from fleetlm_users.client import Joined, RestCallFailed, Sent, SessionChannel
from fleetlm_users.protocol.profile import LATE
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
ENDS_S = 20.0


class Server:
    """Plays FleetLM: stores, pushes to the joined socket, echoes. A test replaces what it wants done differently."""

    def __init__(self):
        self.sessions = {}
        self.deleted = []
        self.sent_at = []
        self.activity = gevent.event.Event()  # set whenever something happens here
        self.ids = count(1)
        self.refuse_sessions = self.refuse_deletes = self.refuse_reads = 0
        self.answers = True
        self.rest_failures = []  # of the next POSTs: None for one that works
        self.listed = lambda messages: messages
        self.tell = lambda messages: messages
        self.replayed = lambda messages: messages

    def create_session(self, participant_id, agent_id, metadata):
        if self.refuse_sessions:
            self.refuse_sessions -= 1
            raise RestCallFailed("POST", "/sessions", "http_503", 503, "", sent_s=None, done_s=0.0)
        session_id = f"s{next(self.ids)}"
        self.sessions[session_id] = SimpleNamespace(messages=[], handler=None, joins=0, user=participant_id)
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

    def read_messages(self, session_id, after_seq, limit):
        gevent.sleep(0)  # as a call does
        if self.refuse_reads:
            self.refuse_reads -= 1
            raise RestCallFailed("GET", "/", "http_500", 500, "", sent_s=None, done_s=time.perf_counter())
        self.activity.set()
        messages = self.listed([each for each in self.sessions[session_id].messages if each["seq"] > after_seq])
        now_s = time.perf_counter()
        return SimpleNamespace(messages=messages[:limit], sent_s=now_s, done_s=now_s)

    def append(self, session, sender_id, content):
        seq = len(session.messages) + 1
        session.messages.append(
            {"seq": seq, "sender_id": sender_id, "kind": "text", "content": content, "metadata": {}, "id": f"live{seq}"}
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
        self.activity.set()


class Socket:
    """A socket of that server."""

    def __init__(self, server, participant_id):
        self.server, self.participant_id = server, participant_id
        self.connect_started_s = self.connected_s = 0.0

    def connect(self):
        self.connect_started_s = self.connected_s = time.perf_counter()

    def join(self, topic, payload, handler, timeout_s):
        session = self.server.sessions[topic.removeprefix("session:")]
        session.handler, session.joins = handler, session.joins + 1
        self.server.activity.set()
        replay = [{**message, "id": "stored"} for message in self.server.replayed(session.messages)]
        now_s = time.perf_counter()
        return Joined({"messages": replay}, "1", now_s, now_s)

    def push(self, topic, event, payload):
        sent_s = time.perf_counter()
        self.server.send(topic.removeprefix("session:"), payload["content"]["content"])
        return Sent("2", sent_s)

    def leave(self, topic, timeout_s):
        self.server.sessions[topic.removeprefix("session:")].handler = None

    def close(self):
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
        return SessionChannel(socket, session_id, AGENT, observer, reply_timeout_s=timeout_s, agent_replies=replies)

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
        """Waits for a condition, checked whenever the server did something or a session ended; returns its value."""
        while not (value := condition()):
            self.server.activity.clear()
            assert self.server.activity.wait(ENDS_S), "it never came"
        return value

    def count_of(self, metric, label=""):
        """What a counter holds now."""
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
        """How many durations a trend holds."""
        scenario = self.users[0].scenario
        return self.run.ledger.trend(metric, scenario, "main").summary().count


def _live(user):
    try:
        user.live()
    except BaseException as end:  # StopUser is how a life ends
        user.last = end
