"""Everything this package uses in Locust that Locust does not promise, behind one small named function per item.

Checked against Locust 2.47, to which `pyproject.toml` pins the package. Each item has a test of its own in
`tests/swarm/test_locust_internals.py`, which fails by name when Locust changes what is used here. No other module
replaces a method of Locust or touches one of its private names.
"""

import functools
import inspect
import math
import sys
from argparse import Action
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final, cast

import zmq
from flask import Flask
from locust import User, argument_parser, runners
from locust import stats as locust_stats
from locust.argument_parser import LocustArgumentParser
from locust.event import EventHook
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import STATE_MISSING, MasterRunner, Runner, WorkerNode, WorkerRunner
from locust.stats import RequestStats, StatsCSVFileWriter

CHECKED_WITH: Final = "2.47"
"""The minor release of Locust against which all of this was checked."""

OnMasterMessage = Callable[[str, Message], None]
OnWorkerMessage = Callable[[Message], None]
OnException = Callable[[str, str, str], None]
OnError = Callable[[str, str, Exception | str | None], None]

# ---- messages between master and worker ------------------------------------------------------------------------------

_decode: Final = Message.unserialize
_init_socket: Final = BaseSocket.__init__


def intercept_master_messages(runner: MasterRunner, handler: OnMasterMessage) -> OnMasterMessage:
    """Replace the master's handler of all messages; return the one it had.

    Locust looks `handle_message` up on the runner for each message. Its listeners of single messages come too late:
    by then Locust has acted on the message, or ended its greenlet because of a malformed one.
    """
    original = runner.handle_message
    runner.handle_message = handler  # type: ignore[method-assign, assignment]
    return original


def intercept_worker_messages(runner: WorkerRunner, handler: OnWorkerMessage) -> OnWorkerMessage:
    """Replace a worker's handler of all messages; return the one it had. The reasons are those of the master's."""
    original = runner.handle_message
    runner.handle_message = handler  # type: ignore[method-assign, assignment]
    return original


def decode_message(data: bytes) -> Message:
    """Return a message as Locust decodes it. Raise whatever its decoder raises, which may be nearly anything."""
    return cast(Message, _decode(data))


def replace_transport(
    decode: Callable[[Any], Message], receive: Callable[[Any], tuple[str, Message]], max_message_bytes: int
) -> None:
    """Replace how both ends decode messages and how a master receives them, and bound the messages a new socket
    accepts.

    Locust lets most exceptions of its decoder end the greenlet that receives from all peers. That
    greenlet runs before any event of ours, so the methods are replaced in the classes. `receive` is called with the
    ZeroMQ socket.
    """

    def init(self: Any, *arguments: Any) -> None:
        _init_socket(self, *arguments)
        self.socket.setsockopt(zmq.MAXMSGSIZE, max_message_bytes)

    Message.unserialize = classmethod(lambda _cls, data: decode(data))  # type: ignore[method-assign, assignment]
    BaseSocket.recv_from_client = lambda self: receive(self.socket)  # type: ignore[method-assign]
    BaseSocket.__init__ = init  # type: ignore[method-assign]


def accept_reconnections(runner: MasterRunner) -> None:
    """Let a worker come back under its name while its broken connection still looks open to the master.

    Without ZMQ_ROUTER_HANDOVER ZeroMQ ignores the new connection. Locust offers no setting for it.
    """
    runner.server.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)


# ---- liveness --------------------------------------------------------------------------------------------------------


def keep_alive(client: WorkerNode) -> None:
    """Make Locust's master never miss a heartbeat of this worker: it counts down from the number set here."""
    client.heartbeat = math.inf


def mark_missing(client: WorkerNode) -> None:
    """Remove a worker from the master's count of users, as Locust does when it gives one up."""
    client.state = STATE_MISSING
    client.user_classes_count = {}


def disable_master_timeout(runner: WorkerRunner) -> None:
    """Switch off a worker's own watch over its master until the next heartbeat sets the moment again.

    It compares wall clocks, which a person or NTP may set at any time.
    """
    runner.last_heartbeat_timestamp = None


def number_spawn_message(msg: Message, number: int) -> None:
    """Replace the wall clock in a spawn message: a worker ignores a message no later than the previous one."""
    msg.data["timestamp"] = number


def cache_default_arguments() -> None:
    """Make Locust build its parser of default arguments once, not once per option of each spawn message.

    Each build takes milliseconds, so a worker's event loop would stall for 50–500 ms at the start of a run.
    """
    argument_parser.default_args_dict = functools.lru_cache(1)(argument_parser.default_args_dict)


# ---- dispatch of users -----------------------------------------------------------------------------------------------


