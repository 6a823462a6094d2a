"""Locust's events, each handed to the role that this process plays: head (master or standalone) or worker.

The drain happens inside `test_stopping`, which fires before Locust stops or quits anything, whoever asked for the end:
run time, a signal or the web UI. So by `test_stop` the last samples are in, and the run is judged there.

The one call of a locustfile: from here on the benchmark takes part in Locust's events.
"""

import atexit
import sys
import uuid
from argparse import Namespace
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

from fleetlm_users.output import steady_streams, tell, wants_colour, width_of
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.cluster.master_port import forks_workers, prepare_master, when_parsed
from fleetlm_users.swarm.cluster.unreadable import survive_garbage
from fleetlm_users.swarm.cluster.worker import Worker
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.head.conclusion import RunResult
from fleetlm_users.swarm.head.console import Console, announcement
from fleetlm_users.swarm.head.coordinator import Head
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError, end_forked_workers, exit_with
from fleetlm_users.swarm.locust_internals import listeners_of
from fleetlm_users.swarm.options.option_sources import OptionSources
from fleetlm_users.swarm.printable_logs import make_logs_printable
from fleetlm_users.swarm.results.locust_files import LocustFiles, try_when_parsed
from fleetlm_users.swarm.signals import NOTHING_RAN_EXIT, Signals
from fleetlm_users.swarm.web.access import guard_access, rules_of
from fleetlm_users.swarm.web.live_page import LivePage
from fleetlm_users.swarm.web.locust_tab import add_tab
from fleetlm_users.swarm.web.metrics_endpoint import METRICS_PATH, RunCollector, add_metrics_page, serve_metrics
from fleetlm_users.swarm.web.port import try_web_port
from fleetlm_users.swarm.web.routes import register_routes
from fleetlm_users.swarm.web.start_guard import guard_start

FORKED_END_S = 5.0
"""Forked workers that were told to quit end within a second; one that hangs is not left behind."""


