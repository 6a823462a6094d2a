"""The variables of the environment that are options: cleaned, checked, and foreign ones told apart from slips."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from locust.argument_parser import LocustArgumentParser

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.locust_internals import actions_of
from fleetlm_users.workload.benchmarks import benchmark_options
from fleetlm_users.workload.options.locust_options import LOCUST_OPTIONS
from fleetlm_users.workload.options.parsing import as_text, clean
from fleetlm_users.workload.options.specs import OptionSpec

PREFIX: Final = "LOCUST_"
PROMISE: Final = "THRESHOLD"
OF_OTHERS: Final = frozenset(spec.env for _, spec in benchmark_options())
"""The variables of single benchmarks."""
ALIKE: Final = 0.9
"""A name that is no less like one of ours is taken for a slip of the pen."""


@dataclass
class Variables:
    """`values` are what the parser is given, `thresholds` what it is not, `notes` words for a person."""

    values: dict[str, str]
    thresholds: str = ""
    notes: list[str] = field(default_factory=list)


def read_variables(
    parser: LocustArgumentParser, specs: Sequence[OptionSpec], given: Mapping[str, str], flags: Collection[str]
) -> Variables:
    """The environment as the parser may see it: an empty variable says nothing, one whose flag is given is not read.

    Raises UsageError for a value that is none, and for a variable that is almost one of Locust's.
    """
    found = Variables(dict(given))
    by_name = {spec.env: spec for spec in specs}
    for name in {action.env_var for action in actions_of(parser) if action.env_var} & given.keys():
        spec = by_name.get(name)
        text = clean(given[name]) if spec is None else _text(spec, given[name], flags, found)
        del found.values[name]
        if text:
            found.values[name] = text
    found.notes += [
        f"warning: the variable {name} is an option of other benchmarks and not read here"
        for name in sorted(given.keys() & OF_OTHERS - by_name.keys())
    ]
    found.notes += _slips(given, {*by_name, *OF_OTHERS, *(option.env for option in LOCUST_OPTIONS)})
    return found


def refuse_variables(given: Mapping[str, str]) -> None:
    """Raises StartupError for a variable of Locust's that has no flag and that no run of ours heeds."""
    for option in LOCUST_OPTIONS:
        if option.effect == "refused" and not option.flags and given.get(option.env):
            raise StartupError(option.refusal, USAGE_EXIT)


def _text(spec: OptionSpec, value: str, flags: Collection[str], found: Variables) -> str:
    """What the parser is to read for one of ours; thresholds are kept back, and a foreign value is passed over."""
    if spec.repeatable:
        found.thresholds = value
        return ""
    if spec.flag in flags:
        return ""
    try:
        return as_text(spec, value, f"{spec.env} (environment)")
    except UsageError as problem:
        if not spec.env_is_shared:
            raise
        found.notes.append(f"warning: another program's {spec.env} is passed over. {problem}")
        return ""


def _slips(given: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Words on variables that are nobody's and almost one of ours.

    Raises UsageError for one that is almost Locust's, whose prefix no other program has, and for what could be a
    promise: without it a run might pass.
    """
    for name in sorted(given.keys() - known):
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
        if not nearest:
            continue
        if name.startswith(PREFIX) or nearest[0] == PROMISE:
            accepted = "a variable that is read, the nearest one is the example"
            raise UsageError(f"{name} (environment)", given[name], accepted, nearest[0])
        yield f"warning: the variable {name} is none of ours and not read; {nearest[0]} is one"
