"""Makes a run ready, from the command line or from the web form; each step can refuse before anything has begun."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.thresholds import Threshold, override, parse
from fleetlm_users.swarm.fleet import Fleet
from fleetlm_users.swarm.open_files import allow_users, allow_workers, share_of
from fleetlm_users.swarm.options import options_of, specs_of
from fleetlm_users.swarm.plan_on_locust import asked_of, impose
from fleetlm_users.swarm.refusal import NO_TARGET_EXIT, USAGE_EXIT, Refused
from fleetlm_users.swarm.server_watch import ServerWatch, server_watch
from fleetlm_users.swarm.servers import LocalServers, ServerFailed, Urls
from fleetlm_users.workload.options import Options

Wishes = Callable[[Mapping[str, str], Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that may begin: what it does, how it is judged, and who watches the server meanwhile."""

    options: Options
    thresholds: Sequence[Threshold]
    server: ServerWatch


class Preparation:
    """Makes one run after another ready. `say` takes what a person should know of it."""

    def __init__(self, environment: Environment, fleet: Fleet, say: Callable[[str], None]) -> None:
        self._environment = environment
        self._fleet = fleet
        self._say = say
        self._servers = LocalServers()
        self._urls: Urls | None = None
        self._asked = asked_of(self.parsed)
        self._shown: dict[str, Any] = {}

    @property
    def parsed(self) -> Namespace:
        """Locust's parsed options, ours among them."""
        parsed = self._environment.parsed_options
        if not isinstance(parsed, Namespace):
            raise TypeError("Locust was started without parsed options")
        return parsed

    def preview(self) -> None:
        """Shows the plan's users, spawn rate and run time in the web form. Raises Refused for a usage error."""
        try:
            plan = self._resolve(self.parsed, self._asked).plan
        except UsageError as problem:
            raise Refused(str(problem), USAGE_EXIT) from problem
        run_time = round(plan.duration_s) if plan.duration_s else None
        self._shown = {"num_users": plan.total_users, "spawn_rate": plan.spawn_rate, "run_time": run_time}
        self.show_plan()

    def show_plan(self) -> None:
        """Has the web form show again what it showed first, whatever the last run was started with."""
        vars(self.parsed).update(self._shown)

    def by_command_line(self) -> Prepared:
        """The next run as the command line has it. Raises Refused."""
        return self._prepare(self.parsed, self._asked)

    def by_form(self, form: Mapping[str, str], wishes_of: Wishes) -> Prepared:
        """The next run as the web form has it. Raises Refused."""
        ours = {spec.name for spec in specs_of(self._fleet.benchmark)}
        merged = Namespace(**{**vars(self.parsed), **{key: form[key] for key in ours & form.keys()}})
        host = form.get("host")
        if host:
            self._environment.host = host
        try:
            return self._prepare(merged, wishes_of(form, self._shown, self._asked))
        except UsageError as problem:
            raise Refused(str(problem), USAGE_EXIT) from problem

    def close(self) -> None:
        """Ends the child servers."""
        self._servers.stop()

    def _prepare(self, parsed: Namespace, asked: Mapping[str, Any]) -> Prepared:
        """Resolves the options, starts the stand-in if asked for, and asks the targets. Raises Refused."""
        try:
            options = self._resolve(parsed, asked)
            thresholds = self._rules(options)
            self._fleet.benchmark.validate(options)
            self._check_machine(options)
            if options.standin:
                options = replace(options, **asdict(self._local_urls()))
        except UsageError as problem:
            raise Refused(str(problem), USAGE_EXIT) from problem
        except ServerFailed as problem:
            raise Refused(f"--standin: {problem}", NO_TARGET_EXIT) from problem
        found = self._fleet.benchmark.check(options)
        if found.fatal:
            raise Refused(found.text(), NO_TARGET_EXIT)
        if found.text():
            self._say(found.text())
        server = server_watch(options)
        for warning in server.look():
            self._say(f"warning: {warning}")
        impose(options.plan, self._environment, self._fleet.benchmark)
        return Prepared(options, thresholds, server)

    def _check_machine(self, options: Options) -> None:
        """Whether this machine can do it; workers on others look for themselves. Raises Refused and UsageError."""
        forked = self.parsed.processes or 0
        is_master = isinstance(self._environment.runner, MasterRunner)
        if is_master:
            allow_workers(max(forked, self.parsed.expect_workers or 0))
        if forked or not is_master:
            allow_users(share_of(self._fleet.benchmark.most_users(options), forked))
            self._fleet.benchmark.check_host(options, True)

    def _resolve(self, parsed: Namespace, asked: Mapping[str, Any]) -> Options:
        return options_of(parsed, self._fleet.benchmark, self._environment.host, asked)

    def _rules(self, options: Options) -> list[Threshold]:
        """The preset's thresholds with the given ones laid over them. Raises UsageError."""
        catalogue, scenarios = self._fleet.catalogue, tuple(self._fleet.benchmark.behaviours)
        base = parse(";".join(options.plan.thresholds), catalogue, scenarios, what=f"preset {options.plan.preset}")
        given = parse(";".join(options.given_thresholds), catalogue, scenarios, what="--threshold (THRESHOLD)")
        return override(base, given)

    def _local_urls(self) -> Urls:
        """Where the child servers listen; started at their first use, and kept for the runs that follow."""
        if self._urls is None:
            self._urls = self._servers.start()
        return self._urls
