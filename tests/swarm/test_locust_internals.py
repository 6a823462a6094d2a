"""Parts of Locust that we rely on without a promise: one test per item, against the real classes of Locust.

Each test is named after what it holds. One that fails after an update of Locust says which function of
`fleetlm_users/swarm/locust_internals.py` no longer does what its docstring says.
"""

import inspect
import sys
import time
from argparse import Namespace
from importlib.metadata import version
from types import SimpleNamespace

import gevent
import locust.main
import pytest
import zmq.green as zmq
from gevent.event import Event
from locust import User, argument_parser, dispatch, runners, task
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.event import EventHook
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket, Client, Server
from locust.stats import RequestStats, StatsCSVFileWriter
from locust.web import WebUI

from fleetlm_users.swarm import locust_internals as internals
from tests.swarm.locust_masters import a_master, a_worker


class One(User):
    """A user class with nothing to do."""

    @task
    def idle(self):
        """Do nothing; no test runs it."""


class Two(One):
    """Another one."""


@pytest.fixture
def master():
    """A real master runner that nobody connects to."""
    with a_master(One, Two) as runner:
        yield runner


class Heard(list):
    """The messages so far; waits for more."""

    def __init__(self):
        super().__init__()
        self._news = Event()

    def add(self, item):
        """Note one more."""
        self.append(item)
        self._news.set()

    def wait_for(self, count):
        """Return once that many were heard; fail after five seconds."""
        with gevent.Timeout(5):
            while len(self) < count:
                self._news.clear()
                self._news.wait()
        return list(self)


def add_worker(runner, client_id, index=0):
    """Make a worker known to the master, as `client_ready` does."""
    runner.clients[client_id] = runners.WorkerNode(client_id, heartbeat_liveness=runners.HEARTBEAT_LIVENESS)
    runner.worker_indexes[client_id] = index
    return runner.clients[client_id]


def test_the_release_is_the_one_that_was_checked():
    """An update of Locust begins with this test: check every item here, then raise CHECKED_WITH."""
    assert version("locust").startswith(f"{internals.CHECKED_WITH}.")


# ---- messages --------------------------------------------------------------------------------------------------------


def test_intercept_master_messages_hears_every_message():
    """It includes types that Locust does not know; the original handler still works when called."""
    heard = Heard()
    with a_master(One) as runner:
        original = internals.intercept_master_messages(runner, lambda client_id, msg: heard.add((client_id, msg.type)))
        client = Client("127.0.0.1", runner.server.port, "w1")
        client.send(Message("anything", None, "w1"))
        assert heard.wait_for(1) == [("w1", "anything")]
        client.close()
        assert list(inspect.signature(original).parameters) == ["client_id", "msg"]


def test_intercept_worker_messages_hears_every_message():
    """The worker's listener looks its handler up for each message."""
    heard = Heard()
    with a_master(One) as runner, a_worker(runner, One) as worker:
        original = internals.intercept_worker_messages(worker, lambda msg: heard.add(msg.type))
        runner.server.send_to_client(Message("anything", None, worker.client_id))
        assert heard.wait_for(1)[0] == "anything"
        assert list(inspect.signature(original).parameters) == ["msg"]


def test_decode_message_reads_what_locust_serializes():
    """Type, data and the sender's name, in this order."""
    message = internals.decode_message(Message("kind", {"a": 1}, "w1").serialize())
    assert (message.type, message.data, message.node_id) == ("kind", {"a": 1}, "w1")


def test_replace_transport_stands_below_both_ends(monkeypatch):
    """Decoding, receiving on a master and creating sockets go through the replacements."""
    monkeypatch.setattr(Message, "unserialize", Message.unserialize)
    monkeypatch.setattr(BaseSocket, "recv_from_client", BaseSocket.recv_from_client)
    monkeypatch.setattr(BaseSocket, "__init__", BaseSocket.__init__)

    def receive(socket):
        name, data = socket.recv_multipart()
        return name.decode(), Message("received", data, None)

    internals.replace_transport(lambda data: Message("decoded", data, None), receive, 1_000)
    server = Server("127.0.0.1", 0)
    client = Client("127.0.0.1", server.port, "w1")
    try:
        client.send(Message("kind", None, "w1"))
        client_id, message = server.recv_from_client()
        assert (client_id, message.type) == ("w1", "received")
        server.send_to_client(Message("kind", None, "w1"))
        assert client.recv().type == "decoded"
        assert server.socket.getsockopt(zmq.MAXMSGSIZE) == client.socket.getsockopt(zmq.MAXMSGSIZE) == 1_000
    finally:
        client.close()
        server.close()