class Lifecycle:
    """The listeners of one installed benchmark."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._sources = OptionSources(benchmark)
        self._head: Head | None = None
        self._worker: Worker | None = None
        self._signals: Signals | None = None
        self._headless = False
        self._files: LocustFiles | None = None
        self._is_parsed = False
        self._family = ""
        self._printed: RunResult | None = None

    def listen(self) -> None:
        """Registers everything; called when the locustfile is imported. A second benchmark ends the process."""
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
        """Our options join Locust's. From here on output can fail without harm: Locust has printed nothing yet, and
        what peers send can do none either: it has opened no port yet.
        """
        steady_streams(while_loading=True)
        survive_garbage()
        self._sources.join(parser)
        try_when_parsed(parser)
        when_parsed(parser, self.on_parsed)

    def on_parsed(self, parsed: Namespace) -> None:
        """The command line is known, and Locust is about to fork: the last moment that parent and workers share."""
        if self._is_parsed:
            return  # again, for a page of the web UI
        self._is_parsed = True
        try:
            prepare_master(parsed)
        except StartupError as problem:
            exit_with(problem)
        self._family = uuid.uuid4().hex if forks_workers(parsed) else ""

    def on_init(self, environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
        """The process knows what it is: plays its role from here."""
        make_logs_printable()
        if environment.parsed_options is None:  # Locust as a library: variables and files say what a command line would
            environment.parsed_options = get_parser().parse_args([])
        context = BenchmarkContext(environment, self._benchmark)
        # after Locust's own quitting listeners in registration, so before them in firing (event.py: reverse)
        events.quitting.add_listener(self.on_quitting)
        self._signals = Signals(runner, web_ui, Console().say)
        self._signals.listen()
        if isinstance(runner, WorkerRunner):
            # which classes run is the master's to say, whatever this worker's own command line names
            ours = self._benchmark.behaviours.values()
            environment.user_classes = list({*environment.user_classes, *ours})
            self._worker = Worker(environment, runner, context, self._family)
            self._signals.serve(self._worker)
            return
        if self._family:
            atexit.register(end_forked_workers)
        self._head = Head(environment, context, self._family)
        self._files = LocustFiles(environment, self._head.preparation.parsed)
        self._headless = bool(self._head.preparation.parsed.headless)
        for note in self._sources.notes:
            self._head.console.say(note)
        try:
            self._prepare(self._head, environment, web_ui)
        except StartupError as problem:
            self._head.close()
            exit_with(problem)
        except SystemExit:  # a signal ends the start
            self._head.close()
            raise
        if not self._headless and not self._head.preparation.parsed.autostart:
            self._signals.serve(self._head)

    def on_test_start(self, environment: Environment, **_: Any) -> None:
        """A run begins on this process."""
        if self._worker is not None:
            self._worker.start()
        elif self._head is not None and self._signals is not None:
            self._head.start()
            self._signals.serve(self._head)

    def on_test_stopping(self, environment: Environment, **_: Any) -> None:
        """The run ends: drain."""
        if self._worker is not None:
            self._worker.drain()
        elif self._head is not None:
            self._head.drain()

    def on_test_stop(self, environment: Environment, **_: Any) -> None:
        """The run has ended: judge."""
        if self._head is not None:
            self._head.end()
            if not self._headless:
                self._print_report()

    def on_report_to_master(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """A worker's report is about to be sent."""
        if self._worker is not None:
            self._worker.report(data)

    def on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """A worker's report came."""
        if self._head is not None:
            self._head.on_report(client_id, data)

    def on_worker_connect(self, client_id: str, **_: Any) -> None:
        """A worker came."""
        if self._head is not None:
            self._head.on_connect(client_id)

    def on_reset_stats(self, **_: Any) -> None:
        """A person pressed Reset; Locust fires this on the head only."""
        if self._head is not None:
            self._head.reset()

    def on_quitting(self, environment: Environment, **_: Any) -> None:
        """Locust is about to end: whatever still runs is drained and judged first."""
        if self._signals is not None:
            self._signals.wait_if_shut_down_twice()
        if self._worker is not None:
            self._worker.end()
        if self._head is None:
            return
        self._head.end()
        if self._headless and environment.process_exit_code is None:
            environment.process_exit_code = NOTHING_RAN_EXIT
        if self._files is not None:
            for flag, path, problem in self._files.write():
                self._head.note_unwritten(flag, path, problem)

    def on_quit(self, exit_code: int, **_: Any) -> None:
        """Locust has printed its tables: our report comes last, where it is seen."""
        if self._signals is not None:
            self._signals.ignore()
        if self._head is None:
            return
        if self._headless:
            self._print_report()
        self._head.close()
        if self._family:
            end_forked_workers(FORKED_END_S)

    def _check_alone(self) -> None:
        """One process runs one benchmark: options, plan and verdict are those of one."""
        owners = (getattr(handler, "__self__", None) for handler in listeners_of(events.init))
        other = next((owner for owner in owners if isinstance(owner, Lifecycle)), None)
        if other is not None:
            names = f"{other._benchmark.name} and {self._benchmark.name}"
            advice = "give one of them, such as -f locustfiles/mixed.py"
            exit_with(StartupError(f"-f (LOCUST_LOCUSTFILE) names two benchmarks, {names}: {advice}", USAGE_EXIT))

    def _prepare(self, head: Head, environment: Environment, web_ui: WebUI | None) -> None:
        collector = RunCollector(head, is_search=self._benchmark.search is not None)
        if web_ui is not None:
            parsed = head.preparation.parsed
            try_web_port(parsed)
            guard_access(web_ui, rules_of(parsed, web_ui.host), f"{parsed.web_base_path}{METRICS_PATH}")
            guard_start(web_ui, environment, head)
            live = LivePage(head, is_search=self._benchmark.search is not None)
            live.watch()
            register_routes(web_ui, head.preparation.parsed.web_base_path, live)
            add_tab(web_ui, environment, live)
            add_metrics_page(web_ui, head.preparation.parsed.web_base_path, collector)
        serve_metrics(head.preparation.parsed, collector)
        if self._headless or head.preparation.parsed.autostart:
            options = head.prepare()
            # Locust's table every two seconds would bury the live line; its final tables still come
            head.preparation.parsed.only_summary = not head.preparation.parsed.print_stats
            is_search = self._benchmark.search is not None
            head.console.say(announcement(options, self._benchmark.is_finite(options), is_search))
        else:
            head.preparation.preview()

    def _print_report(self) -> None:
        """Prints the report of the run that was judged last, once."""
        result = self._head.result if self._head is not None else None
        if self._head is None or result is None or result is self._printed:
            return
        self._printed = result
        # --json prints Locust's JSON to stdout: nothing else may stand there
        stream = sys.stderr if self._head.preparation.parsed.json else sys.stdout
        tell(stream, result.text(width_of(stream), colour=wants_colour(stream)))


def install(benchmark: Benchmark) -> None:
    """Registers the benchmark with Locust.

    At import of the locustfile and not in `init`: options must be known before the command line is parsed, and
    Locust's events are the only place that outlives that moment.
    """
    Lifecycle(benchmark).listen()
