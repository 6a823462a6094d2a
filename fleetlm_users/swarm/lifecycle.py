"""Locust's events, each passed to the role of this process: coordinator (master or standalone) or worker.

The drain happens inside `test_stopping`, which fires before Locust stops or quits anything, whatever ends the run: its
run time, a signal or the web UI. So by `test_stop` the last samples have arrived, and the run is judged there.
"""

import atexit
import uuid
from argparse import Namespace
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

from fleetlm_users.output import steady_streams
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.cluster.master_port import forks_workers, prepare_master, when_parsed
from fleetlm_users.swarm.cluster.unreadable_messages import survive_garbage
from fleetlm_users.swarm.cluster.worker import Worker
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.console import Console, announcement
from fleetlm_users.swarm.coordinator.coordinator import Coordinator
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError, end_forked_workers, exit_with
from fleetlm_users.swarm.locust_internals import find_callers_cheaply, listeners_of
from fleetlm_users.swarm.options.option_sources import OptionSources
from fleetlm_users.swarm.printable_logs import make_logs_printable
from fleetlm_users.swarm.results.locust_files import try_when_parsed
from fleetlm_users.swarm.role import Role
from fleetlm_users.swarm.runtime.last_collection import skip_last_collections
from fleetlm_users.swarm.signals import Signals, end_start_on_signals
from fleetlm_users.workload.options.resolution import common_value

FORKED_END_S = 5.0
"""Forked workers end within a second of Locust's quit message; one that hangs is not left behind."""