def test_accept_reconnections_hands_a_name_over_to_a_new_connection():
    """The server's socket is ZeroMQ's: a second connection under a name is the one that is answered."""
    with a_master(One) as runner:
        heard = Heard()
        internals.intercept_master_messages(runner, lambda client_id, msg: heard.add(msg.type))
        internals.accept_reconnections(runner)
        first = Client("127.0.0.1", runner.server.port, "w1")
        first.send(Message("first", None, "w1"))
        assert heard.wait_for(1) == ["first"]
        second = Client("127.0.0.1", runner.server.port, "w1")
        second.send(Message("second", None, "w1"))
        assert heard.wait_for(2) == ["first", "second"]
        first.close()
        second.close()


# ---- liveness --------------------------------------------------------------------------------------------------------


def test_keep_alive_outlasts_every_count_of_missed_heartbeats(master):
    """Locust counts `heartbeat` down and gives a worker up below 0."""
    client = add_worker(master, "w1")
    internals.keep_alive(client)
    client.heartbeat -= 1
    assert client.heartbeat > runners.HEARTBEAT_LIVENESS
    assert "client.heartbeat -= 1" in inspect.getsource(runners.MasterRunner.heartbeat_worker)


def test_mark_missing_takes_a_workers_users_out_of_the_count(master):
    """The master counts the users of the workers, and lists the missing by their state."""
    client = add_worker(master, "w1")
    client.user_classes_count = {"One": 3}
    assert master.user_count == 3
    internals.mark_missing(client)
    assert master.user_count == 0
    assert [client.id for client in master.clients.missing] == ["w1"]


def test_disable_master_timeout_makes_the_worker_wait():
    """The checker of a worker acts only on a moment that is set."""
    runner = SimpleNamespace(last_heartbeat_timestamp=time.time() - 3600)
    internals.disable_master_timeout(runner)
    source = inspect.getsource(runners.WorkerRunner.heartbeat_timeout_checker)
    assert runner.last_heartbeat_timestamp is None
    assert "if self.last_heartbeat_timestamp and" in source


def test_number_spawn_message_replaces_what_a_worker_compares():
    """A worker ignores a spawn message whose `timestamp` is not above the last one's, which is 0 at first."""
    message = Message("spawn", {"timestamp": 1_700_000_000.0}, "w1")
    internals.number_spawn_message(message, 1)
    source = inspect.getsource(runners.WorkerRunner.handle_message)
    assert message.data == {"timestamp": 1}
    assert 'job["timestamp"] <= self.last_received_spawn_timestamp' in source
    assert "self.last_received_spawn_timestamp = 0" in inspect.getsource(runners.WorkerRunner)


def test_cache_default_arguments_is_what_a_spawn_message_calls(monkeypatch):
    """The worker looks the function up in its module for each option."""
    monkeypatch.setattr(argument_parser, "default_args_dict", argument_parser.default_args_dict)
    expected = argument_parser.default_args_dict()
    internals.cache_default_arguments()
    assert argument_parser.default_args_dict() == expected
    assert argument_parser.default_args_dict() is argument_parser.default_args_dict()
    assert "argument_parser.default_args_dict()" in inspect.getsource(runners.WorkerRunner.handle_message)