def dispatch_order(runner: MasterRunner) -> list[int]:
    """Return the indexes of the workers in the order in which users are dispatched to them; empty before a run.

    Locust makes the dispatcher just before it fires `test_start`.
    """
    dispatcher = runner._users_dispatcher
    return [] if dispatcher is None else [runner.get_worker_index(node.id) for node in dispatcher._worker_nodes]


def dispatched_users(runner: Runner | None, user_classes: Sequence[type[User]]) -> int:
    """Return how many users of the classes are currently dispatched."""
    dispatcher = None if runner is None else runner._users_dispatcher
    if dispatcher is None:
        return 0
    return sum(dispatcher._get_user_current_count(user_class.__name__) for user_class in user_classes)


def reread_fixed_counts(runner: Runner | None) -> None:
    """Make the dispatcher read `fixed_count` of the user classes again.

    On its own it does so once per run, and after users were removed.
    """
    dispatcher = None if runner is None else runner._users_dispatcher
    if dispatcher is not None:
        dispatcher._try_dispatch_fixed = True


def spawn_next(runner: Runner | None, order: Iterable[str]) -> None:
    """Make the dispatcher spawn users of these classes next, in this order.

    On its own it knows how many of each are missing, but not in which order they were removed.
    """
    dispatcher = None if runner is None else runner._users_dispatcher
    if dispatcher is not None:
        dispatcher._user_generator = iter(order)


def wait_briefly_for_reports(runner: Runner | None, wait_s: float) -> None:
    """Make a master go on `wait_s` after it has dispatched users, even if the workers have not reported them yet.

    On its own it waits up to a second each time, and a shape that changes the users every second would fall behind.
    """
    if isinstance(runner, MasterRunner):
        setattr(runner, "_wait_for_workers_report_after_ramp_up", lambda: wait_s)  # noqa: B010  # mypy: not to be assigned


