"""Our options in Locust's parser and web form, and back out of it as typed Options."""

import random
from argparse import Action, ArgumentError, ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.locust_internals import actions_of
from fleetlm_users.swarm.options.locust_plan import parse_run_time
from fleetlm_users.workload.identity import new_run_id
from fleetlm_users.workload.options.audit import with_database_file
from fleetlm_users.workload.options.model import COMMON, LOOPBACK, Options
from fleetlm_users.workload.options.parsing import SOURCES, clean, is_blank, parse_value
from fleetlm_users.workload.options.resolution import GivenText, common_value, resolve
from fleetlm_users.workload.options.specs import OptionSpec, count_specs
from fleetlm_users.workload.presets.presets import Presets, load_presets

MAX_SEED = 2**31


def specs_of(benchmark: Benchmark) -> tuple[OptionSpec, ...]:
    """Return all options of a benchmark: the common ones, a count per behaviour if there are several, its own."""
    behaviours = tuple(benchmark.behaviours)
    return (*COMMON, *count_specs(behaviours), *benchmark.options)


def presets_of(benchmark: Benchmark, path: Path | None = None) -> Presets:
    """Return all presets, with the benchmark's own beneath those of the files. Raise UsageError."""
    presets = load_presets(path)
    return presets.over(benchmark.preset) if benchmark.preset is not None else presets


def register(parser: LocustArgumentParser, benchmark: Benchmark) -> None:
    """Add our options to Locust's parser; idempotent per parser, as Locust builds one for every page load.

    They are added to the parser itself, not to a group: grouped arguments never reach the web form. Web UI and master
    bind to the loopback interface by default. Raise UsageError for a name that another option already has.
    """
    for spec in specs_of(benchmark):
        _check_free(parser, spec)
        _add(parser, spec, benchmark)
    parser.set_defaults(web_host=LOOPBACK, master_bind_host=LOOPBACK)
    for action in actions_of(parser):
        if action.dest == "run_time":
            action.type = _run_time


def _check_free(parser: LocustArgumentParser, spec: OptionSpec) -> None:
    """Raise UsageError if an option of a plugin, another locustfile or a newer Locust has the same name."""
    for action in actions_of(parser):
        variable = getattr(action, "env_var", None)  # ConfigArgParse's
        if spec.flag in action.option_strings or spec.name == action.dest or spec.env == variable:
            name = "/".join(action.option_strings) or action.dest
            theirs = f"{name} ({variable})" if variable else name
            accepted = "a name that no plugin and no other locustfile gives to an option of its own: leave that one out"
            raise UsageError(spec.label, theirs, accepted, "a single file in -f")


def _add(parser: LocustArgumentParser, spec: OptionSpec, benchmark: Benchmark) -> None:
    common: dict[str, Any] = {
        "env_var": spec.env,
        "help": spec.help + (f" (default: {spec.default})" if spec.default else ""),
        "include_in_web_ui": spec.in_form,
        "is_secret": spec.secret,
        "dest": spec.name,
    }
    if spec.kind == "flag":
        parser.add_argument(spec.flag, action="store_true", default=bool(spec.default), **common)
        return
    common |= {"type": _checker(spec), "metavar": f"<{spec.example}>"}
    if spec.repeatable:
        parser.add_argument(spec.flag, action="append", default=None, **common)
    elif spec.kind in SOURCES:
        parser.add_argument(spec.flag, action=JoinAction, default=spec.default, **common)
    else:
        parser.add_argument(spec.flag, default=_default(spec, benchmark), choices=_choices(spec, benchmark), **common)


class JoinAction(Action):
    """Join the values of a flag given several times, with commas, as one list in a text."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        """Add a value to the previous ones."""
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, f"{before}, {values}" if before else values)


def _run_time(text: str) -> int:
    """Read Locust's `-t`; its own type ends in a traceback if the time overflows."""
    try:
        return parse_run_time(text, "-t/--run-time (LOCUST_RUN_TIME)")
    except UsageError as problem:
        raise ArgumentError(None, str(problem)) from problem


class OpenChoices(list[str]):
    """A drop-down's values in the web form; argparse accepts any other value too, as a presets file may add some."""

    def __contains__(self, _value: object) -> bool:
        return True


def _choices(spec: OptionSpec, benchmark: Benchmark) -> list[str] | None:
    if spec.name == "preset":
        return OpenChoices(presets_of(benchmark).of(benchmark.name))
    return list(spec.choices) if spec.choices else None


class DefaultText(str):
    """A default, which argparse checks like a value that somebody gave."""

    __slots__ = ()


def _default(spec: OptionSpec, benchmark: Benchmark) -> DefaultText:
    default = presets_of(benchmark).default_name(benchmark.name) if spec.name == "preset" else spec.default
    return DefaultText(default)


def _checker(spec: OptionSpec) -> Callable[[str], str]:
    """Return a parser type that refuses a bad value with an example, and keeps a good one as trimmed text.

    It stays text because the web form converts to the type of the present value. Given values are distinguished from
    defaults.
    """

    def check(text: str) -> str:
        if not is_blank(text):
            try:
                parse_value(spec, text, spec.label)
            except UsageError as problem:
                raise ArgumentError(None, str(problem)) from problem  # argparse would name the flag a second time
        return str(text) if isinstance(text, DefaultText) else GivenText(clean(text))

    return check


def options_of(
    parsed: Namespace,
    benchmark: Benchmark,
    host: str | None,
    plan_by: Mapping[str, Any],
    chosen: Collection[str] | None = None,
) -> Options:
    """Return the options of the next run; raise UsageError if they contradict each other.

    `plan_by` has num_users, run_time_s and spawn_rate if a person set them. `chosen` names the behaviours to run; None
    runs all.
    """
    values = vars(parsed)
    draw = random.SystemRandom()
    options = resolve(
        {spec.name: values.get(spec.name, spec.default) for spec in specs_of(benchmark)},
        presets_of(benchmark, common_value(values, "presets_file")),
        benchmark.name,
        tuple(benchmark.behaviours),
        host=host,
        num_users=plan_by.get("num_users"),
        run_time_s=plan_by.get("run_time_s"),
        spawn_rate=plan_by.get("spawn_rate"),
        new_run_id=lambda: new_run_id(datetime.now(UTC), draw),
        new_seed=lambda: draw.randrange(MAX_SEED),
        extra_specs=tuple(benchmark.options),
        chosen=chosen,
    )
    return with_database_file(options)
