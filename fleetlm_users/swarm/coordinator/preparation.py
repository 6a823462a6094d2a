"""The preparation of a run, from the command line or from the web form; each step can refuse it before it begins."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from locust import LoadTestShape
from locust.env import Environment
from locust.runners import MasterRunner, Runner
from msgspec import structs
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import Threshold, parse_thresholds
from fleetlm_users.protocol.profile import EARLY, profile_of
from fleetlm_users.swarm.benchmark import AnnotationSink
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.run_thresholds import of_sources, rules_of
from fleetlm_users.swarm.host.host_facts import HostFacts, this_host
from fleetlm_users.swarm.host.local_servers import (
    LocalServerError,
    LocalServers,
    LocalServerUrls,
    standin_arguments,
)
from fleetlm_users.swarm.host.open_file_limit import allow_users, allow_workers
from fleetlm_users.swarm.host.server_crash import StoppedServer, server_of, standin_storage
from fleetlm_users.swarm.host.server_metrics import ServerMetrics, server_metrics_of
from fleetlm_users.swarm.host.startup_error import NO_TARGET_EXIT, USAGE_EXIT, StartupError
from fleetlm_users.swarm.options.form_overrides import NO_OVERRIDES, FormOverrides, ShownPlan, shown_of, users_in
from fleetlm_users.swarm.options.load_shape import check_one, under_shape
from fleetlm_users.swarm.options.locust_plan import asked_of, chosen_by, impose, spread
from fleetlm_users.swarm.options.parser import options_of
from fleetlm_users.swarm.options.session_rate import check_session_rate
from fleetlm_users.swarm.options.staged_load import StagedLoad, check_staged
from fleetlm_users.swarm.options.start_form import FOLLOWS, PRESET, StartForm
from fleetlm_users.swarm.results.baseline import Baseline, baseline_of, check_baseline
from fleetlm_users.swarm.results.result_files import try_reports
from fleetlm_users.workload.open_files import users_per_process
from fleetlm_users.workload.options.audit import AUTO, OFF, REST, way_of
from fleetlm_users.workload.options.durability import KILL, TERM, CrashPlan
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.resolution import common_value
from fleetlm_users.workload.plan import Plan

NO_LIST: Final = (
    "warning: --audit rest: FleetLM's early protocol answers 500 to the list of messages (commit 13a5558), so nothing "
    "may be audited, and such a run is never green; set --audit replay or --audit database"
)
NOT_AUDITED: Final = (
    "not audited (--audit auto): this protocol cannot read the messages of a session over REST; --audit replay "
    "reads the oldest 100 of each session, --audit database all"
)
UNSETTLED: Final = "auto"
"""The protocol of a run before the server has been asked which one it speaks."""

ONLY_USERS_CHANGE: Final = "Only the number of users can be changed during a run. To change these, stop it first"


class Prepared(msgspec.Struct, frozen=True):
    """A run that is ready to begin: what it does, how it is judged, which server metrics to read, and the machine.

    `crash` is how its server will be stopped, and the server; None for a run without a crash. `baseline` is the earlier
    run that the report compares it with, `annotations` the Grafana that gets its annotations.
    """

    options: Options
    thresholds: Sequence[Threshold]
    server: ServerMetrics
    host: HostFacts
    crash: tuple[CrashPlan, StoppedServer | None] | None = None
    baseline: Baseline | None = None
    annotations: AnnotationSink | None = None


class Preparation:
    """Prepares one run after another. `say` takes messages for the person at the console."""

    def __init__(self, environment: Environment, context: BenchmarkContext, say: Callable[[str], None]) -> None:
        self._environment = environment
        self._context = context
        self._say = say
        self._servers = LocalServers()
        self._urls: LocalServerUrls | None = None
        self._storage: TemporaryDirectory[str] | None = None
        self._own_server_pid = vars(self.parsed).get("server_pid")
        self._given = asked_of(self.parsed)
        self._named, self._loaded = tuple(self.parsed.user_classes), tuple(environment.user_classes)
        self._own_shape = environment.shape_class
        self._staged = StagedLoad()
        self._shown: ShownPlan = {}
        self._overrides = FormOverrides(self._given)
        self.form = StartForm(context.benchmark, self.parsed)

    @property
    def parsed(self) -> Namespace:
        """Locust's parsed options, ours among them."""
        parsed = self._environment.parsed_options
        if not isinstance(parsed, Namespace):
            raise TypeError("Locust was started without parsed options")
        return parsed

    def preview(self) -> None:
        """Show the plan's users, spawn rate and run time in the web form. Raises StartupError for a usage error."""
        try:
            options = self._resolve(self.parsed, self._given)
            options = self._under(self._own_shape, options, self.parsed, self._given)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem
        self._show(options.plan, self._given)
        self._follow(options.plan)

    def show_plan(self) -> None:
        """Show the plan of the last form, or of the command line, in the web form."""
        vars(self.parsed).update(self._shown)

    def by_command_line(self) -> Prepared:
        """Prepare the next run from the command line. Raises StartupError."""
        return self._prepare(self.parsed, self._given, self._own_shape)

    def shown_with(self, preset: str) -> ShownPlan | None:
        """Return what the web form shows if only a preset is chosen; None if that cannot run."""
        try:
            return shown_of(self._resolve(self._with({"preset": preset}), NO_OVERRIDES).plan)
        except UsageError:
            return None

    def by_form(self, form: MultiDict[str, str]) -> Prepared:
        """Prepare the next run from the web form, which then shows it. Raises StartupError and changes nothing."""
        host = self._environment.host
        self._environment.host = form.get("host") or host
        try:
            return self._by_form(form)
        except StartupError:
            self._environment.host = host
            raise

    def _by_form(self, form: MultiDict[str, str]) -> Prepared:
        try:
            self.form.check_classes(form, self._shapes())
            given = self.form.options_in(form)
            chosen = {PRESET: given[PRESET]} if PRESET in given else {}
            own = self._resolve(self._with(chosen), NO_OVERRIDES).plan
            fields_follow = bool(form.get(FOLLOWS))
            changes = self._overrides.of(form, own.preset, shown_of(own), fields_follow=fields_follow)
            shape = self._picked_shape(form)
            # with a shape that ignores them, the page has no fields for users, rate and time
            overrides = changes if shape is None or shape.use_common_options else NO_OVERRIDES
            prepared = self._prepare(self._with({**given, **self.form.left_out(form)}), overrides, shape)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem
        vars(self.parsed).update(given)
        # with all classes: each form chooses again which of them are picked
        self._show(self._resolve(self.parsed, overrides).plan, overrides)
        return prepared

    def edit(self, plan: Plan, form: MultiDict[str, str], runner: Runner) -> int:
        """Spread the users requested during a run in the proportion of the plan; return how many they are.

        Raises StartupError, also for changed options other than the users: they would have no effect.
        """
        try:
            self.form.check_classes(form, self._shapes())
            changed = self.form.changed_in(form)
            if changed:
                raise StartupError(f"{ONLY_USERS_CHANGE}: {', '.join(changed)}", USAGE_EXIT)
            users = users_in(form)
            spread(plan, users, runner, self._context.benchmark)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem
        return users

    def close(self) -> None:
        """End the child servers."""
        self._servers.stop()
        if self._storage is not None:
            self._storage.cleanup()

    def _prepare(self, parsed: Namespace, overrides: Mapping[str, Any], shape: LoadTestShape | None) -> Prepared:
        """Resolve the options, start the stand-in if requested, and check the targets. Raises StartupError."""
        try:
            planned = self._resolve(parsed, overrides)
            options = self._under(shape, planned, parsed, overrides)
            self._context.benchmark.check_protocol(options)
            thresholds, lines = self._rules_of(options)
            self._context.benchmark.validate(options)
            self._check_machine(options)
            crash = self._crash_of(options)
            try_reports(options)
            check_baseline(options)
            annotations = self._context.benchmark.annotations(options)
            if options.standin:
                options = replace(options, **structs.asdict(self._local_urls(options)))
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem
        except LocalServerError as problem:
            raise StartupError(f"--standin: {problem}", NO_TARGET_EXIT) from problem
        result = self._context.benchmark.check(options, self._say)
        if result.fatal:
            raise StartupError(result.text(), NO_TARGET_EXIT)
        if result.text():
            self._say(result.text())
        options, unsettled = self._speaking(options, result.protocol), options
        if options != unsettled:
            thresholds, lines = self._settled_rules_of(options)
        for line in (*lines, *self._context.benchmark.remarks(options)):
            self._say(line)
        if way_of(options) == REST and options.protocol == EARLY.name and not options.standin:
            self._say(NO_LIST)
        baseline = self._baseline_of(options)
        server, thresholds = self._read_server(options, thresholds)
        impose(planned.plan, self._environment, self._context.benchmark, shape or self._follow(options.plan))
        return Prepared(options, thresholds, server, this_host(), crash, baseline, annotations)

    def _crash_of(self, options: Options) -> tuple[CrashPlan, StoppedServer | None] | None:
        """Return how the run's server will be stopped, and the server. Raises UsageError if it cannot be."""
        if self._context.benchmark.crash is None:
            return None
        plan = self._context.benchmark.crash(options)
        if plan is None:
            return None
        own = common_value({"server_pid": self._own_server_pid}, "server_pid") or ()
        if plan.how in (KILL, TERM) and not options.standin and options.server_pid != own:
            accepted = "the value of the command line: no web page may choose which process is stopped"
            raise UsageError("--server-pid (SERVER_PID)", ", ".join(options.server_pid), accepted, "--crash none")
        return plan, server_of(plan, self._servers if options.standin else None, self._say)

    def _baseline_of(self, options: Options) -> Baseline | None:
        """Return the earlier run to compare with. Raises StartupError if it cannot be read."""
        try:
            return baseline_of(options, self._say)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem

    def _rules_of(self, options: Options) -> tuple[list[Threshold], list[str]]:
        """Return the thresholds, and remarks on them for the user. Raises UsageError."""
        lines: list[str] = []
        return rules_of(options, self._context.benchmark, self._context.catalogue, lines.append), lines

    def _settled_rules_of(self, options: Options) -> tuple[list[Threshold], list[str]]:
        """Return the thresholds once the protocol is known, which may rule some of them out. Raises StartupError."""
        try:
            return self._rules_of(options)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem

    def _speaking(self, options: Options, protocol: str) -> Options:
        """Return the options with the detected protocol. Raises StartupError if the benchmark needs another one."""
        is_detected = bool(protocol) and options.protocol == UNSETTLED
        options = replace(options, protocol=protocol or options.protocol, is_protocol_detected=is_detected)
        if way_of(options) == AUTO:
            options = replace(options, audit=REST if profile_of(options.protocol).lists_messages else OFF)
            if way_of(options) == OFF:
                self._say(NOT_AUDITED)
        try:
            self._context.benchmark.check_protocol(options)
        except UsageError as problem:
            raise StartupError.of_usage(problem) from problem
        return options

    def _read_server(self, options: Options, thresholds: Sequence[Threshold]) -> tuple[ServerMetrics, list[Threshold]]:
        """Ask the server for its figures; return them, and the thresholds by source. Raises StartupError."""
        server = server_metrics_of(options, self._context.benchmark.metrics_page, thresholds)
        for warning in server.first_reading(self._say):
            self._say(f"warning: {warning}")
        given = parse_thresholds(options.given_thresholds, self._context.catalogue)
        try:
            return server, of_sources(thresholds, server.offered(), set(map(str, given)), self._say)
        except UsageError as problem:
            server.stop()
            raise StartupError.of_usage(problem) from problem

    def _with(self, changed: Mapping[str, Any]) -> Namespace:
        return Namespace(**{**vars(self.parsed), **changed})

    def _show(self, plan: Plan, overrides: Mapping[str, Any]) -> None:
        self._shown = shown_of(plan)
        self._overrides.note(plan.preset, self._shown, overrides)
        self.show_plan()

    def _check_machine(self, options: Options) -> None:
        """Check this machine; workers on others check for themselves. Raises StartupError and UsageError."""
        forked = self.parsed.processes or 0
        is_master = isinstance(self._environment.runner, MasterRunner)
        if is_master:
            allow_workers(max(forked, self.parsed.expect_workers or 0))
        if forked or not is_master:
            benchmark = self._context.benchmark
            users = users_per_process(benchmark.most_users(options), forked)
            allow_users(users, benchmark.sockets_of_user(options))
            benchmark.check_host(options, True)

    def _resolve(self, parsed: Namespace, overrides: Mapping[str, Any]) -> Options:
        return options_of(parsed, self._context.benchmark, self._environment.host, overrides, self._chosen())

    def _chosen(self) -> Sequence[str] | None:
        """Return the behaviours that the command line names; None leaves it to a class picker. Raises UsageError."""
        if self._environment.web_ui is not None and self.parsed.class_picker:
            return None
        return chosen_by(self._named, self._loaded, self._context.benchmark)

    def _under(
        self, shape: LoadTestShape | None, options: Options, parsed: Namespace, overrides: Mapping[str, Any]
    ) -> Options:
        picks = self._environment.web_ui is not None and bool(self.parsed.class_picker)
        if options.plan.session_rate:
            check_session_rate(options, self._context.benchmark, shape, class_picker=picks)
        if options.plan.stages:
            check_staged(options, self._context.benchmark, shape, class_picker=picks)
        if shape is not None and not picks:
            check_one((self._environment.available_shape_classes or {}).values())
        return options if shape is None else under_shape(options, shape, self._context.benchmark, parsed, overrides)

    def _follow(self, plan: Plan) -> LoadTestShape | None:
        """Give Locust the shape that sets the users of a plan in stages, or none; a user's own shape stays."""
        timetable = plan.timetable
        if timetable is not None:
            self._staged.follow(timetable)
            self._environment.shape_class = self._staged
            return self._staged
        if self._environment.shape_class is self._staged:
            self._environment.shape_class = self._own_shape
        return None

    def _picked_shape(self, form: MultiDict[str, str]) -> LoadTestShape | None:
        """Return the shape that Locust will use: with its class picker, the form's (web.py: swarm)."""
        if not self.parsed.class_picker:
            return self._own_shape
        return (self._environment.available_shape_classes or {}).get(form.get("shape_class", ""))

    def _shapes(self) -> Iterable[str]:
        """Return the shapes that a form may name: those of Locust's class picker, or else the one there is."""
        if self.parsed.class_picker:
            return self._environment.available_shape_classes or {}
        shape = self._own_shape
        return () if shape is None else (type(shape).__name__,)

    def _standin_storage(self) -> list[str]:
        self._storage = TemporaryDirectory(prefix="fleetlm-standin-")
        return standin_storage(Path(self._storage.name))

    def _local_urls(self, options: Options) -> LocalServerUrls:
        """Return the addresses of the child servers; they start on first use, and stay for later runs."""
        if self._urls is None:
            arguments = standin_arguments(options.standin_like, options.standin_options, options.protocol)
            if self._context.benchmark.crash is not None:
                arguments = [*self._standin_storage(), *arguments]
            self._urls = self._servers.start(options.connect_timeout_s, self._say, arguments)
        return self._urls