def test_find_callers_cheaply_names_the_caller_of_stop(master, monkeypatch, caplog):
    """The debug log says as before who stopped the run; no other frame is looked at, and nobody's source."""
    monkeypatch.setattr(runners, "inspect", runners.inspect)
    internals.find_callers_cheaply()
    caplog.set_level("DEBUG", logger="locust.runners")
    master.state = runners.STATE_RUNNING
    with monkeypatch.context() as patched:
        patched.setattr(inspect, "findsource", lambda *_: pytest.fail("it reads source"))
        runners.Runner.stop(master)
    assert f"called from {__file__}:" in caplog.text
    assert inspect.getsource(runners).count("inspect.") == 2


# ---- dispatch --------------------------------------------------------------------------------------------------------


@pytest.fixture
def dispatching(master):
    """A master with two workers and a dispatcher that has spread three users of each class."""
    for index, name in enumerate(("w1", "w2")):
        add_worker(master, name, index)
    One.fixed_count, Two.fixed_count = 3, 3
    master._users_dispatcher = dispatch.UsersDispatcher(list(master.clients.all), [One, Two])
    master._users_dispatcher.new_dispatch(6, 1_000)
    list(master._users_dispatcher)
    yield master
    One.fixed_count = Two.fixed_count = 0


def test_dispatch_order_lists_the_workers_indexes(dispatching):
    """Empty before a run, then each worker once."""
    assert sorted(internals.dispatch_order(dispatching)) == [0, 1]
    dispatching._users_dispatcher = None
    assert internals.dispatch_order(dispatching) == []


def test_dispatched_users_counts_by_class(dispatching):
    """The dispatcher's own count; 0 without one."""
    assert internals.dispatched_users(dispatching, [One]) == 3
    assert internals.dispatched_users(dispatching, [One, Two]) == 6
    assert internals.dispatched_users(None, [One]) == 0


def test_reread_fixed_counts_makes_the_next_dispatch_follow_them(dispatching):
    """Without it, users beyond the first counts would go to classes of Locust's own choice."""
    One.fixed_count, Two.fixed_count = 3, 7
    internals.reread_fixed_counts(dispatching)
    dispatching._users_dispatcher.new_dispatch(10, 1_000)
    list(dispatching._users_dispatcher)
    assert internals.dispatched_users(dispatching, [One]) == 3
    assert internals.dispatched_users(dispatching, [Two]) == 7


def test_intercept_start_stands_before_every_change_of_users():
    """The load shape's greenlet calls the runner's `start` too."""
    environment = Environment(user_classes=[One])
    runner = environment.create_local_runner()
    calls = []
    original = internals.intercept_start(runner, lambda *args, **kwargs: calls.append((args, kwargs)))
    runner.start(5, 1.0)
    assert calls == [((5, 1.0), {})]
    assert {"user_count", "spawn_rate", "wait", "user_classes"} <= set(inspect.signature(original).parameters)
    runner.quit()


def test_the_order_of_users_with_fixed_counts_is_that_of_kl_generator():
    """`workload/user_numbers.py` computes the same order; tests/swarm/options/test_locust_plan.py compares them."""
    generator = dispatch._kl_generator([("One", 2), ("Two", 1)])
    assert sorted(next(generator) for _ in range(3)) == ["One", "One", "Two"]


# ---- events ----------------------------------------------------------------------------------------------------------


def test_listeners_of_lists_them():
    """They come in the order in which they were added; the list is a copy."""
    hook = EventHook()
    hook.add_listener(print)
    internals.listeners_of(hook).clear()
    assert internals.listeners_of(hook) == [print]


def test_has_foreign_listener_passes_over_locusts_own():
    """Every runner listens to `request` itself."""
    environment = Environment()
    runner = environment.create_local_runner()
    assert internals.listeners_of(environment.events.request)
    assert not internals.has_foreign_listener(environment.events.request)
    environment.events.request.add_listener(lambda **_: None)
    assert internals.has_foreign_listener(environment.events.request)
    runner.quit()


# ---- statistics ------------------------------------------------------------------------------------------------------