def intercept_start(runner: Runner, start: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the runner's `start`; return the one it had.

    Everything that changes the number of users calls it: a load shape, a key in the terminal, the web UI.
    """
    original: Callable[..., Any] = runner.start
    setattr(runner, "start", start)  # noqa: B010  # mypy: not to be assigned
    return original


def find_callers_cheaply() -> None:
    """Make `Runner.stop` log its caller for debugging without reading anybody's source.

    It asks `inspect` for all frames above it with a line of source for each, which searches the files of every imported
    module: 0.05 s of CPU at the end of each run, although nobody reads the log.
    """
    frames = functools.partial(inspect.getframeinfo, context=0)
    setattr(runners, "inspect", SimpleNamespace(stack=_own_frame_and_callers, getframeinfo=frames))  # noqa: B010  # mypy: not exported


def _own_frame_and_callers() -> list[tuple[Any]]:
    """Return the calling frame and its caller, in the places where `inspect.stack` has them among all others."""
    frame = sys._getframe(1)
    return [(frame,), (frame.f_back,)]


# ---- events ----------------------------------------------------------------------------------------------------------


def listeners_of(hook: EventHook) -> list[Any]:
    """Return the listeners of an event. EventHook has no public way to ask for them."""
    return list(hook._handlers)


def has_foreign_listener(hook: EventHook) -> bool:
    """Return whether the event has listeners other than Locust's own runner."""
    return any(getattr(listener, "__module__", "") != "locust.runners" for listener in hook._handlers)


# ---- statistics ------------------------------------------------------------------------------------------------------


def log_response_times(
    stats: RequestStats, method: str, name: str, times_ms: Sequence[float | None], now_s: float
) -> None:
    """Log many successful requests at once, as `stats.log_request(method, name, time_ms, 0)` would each.

    Locust's way costs 3 µs per entry and message, several times as much as our own accounting.

    Args:
        stats: Locust's statistics of this process.
        method: The request's type, as the table shows it.
        name: The request's name, as the table shows it.
        times_ms: The response times in milliseconds; None for one that was not measured.
        now_s: The wall clock, in seconds since 1970.
    """
    measured_ms = [time_ms for time_ms in times_ms if time_ms is not None]
    buckets = Counter(map(locust_stats.bucket_response_time, measured_ms))
    for entry in (stats.total, stats.entries[(name, method)]):
        entry.num_none_requests += len(times_ms) - len(measured_ms)
        _log_into(entry, len(times_ms), measured_ms, buckets, now_s)


def _log_into(entry: Any, requests: int, times_ms: Sequence[float], buckets: Counter[int], now_s: float) -> None:
    """Log into a StatsEntry, whose annotations say int where Locust itself puts floats."""
    second = int(now_s)
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    entry.num_requests += requests
    entry.num_reqs_per_sec[second] += requests
    entry.last_request_timestamp = now_s
    if not times_ms:
        return
    entry.total_response_time += sum(times_ms)
    known_ms = times_ms if entry.min_response_time is None else [entry.min_response_time, *times_ms]
    entry.min_response_time = min(known_ms)
    entry.max_response_time = max(entry.max_response_time, *times_ms)
    for bucket, count in buckets.items():
        entry.response_times[bucket] += count


def intercept_errors(stats: RequestStats, log_error: OnError) -> OnError:
    """Replace how failures reach Locust's table; return the previous function. Locust looks it up for each failure."""
    original = stats.log_error
    stats.log_error = log_error  # type: ignore[method-assign, assignment]
    return original


def intercept_exceptions(runner: Runner, log_exception: OnException) -> OnException:
    """Replace how exceptions of users reach Locust's table; return the previous function. It is looked up for each
    one.
    """
    original = runner.log_exception
    runner.log_exception = log_exception  # type: ignore[method-assign, assignment]
    return original


def drop_old_seconds(entry: Any, keep: int) -> None:
    """Forget all but the newest seconds of an entry's counts, which Locust keeps forever, in order of time.

    It only reads the last twelve.
    """
    for per_second in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
        for second in list(islice(per_second, max(0, len(per_second) - keep))):
            del per_second[second]


# ---- files -----------------------------------------------------------------------------------------------------------


def skip_json_file() -> None:
    """Keep Locust from writing `--json-file` itself: an error there would end the process before our report."""
    locust_stats.save_stats_json = lambda stats, filename: None


def intercept_csv_writer(
    write: Callable[[StatsCSVFileWriter, Callable[[], None]], None],
    close: Callable[[StatsCSVFileWriter, Callable[[], None]], None],
) -> None:
    """Replace how the CSV files are written and closed; both get the writer and Locust's own way to do it.

    The writer itself is a local variable of Locust's `main`, so the methods are replaced in the class.
    """
    write_rows, close_files = StatsCSVFileWriter.stats_writer, StatsCSVFileWriter.close_files

    def stats_writer(writer: StatsCSVFileWriter) -> None:
        write(writer, lambda: write_rows(writer))

    def closing(writer: StatsCSVFileWriter) -> None:
        close(writer, lambda: close_files(writer))

    StatsCSVFileWriter.stats_writer = stats_writer  # type: ignore[assignment, method-assign]
    StatsCSVFileWriter.close_files = closing  # type: ignore[assignment, method-assign]


def csv_files(writer: StatsCSVFileWriter) -> Iterator[Any]:
    """Return the open text files of a CSV writer."""
    for name in ("requests", "stats_history", "failures", "exceptions"):
        yield getattr(writer, f"{name}_csv_filehandle")


def csv_flushes(writer: StatsCSVFileWriter) -> Iterator[Callable[[], None]]:
    """Return the functions that write out the buffered data of a CSV writer."""
    for name in ("requests_flush", "stats_history_flush", "failures_flush", "exceptions_flush"):
        yield getattr(writer, name)


# ---- web UI ----------------------------------------------------------------------------------------------------------

INDEX_ENDPOINT: Final = "locust.index"
START_ENDPOINT: Final = "locust.swarm"
STATS_ENDPOINT: Final = "locust.request_stats"
UPDATE_USER_ENDPOINT: Final = "locust.update_user"
"""Names of Flask endpoints, by which requests to Locust's own routes are distinguished."""


def forget_cached_stats(app: Flask) -> None:
    """Clear the cache of /stats/requests. Locust caches it for two seconds (`util.cache.memoize`)."""
    view: Any = app.view_functions[STATS_ENDPOINT]
    view.clear_cache()


# ---- command line ----------------------------------------------------------------------------------------------------


def actions_of(parser: LocustArgumentParser) -> list[Any]:
    """Return the actions of all options. argparse has no public way to ask which options a parser has."""
    return list(parser._actions)


def action_of(parser: LocustArgumentParser, flag: str) -> Action:
    """Return the action of one flag. Raise KeyError if the parser has no such flag."""
    return cast(Action, parser._option_string_actions[flag])


def replace_config_file_parser(parser: LocustArgumentParser, config_file_parser: Any) -> None:
    """Replace the parser of configuration files. ConfigArgParse takes it as an argument that Locust does not pass
    on.
    """
    parser._config_file_parser = config_file_parser


def intercept_parse_args(parser: LocustArgumentParser, parse_args: Callable[..., Any]) -> Callable[..., Any]:
    """Replace `parse_args` of this one parser; return the one it had.

    Locust's `main` calls it without arguments for the command line, right before it forks.
    """
    original: Callable[..., Any] = parser.parse_args
    parser.parse_args = parse_args
    return original


def intercept_parse_known_args(parser: LocustArgumentParser, parse: Callable[..., Any]) -> Callable[..., Any]:
    """Replace `parse_known_args` of this one parser; return the one it had.

    All parsing goes through it, after every plugin and locustfile has added its options.
    """
    original: Callable[..., Any] = parser.parse_known_args
    setattr(parser, "parse_known_args", parse)  # noqa: B010  # mypy: not to be assigned
    return original