class Lifecycle:
    """The listeners of one installed benchmark. They call one role: until `init`, one that does nothing."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._sources = OptionSources(benchmark)
        self._role = Role()
        self._signals: Signals | None = None
        self._is_parsed = False
        self._family = ""

    def listen(self) -> None:
        """Register the listeners, when the locustfile is imported. A second benchmark ends the process."""
        self._check_alone()
        events.init_command_line_parser.add_listener(self.on_parser)
        events.init.add_listener(self.on_init)
        events.test_start.add_listener(self.on_test_start)
        events.test_stopping.add_listener(self.on_test_stopping)
        events.test_stop.add_listener(self.on_test_stop)
        events.report_to_master.add_listener(self.on_report_to_master)
        events.worker_report.add_listener(self.on_worker_report)
        events.worker_connect.add_listener(self.on_worker_connect)
        events.reset_stats.add_listener(self.on_reset_stats)
        events.quit.add_listener(self.on_quit)

    def on_parser(self, parser: LocustArgumentParser, **_: Any) -> None:
        """Add our options to Locust's.

        From here on, failing output does no harm, as Locust has printed nothing yet; nor do messages from peers, as it
        has opened no port yet.
        """
        steady_streams(while_loading=True)
        survive_garbage()
        self._sources.join(parser)
        try_when_parsed(parser)
        when_parsed(parser, self.on_parsed)

    def on_parsed(self, parsed: Namespace) -> None:
        """Prepare the master's port: Locust is about to fork, so this is the last moment that parent and workers
        share.
        """
        if self._is_parsed:
            return  # parsed again, for a page of the web UI
        self._is_parsed = True
        end_start_on_signals(Console().say)
        try:
            prepare_master(parsed)
        except StartupError as problem:
            exit_with(problem)
        self._family = uuid.uuid4().hex if forks_workers(parsed) else ""

    def on_init(self, environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
        """Take the role of this process: Locust has decided what it is."""
        make_logs_printable()
        find_callers_cheaply()
        if environment.parsed_options is None:  # Locust as a library: variables and files say what a command line would
            environment.parsed_options = get_parser().parse_args([])
        context = BenchmarkContext(environment, self._benchmark)
        # after Locust's own quitting listeners in registration, so before them in firing (event.py: reverse)
        events.quitting.add_listener(self.on_quitting)
        self._signals = Signals(runner, web_ui, Console().say)
        self._signals.listen()
        if isinstance(runner, WorkerRunner):
            # the master decides which classes run, whatever this worker's own command line names
            ours = self._benchmark.behaviours.values()
            environment.user_classes = list({*environment.user_classes, *ours})
            self._role = Worker(environment, runner, context, self._family)
            self._signals.serve(self._role)
        else:
            self._coordinate(environment, context, web_ui, self._signals)

    def on_test_start(self, environment: Environment, **_: Any) -> None:
        """Begin a run in this process; from now on signals end it in order."""
        self._role.start()
        if self._signals is not None:
            self._signals.serve(self._role)

    def on_test_stopping(self, environment: Environment, **_: Any) -> None:
        """Drain the run."""
        self._role.drain()

    def on_test_stop(self, environment: Environment, **_: Any) -> None:
        """Judge the run."""
        self._role.on_test_stop()

    def on_report_to_master(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Add to a worker's report before it is sent."""
        self._role.add_to_report(data)

    def on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Take a worker's report."""
        self._role.on_worker_report(client_id, data)

    def on_worker_connect(self, client_id: str, **_: Any) -> None:
        """Let a worker that has connected take part."""
        self._role.on_worker_connect(client_id)

    def on_reset_stats(self, **_: Any) -> None:
        """Reset the statistics: a person pressed Reset. Locust fires this on the coordinator only."""
        self._role.reset_stats()

    def on_quitting(self, environment: Environment, **_: Any) -> None:
        """Drain and judge any run under way: Locust is about to end."""
        if self._signals is not None:
            self._signals.wait_if_shut_down_twice()
        self._role.on_quitting()

    def on_quit(self, exit_code: int, **_: Any) -> None:
        """Print our report last, where it is seen: Locust has printed its tables."""
        if self._signals is not None:
            self._signals.ignore()
        self._role.on_quit()
        if self._family:
            end_forked_workers(FORKED_END_S)
        skip_last_collections()

    def _check_alone(self) -> None:
        """Refuse a second benchmark: options, plan and verdict of a process belong to one."""
        owners = (getattr(handler, "__self__", None) for handler in listeners_of(events.init))
        other = next((owner for owner in owners if isinstance(owner, Lifecycle)), None)
        if other is not None:
            names = f"{other._benchmark.name} and {self._benchmark.name}"
            advice = "give one of them, such as -f locustfiles/mixed.py"
            exit_with(StartupError(f"-f (LOCUST_LOCUSTFILE) names two benchmarks, {names}: {advice}", USAGE_EXIT))

    def _coordinate(
        self, environment: Environment, context: BenchmarkContext, web_ui: WebUI | None, signals: Signals
    ) -> None:
        if self._family:
            atexit.register(end_forked_workers)
        coordinator = Coordinator(environment, context, self._family)
        self._role = coordinator
        for note in self._sources.notes:
            coordinator.console.say(note)
        try:
            self._prepare(coordinator, environment, web_ui)
        except StartupError as problem:
            coordinator.close()
            exit_with(problem)
        except SystemExit:  # a signal ends the start
            coordinator.close()
            raise
        if not runs_at_once(coordinator.preparation.parsed):
            signals.serve(coordinator)

    def _prepare(self, coordinator: Coordinator, environment: Environment, web_ui: WebUI | None) -> None:
        """Add our pages to the web UI, and prepare the run that the command line describes."""
        parsed, is_search = coordinator.preparation.parsed, self._benchmark.search is not None
        if web_ui is not None or common_value(vars(parsed), "metrics_port") is not None:
            from fleetlm_users.swarm.web.pages import put_pages  # noqa: PLC0415 - other runs start without

            put_pages(parsed, environment, coordinator, web_ui, is_search=is_search)
        if not runs_at_once(parsed):
            coordinator.preparation.preview()
            return
        options = coordinator.prepare()
        # Locust's table every two seconds would bury the live line; its final tables still appear
        parsed.only_summary = not parsed.print_stats
        coordinator.console.say(
            announcement(
                options,
                self._benchmark.is_finite(options),
                is_search,
                needs_fleetlm=self._benchmark.needs_fleetlm(options),
            )
        )


def runs_at_once(parsed: Namespace) -> bool:
    """Return whether Locust starts a run by itself, without waiting for a person."""
    return bool(parsed.headless or parsed.autostart)


def install(benchmark: Benchmark) -> None:
    """Register a benchmark with Locust; the one call of a locustfile.

    It happens on import of the locustfile and not in `init`: options must be known before the command line is parsed,
    and Locust's events are the only place that outlives that moment.
    """
    Lifecycle(benchmark).listen()