def test_log_response_times_keeps_all_that_locusts_own_logging_keeps():
    """Every attribute of an entry, but the moments: tests/swarm/stats/test_locust_stats.py has the values."""
    bulk, single = RequestStats(), RequestStats()
    internals.log_response_times(bulk, "WS", "append", [10.0, 20.0], time.time())
    for time_ms in (10.0, 20.0):
        single.log_request("WS", "append", time_ms, 0)
    ours, locusts = bulk.get("append", "WS").serialize(), single.get("append", "WS").serialize()
    moments = {"start_time", "last_request_timestamp", "num_reqs_per_sec"}
    assert {name: ours[name] for name in ours if name not in moments} == {
        name: locusts[name] for name in locusts if name not in moments
    }


def test_intercept_errors_takes_each_failure():
    """Locust's runner looks `log_error` up on its statistics."""
    environment = Environment()
    runner = environment.create_local_runner()
    errors = []
    internals.intercept_errors(environment.stats, lambda method, name, error: errors.append((method, name, str(error))))
    environment.events.request.fire(
        request_type="WS", name="append", response_time=None, response_length=0, exception=ValueError("no"), context={}
    )
    assert errors == [("WS", "append", "no")]
    runner.quit()


def test_intercept_exceptions_takes_each_exception():
    """Locust's listener of `user_error` looks `log_exception` up on the runner."""
    environment = Environment()
    runner = environment.create_local_runner()
    seen = []
    internals.intercept_exceptions(runner, lambda node_id, msg, traceback: seen.append((node_id, msg)))
    environment.events.user_error.fire(user_instance=None, exception=ValueError("no"), tb=None)
    assert seen == [("local", "no")]
    runner.quit()


def test_drop_old_seconds_keeps_the_newest():
    """The counts are tables by second, in the order of time."""
    stats = RequestStats()
    stats.log_request("WS", "append", 1.0, 0)
    stats.log_error("WS", "append", "no")
    entry = stats.get("append", "WS")
    for table in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
        table.clear()
        table.update(dict.fromkeys(range(10), 1))
    internals.drop_old_seconds(entry, 3)
    assert list(entry.num_reqs_per_sec) == list(entry.num_fail_per_sec) == [7, 8, 9]


# ---- files -----------------------------------------------------------------------------------------------------------


def test_skip_json_file_replaces_what_main_calls(monkeypatch, tmp_path):
    """Locust's `main` looks it up in the module of statistics."""
    monkeypatch.setattr(locust.stats, "save_stats_json", locust.stats.save_stats_json)
    internals.skip_json_file()
    locust.stats.save_stats_json(RequestStats(), str(tmp_path / "x"))
    assert not list(tmp_path.iterdir())
    assert "stats.save_stats_json(" in inspect.getsource(locust.main)


def test_intercept_csv_writer_gets_the_writer_its_files_and_its_flushes(monkeypatch, tmp_path):
    """The writer opens four files and has a flush for each."""
    monkeypatch.setattr(StatsCSVFileWriter, "stats_writer", StatsCSVFileWriter.stats_writer)
    monkeypatch.setattr(StatsCSVFileWriter, "close_files", StatsCSVFileWriter.close_files)
    environment = Environment(user_classes=[One])
    environment.create_local_runner()
    calls = []
    internals.intercept_csv_writer(
        lambda writer, _write_rows: calls.append(("write", len(list(internals.csv_files(writer))))),
        lambda writer, close_files: (calls.append(("close", None)), close_files()),
    )
    writer = StatsCSVFileWriter(environment, [0.5], str(tmp_path / "run"), full_history=False)
    writer.stats_writer()
    assert all(callable(flush) for flush in internals.csv_flushes(writer))
    assert len(list(internals.csv_flushes(writer))) == len(list(tmp_path.iterdir())) == 4
    writer.close_files()
    assert calls == [("write", 4), ("close", None)]
    environment.runner.quit()


