"""Flags, variables and configuration files of a process: every option takes effect, or is refused with a reason.

Our options join Locust's parser when it begins to parse, not when it is made: by then every plugin and every other
locustfile has added its own, so we can explain a clash, whichever came first.
"""

import os
import sys
from argparse import Namespace, _AppendAction
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from locust.argument_parser import LocustArgumentParser

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.threshold.threshold import Key
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.locust_internals import actions_of, intercept_parse_known_args, replace_config_file_parser
from fleetlm_users.swarm.options.config_file import ConfigFile
from fleetlm_users.swarm.options.environment_variables import read_variables, refuse_variables
from fleetlm_users.swarm.options.parser import JoinAction, register, specs_of
from fleetlm_users.workload.benchmarks import benchmark_options
from fleetlm_users.workload.options.locust_options import LOCUST_OPTIONS
from fleetlm_users.workload.options.parsing import split_thresholds

MAX_PROCESSES: Final = 1024
"""The most processes of one machine: more than any has cores."""

Layer = tuple[str, Sequence[str]]
"""The thresholds of one source, and the source's name in errors."""


class OptionSources:
    """The reader of all sources, once per process. `notes` are warnings for the person who starts the run."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._parsed: Namespace | None = None
        self.notes: list[str] = []

    def join(self, parser: LocustArgumentParser) -> None:
        """Add our options to this parser as it begins to parse. A user's mistake then ends the process."""

        def parse_known_args(
            args: Sequence[str] | None = None,
            namespace: Namespace | None = None,
            config_file_contents: str | None = None,
            env_vars: Mapping[str, str] = os.environ,
            **more: Any,
        ) -> tuple[Namespace, list[str]]:
            try:
                register(parser, self._benchmark)
                if self._parsed is not None:  # Locust parses again for each page load, of files that may have changed
                    return Namespace(**vars(self._parsed)), []
                words = list(sys.argv[1:] if args is None else args)
                variables, layers = self._prepare(parser, words, env_vars)
                parsed, unknown = original(words, namespace, config_file_contents, variables, **more)
                _refuse_options_of_others(self._benchmark, unknown)
                layers.append(("--threshold", split_thresholds(parsed.threshold)))
                parsed.threshold = laid_over(layers, DEFAULT.with_metrics(self._benchmark.metrics)) or None
                _refuse_options(parser, parsed, words)
                _refuse_misread(parser, parsed)
                _refuse_processes(parsed)
            except (UsageError, StartupError) as problem:
                parser.exit(USAGE_EXIT, f"{problem}\n")
            self._parsed = parsed
            return parsed, unknown

        original = intercept_parse_known_args(parser, parse_known_args)

    def _prepare(
        self, parser: LocustArgumentParser, words: Sequence[str], given: Mapping[str, str]
    ) -> tuple[Mapping[str, str], list[Layer]]:
        """Return the variables for the parser, and the threshold layers of variable and (while parsing) files."""
        refuse_variables(given)
        specs = specs_of(self._benchmark)
        variables = read_variables(parser, specs, given, _flags_in(words))
        self.notes += [*variables.notes, *_repeated(parser, words)]
        layers: list[Layer] = [("THRESHOLD (environment)", split_thresholds(variables.thresholds))]
        # ConfigArgParse reads the strongest file first
        config_file = ConfigFile(specs, lambda name, texts: layers.insert(0, (name, texts)))
        replace_config_file_parser(parser, config_file)
        return variables.values, layers


def laid_over(layers: Sequence[Layer], catalogue: Catalogue) -> list[str]:
    """Return the thresholds of all sources, the strongest last: it replaces weaker ones with the same subject.

    Likewise a given threshold replaces the preset's. Thresholds that no stronger source mentions stay. Raise UsageError
    that names the source.
    """
    stronger: set[Key] = set()
    kept: list[str] = []
    for source, texts in reversed(layers):
        keys = {
            text: {threshold.key for threshold in parse_thresholds([text], catalogue, what=source)} for text in texts
        }
        kept = [*(text for text in texts if not keys[text] & stronger), *kept]
        stronger |= set().union(*keys.values())
    return kept


def _flags_in(words: Sequence[str]) -> list[str]:
    """Return the flags on a command line, without text after `=` or `--`."""
    end = words.index("--") if "--" in words else len(words)
    return [word.partition("=")[0] for word in words[:end] if word.startswith("-")]


def _repeated(parser: LocustArgumentParser, words: Sequence[str]) -> Iterator[str]:
    """Yield warnings about repeated single-value flags, as from scripts that extend another command line."""
    flags = _flags_in(words)
    for action in actions_of(parser):
        given = [flag for flag in flags if flag in action.option_strings]
        if len(given) > 1 and action.nargs is None and not isinstance(action, _AppendAction | JoinAction):
            yield f"warning: {given[-1]} is given {len(given)} times: the last one counts"


def _refuse_options(parser: LocustArgumentParser, parsed: Namespace, words: Sequence[str]) -> None:
    """Raise StartupError for an option of Locust's that has no effect on these benchmarks."""
    flags, actions = set(_flags_in(words)), {action.dest: action for action in actions_of(parser)}
    for option in LOCUST_OPTIONS:
        action = actions.get(option.dest)
        if option.effect != "refused" or action is None:
            continue
        value = getattr(parsed, option.dest, None)
        if flags & set(option.flags) or value not in (None, False, [], action.default):
            raise StartupError(option.refusal, USAGE_EXIT)


def _refuse_options_of_others(benchmark: Benchmark, unknown: Sequence[str]) -> None:
    """Raise StartupError for an option that other benchmarks of the package have, but not this one."""
    for flag in _flags_in(unknown):
        owners = sorted({name for name, spec in benchmark_options() if spec.flag == flag})
        if owners:
            raise StartupError(
                f"{flag} is an option of {', '.join(owners)}; {benchmark.name} has no such option", USAGE_EXIT
            )


def _refuse_misread(parser: LocustArgumentParser, parsed: Namespace) -> None:
    """End the process for an unknown flag whose value contains a space: argparse takes the whole for a user class."""
    for word in parsed.user_classes:
        if word.startswith("-"):
            parser.error(f"unrecognized arguments: {word.partition('=')[0]}")


def _refuse_processes(parsed: Namespace) -> None:
    """Raise UsageError for a typing slip in `--processes`: Locust forks whatever number it is given."""
    if (parsed.processes or 0) > MAX_PROCESSES:
        accepted = f"at most {MAX_PROCESSES:,} processes on a machine"
        raise UsageError("--processes (LOCUST_PROCESSES)", parsed.processes, accepted, "--processes -1")


__all__: Sequence[str] = ("OptionSources", "laid_over")