# ---- web UI ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def web_ui(monkeypatch):
    """Locust's web UI, which does not listen. It parses the command line of this process."""
    monkeypatch.setattr(sys, "argv", ["locust"])
    environment = Environment(user_classes=[One])
    environment.create_local_runner()
    environment.parsed_options = get_parser().parse_args([])
    made = WebUI(environment, "127.0.0.1", 0, delayed_start=True)
    yield made
    environment.runner.quit()


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        (internals.INDEX_ENDPOINT, "/"),
        (internals.START_ENDPOINT, "/swarm"),
        (internals.STATS_ENDPOINT, "/stats/requests"),
        (internals.UPDATE_USER_ENDPOINT, "/user"),
    ],
)
def test_endpoints_lead_to_locusts_routes(web_ui, endpoint, path):
    """Our hooks tell requests to Locust's routes apart by these names."""
    assert [rule.rule for rule in web_ui.app.url_map.iter_rules(endpoint)] == [path]


def test_forget_cached_stats_clears_locusts_cache(web_ui):
    """The view is wrapped by `util.cache.memoize`."""
    client = web_ui.app.test_client()
    first = client.get("/stats/requests").get_json()
    web_ui.environment.runner.stats.log_request("WS", "append", 10.0, 0)
    assert client.get("/stats/requests").get_json() == first
    internals.forget_cached_stats(web_ui.app)
    assert client.get("/stats/requests").get_json() != first


# ---- command line ----------------------------------------------------------------------------------------------------


def test_actions_of_lists_flags_and_variables():
    """Each with its flags, its destination and ConfigArgParse's variable."""
    parser = get_parser()
    action = next(action for action in internals.actions_of(parser) if "--users" in action.option_strings)
    assert (action.dest, action.env_var) == ("num_users", "LOCUST_USERS")


def test_action_of_finds_a_flag():
    """The action's type is what the parser converts with."""
    parser = get_parser()
    internals.action_of(parser, "--csv").type = str.upper
    assert parser.parse_args(["--csv", "run"]).csv_prefix == "RUN"


def test_replace_config_file_parser_reads_every_file(tmp_path):
    """ConfigArgParse hands each file's stream to the attribute."""
    parser, read = get_parser(), []
    parser._default_config_files = []
    internals.replace_config_file_parser(parser, SimpleNamespace(parse=lambda stream: read.append(stream.read()) or {}))
    (tmp_path / "some.conf").write_text("users = 3\n")
    parser.parse_args(["--config", str(tmp_path / "some.conf")])
    assert read == ["users = 3\n"]


def test_intercept_parse_args_stands_before_the_fork():
    """`main` calls `parse_args` of the parser before it forks the workers of --processes."""
    parser = get_parser()
    original = internals.intercept_parse_args(parser, lambda *_: Namespace(ours=True))
    source = inspect.getsource(locust.main)
    assert parser.parse_args().ours
    assert original([]).num_users is None
    assert source.index("options = parser.parse_args()") < source.index("gevent.fork()")


def test_intercept_parse_known_args_takes_all_parsing():
    """`parse_args` goes through it too."""
    parser = get_parser()
    internals.intercept_parse_known_args(parser, lambda *_args, **_kwargs: (Namespace(ours=True), []))
    assert parser.parse_args([]).ours


def test_the_next_users_are_spawned_in_a_given_order():
    """After some were taken away, in the order that a run in stages wants."""
    kinds = [type(name, (User,), {"abstract": False, "fixed_count": 2}) for name in ("A", "B")]
    dispatcher = dispatch.UsersDispatcher([runners.WorkerNode("w")], kinds)
    dispatcher.new_dispatch(1, 10)
    list(dispatcher)
    internals.spawn_next(SimpleNamespace(_users_dispatcher=dispatcher), ["B", "B"])
    dispatcher.new_dispatch(3, 10)
    assert [last["w"]["B"] for last in list(dispatcher)][-1] == 2
    internals.spawn_next(None, [])


def test_a_master_waits_briefly_for_reports():
    """Locust's method for the time exists; a runner that is not a master is left alone."""

    class Master(runners.MasterRunner):
        """One that opens no port."""

        def __init__(self):
            pass

        def __del__(self):
            pass

    master = Master()
    assert callable(runners.MasterRunner._wait_for_workers_report_after_ramp_up)
    internals.wait_briefly_for_reports(master, 0.2)
    assert master._wait_for_workers_report_after_ramp_up() == 0.2
    internals.wait_briefly_for_reports(None, 0.2)
